//! The result of a run as a table to be read: placements, nodes with utilization bars, then what waits and why.

use std::fmt::Write;

use berth_sim::report::{NodeUse, SimulationResult};

use crate::columns::Columns;
use crate::human;

/// How many lines of a list the short table shows.
const SHOWN: usize = 40;

/// Renders the result. `wide` shows every line, node scores and all resources.
pub(crate) fn render(result: &SimulationResult, wide: bool) -> String {
    let limit = if wide { usize::MAX } else { SHOWN };
    let mut out = String::new();
    placements(&mut out, result, wide, limit);
    nodes(&mut out, result, wide, limit);
    evicted(&mut out, result, limit);
    pending(&mut out, result, limit);
    let s = &result.summary;
    let _ = writeln!(
        out,
        "{} nodes, {} pods: {} placed, {} pending, {} evicted ({})",
        s.nodes, s.pods, s.placed, s.pending, s.evicted, result.algorithm
    );
    if let Some(t) = &result.timing {
        let _ = writeln!(
            out,
            "parsing {:.3} s, engine {:.3} s, total {:.3} s",
            t.parse_seconds, t.engine_seconds, t.total_seconds
        );
    }
    out
}

fn heading(out: &mut String, title: &str, count: usize) {
    let _ = writeln!(out, "{title} ({count})");
}

fn more(out: &mut String, count: usize, limit: usize) {
    if count > limit {
        let _ = writeln!(out, "  … and {} more; -o wide shows all", count - limit);
    }
    out.push('\n');
}

fn placements(out: &mut String, result: &SimulationResult, wide: bool, limit: usize) {
    heading(out, "PLACED", result.placements.len());
    let titles: &[&str] = if wide { &["POD", "NODE", "SCORE"] } else { &["POD", "NODE"] };
    let mut table = Columns::new(titles);
    for p in result.placements.iter().take(limit) {
        let mut row = vec![format!("{}/{}", p.namespace, p.name), p.node.clone()];
        if wide {
            row.push(p.score.to_string());
        }
        table.row(row);
    }
    table.print(out);
    more(out, result.placements.len(), limit);
}

fn nodes(out: &mut String, result: &SimulationResult, wide: bool, limit: usize) {
    heading(out, "NODES", result.nodes.len());
    let resources = resources(result, wide);
    let mut titles = vec!["NODE".to_string(), "PODS".to_string()];
    titles.extend(resources.iter().map(|r| r.to_uppercase()));
    let mut table = Columns::new(&titles.iter().map(String::as_str).collect::<Vec<_>>());
    for node in result.nodes.iter().take(limit) {
        let room = node.allocatable.get("pods").map_or("0", String::as_str);
        let mut row = vec![node.name.clone(), format!("{}/{room}", node.pods)];
        row.extend(resources.iter().map(|r| usage(node, r)));
        table.row(row);
    }
    table.print(out);
    more(out, result.nodes.len(), limit);
}

/// CPU and memory, and with `wide` or where it fits all else that any pod requests.
fn resources(result: &SimulationResult, wide: bool) -> Vec<String> {
    let mut names = vec!["cpu".to_string(), "memory".to_string()];
    for name in result.nodes.iter().flat_map(|n| n.requested.keys()) {
        if !names.contains(name) && (wide || names.len() < 3) {
            names.push(name.clone());
        }
    }
    names
}

/// `####------  41% 3.3/8Gi`
fn usage(node: &NodeUse, resource: &str) -> String {
    let amount = |text: Option<&String>| text.map_or(0.0, |t| human::amount(t));
    let used = amount(node.requested.get(resource));
    let offered = amount(node.allocatable.get(resource));
    if offered == 0.0 {
        return if used == 0.0 { "-".into() } else { format!("{} of none", human::print(resource, used)) };
    }
    let share = used / offered;
    let (used, offered) = (human::print(resource, used), human::print(resource, offered));
    format!("{} {:>3.0}% {used}/{offered}", human::bar(share, 8), share * 100.0)
}

fn evicted(out: &mut String, result: &SimulationResult, limit: usize) {
    if result.evicted.is_empty() {
        return;
    }
    heading(out, "EVICTED", result.evicted.len());
    let mut table = Columns::new(&["POD", "NODE", "FOR"]);
    for e in result.evicted.iter().take(limit) {
        table.row(vec![format!("{}/{}", e.namespace, e.name), e.node.clone(), e.preemptor.clone()]);
    }
    table.print(out);
    more(out, result.evicted.len(), limit);
}

/// Pods that wait for the same reason are listed together.
fn pending(out: &mut String, result: &SimulationResult, limit: usize) {
    if result.pending.is_empty() {
        return;
    }
    heading(out, "PENDING", result.pending.len());
    let mut groups: Vec<(&str, Vec<String>)> = Vec::new();
    for p in &result.pending {
        let name = format!("{}/{}", p.namespace, p.name);
        match groups.iter_mut().find(|(message, _)| *message == p.message) {
            Some((_, names)) => names.push(name),
            None => groups.push((&p.message, vec![name])),
        }
    }
    for (message, names) in groups.iter().take(limit) {
        let few: Vec<&str> = names.iter().take(3).map(String::as_str).collect();
        let rest = names.len() - few.len();
        let _ = match rest {
            0 => writeln!(out, "  {}", few.join(", ")),
            _ => writeln!(out, "  {} and {rest} more", few.join(", ")),
        };
        for line in human::wrap(message, 74) {
            let _ = writeln!(out, "    {line}");
        }
    }
    more(out, groups.len(), limit);
}
