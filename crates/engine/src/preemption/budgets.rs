//! Which evictions disruption budgets would not allow.
//!
//! Upstream: `framework/preemption/util.go`, `FilterVictimsWithPDBViolation`.

use crate::cluster::{Budget, Cluster};
use crate::ids::PodRow;

/// Splits pods, given the most important first, into those whose eviction violates a budget and the rest.
///
/// Evictions are counted in that order: a budget that allows one disruption protects all its pods but the first.
pub(super) fn violating(cluster: &Cluster, pods: &[PodRow]) -> (Vec<PodRow>, Vec<PodRow>) {
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
