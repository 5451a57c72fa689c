//! A DaemonSet in a rollout.

use berth_model::UnixSeconds;

use crate::change::PodChange;
use crate::daemon_set::{NodeState, Strategy, View, reconcile};
use crate::pod::PodState;

/// A DaemonSet that is rolled out.
#[derive(Clone, Debug)]
pub struct DaemonSet {
    /// `spec.updateStrategy`.
    pub strategy: Strategy,
    /// All nodes, in the order in which they are updated.
    pub nodes: Vec<NodeState>,
}

impl DaemonSet {
    pub(super) fn pod_changes(&self, pods: &[Vec<PodState>], now: UnixSeconds) -> Vec<PodChange> {
        let view = View {
            strategy: self.strategy,
            min_ready_seconds: 0,
            terminating: false,
            nodes: &self.nodes,
            pods,
        };
        reconcile(&view, now)
    }

    /// How many nodes should run a pod.
    pub(super) fn wanted(&self) -> i32 {
        i32::try_from(self.nodes.iter().filter(|node| node.should_run).count()).unwrap_or(i32::MAX)
    }
}
