//! Plans as tables.

use std::fmt::Write;

use berth_sim::plan::{NodePlan, NodeRemoval, UnplacedPod};

use crate::columns::{Cell, Columns, WIDTH};
use crate::section::{by_reason, counted_heading, heading, more, reason};
use crate::{human, style};

/// How many lines of a list the short tables show.
const SHOWN: usize = 40;

/// Renders the nodes to add.
pub(super) fn plan(document: &NodePlan, wide: bool) -> String {
    let mut out = String::new();
    if !document.add.is_empty() {
        let count: u32 = document.add.iter().map(|added| added.count).sum();
        counted_heading(&mut out, "ADD", count as usize);
        let mut table = Columns::new(["TYPE", "COUNT", "PRICE", "COST"]);
        for added in &document.add {
            let count = added.count.to_string();
            let cells = [added.of.clone(), count, added.price.clone(), added.cost.clone()];
            table.row(cells.map(Cell::from).into());
        }
        let total = ["TOTAL".to_owned(), count.to_string(), String::new(), document.cost.clone()];
        table.row(total.map(Cell::from).into());
        table.print(&mut out);
        out.push('\n');
    }
    pending(&mut out, document, wide);
    let placed = document.placed_on_existing + document.placed_on_new;
    let tone = if document.pending.is_empty() { style::GOOD } else { style::BAD };
    let left = document.pending.len();
    let _ = writeln!(
        out,
        "{}: {} on today's nodes, {} on new nodes, {tone}{left} pending{tone:#}",
        human::count(placed + left, "pod"),
        document.placed_on_existing,
        document.placed_on_new,
    );
    for line in human::wrap(&proof(document), WIDTH) {
        let _ = writeln!(out, "{line}");
    }
    out
}

/// What is known about cheaper plans.
fn proof(document: &NodePlan) -> String {
    let simulations = human::count(document.simulations, "simulation");
    match (document.optimal, document.gap) {
        _ if document.add.is_empty() && !document.pending.is_empty() => {
            format!("no node of these types helps ({simulations})")
        }
        _ if document.add.is_empty() => format!("nothing to add ({simulations})"),
        (true, _) => format!("proven: nothing cheaper is enough ({simulations})"),
        (false, Some(gap)) => format!(
            "proven: at least {} is needed; the plan costs at most {:.1}% more than the cheapest ({simulations})",
            document.lower_bound,
            gap * 100.0
        ),
        (false, None) => format!("not proven to be the cheapest ({simulations})"),
    }
}

fn pending(out: &mut String, document: &NodePlan, wide: bool) {
    if document.pending.is_empty() {
        return;
    }
    counted_heading(out, "PENDING", document.pending.len());
    let limit = if wide { usize::MAX } else { SHOWN };
    let pods = document.pending.iter();
    let name = |pod: &UnplacedPod| format!("{}/{}", pod.namespace, pod.name);
    let print = |out: &mut String, groups: &[(&str, Vec<String>)]| {
        for (message, names) in groups.iter().take(limit) {
            reason(out, "", names, message, wide);
        }
        more(out, groups.len(), limit);
    };
    print(out, &by_reason(pods.clone().map(|pod| (pod.message.as_str(), name(pod)))));
    let with_more = pods.filter_map(|pod| Some((pod.message_with_tried.as_deref()?, name(pod))));
    let groups = by_reason(with_more);
    if groups.is_empty() {
        return;
    }
    let nodes: Vec<String> =
        document.tried.iter().map(|tried| format!("{} nodes of {}", tried.count, tried.of)).collect();
    heading(out, &format!("PENDING, EVEN WITH {}", nodes.join(", ")));
    print(out, &groups);
}

/// Renders the nodes that could go.
pub(super) fn removal(document: &NodeRemoval, wide: bool) -> String {
    let mut out = String::new();
    let limit = if wide { usize::MAX } else { SHOWN };
    if !document.remove.is_empty() {
        counted_heading(&mut out, "REMOVE", document.remove.len());
        let mut lines = 0;
        for removed in &document.remove {
            if lines >= limit {
                break;
            }
            let price = removed.price.as_ref().map(|price| format!(", {price}")).unwrap_or_default();
            let moves = human::count(removed.moves.len(), "pod");
            let _ = writeln!(out, "  {} ({moves} to move{price})", removed.node);
            lines += 1 + removed.moves.len();
            let mut table = Columns::new(["  POD", "TO"]);
            for one in &removed.moves {
                table.row(vec![format!("  {}/{}", one.namespace, one.name).into(), one.to.as_str().into()]);
            }
            table.print(&mut out);
        }
        let shown = if lines >= limit { "; -o wide shows all moves" } else { "" };
        let _ = writeln!(out, "  in this order{shown}\n");
    }
    if !document.keep.is_empty() {
        counted_heading(&mut out, "KEEP", document.keep.len());
        let mut table = Columns::new(["NODE", "WHY"]);
        for kept in document.keep.iter().take(limit) {
            table.row(vec![kept.node.as_str().into(), kept.reason.as_str().into()]);
        }
        table.print_within(&mut out, WIDTH);
        more(&mut out, document.keep.len(), limit);
    }
    let nodes = human::count(document.remove.len() + document.keep.len(), "node");
    let saved = document.saved.as_ref().map(|saved| format!(", which saves {saved}")).unwrap_or_default();
    let moves: usize = document.remove.iter().map(|removed| removed.moves.len()).sum();
    let moves = human::count(moves, "pod");
    let _ = writeln!(out, "{nodes}: {} could go{saved}; {moves} would move", document.remove.len());
    if document.pending > 0 {
        let _ = writeln!(out, "{} today and stay so", human::count(document.pending, "pending pod"));
    }
    out
}
