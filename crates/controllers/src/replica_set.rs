//! ReplicaSets and ReplicationControllers: a number of pods that are alike.
//!
//! Pods that have failed, as evicted ones, and pods that are being deleted do not count, so others are made for them.
//!
//! Upstream: `replicaset/replica_set.go` (`manageReplicas`, `getIndirectlyRelatedPods`).

use berth_model::UnixSeconds;

use crate::change::{NewPod, PodChange};
use crate::deletion_order::first_by_rank;
use crate::pod::PodState;

/// What the controller sees.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// `spec.replicas`.
    pub replicas: i32,
    /// `metadata.deletionTimestamp` is set: it does nothing.
    pub terminating: bool,
    /// Its pods.
    pub pods: &'a [PodState],
}

/// One sync. `rank` is how many active pods of all ReplicaSets of the same Deployment are on a node.
pub fn reconcile(view: &View<'_>, now: UnixSeconds, rank: impl Fn(Option<u32>) -> u32) -> Vec<PodChange> {
    if view.terminating {
        return Vec::new();
    }
    let active: Vec<&PodState> = view.pods.iter().filter(|pod| pod.is_active()).collect();
    let wanted = usize::try_from(view.replicas).unwrap_or(0);
    if active.len() <= wanted {
        return vec![PodChange::Create(NewPod::Replica); wanted - active.len()];
    }
    let first = first_by_rank(&active, active.len() - wanted, now, rank);
    first.into_iter().map(|at| PodChange::Delete(active[at].id)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::running;
    use crate::pod::Phase;

    fn sync(replicas: i32, pods: &[PodState]) -> Vec<PodChange> {
        let rank =
            |node: Option<u32>| pods.iter().filter(|pod| pod.is_active() && pod.node == node).count() as u32;
        reconcile(&View { replicas, terminating: false, pods }, 0, rank)
    }

    #[test]
    fn missing_pods_are_made_also_for_failed_and_terminating_ones() {
        let pods = [
            running("1", 0),
            PodState { phase: Phase::Failed, ..running("2", 0) },
            PodState { terminating: true, ..running("3", 0) },
        ];
        assert_eq!(sync(3, &pods), [PodChange::Create(NewPod::Replica); 2]);
        assert_eq!(sync(1, &pods), []);
    }

    #[test]
    fn surplus_pods_go_from_crowded_nodes_first() {
        let pods = [running("1", 0), running("2", 1), running("3", 1), running("4", 2)];
        assert_eq!(sync(3, &pods), [PodChange::Delete(2)]);
        assert_eq!(sync(2, &pods), [PodChange::Delete(2), PodChange::Delete(3)]);
    }

    #[test]
    fn a_replica_set_that_is_being_deleted_does_nothing() {
        let view = View { replicas: 3, terminating: true, pods: &[] };
        assert_eq!(reconcile(&view, 0, |_| 0), []);
    }
}
