//! The answer as tables: the number first, then where, then what stops the next pod.

use std::fmt::Write;

use berth_sim::fit::{FitReport, FittingPod, Share, Stop};

use crate::columns::{Columns, WIDTH};
use crate::section::heading;
use crate::shorten::Shortener;
use crate::{human, style};

/// How many nodes the short table shows.
const SHOWN: usize = 20;
/// Longer names of nodes lose what they have in common.
const NODE_NAME: usize = 40;

/// Renders the answer. `wide` shows every node.
pub(super) fn render(report: &FitReport, wide: bool) -> String {
    let mut out = String::new();
    answer(&mut out, report);
    shares(&mut out, "ZONE", &report.zones);
    shares(&mut out, "POOL", &report.pools);
    nodes(&mut out, report, wide);
    heading(&mut out, "THE NEXT ONE");
    stop(&mut out, report, &report.stop);
    if let Some(added) = &report.added {
        let nodes = added.nodes.len();
        out.push('\n');
        heading(&mut out, &format!("WITH {nodes} MORE NODE{}", if nodes == 1 { "" } else { "S" }));
        let gain = match added.gain {
            gain if gain < 0 => format!("{} fewer", -gain),
            gain => format!("{gain} more"),
        };
        let text = format!("{}: {gain} ({})", number(report, added.count), human::list(&added.nodes, 3));
        paragraph(&mut out, &text, WIDTH - 2);
        stop(&mut out, report, &added.stop);
    }
    out
}

/// Whether a set is more than one pod.
fn is_set(report: &FitReport) -> bool {
    report.pods.len() > 1
}

/// `61 pods fit`
fn number(report: &FitReport, count: usize) -> String {
    let noun = if is_set(report) { "set" } else { "pod" };
    match count {
        1 => format!("1 {noun} fits"),
        count => format!("{count} {noun}s fit"),
    }
}

fn answer(out: &mut String, report: &FitReport) {
    let tone = if report.count > 0 { style::GOOD } else { style::BAD };
    let _ = writeln!(out, "{tone}{}{tone:#} ({})", number(report, report.count), report.algorithm);
    for pod in &report.pods {
        let requests = pod.requests.iter().map(|(name, amount)| {
            let amount =
                if name == "cpu" { amount.clone() } else { human::print(name, human::amount(amount)) };
            format!("{name} {amount}")
        });
        let requests: Vec<String> = requests.collect();
        let requests = if requests.is_empty() { "nothing".to_owned() } else { requests.join(", ") };
        let of_set = if is_set(report) { format!("{} of ", pod.per_set) } else { String::new() };
        paragraph(out, &format!("{of_set}{}, requests {requests}", name(pod)), WIDTH - 2);
    }
    out.push('\n');
}

fn name(pod: &FittingPod) -> String {
    match &pod.workload {
        Some(workload) => format!("{} {}/{}", workload.kind, pod.namespace, workload.name),
        None => format!("Pod {}/{}", pod.namespace, pod.name),
    }
}

fn paragraph(out: &mut String, text: &str, width: usize) {
    for line in human::wrap(text, width) {
        let _ = writeln!(out, "  {line}");
    }
}

fn shares(out: &mut String, title: &str, shares: &[Share]) {
    if shares.is_empty() {
        return;
    }
    let mut table = Columns::new([title, "PODS"]);
    for share in shares {
        table.row(vec![share.name.as_str().into(), share.pods.to_string().into()]);
    }
    table.print(out);
    out.push('\n');
}

/// The nodes that take pods, those that take most first.
fn nodes(out: &mut String, report: &FitReport, wide: bool) {
    if report.nodes.is_empty() {
        return;
    }
    let mut nodes: Vec<_> = report.nodes.iter().collect();
    nodes.sort_by(|a, b| b.pods.cmp(&a.pods).then_with(|| human::by_number(&a.name, &b.name)));
    let limit = if wide { usize::MAX } else { SHOWN };
    let room = if wide { usize::MAX } else { NODE_NAME };
    let names = Shortener::new(nodes.iter().map(|node| &*node.name), room);
    let mut table = Columns::new(["NODE", "PODS"]);
    for node in nodes.iter().take(limit) {
        table.row(vec![names.short(&node.name).into(), node.pods.to_string().into()]);
    }
    table.print(out);
    if nodes.len() > limit {
        let _ = writeln!(out, "  and {} more; -o wide shows all", nodes.len() - limit);
    }
    out.push('\n');
}

fn stop(out: &mut String, report: &FitReport, stop: &Stop) {
    match &stop.message {
        None => paragraph(out, "not tried: the limit is reached", WIDTH - 2),
        Some(message) => {
            if let Some(pod) = stop.pod.as_ref().filter(|_| is_set(report)) {
                paragraph(out, &format!("{pod} stops it:"), WIDTH - 2);
            }
            paragraph(out, message, WIDTH - 2);
        }
    }
}
