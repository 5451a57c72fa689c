//! The result of a run as tables: placements, nodes with utilization bars, then pending pods with their reasons.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use berth_sim::report::{DeviceUse, NodeUse, PendingPod, Placement, RolloutReport, SimulationResult};
use berth_sim::world::UNSCHEDULABLE;

use super::changes;
use crate::columns::{Cell, Columns, WIDTH};
use crate::section::{by_reason, counted_heading, more, reason};
use crate::shorten::Shortener;
use crate::{human, style};

/// How many lines of a list the short table shows.
const SHOWN: usize = 40;
/// A workload with more placed pods than this is one line of the short table.
pub(super) const GROUPED: usize = 3;
/// How many nodes such a line names.
const ON_LINE: usize = 3;
/// Longer names of nodes lose what they have in common.
const NODE_NAME: usize = 24;
/// Widths of a bar; the widest that fits is used.
const BARS: [usize; 5] = [10, 8, 6, 4, 0];

/// Renders the result. `wide` shows every line, node scores and all resources.
pub(crate) fn render(result: &SimulationResult, wide: bool) -> String {
    let limit = if wide { usize::MAX } else { SHOWN };
    let mut out = String::new();
    changes::render(&mut out, result, wide, limit);
    placements(&mut out, result, wide, limit);
    nodes(&mut out, result, wide, limit);
    evicted(&mut out, result, limit);
    rollouts(&mut out, result, limit);
    pending(&mut out, result, wide, limit);
    summary(&mut out, result);
    out
}

fn summary(out: &mut String, result: &SimulationResult) {
    let s = &result.summary;
    let tone = if s.pending > 0 { style::BAD } else { style::GOOD };
    let _ = write!(
        out,
        "{}, {}: {} placed, {tone}{} pending{tone:#}",
        human::count(s.nodes, "node"),
        human::count(s.pods, "pod"),
        s.placed,
        s.pending
    );
    if s.evicted > 0 {
        let _ = write!(out, ", {} evicted", s.evicted);
    }
    if s.stuck_rollouts > 0 {
        let tone = style::BAD;
        let _ = write!(out, ", {tone}{} stuck{tone:#}", human::count(s.stuck_rollouts, "rollout"));
    }
    let blocked = result.changes.iter().filter(|change| !change.blocked.is_empty()).count();
    if blocked > 0 {
        let tone = style::BAD;
        let _ = write!(out, ", {tone}{} blocked{tone:#}", human::count(blocked, "drain"));
    }
    let _ = writeln!(out, " ({})", result.algorithm);
    if let Some(selection) = &result.selection {
        let _ = writeln!(out, "only pods of this selection are listed: {selection}");
    }
    if let Some(t) = &result.timing {
        let [parse, engine, total] =
            [t.parse_seconds, t.engine_seconds, t.total_seconds].map(human::duration);
        let _ = writeln!(out, "parsing {parse}, scheduling {engine}, total {total}");
    }
}

fn placements(out: &mut String, result: &SimulationResult, wide: bool, limit: usize) {
    let moved = changes::moved(result);
    let placements: Vec<&Placement> = result
        .placements
        .iter()
        .filter(|p| !moved.contains(&(p.namespace.as_str(), p.name.as_str())))
        .collect();
    if placements.is_empty() {
        return;
    }
    counted_heading(out, "PLACED", placements.len());
    if wide {
        let has_devices = placements.iter().any(|p| !p.devices.is_empty());
        let titles: &[&str] =
            if has_devices { &["POD", "NODE", "SCORE", "DEVICES"] } else { &["POD", "NODE", "SCORE"] };
        let mut table = Columns::new(titles.iter().copied());
        for p in &placements {
            let pod = format!("{}/{}", p.namespace, p.name);
            let mut cells = vec![pod.into(), p.node.as_str().into(), p.score.to_string().into()];
            if has_devices {
                let devices: Vec<String> =
                    p.devices.iter().map(|d| format!("{}/{}/{}", d.driver, d.pool, d.device)).collect();
                cells.push(devices.join(", ").into());
            }
            table.row(cells);
        }
        table.print(out);
        return out.push('\n');
    }
    let groups = groups(&placements);
    let widest = groups.iter().map(|group| group.name.chars().count()).max().unwrap_or(0);
    let names = Shortener::new(result.nodes.iter().map(|node| &*node.name), WIDTH.saturating_sub(widest + 4));
    let mut table = Columns::new(["POD", "NODE"]);
    for group in groups.iter().take(limit) {
        let nodes: Vec<String> = group.nodes.iter().map(|node| names.short(node)).collect();
        table.row(vec![group.name.as_str().into(), human::list(&nodes, ON_LINE).into()]);
    }
    table.print_within(out, WIDTH);
    more(out, groups.len(), limit);
}

/// Pods of one line in the short table: a pod, or many of one workload.
struct Group<'r> {
    name: String,
    nodes: Vec<&'r str>,
}

/// The pods that were placed; a workload of which more than a few were placed is one line.
fn groups<'r>(placements: &[&'r Placement]) -> Vec<Group<'r>> {
    let key = |p: &'_ Placement| p.workload.clone().map(|workload| (p.namespace.clone(), workload));
    let mut counts: BTreeMap<_, usize> = BTreeMap::new();
    for p in placements {
        *counts.entry(key(p)).or_default() += 1;
    }
    let mut groups: Vec<Group<'r>> = Vec::new();
    let mut places = BTreeMap::new();
    for p in placements {
        let key = key(p);
        let count = counts.get(&key).copied().unwrap_or(1);
        match key {
            Some((namespace, workload)) if count > GROUPED => {
                let at = *places.entry((namespace, workload.clone())).or_insert_with(|| {
                    let name = format!("{}/{} ({count} pods)", p.namespace, workload.name);
                    groups.push(Group { name, nodes: Vec::new() });
                    groups.len() - 1
                });
                if !groups[at].nodes.contains(&p.node.as_str()) {
                    groups[at].nodes.push(&p.node);
                }
            }
            _ => groups.push(Group { name: format!("{}/{}", p.namespace, p.name), nodes: vec![&p.node] }),
        }
    }
    groups
}

/// The nodes with bars as wide as the page allows.
fn nodes(out: &mut String, result: &SimulationResult, wide: bool, limit: usize) {
    counted_heading(out, "NODES", result.nodes.len());
    let tables = BARS.map(|bar| node_table(result, wide, limit, bar));
    let [.., narrowest] = &tables;
    let fitting = tables.iter().find(|table| wide || table.width() <= WIDTH).unwrap_or(narrowest);
    fitting.print(out);
    more(out, result.nodes.len(), limit);
}

fn node_table(result: &SimulationResult, wide: bool, limit: usize, bar: usize) -> Columns {
    let resources = resources(result, wide);
    let mut nodes: Vec<&NodeUse> = result.nodes.iter().collect();
    nodes.sort_by(|a, b| human::by_number(&a.name, &b.name));
    let states: Vec<String> = nodes.iter().take(limit).map(|node| state(node, wide)).collect();
    let has_states = states.iter().any(|state| !state.is_empty());
    let room = if wide { usize::MAX } else { NODE_NAME };
    let names = Shortener::new(nodes.iter().map(|node| &*node.name), room);
    let mut titles = vec!["NODE".to_string()];
    if has_states {
        titles.push("STATE".to_string());
    }
    if wide {
        titles.extend(["ZONE".to_string(), "POOL".to_string()]);
    }
    titles.push("PODS".to_string());
    let title = |name: &&str| if wide { name.to_uppercase() } else { human::short(name).to_uppercase() };
    titles.extend(resources.iter().map(title));
    let classes = device_classes(result, wide);
    titles.extend(classes.iter().map(|class| format!("DEVICES {}", class.to_uppercase())));
    let mut table = Columns::new(titles);
    for (node, state) in nodes.iter().take(limit).zip(states) {
        let room = node.allocatable.get("pods").map_or("0", String::as_str);
        let mut row: Vec<Cell> = vec![names.short(&node.name).into()];
        if has_states {
            row.push(Cell::styled(state, style::BAD));
        }
        if wide {
            let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned()).into();
            row.extend([or_dash(&node.zone), or_dash(&node.pool)]);
        }
        row.push(format!("{}/{room}", node.pods).into());
        row.extend(resources.iter().map(|r| usage(node, r, bar)));
        row.extend(classes.iter().map(|class| device_use(node, class)));
        table.row(row);
    }
    table
}

/// Why pods may not go to the node: cordoned, not ready, tainted.
fn state(node: &NodeUse, wide: bool) -> String {
    let mut states = Vec::new();
    if node.unschedulable {
        states.push("cordoned".to_owned());
    }
    for taint in &node.taints {
        let key = taint.split(['=', ':']).next().unwrap_or_default();
        match key {
            UNSCHEDULABLE => {}
            "node.kubernetes.io/not-ready" => states.push("NotReady".to_owned()),
            "node.kubernetes.io/unreachable" => states.push("Unreachable".to_owned()),
            _ if wide => states.push(taint.clone()),
            _ => states.push("tainted".to_owned()),
        }
    }
    states.dedup();
    states.join(if wide { " " } else { "," })
}

/// CPU, memory and one more that any pod requests or that is a device of a node; with `wide` all of those.
fn resources(result: &SimulationResult, wide: bool) -> Vec<&str> {
    let devices =
        result.nodes.iter().flat_map(|node| node.allocatable.keys()).filter(|name| name.contains('/'));
    let names = result.nodes.iter().flat_map(|node| node.requested.keys()).chain(devices);
    human::resources(names, if wide { usize::MAX } else { 3 })
}

/// The device classes of which some node has devices: one, the first by name; with `wide` all.
fn device_classes(result: &SimulationResult, wide: bool) -> Vec<&str> {
    let classes: BTreeSet<&str> =
        result.nodes.iter().flat_map(|node| node.devices.keys()).map(String::as_str).collect();
    classes.into_iter().take(if wide { usize::MAX } else { 1 }).collect()
}

/// `3/8`: how many devices of a class are allocated, of how many.
fn device_use(node: &NodeUse, class: &str) -> Cell {
    match node.devices.get(class) {
        None => Cell::styled("-", style::QUIET),
        Some(DeviceUse { total, allocated }) => {
            let share = *allocated as f64 / *total as f64;
            Cell::styled(format!("{allocated}/{total}"), style::utilization(share))
        }
    }
}

/// `####------  41% 3.3/8Gi`; without a bar if there is no room for one, or if the resource is counted in small
/// numbers.
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
    counted_heading(out, "EVICTED", result.evicted.len());
    let mut table = Columns::new(["POD", "NODE", "FOR"]);
    for e in result.evicted.iter().take(limit) {
        let pod = format!("{}/{}", e.namespace, e.name);
        table.row(vec![pod.into(), e.node.as_str().into(), e.preemptor.as_str().into()]);
    }
    table.print(out);
    more(out, result.evicted.len(), limit);
}

/// How far the rollouts came, those that are stuck first.
fn rollouts(out: &mut String, result: &SimulationResult, limit: usize) {
    if result.rollouts.is_empty() {
        return;
    }
    counted_heading(out, "ROLLOUTS", result.rollouts.len());
    let mut all: Vec<&RolloutReport> = result.rollouts.iter().collect();
    all.sort_by_key(|rollout| rollout.complete);
    for rollout in all.iter().take(limit) {
        let RolloutReport { kind, namespace, name, summary, most_at_once, complete, .. } = rollout;
        let tone = if *complete { style::GOOD } else { style::BAD };
        let state = if *complete { "complete" } else { "stuck" };
        let _ = writeln!(out, "  {kind} {namespace}/{name}: {tone}{state}{tone:#}");
        let text = format!(
            "{summary}; at most {} ran at once",
            human::count(usize::try_from(*most_at_once).unwrap_or(0), "pod")
        );
        for line in human::wrap(&text, WIDTH - 4) {
            let _ = writeln!(out, "    {line}");
        }
    }
    more(out, all.len(), limit);
}

/// Pods that are pending for the same reason are listed together.
fn pending(out: &mut String, result: &SimulationResult, wide: bool, limit: usize) {
    let moved = changes::moved(result);
    let others = result.pending.iter().filter(|p| !moved.contains(&(p.namespace.as_str(), p.name.as_str())));
    let others: Vec<&PendingPod> = others.collect();
    if others.is_empty() {
        return;
    }
    counted_heading(out, "PENDING", others.len());
    let pods = others.into_iter();
    let groups = by_reason(pods.map(|p| (p.message.as_str(), format!("{}/{}", p.namespace, p.name))));
    for (message, names) in groups.iter().take(limit) {
        reason(out, "", names, message, wide);
    }
    more(out, groups.len(), limit);
}
