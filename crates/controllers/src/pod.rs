//! What a controller sees of a pod.

use berth_model::{Str, UnixSeconds};

/// `status.phase`. In the order of `podPhaseToOrdinal`: earlier phases are deleted first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Not all containers have started.
    #[default]
    Pending,
    /// The node does not report.
    Unknown,
    /// At least one container runs.
    Running,
    /// All containers ended successfully.
    Succeeded,
    /// All containers ended, one of them with an error; also an evicted pod.
    Failed,
}

/// What a controller sees of one of its pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodState {
    /// The caller's number of the pod.
    pub id: u32,
    /// `metadata.name`.
    pub name: Str,
    /// `metadata.uid`; empty if the source has none.
    pub uid: Str,
    /// `metadata.creationTimestamp`.
    pub created: Option<UnixSeconds>,
    /// The caller's number of the node that the pod is bound to.
    pub node: Option<u32>,
    /// `status.phase`.
    pub phase: Phase,
    /// The condition `Ready` is true.
    pub ready: bool,
    /// Since when the condition `Ready` has been true.
    pub ready_since: Option<UnixSeconds>,
    /// The annotation `controller.kubernetes.io/pod-deletion-cost`; 0 if it is absent.
    pub deletion_cost: i32,
    /// The largest restart count of the containers.
    pub restarts: i32,
    /// `metadata.deletionTimestamp` is set.
    pub terminating: bool,
    /// The pod is made from the template that its workload has now.
    pub updated: bool,
    /// The ordinal in a StatefulSet, the completion index in an indexed Job.
    pub index: Option<i32>,
}

impl PodState {
    /// Whether the pod counts for its controller: it has not ended and is not being deleted.
    ///
    /// Upstream: `controller_utils.go` (`IsPodActive`).
    pub fn is_active(&self) -> bool {
        !self.has_ended() && !self.terminating
    }

    /// Whether the pod has succeeded or failed.
    pub fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Succeeded | Phase::Failed)
    }

    /// Whether the pod has been ready for `min_ready_seconds`.
    ///
    /// Upstream: `pkg/api/v1/pod/util.go` (`IsPodAvailable`).
    pub fn is_available(&self, min_ready_seconds: i32, now: UnixSeconds) -> bool {
        let long_enough = |since: UnixSeconds| since.saturating_add(min_ready_seconds.into()) <= now;
        self.ready && (min_ready_seconds == 0 || self.ready_since.is_some_and(long_enough))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_available_after_it_was_ready_long_enough() {
        let cases = [
            (false, Some(0), 0, 100, false),
            (true, None, 0, 100, true),
            (true, None, 10, 100, false),
            (true, Some(90), 10, 100, true),
            (true, Some(91), 10, 100, false),
        ];
        for (ready, ready_since, min_ready, now, expected) in cases {
            let pod = PodState { ready, ready_since, ..PodState::default() };
            assert_eq!(pod.is_available(min_ready, now), expected, "{ready} since {ready_since:?}");
        }
    }

    #[test]
    fn a_pod_that_ended_or_terminates_does_not_count() {
        let cases = [
            (Phase::Pending, false, true),
            (Phase::Running, false, true),
            (Phase::Running, true, false),
            (Phase::Succeeded, false, false),
            (Phase::Failed, false, false),
        ];
        for (phase, terminating, expected) in cases {
            let pod = PodState { phase, terminating, ..PodState::default() };
            assert_eq!(pod.is_active(), expected, "{phase:?} {terminating}");
        }
    }
}
