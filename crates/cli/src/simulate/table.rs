//! The result of a run as a table to be read: placements, nodes with utilization bars, then what waits and why.

use std::fmt::Write;

use berth_sim::report::{NodeUse, SimulationResult};

use crate::columns::{Cell, Columns, WIDTH};
use crate::{human, style};

/// How many lines of a list the short table shows.
const SHOWN: usize = 40;
/// Widths of a bar, the widest that fits is taken.
const BARS: [usize; 5] = [10, 8, 6, 4, 0];

/// Renders the result. `wide` shows every line, node scores and all resources.
pub(crate) fn render(result: &SimulationResult, wide: bool) -> String {
    let limit = if wide { usize::MAX } else { SHOWN };
    let mut out = String::new();
    placements(&mut out, result, wide, limit);
    nodes(&mut out, result, wide, limit);
    evicted(&mut out, result, limit);
    pending(&mut out, result, wide, limit);
    summary(&mut out, result);
    out
}

fn summary(out: &mut String, result: &SimulationResult) {
    let s = &result.summary;
    let waits = if s.pending > 0 { style::BAD } else { style::GOOD };
    let _ = write!(
        out,
        "{}, {}: {} placed, {waits}{} pending{waits:#}",
        human::count(s.nodes, "node"),
        human::count(s.pods, "pod"),
        s.placed,
        s.pending
    );
    if s.evicted > 0 {
        let _ = write!(out, ", {} evicted", s.evicted);
    }
    let _ = writeln!(out, " ({})", result.algorithm);
    if let Some(t) = &result.timing {
        let [parse, engine, total] =
            [t.parse_seconds, t.engine_seconds, t.total_seconds].map(human::duration);
        let _ = writeln!(out, "parsing {parse}, scheduling {engine}, total {total}");
    }
}

fn heading(out: &mut String, title: &str, count: usize) {
    let bold = style::HEADING;
    let _ = writeln!(out, "{bold}{title} ({count}){bold:#}");
}

fn more(out: &mut String, count: usize, limit: usize) {
    if count > limit {
        let _ = writeln!(out, "  and {} more; -o wide shows all", count - limit);
    }
    out.push('\n');
}

fn placements(out: &mut String, result: &SimulationResult, wide: bool, limit: usize) {
    if result.placements.is_empty() {
        return;
    }
    heading(out, "PLACED", result.placements.len());
    let titles: &[&str] = if wide { &["POD", "NODE", "SCORE"] } else { &["POD", "NODE"] };
    let mut table = Columns::new(titles.iter().copied());
    for p in result.placements.iter().take(limit) {
        let mut row: Vec<Cell> = vec![format!("{}/{}", p.namespace, p.name).into(), p.node.as_str().into()];
        if wide {
            row.push(p.score.to_string().into());
        }
        table.row(row);
    }
    table.print(out);
    more(out, result.placements.len(), limit);
}

/// The nodes with bars as wide as the page allows.
fn nodes(out: &mut String, result: &SimulationResult, wide: bool, limit: usize) {
    heading(out, "NODES", result.nodes.len());
    let tables = BARS.map(|bar| node_table(result, wide, limit, bar));
    let [.., narrowest] = &tables;
    let fitting = tables.iter().find(|table| wide || table.width() <= WIDTH).unwrap_or(narrowest);
    fitting.print(out);
    more(out, result.nodes.len(), limit);
}

fn node_table(result: &SimulationResult, wide: bool, limit: usize, bar: usize) -> Columns {
    let resources = resources(result, wide);
    let mut titles = vec!["NODE".to_string(), "PODS".to_string()];
    let title = |name: &&str| if wide { name.to_uppercase() } else { human::short(name).to_uppercase() };
    titles.extend(resources.iter().map(title));
    let mut table = Columns::new(titles);
    for node in result.nodes.iter().take(limit) {
        let room = node.allocatable.get("pods").map_or("0", String::as_str);
        let mut row: Vec<Cell> = vec![node.name.as_str().into(), format!("{}/{room}", node.pods).into()];
        row.extend(resources.iter().map(|r| usage(node, r, bar)));
        table.row(row);
    }
    table
}

/// CPU, memory and one more that any pod requests; with `wide` all of those.
fn resources(result: &SimulationResult, wide: bool) -> Vec<&str> {
    let names = result.nodes.iter().flat_map(|node| node.requested.keys());
    human::resources(names, if wide { usize::MAX } else { 3 })
}

/// `####------  41% 3.3/8Gi`; without a bar where there is no room for one, or where the amounts are small numbers.
fn usage(node: &NodeUse, resource: &str, bar: usize) -> Cell {
    let amount = |text: Option<&String>| text.map_or(0.0, |t| human::amount(t));
    let used = amount(node.requested.get(resource));
    let offered = amount(node.allocatable.get(resource));
    if offered == 0.0 {
        return match used {
            0.0 => Cell::styled("-", style::QUIET),
            _ => Cell::styled(format!("{} of none", human::print(resource, used)), style::BAD),
        };
    }
    let share = used / offered;
    let amounts = format!("{}/{}", human::print(resource, used), human::print(resource, offered));
    let text = match bar {
        _ if resource.contains('/') => amounts,
        0 => format!("{:>3.0}% {amounts}", share * 100.0),
        bar => format!("{} {:>3.0}% {amounts}", human::bar(share, bar), share * 100.0),
    };
    Cell::styled(text, style::utilization(share))
}

fn evicted(out: &mut String, result: &SimulationResult, limit: usize) {
    if result.evicted.is_empty() {
        return;
    }
    heading(out, "EVICTED", result.evicted.len());
    let mut table = Columns::new(["POD", "NODE", "FOR"]);
    for e in result.evicted.iter().take(limit) {
        let pod = format!("{}/{}", e.namespace, e.name);
        table.row(vec![pod.into(), e.node.as_str().into(), e.preemptor.as_str().into()]);
    }
    table.print(out);
    more(out, result.evicted.len(), limit);
}

/// Pods that wait for the same reason are listed together.
fn pending(out: &mut String, result: &SimulationResult, wide: bool, limit: usize) {
    if result.pending.is_empty() {
        return;
    }
    heading(out, "PENDING", result.pending.len());
    let mut groups: Vec<(&str, Vec<String>)> = Vec::new();
    let mut places = std::collections::BTreeMap::new();
    for p in &result.pending {
        let at = *places.entry(p.message.as_str()).or_insert_with(|| {
            groups.push((&p.message, Vec::new()));
            groups.len() - 1
        });
        groups[at].1.push(format!("{}/{}", p.namespace, p.name));
    }
    for (message, names) in groups.iter().take(limit) {
        for line in human::wrap(&human::list(names, if wide { usize::MAX } else { 3 }), WIDTH - 2) {
            let _ = writeln!(out, "  {line}");
        }
        for line in human::wrap(message, WIDTH - 4) {
            let _ = writeln!(out, "    {line}");
        }
    }
    more(out, groups.len(), limit);
}
