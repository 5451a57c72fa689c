//! The victims on one node: the fewest evictions after which the pod fits there, and which of them budgets protect.
//!
//! Upstream: `framework/preemption/util.go`, `FilterVictimsWithPDBViolation`.

use std::cmp::Reverse;

use crate::cluster::{Budget, Cluster};
use crate::ids::name::PluginName;
use crate::ids::{NodeRow, PodRow};
use crate::plugin::view::{Delta, PodView};
use crate::preemption::{Candidate, order};
use crate::scan::filters::Filters;
use crate::verdict::{Code, Reason, Rejection};

/// Why evictions on a node do not help.
pub(super) struct Refusal {
    pub(super) rejection: Rejection,
    /// The plugin that rejects the node even without the pods of lower priority.
    pub(super) plugin: Option<PluginName>,
}

/// No pod on the node has a lower priority.
pub(super) fn none() -> Refusal {
    let rejection = Rejection::unresolvable("No preemption victims found for incoming pod");
    Refusal { rejection, plugin: None }
}

/// Finds the victims on a node, or says why evictions there do not help.
pub(super) fn select(filters: &Filters<'_>, pod: PodView<'_>, node: NodeRow) -> Result<Candidate, Refusal> {
    let cluster = pod.cluster;
    let priority = |row: PodRow| cluster.pods().class_of(row).spec.priority;
    let on_node = cluster.nodes().pods(node).iter().copied();
    let lower: Vec<PodRow> = on_node.filter(|&p| priority(p) < pod.class.spec.priority).collect();
    if lower.is_empty() {
        return Err(none());
    }
    let mut delta = Delta::without(lower.iter().copied(), cluster);
    if let Some(verdict) = filters.check_with_nominated(pod, node, &delta) {
        return Err(Refusal { rejection: verdict.rejection, plugin: Some(verdict.plugin) });
    }
    let mut ranked = rank(&lower, cluster);
    sort(&mut ranked);
    let sorted: Vec<PodRow> = ranked.iter().map(|(_, row)| *row).collect();
    let (protected, free) = violating(cluster, &sorted);
    let is_mixed = !protected.is_empty() && !free.is_empty();
    let mut victims = Vec::new();
    let mut violations = 0;
    for (list, is_protected) in [(protected, true), (free, false)] {
        for candidate in list {
            delta.add(candidate, cluster);
            if filters.check_with_nominated(pod, node, &delta).is_some() {
                delta.remove(candidate, cluster);
                victims.push(candidate);
                violations += usize::from(is_protected);
            }
        }
    }
    if victims.is_empty() {
        // The filters contradict themselves: the node rejected the pod as it is, and takes it as it is.
        let text = format!("expected at least one victim pod on node \"{}\"", cluster.nodes().name(node));
        return Err(Refusal { rejection: Rejection::new(Code::Error, Reason::from(text)), plugin: None });
    }
    if is_mixed {
        // What is protected comes first so far.
        let place = |victim| ranked.iter().find(|(_, row)| *row == victim);
        let mut again: Vec<_> = victims.iter().filter_map(|&victim| place(victim)).copied().collect();
        sort(&mut again);
        victims = again.into_iter().map(|(_, row)| row).collect();
    }
    Ok(Candidate { node, victims, violations })
}

/// Compared in the order of the fields; less is more important.
type Importance = (Reverse<i32>, bool, i64);

/// How important each pod is: by priority, then by how long it runs. Those that have not started are the youngest; to
/// upstream each of them started when it was looked at, so of those the first on the list counts as the oldest.
fn rank(pods: &[PodRow], cluster: &Cluster) -> Vec<(Importance, PodRow)> {
    let importance = |(&row, place): (&PodRow, i64)| {
        let entry = cluster.pods().entry(row);
        let priority = cluster.pods().class(entry.class).spec.priority;
        let started = entry.pod.started;
        ((Reverse(priority), started.is_none(), started.unwrap_or(place)), row)
    };
    pods.iter().zip(0..).map(importance).collect()
}

fn sort(ranked: &mut [(Importance, PodRow)]) {
    order::sort(ranked, |a, b| a.0 < b.0);
}

/// Splits pods, given the most important first, into those whose eviction violates a budget and the rest.
///
/// Evictions are counted in that order: a budget that allows one disruption protects all its pods but the first.
fn violating(cluster: &Cluster, pods: &[PodRow]) -> (Vec<PodRow>, Vec<PodRow>) {
    let mut allowed: Vec<i64> =
        cluster.budgets().iter().map(|b| i64::from(b.object.disruptions_allowed)).collect();
    pods.iter().partition(|&&pod| {
        cluster.budgets().iter().zip(&mut allowed).any(|(budget, allowed)| {
            let counts = covers(budget, cluster, pod);
            if counts {
                *allowed -= 1;
            }
            counts && *allowed < 0
        })
    })
}

/// Whether evicting the pod takes one of the budget's disruptions.
fn covers(budget: &Budget, cluster: &Cluster, pod: PodRow) -> bool {
    let class = cluster.pods().class_of(pod);
    if !class.has_labels || class.namespace != budget.namespace {
        return false;
    }
    let Some(selector) = &budget.selector else { return false };
    // A pod in `disruptedPods` is already counted by the API server.
    let counted = budget.object.disrupted_pods.binary_search(&cluster.pods().entry(pod).pod.name).is_ok();
    !counted && selector.matches(&class.labels, cluster.symbols())
}
