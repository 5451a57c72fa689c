//! The smallest harm on one node: who must go so that the pod fits there.

use std::cmp::Reverse;

use crate::filters::Filters;
use crate::ids::{NodeRow, PodRow};
use crate::preemption::budgets::violating;
use crate::preemption::{Candidate, without};
use crate::verdict::{Code, Reason, Rejection};
use crate::view::PodView;

/// What is said of a node where no pod has a lower priority.
pub(super) fn none() -> Rejection {
    Rejection::unresolvable("No preemption victims found for incoming pod")
}

/// Finds the victims on a node, or says why evictions there do not help.
pub(super) fn select(filters: &Filters<'_>, pod: PodView<'_>, node: NodeRow) -> Result<Candidate, Rejection> {
    let cluster = pod.cluster;
    let priority = |row: PodRow| cluster.pods().class_of(row).spec.priority;
    let on_node = cluster.nodes().pods(node).iter().copied();
    let mut lower: Vec<PodRow> = on_node.filter(|&p| priority(p) < pod.class.spec.priority).collect();
    if lower.is_empty() {
        return Err(none());
    }
    let mut delta = without(&lower, cluster);
    if let Some(verdict) = filters.check_with_nominated(pod, node, &delta) {
        return Err(verdict.rejection);
    }
    // The most important first: priority, then who runs longest; one that has not started is the youngest.
    let importance = |&row: &PodRow| {
        let started = cluster.pods().entry(row).pod.started;
        (Reverse(priority(row)), started.is_none(), started)
    };
    lower.sort_by_key(importance);
    let (protected, free) = violating(cluster, &lower);
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
        return Err(Rejection::new(Code::Error, Reason::from(text)));
    }
    victims.sort_by_key(importance);
    Ok(Candidate { node, victims, violations })
}
