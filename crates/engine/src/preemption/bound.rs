//! How little harm evictions on a node can do at least, without trying them.

use std::cmp::Reverse;

use crate::cluster::{Tenants, WATCHED};
use crate::ids::NodeRow;
use crate::preemption::pick::Harm;
use crate::view::PodView;

/// A lower bound of the harm on a node; `None` where it has no pod of lower priority.
///
/// Each part is bounded by itself: no budget is violated; the most important victim is as unimportant as any pod; there are
/// as many victims as the resource that is shortest takes, were all pods as large as the largest; all started last.
/// Pods that are not lower count too where that is all that is known.
pub(super) fn rough(pod: PodView<'_>, node: NodeRow, resources_count: bool) -> Option<Harm> {
    of(pod, node, pod.cluster.nodes().tenants(node), resources_count)
}

/// As [`rough`], from the pods of lower priority alone.
pub(super) fn exact(pod: PodView<'_>, node: NodeRow, resources_count: bool) -> Option<Harm> {
    let pods = pod.cluster.pods();
    let there = pod.cluster.nodes().pods(node).iter();
    let there = there.map(|&other| (&pods.entry(other).pod, pods.class_of(other)));
    let lower = there.filter(|(_, class)| class.spec.priority < pod.class.spec.priority);
    of(pod, node, &Tenants::of(lower), resources_count)
}

/// `resources_count`: whether a filter looks at resources at all.
fn of(pod: PodView<'_>, node: NodeRow, tenants: &Tenants, resources_count: bool) -> Option<Harm> {
    let lowest = tenants.lowest_priority.filter(|lowest| *lowest < pod.class.spec.priority)?;
    let short = if resources_count { shortages(pod, node) } else { [0; WATCHED.len()] };
    let needed = |(short, largest): (i64, i64)| {
        let rounded_up = if largest > 0 { short.saturating_add(largest - 1) / largest } else { 1 };
        rounded_up.max(1)
    };
    let victims = short.into_iter().zip(tenants.largest).map(needed).max().unwrap_or(1);
    let victims = usize::try_from(victims).unwrap_or(usize::MAX);
    let sum = (i64::from(lowest) + i64::from(i32::MAX) + 1).saturating_mul(victims as i64);
    Some((0, lowest, sum, victims, Reverse(tenants.latest)))
}

/// How much of each watched resource must come free.
fn shortages(pod: PodView<'_>, node: NodeRow) -> [i64; WATCHED.len()] {
    let nodes = pod.cluster.nodes();
    WATCHED.map(|resource| {
        let free = nodes.allocatable(node, resource).saturating_sub(nodes.requested(node, resource));
        match pod.class.request(resource) {
            0 => 0,
            request => request.saturating_sub(free).max(0),
        }
    })
}
