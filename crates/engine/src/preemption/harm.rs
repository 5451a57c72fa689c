//! The harm that evictions do: of a candidate, and at least on a node without trying evictions there.

use std::cmp::Reverse;

use berth_model::UnixSeconds;

use crate::cluster::{Cluster, NodePodStats, TRACKED_RESOURCES};
use crate::ids::NodeRow;
use crate::plugin::view::PodView;
use crate::preemption::Candidate;

/// The candidates that upstream may pick, in their order: those that tie by all of its rules.
///
/// The rules, each only for those that tie by the ones before: fewest budget violations; lowest highest priority among
/// the victims; smallest sum of priorities; fewest victims; latest start among the most important victims.
pub fn best<'a>(candidates: &'a [Candidate], cluster: &Cluster) -> Vec<&'a Candidate> {
    let Some(least) = candidates.iter().map(|c| harm(c, cluster)).min() else { return Vec::new() };
    candidates.iter().filter(|c| harm(c, cluster) == least).collect()
}

/// Compared in the order of the fields; less is better.
pub(super) type Harm = (usize, i32, i64, usize, Reverse<(bool, Option<UnixSeconds>)>);

/// The harm that evicting the victims of a candidate does.
pub(super) fn harm(candidate: &Candidate, cluster: &Cluster) -> Harm {
    let pods = cluster.pods();
    let priority = |&row: &crate::ids::PodRow| pods.class_of(row).spec.priority;
    let highest = candidate.victims.iter().map(priority).max().unwrap_or(i32::MIN);
    // Shifted to be positive, so that more victims are never better than fewer.
    let sum = candidate.victims.iter().map(|v| i64::from(priority(v)) + i64::from(i32::MAX) + 1).sum();
    let earliest = candidate
        .victims
        .iter()
        .filter(|v| priority(v) == highest)
        .map(|&v| pods.entry(v).pod.started)
        .map(|started| (started.is_none(), started))
        .min()
        .unwrap_or_default();
    (candidate.violations, highest, sum, candidate.victims.len(), Reverse(earliest))
}

/// A lower bound of the harm on a node; `None` where it has no pod of lower priority.
///
/// Each part is bounded by itself: no budget is violated; the most important victim is as unimportant as any pod; there
/// are as many victims as the resource that is shortest takes, were all pods as large as the largest; all started last.
/// Pods that are not lower count too where that is all that is known.
pub(super) fn rough_bound(pod: PodView<'_>, node: NodeRow, resources_count: bool) -> Option<Harm> {
    bound(pod, node, pod.cluster.nodes().pod_stats(node), resources_count)
}

/// As [`rough_bound`], from the pods of lower priority alone.
pub(super) fn exact_bound(pod: PodView<'_>, node: NodeRow, resources_count: bool) -> Option<Harm> {
    let pods = pod.cluster.pods();
    let there = pod.cluster.nodes().pods(node).iter();
    let there = there.map(|&other| (&pods.entry(other).pod, pods.class_of(other)));
    let lower = there.filter(|(_, class)| class.spec.priority < pod.class.spec.priority);
    bound(pod, node, &NodePodStats::of(lower), resources_count)
}

/// `resources_count`: whether a filter looks at resources at all.
fn bound(pod: PodView<'_>, node: NodeRow, pod_stats: &NodePodStats, resources_count: bool) -> Option<Harm> {
    let lowest = pod_stats.lowest_priority.filter(|lowest| *lowest < pod.class.spec.priority)?;
    let short = if resources_count { shortages(pod, node) } else { [0; TRACKED_RESOURCES.len()] };
    let needed = |(short, largest): (i64, i64)| {
        let rounded_up = if largest > 0 { short.saturating_add(largest - 1) / largest } else { 1 };
        rounded_up.max(1)
    };
    let victims = short.into_iter().zip(pod_stats.largest).map(needed).max().unwrap_or(1);
    let victims = usize::try_from(victims).unwrap_or(usize::MAX);
    let sum = (i64::from(lowest) + i64::from(i32::MAX) + 1).saturating_mul(victims as i64);
    Some((0, lowest, sum, victims, Reverse(pod_stats.latest)))
}

/// How much of each watched resource must come free.
fn shortages(pod: PodView<'_>, node: NodeRow) -> [i64; TRACKED_RESOURCES.len()] {
    let nodes = pod.cluster.nodes();
    TRACKED_RESOURCES.map(|resource| {
        let free = nodes.allocatable(node, resource).saturating_sub(nodes.requested(node, resource));
        match pod.class.request(resource) {
            0 => 0,
            request => request.saturating_sub(free).max(0),
        }
    })
}
