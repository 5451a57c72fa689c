//! What changes of the cluster came to, as tables: the pods that had to move come first.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use berth_sim::change::report::{ChangeReport, MovedPod};
use berth_sim::report::SimulationResult;

use super::table::GROUPED;
use crate::columns::{Cell, Columns, WIDTH};
use crate::section::{counted_heading, more, reason};
use crate::shorten::Shortener;
use crate::{human, style};

/// How many nodes a line names, of those that pods leave and of those that they go to.
const FROM: usize = 1;
const TO: usize = 3;

/// Renders the changes, the pods that had to move and those that are lost.
pub(super) fn render(out: &mut String, result: &SimulationResult, wide: bool, limit: usize) {
    if result.changes.is_empty() {
        return;
    }
    counted_heading(out, "CHANGES", result.changes.len());
    for change in &result.changes {
        let _ = writeln!(out, "  {}", change.change);
        for line in human::wrap(&change.summary, WIDTH - 4) {
            let _ = writeln!(out, "    {line}");
        }
        for why in &change.blocked {
            let tone = style::BAD;
            for (at, line) in human::wrap(&format!("blocked: {why}"), WIDTH - 6).iter().enumerate() {
                let indent = if at == 0 { "    " } else { "      " };
                let _ = writeln!(out, "{indent}{tone}{line}{tone:#}");
            }
        }
    }
    out.push('\n');
    let moved: Vec<&MovedPod> = result.changes.iter().flat_map(|change| &change.moved).collect();
    table_of_moved(out, result, &moved, wide, limit);
    lost(out, &result.changes, limit);
}

/// The names of the pods that had to move: other lists leave them out.
pub(super) fn moved(result: &SimulationResult) -> BTreeSet<(&str, &str)> {
    let moved = result.changes.iter().flat_map(|change| &change.moved);
    moved.map(|pod| (pod.namespace.as_str(), pod.name.as_str())).collect()
}

/// A line: a pod, or many of one workload.
#[derive(Default)]
struct Line<'r> {
    name: String,
    from: Vec<&'r str>,
    to: Vec<&'r str>,
    is_pending: bool,
}

fn table_of_moved(
    out: &mut String,
    result: &SimulationResult,
    moved: &[&MovedPod],
    wide: bool,
    limit: usize,
) {
    if moved.is_empty() {
        return;
    }
    counted_heading(out, "MOVED", moved.len());
    let lines = lines(moved, wide);
    let nodes =
        result.changes.iter().flat_map(|change| &change.nodes).chain(result.nodes.iter().map(|n| &n.name));
    let widest = lines.iter().map(|line| line.name.chars().count()).max().unwrap_or(0);
    let room = if wide { usize::MAX } else { WIDTH.saturating_sub(widest + 6) / 2 };
    let names = Shortener::new(nodes.map(String::as_str), room);
    let listed = |nodes: &[&str], most: usize| {
        let short: Vec<String> = nodes.iter().map(|node| names.short(node)).collect();
        human::list(&short, if wide { usize::MAX } else { most })
    };
    let mut table = Columns::new(["POD", "FROM", "TO"]);
    for line in lines.iter().take(limit) {
        let to = match (line.is_pending, line.to.is_empty()) {
            (true, _) => Cell::styled("pending", style::BAD),
            (false, true) => "deleted by a rollout".into(),
            (false, false) => listed(&line.to, TO).into(),
        };
        table.row(vec![line.name.as_str().into(), listed(&line.from, FROM).into(), to]);
    }
    table.print_within(out, if wide { usize::MAX } else { WIDTH });
    if lines.len() > limit {
        let _ = writeln!(out, "  and {} more; -o wide shows all", lines.len() - limit);
    }
    reasons(out, moved, wide);
    out.push('\n');
}

/// The pods that moved, those that are pending first. Of a workload with many of them all with one fate are one line.
fn lines<'r>(moved: &[&'r MovedPod], wide: bool) -> Vec<Line<'r>> {
    let fate = |pod: &MovedPod| (pod.message.is_none(), pod.node.is_none());
    let key = |pod: &&MovedPod| pod.workload.clone().map(|of| (pod.namespace.clone(), of, fate(pod)));
    let mut counts: BTreeMap<_, usize> = BTreeMap::new();
    for pod in moved {
        *counts.entry(key(pod)).or_default() += 1;
    }
    let mut lines: Vec<Line<'_>> = Vec::new();
    let mut places = BTreeMap::new();
    for pod in moved {
        let key = key(pod);
        let count = counts.get(&key).copied().unwrap_or(1);
        let at = match key {
            Some((namespace, workload, fate)) if count > GROUPED && !wide => {
                let name = format!("{namespace}/{} ({count} pods)", workload.name);
                *places.entry((namespace, workload, fate)).or_insert_with(|| {
                    lines.push(Line { name, ..Line::default() });
                    lines.len() - 1
                })
            }
            _ => {
                let name = format!("{}/{}", pod.namespace, pod.name);
                lines.push(Line { name, ..Line::default() });
                lines.len() - 1
            }
        };
        let line = &mut lines[at];
        line.is_pending = pod.message.is_some();
        for (list, node) in [(&mut line.from, Some(pod.from.as_str())), (&mut line.to, pod.node.as_deref())] {
            list.extend(node.filter(|node| !list.contains(node)));
        }
    }
    lines.sort_by_key(|line| !line.is_pending);
    lines
}

/// Why pods are pending that had to move.
fn reasons(out: &mut String, moved: &[&MovedPod], wide: bool) {
    let mut reasons: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for pod in moved {
        if let Some(message) = &pod.message {
            reasons.entry(message).or_default().push(format!("{}/{}", pod.namespace, pod.name));
        }
    }
    for (message, pods) in reasons {
        reason(out, "pending: ", &pods, message, wide);
    }
}

fn lost(out: &mut String, changes: &[ChangeReport], limit: usize) {
    let lost: Vec<_> = changes.iter().flat_map(|change| &change.lost).collect();
    if lost.is_empty() {
        return;
    }
    counted_heading(out, "LOST", lost.len());
    let mut table = Columns::new(["POD", "NODE"]);
    for pod in lost.iter().take(limit) {
        table.row(vec![format!("{}/{}", pod.namespace, pod.name).into(), pod.node.as_str().into()]);
    }
    table.print(out);
    more(out, lost.len(), limit);
}
