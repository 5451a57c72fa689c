//! A Deployment and its ReplicaSets in a rollout.

use berth_model::UnixSeconds;

use super::pods::Counts;
use crate::change::PodChange;
use crate::deployment::{Change, ReplicaSetState, Strategy, View, reconcile};
use crate::pod::PodState;
use crate::replica_set;

/// A Deployment that is rolled out.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// `spec.replicas`.
    pub replicas: i32,
    /// `spec.strategy`.
    pub strategy: Strategy,
    /// `spec.paused`.
    pub paused: bool,
    /// `spec.revisionHistoryLimit`.
    pub history_limit: Option<i32>,
    /// Its ReplicaSets. Their counts of pods are not read: they follow from the pods.
    pub sets: Vec<ReplicaSetState>,
}

impl Deployment {
    /// Whether it is scaled: a ReplicaSet with pods was last scaled for another number.
    ///
    /// Upstream: `deployment/sync.go` (`isScalingEvent`).
    pub fn scales(&self) -> bool {
        let was_for = |set: &ReplicaSetState| set.scaled_for.map(|size| size.desired);
        self.sets
            .iter()
            .any(|set| set.replicas > 0 && was_for(set).is_some_and(|desired| desired != self.replicas))
    }

    /// A sync of the Deployment; whether it changes a ReplicaSet.
    pub(super) fn sync(&mut self, counts: &[Counts], now: UnixSeconds) -> bool {
        for (set, counts) in self.sets.iter_mut().zip(counts) {
            set.actual = counts.active;
            set.available = counts.available;
            set.not_ended = counts.not_ended;
        }
        let changes = reconcile(
            &View {
                replicas: self.replicas,
                strategy: self.strategy,
                paused: self.paused,
                terminating: false,
                history_limit: self.history_limit,
                sets: &self.sets,
            },
            now,
        );
        for &change in &changes {
            match change {
                Change::Create { replicas, revision, scaled_for } => self.sets.push(ReplicaSetState {
                    created: Some(now),
                    revision: Some(revision),
                    updated: true,
                    replicas,
                    scaled_for: Some(scaled_for),
                    ..ReplicaSetState::default()
                }),
                Change::Scale { set, replicas, scaled_for } => {
                    self.sets[set].replicas = replicas;
                    self.sets[set].scaled_for = Some(scaled_for);
                }
                Change::SetRevision { set, revision } => self.sets[set].revision = Some(revision),
                Change::Delete { set } => self.sets[set].terminating = true,
            }
        }
        !changes.is_empty()
    }

    /// A sync of each ReplicaSet whose pods are not as many as it wants.
    pub(super) fn pod_changes(
        &self,
        pods: &[Vec<PodState>],
        counts: &[Counts],
        rank: impl Fn(Option<u32>) -> u32,
        now: UnixSeconds,
    ) -> Vec<(usize, PodChange)> {
        let mut changes = Vec::new();
        for (at, set) in self.sets.iter().enumerate() {
            if set.replicas != counts[at].active {
                let view = replica_set::View {
                    replicas: set.replicas,
                    terminating: set.terminating,
                    pods: &pods[at],
                };
                changes
                    .extend(replica_set::reconcile(&view, now, &rank).into_iter().map(|change| (at, change)));
            }
        }
        changes
    }
}
