//! The shortest answers, in sentences.

use std::collections::BTreeMap;

use berth_engine::ids::PodRow;
use berth_engine::scheduler::Scheduler;

use super::format::count;
use super::nodes::NodeAnswer;
use super::runner_up::RunnerUp;
use super::{Explanation, Outcome};

/// The pod waits for a scheduler that is not here.
pub(super) fn other_scheduler(scheduler: &Scheduler, pod: PodRow) -> Vec<String> {
    let wanted = &scheduler.cluster().pods().class_of(pod).spec.scheduler_name;
    let names: Vec<&str> = scheduler.profiles().iter().map(|p| &*p.scheduler_name).collect();
    vec![
        format!(
            "Pending for another scheduler: no profile is named {wanted:?} (there is: {})",
            names.join(", ")
        ),
        "With --all-schedulers the first profile places it".into(),
    ]
}

/// The pod does not enter the queue.
pub(super) fn gated(scheduler: &Scheduler, pod: PodRow) -> Vec<String> {
    let gates = &scheduler.cluster().pods().class_of(pod).spec.scheduling_gates;
    let names: Vec<&str> = gates.iter().map(|gate| &**gate).collect();
    vec![format!(
        "Gated: it does not enter the scheduling queue until its {} removed: {}",
        match names.len() {
            1 => "scheduling gate is",
            _ => "scheduling gates are",
        },
        names.join(", ")
    )]
}

/// The pod goes to a node.
pub(super) fn placed(document: &Explanation) -> Vec<String> {
    let (node, score) = (document.node.as_deref().unwrap_or_default(), document.score.unwrap_or_default());
    let mut answer = Vec::new();
    match &document.runner_up {
        None => answer.push(format!("It goes to {node}, the only node that it fits on (score {score})")),
        Some(runner_up) if runner_up.margin == 0 => {
            answer.push(format!(
                "It goes to {node}; {} has the same score, {score}, and comes later in this pod's order of nodes",
                runner_up.node
            ));
        }
        Some(runner_up) => {
            answer.push(format!(
                "It goes to {node} with a score of {score}, {} ahead of {}",
                -runner_up.margin, runner_up.node
            ));
            answer.extend(reasons(node, runner_up));
        }
    }
    answer.extend(tally(&document.nodes));
    answer
}

/// The pod runs on a node.
pub(super) fn running(document: &Explanation, node_is_known: bool) -> Vec<String> {
    let node = document.node.as_deref().unwrap_or_default();
    let mut answer = Vec::new();
    match (&document.runner_up, document.score) {
        _ if !node_is_known => {
            answer.push(format!("It is bound to {node}, which is not in the input"));
            answer.push(match &document.runner_up {
                Some(best) => {
                    format!("If it were placed now, it would go to {} (score {})", best.node, best.score)
                }
                None => "If it were placed now, it would fit on no node".into(),
            });
        }
        (runner_up, None) => {
            answer.push(format!("It runs on {node}, where it would not fit now"));
            answer.extend(
                document.nodes.iter().find(|n| n.name == node).map(|n| format!("{node}: {}", rejections(n))),
            );
            answer.extend(runner_up.as_ref().map(|best| {
                format!("If it were placed now, it would go to {} (score {})", best.node, best.score)
            }));
        }
        (None, Some(score)) => {
            answer.push(format!("It runs on {node}, the only node that it would fit on now (score {score})"));
        }
        (Some(best), Some(score)) if best.margin > 0 => {
            answer.push(format!(
                "It runs on {node}; if it were placed now, it would go to {}, {} ahead of {score}",
                best.node, best.margin
            ));
            answer.extend(reasons(&best.node, &reversed(best, node)));
        }
        (Some(other), Some(score)) => {
            answer.push(match other.margin {
                0 => format!(
                    "It runs on {node} and would go there now; {} has the same score, {score}",
                    other.node
                ),
                margin => format!(
                    "It runs on {node} and would go there now, {} ahead of {} (score {score})",
                    -margin, other.node
                ),
            });
            answer.extend(reasons(node, other));
        }
    }
    answer.extend(tally(&document.nodes));
    answer
}

/// The pod fits nowhere.
pub(super) fn pending(document: &Explanation, absent: &[String], beyond_all_nodes: &[String]) -> Vec<String> {
    let evicts = document.outcome == Outcome::Preempts;
    let mut answer = vec![match document.nodes.as_slice() {
        _ if evicts => evicting(document),
        [] => "Pending: the input has no nodes".into(),
        [only] => format!("Pending: it does not fit on {}, the only node", only.name),
        nodes => format!("Pending: it fits on none of the {} nodes", nodes.len()),
    }];
    answer.extend(absent.iter().cloned());
    if !document.nodes.is_empty() {
        answer.extend(beyond_all_nodes.iter().cloned());
    }
    if !absent.is_empty() {
        return answer; // no node can help
    }
    answer.extend(document.nodes.first().map(|n| format!("Nearest is {}: {}", n.name, rejections(n))));
    let start = if evicts { "Without preemption it would fit with" } else { "It would fit with" };
    answer
        .extend(document.suggestions.iter().map(|suggestion| format!("{start} {}", suggestion.description)));
    if document.suggestions.is_empty() && !evicts && !document.nodes.is_empty() {
        answer.push("None of the single changes that were tried would make it fit".into());
    }
    answer
}

fn evicting(document: &Explanation) -> String {
    let (node, victims) = (document.node.as_deref().unwrap_or_default(), &document.victims);
    let few: Vec<&str> = victims.iter().take(3).map(String::as_str).collect();
    let rest = if victims.len() > 3 { format!(" and {} more", victims.len() - 3) } else { String::new() };
    format!("It fits on no node now; it preempts {}{rest} and goes to {node}", few.join(", "))
}

/// What keeps the pod off a node, in one line.
fn rejections(node: &NodeAnswer) -> String {
    let texts: Vec<String> = node.rejections.iter().map(|rejection| rejection.words().join(", ")).collect();
    texts.join("; ")
}

/// Which plugins made the difference, the greatest first.
fn reasons(winner: &str, runner_up: &RunnerUp) -> Option<String> {
    let mut list: Vec<(&str, i64)> =
        runner_up.differences.iter().map(|(plugin, d)| (&**plugin, -d)).collect();
    list.sort_by_key(|&(plugin, difference)| (std::cmp::Reverse(difference.abs()), plugin));
    let text = |(plugin, difference): &(&str, i64)| format!("{plugin} {difference:+}");
    let texts: Vec<String> = list.iter().map(text).collect();
    (!texts.is_empty())
        .then(|| format!("By plugin, {winner} against {}: {}", runner_up.node, texts.join(", ")))
}

fn reversed(best: &RunnerUp, node: &str) -> RunnerUp {
    RunnerUp {
        node: node.to_string(),
        differences: best.differences.iter().map(|(plugin, d)| (plugin.clone(), -d)).collect(),
        ..best.clone()
    }
}

/// How many nodes take the pod, and who rejects the others.
fn tally(nodes: &[NodeAnswer]) -> Option<String> {
    let feasible = nodes.iter().filter(|n| n.feasible).count();
    let mut by_plugin: BTreeMap<&str, usize> = BTreeMap::new();
    for first in nodes.iter().filter_map(|n| n.rejections.first()) {
        *by_plugin.entry(&first.plugin).or_default() += 1;
    }
    if by_plugin.is_empty() {
        return None;
    }
    let list: Vec<String> = by_plugin.iter().map(|(plugin, n)| format!("{n} by {plugin}")).collect();
    Some(format!("{} of {} fit; rejected: {}", feasible, count(nodes.len(), "node"), list.join(", ")))
}
