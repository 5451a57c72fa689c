//! A StatefulSet in a rollout.

use berth_model::UnixSeconds;

use crate::change::PodChange;
use crate::pod::PodState;
use crate::stateful_set::{Strategy, View, reconcile};

/// A StatefulSet that is rolled out.
#[derive(Clone, Debug)]
pub struct StatefulSet {
    /// `spec.replicas`.
    pub replicas: i32,
    /// `spec.ordinals.start`.
    pub start: i32,
    /// `spec.podManagementPolicy: Parallel`.
    pub parallel: bool,
    /// `spec.updateStrategy`.
    pub strategy: Strategy,
}

impl StatefulSet {
    pub(super) fn pod_changes(&self, pods: &[PodState], now: UnixSeconds) -> Vec<PodChange> {
        let view = View {
            replicas: self.replicas,
            start: self.start,
            parallel: self.parallel,
            strategy: self.strategy,
            min_ready_seconds: 0,
            terminating: false,
            pods,
        };
        reconcile(&view, now)
    }

    /// How many pods keep the old template because the strategy says so.
    pub(super) fn kept(&self) -> i32 {
        match self.strategy {
            Strategy::OnDelete => self.replicas,
            Strategy::RollingUpdate { partition, .. } => partition.clamp(0, self.replicas),
        }
    }
}
