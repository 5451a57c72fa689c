//! Parts of tables that several commands print: headings, lists that are cut short, pods by the reason why they wait.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::columns::WIDTH;
use crate::{human, style};

/// How many pods with the same reason the short tables name.
const NAMED: usize = 3;

/// A heading.
pub(crate) fn heading(out: &mut String, title: &str) {
    let bold = style::HEADING;
    let _ = writeln!(out, "{bold}{title}{bold:#}");
}

/// A heading with the number of what follows.
pub(crate) fn counted_heading(out: &mut String, title: &str, count: usize) {
    heading(out, &format!("{title} ({count})"));
}

/// Says how many entries are left out of a list, and ends the list.
pub(crate) fn more(out: &mut String, count: usize, limit: usize) {
    if count > limit {
        let _ = writeln!(out, "  and {} more; -o wide shows all", count - limit);
    }
    out.push('\n');
}

/// Pods with their reasons, grouped by reason: both in the order of their first appearance.
pub(crate) fn by_reason<'m>(pods: impl Iterator<Item = (&'m str, String)>) -> Vec<(&'m str, Vec<String>)> {
    let mut groups: Vec<(&str, Vec<String>)> = Vec::new();
    let mut places = BTreeMap::new();
    for (reason, pod) in pods {
        let at = *places.entry(reason).or_insert_with(|| {
            groups.push((reason, Vec::new()));
            groups.len() - 1
        });
        groups[at].1.push(pod);
    }
    groups
}

/// Pods, with `before` in front of them, and under them the reason that they share.
pub(crate) fn reason(out: &mut String, before: &str, pods: &[String], reason: &str, wide: bool) {
    let pods = format!("{before}{}", human::list(pods, if wide { usize::MAX } else { NAMED }));
    for line in human::wrap(&pods, WIDTH - 2) {
        let _ = writeln!(out, "  {line}");
    }
    for line in human::wrap(reason, WIDTH - 4) {
        let _ = writeln!(out, "    {line}");
    }
}
