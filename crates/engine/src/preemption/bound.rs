//! How little harm evictions on a node can do at least, without trying them.

use std::cmp::Reverse;

use crate::ids::{NodeRow, ResourceId};
use crate::preemption::pick::Harm;
use crate::view::PodView;

/// A lower bound of the harm on a node; `None` where it has no pod of lower priority.
///
/// Each part is bounded by itself: no budget is violated; the most important victim is as unimportant as any pod; there are
/// as many victims as the resource that is shortest takes, were all pods as large as the largest; all started last.
///
/// `resources_count`: whether a filter looks at resources at all.
pub(super) fn bound(pod: PodView<'_>, node: NodeRow, resources_count: bool) -> Option<Harm> {
    let (cluster, priority) = (pod.cluster, pod.class.spec.priority);
    let short = if resources_count { shortages(pod, node) } else { [0; WATCHED.len()] };
    let mut largest = [0; WATCHED.len()];
    let mut lowest = None;
    let mut latest = (false, None);
    for &other in cluster.nodes().pods(node) {
        let entry = cluster.pods().entry(other);
        let class = cluster.pods().class(entry.class);
        if class.spec.priority >= priority {
            continue;
        }
        lowest = Some(lowest.map_or(class.spec.priority, |p: i32| p.min(class.spec.priority)));
        latest = latest.max((entry.pod.started.is_none(), entry.pod.started));
        for (largest, resource) in largest.iter_mut().zip(WATCHED) {
            *largest = class.request(resource).max(*largest);
        }
    }
    let lowest = lowest?;
    let needed = |(short, largest): (i64, i64)| {
        let rounded_up = if largest > 0 { short.saturating_add(largest - 1) / largest } else { 1 };
        rounded_up.max(1)
    };
    let victims = short.into_iter().zip(largest).map(needed).max().unwrap_or(1);
    let victims = usize::try_from(victims).unwrap_or(usize::MAX);
    let sum = (i64::from(lowest) + i64::from(i32::MAX) + 1).saturating_mul(victims as i64);
    Some((0, lowest, sum, victims, Reverse(latest)))
}

const WATCHED: [ResourceId; 2] = [ResourceId::CPU, ResourceId::MEMORY];

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
