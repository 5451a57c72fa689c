//! An explanation to be read: the answer first, then every node.

use std::fmt::Write;

use berth_sim::explain::{Explanation, GroupPlacement, NodeAnswer, Outcome};

use crate::columns::{Cell, Columns, WIDTH};
use crate::{human, section, style};

/// How many nodes, or groups of nodes, the short table shows of each kind.
const SHOWN: usize = 20;
/// How many of a group's nodes the short table names.
const NAMED: usize = 12;

/// Renders the explanation. `wide` shows every node, and plugins by their full names.
pub(crate) fn render(document: &Explanation, wide: bool) -> String {
    let mut out = String::new();
    answer(&mut out, document);
    let (feasible, rejected): (Vec<_>, Vec<_>) = document.nodes.iter().partition(|node| node.feasible);
    fitting(&mut out, &feasible, wide);
    not_fitting(&mut out, &rejected, wide);
    if let Some(message) = &document.message {
        heading(&mut out, "MESSAGE");
        for line in human::wrap(message, WIDTH - 2) {
            let _ = writeln!(out, "  {line}");
        }
    }
    out
}

/// How many pods of a group the short table shows.
const PODS: usize = 40;

/// Renders where the pods of a group are.
pub(crate) fn render_group(document: &GroupPlacement, wide: bool) -> String {
    let mut out = String::new();
    let (kind, which) = document.subject.split_once(' ').unwrap_or((&document.subject, ""));
    heading(&mut out, &format!("{} {which}", kind.to_uppercase()));
    let count = document.pods.len();
    let new = document.pods.iter().filter(|pod| !pod.running).count();
    let tone = style::GOOD;
    let sentence = match (count, new) {
        (1, 0) => "Not pending: its pod is on a node".to_owned(),
        (_, 0) => format!("Not pending: all {count} pods are on nodes"),
        _ => format!("It fits: {} of {} would go to these nodes", new, human::count(count, "pod")),
    };
    let _ = writeln!(out, "  {tone}{sentence}{tone:#}\n");
    let limit = if wide { usize::MAX } else { PODS };
    let mut table = Columns::new(["POD", "NODE", "STATE"]);
    for pod in document.pods.iter().take(limit) {
        let state = if pod.running { "running" } else { "would be placed" };
        table.row(vec![
            format!("{}/{}", pod.namespace, pod.name).into(),
            pod.node.as_str().into(),
            state.into(),
        ]);
    }
    table.print(&mut out);
    if count > limit {
        let _ = writeln!(out, "  and {} more; -o wide shows all", count - limit);
    }
    out
}

fn heading(out: &mut String, title: &str) {
    if !out.is_empty() {
        out.push('\n');
    }
    section::heading(out, title);
}

fn answer(out: &mut String, document: &Explanation) {
    let pod = &document.pod;
    heading(out, &format!("POD {}/{}", pod.namespace, pod.name));
    let requests = pod.requests.iter().map(|(name, amount)| {
        let amount = if name == "cpu" { amount.clone() } else { human::print(name, human::amount(amount)) };
        format!("{name} {amount}")
    });
    let requests: Vec<String> = requests.collect();
    let requests = if requests.is_empty() { "nothing".into() } else { requests.join(", ") };
    let line = format!("priority {}, requests {requests} ({})", pod.priority, document.algorithm);
    let _ = writeln!(out, "  {line}\n");
    let tone = match document.outcome {
        Outcome::Placed | Outcome::Running => style::GOOD,
        Outcome::Preempts => style::FULL,
        Outcome::Pending | Outcome::Gated | Outcome::OtherScheduler => style::BAD,
    };
    for (at, sentence) in document.answer.iter().enumerate() {
        let tone = if at == 0 { tone } else { anstyle::Style::new() };
        for (at, line) in human::wrap(sentence, WIDTH - 4).iter().enumerate() {
            let indent = if at == 0 { "  " } else { "    " };
            let _ = writeln!(out, "{indent}{tone}{line}{tone:#}");
        }
    }
}

/// The nodes that take the pod, with the scores in which they differ.
fn fitting(out: &mut String, nodes: &[&NodeAnswer], wide: bool) {
    let [first, ..] = nodes else { return };
    heading(out, &format!("FITS ({})", nodes.len()));
    let (differ, same): (Vec<&str>, Vec<&str>) =
        first.scores.keys().map(String::as_str).partition(|plugin| {
            wide || nodes.iter().any(|n| n.scores.get(*plugin) != first.scores.get(*plugin))
        });
    let name = |plugin: &str| if wide { plugin.to_string() } else { short(plugin).to_string() };
    let titles = ["NODE".to_string(), "SCORE".to_string()].into_iter().chain(differ.iter().map(|p| name(p)));
    let mut table = Columns::new(titles);
    let limit = if wide { usize::MAX } else { SHOWN };
    for node in nodes.iter().take(limit) {
        let mut row: Vec<Cell> =
            vec![node.name.as_str().into(), node.score.unwrap_or_default().to_string().into()];
        row.extend(
            differ.iter().map(|p| node.scores.get(*p).map_or_else(|| "-".into(), ToString::to_string).into()),
        );
        table.row(row);
    }
    table.print(out);
    if nodes.len() > limit {
        let _ = writeln!(out, "  and {} more; -o wide shows all", nodes.len() - limit);
    }
    if same.iter().any(|p| first.scores[*p] != 0) && nodes.len() > 1 {
        let list: Vec<String> = same
            .iter()
            .filter(|p| first.scores[**p] != 0)
            .map(|p| format!("{p} {}", first.scores[*p]))
            .collect();
        for line in human::wrap(&format!("the same on all: {}", list.join(", ")), WIDTH - 2) {
            let _ = writeln!(out, "  {line}");
        }
    }
}

/// A plugin's name in the head of a narrow column.
fn short(plugin: &str) -> &str {
    match plugin {
        "TaintToleration" => "TAINTS",
        "NodeAffinity" => "AFFINITY",
        "NodeResourcesFit" => "FIT",
        "NodeResourcesBalancedAllocation" => "BALANCE",
        "PodTopologySpread" => "SPREAD",
        "InterPodAffinity" => "INTERPOD",
        "ImageLocality" => "IMAGE",
        "VolumeBinding" => "VOLUME",
        other => other,
    }
}

/// The nodes that do not take the pod; those of which the same is to be said are named together.
fn not_fitting(out: &mut String, nodes: &[&NodeAnswer], wide: bool) {
    if nodes.is_empty() {
        return;
    }
    heading(out, &format!("DOES NOT FIT ({})", nodes.len()));
    let mut groups: Vec<(Rejections<'_>, Vec<&str>)> = Vec::new();
    for node in nodes {
        let why = rejections(node);
        match groups.iter_mut().find(|(other, _)| *other == why) {
            Some((_, names)) => names.push(&node.name),
            None => groups.push((why, vec![&node.name])),
        }
    }
    let limit = if wide { usize::MAX } else { SHOWN };
    let shown = || groups.iter().take(limit);
    let column = shown().flat_map(|(why, _)| why).map(|(plugin, _)| plugin.len()).max().unwrap_or(0);
    for (why, names) in shown() {
        for line in human::wrap(&human::list(names, if wide { usize::MAX } else { NAMED }), WIDTH - 2) {
            let _ = writeln!(out, "  {line}");
        }
        for (plugin, texts) in why {
            let mut plugin = *plugin;
            for line in texts.iter().flat_map(|text| human::wrap(text, WIDTH - 6 - column)) {
                let _ = writeln!(out, "    {:column$}  {line}", std::mem::take(&mut plugin));
            }
        }
    }
    let rest: usize = groups.iter().skip(limit).map(|(_, names)| names.len()).sum();
    if rest > 0 {
        let _ = writeln!(out, "  and {rest} more; -o wide shows all");
    }
}

/// Plugins, and what each says.
type Rejections<'a> = Vec<(&'a str, &'a [String])>;

/// What each plugin says of a node: how far it is from fitting, or else upstream's words.
fn rejections(node: &NodeAnswer) -> Rejections<'_> {
    node.rejections.iter().map(|r| (&*r.plugin, r.words())).collect()
}
