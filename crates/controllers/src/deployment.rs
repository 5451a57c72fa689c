//! Deployments: which ReplicaSets there are, and how large each is.
//!
//! A Deployment makes no pods. The ReplicaSet with its template is the new one, all others are old. A rolling update
//! lets the new one grow as far as `maxSurge` allows, and the old ones shrink as far as `maxUnavailable` allows.
//!
//! Upstream: `deployment/deployment_controller.go` (`syncDeployment`), `sync.go`, `rolling.go`, `recreate.go`,
//! `util/deployment_util.go`.

mod rolling;
mod scale;
#[cfg(test)]
mod tests;

use berth_model::workload::{ScaledFor, Share};
use berth_model::{Str, UnixSeconds};

use crate::limit::surge_and_unavailable;

/// `spec.strategy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// `Recreate`: all old pods end before new ones are made.
    Recreate,
    /// `RollingUpdate`.
    RollingUpdate {
        /// `maxSurge`.
        surge: Share,
        /// `maxUnavailable`.
        unavailable: Share,
    },
}

/// What the controller sees.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// `spec.replicas`.
    pub replicas: i32,
    /// `spec.strategy`.
    pub strategy: Strategy,
    /// `spec.paused`: it is scaled, but not rolled out.
    pub paused: bool,
    /// `metadata.deletionTimestamp` is set: it does nothing.
    pub terminating: bool,
    /// `spec.revisionHistoryLimit`: how many old ReplicaSets are kept; `None` keeps all.
    pub history_limit: Option<i32>,
    /// Its ReplicaSets.
    pub sets: &'a [ReplicaSetState],
}

/// What the controller sees of a ReplicaSet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplicaSetState {
    /// `metadata.name`.
    pub name: Str,
    /// `metadata.creationTimestamp`.
    pub created: Option<UnixSeconds>,
    /// The annotation `deployment.kubernetes.io/revision`.
    pub revision: Option<i64>,
    /// Its template equals that of the Deployment, apart from the label `pod-template-hash`.
    pub updated: bool,
    /// `metadata.deletionTimestamp` is set.
    pub terminating: bool,
    /// `spec.replicas`.
    pub replicas: i32,
    /// `status.replicas`: its active pods.
    pub actual: i32,
    /// `status.availableReplicas`.
    pub available: i32,
    /// Its pods that have not ended; terminating ones are counted.
    pub not_ended: i32,
    /// The size of the Deployment when the ReplicaSet was last scaled, if it is known.
    pub scaled_for: Option<ScaledFor>,
}

/// A change to the ReplicaSets of a Deployment. ReplicaSets are named by their places in [`View::sets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Make the new ReplicaSet from the template.
    Create {
        /// `spec.replicas`.
        replicas: i32,
        /// Its revision.
        revision: i64,
        /// Its annotations.
        scaled_for: ScaledFor,
    },
    /// Set the size of a ReplicaSet, and the annotations about it.
    Scale {
        /// The ReplicaSet.
        set: usize,
        /// `spec.replicas`.
        replicas: i32,
        /// Its annotations.
        scaled_for: ScaledFor,
    },
    /// Set the revision of the new ReplicaSet.
    SetRevision {
        /// The ReplicaSet.
        set: usize,
        /// Its revision.
        revision: i64,
    },
    /// Delete an old ReplicaSet that has no pods and is beyond `revisionHistoryLimit`.
    Delete {
        /// The ReplicaSet.
        set: usize,
    },
}

/// One sync.
pub fn reconcile(view: &View<'_>, _now: UnixSeconds) -> Vec<Change> {
    if view.terminating {
        return Vec::new();
    }
    let mut sync = Sync::new(view);
    let was_scaled = |set: &ReplicaSetState| {
        set.replicas > 0 && set.scaled_for.is_some_and(|s| s.desired != view.replicas)
    };
    if view.paused || view.sets.iter().any(was_scaled) {
        sync.number_new();
        sync.scale_all();
        if view.paused {
            sync.clean_up();
        }
    } else {
        match view.strategy {
            Strategy::Recreate => sync.recreate(),
            Strategy::RollingUpdate { .. } => sync.roll(),
        }
    }
    sync.changes
}

/// The ReplicaSet with the Deployment's template: of several the oldest.
///
/// Upstream: `FindNewReplicaSet`.
pub fn new_set(sets: &[ReplicaSetState]) -> Option<usize> {
    let updated = (0..sets.len()).filter(|&at| sets[at].updated);
    updated.min_by(|&a, &b| by_age(&sets[a], &sets[b]))
}

/// Older ReplicaSets first; one without a time is the oldest.
fn by_age(a: &ReplicaSetState, b: &ReplicaSetState) -> std::cmp::Ordering {
    (a.created, &a.name).cmp(&(b.created, &b.name))
}

/// A sync in progress: the ReplicaSets as they are after the changes so far.
struct Sync<'a> {
    view: &'a View<'a>,
    /// Those of the view; after them the one that this sync makes.
    sets: Vec<ReplicaSetState>,
    new: Option<usize>,
    changes: Vec<Change>,
}

impl<'a> Sync<'a> {
    fn new(view: &'a View<'a>) -> Self {
        Self { view, sets: view.sets.to_vec(), new: new_set(view.sets), changes: Vec::new() }
    }

    /// `maxSurge` and `maxUnavailable` in pods.
    fn limits(&self) -> (i32, i32) {
        match self.view.strategy {
            Strategy::Recreate => (0, 0),
            Strategy::RollingUpdate { surge, unavailable } => {
                let (surge, unavailable) = surge_and_unavailable(surge, unavailable, self.view.replicas);
                (surge, unavailable.min(self.view.replicas))
            }
        }
    }

    fn scaled_for(&self) -> ScaledFor {
        let desired = self.view.replicas;
        ScaledFor { desired, max: desired.saturating_add(self.limits().0) }
    }

    /// All but the new one, older ones first.
    fn old(&self) -> Vec<usize> {
        let mut old: Vec<usize> = (0..self.sets.len()).filter(|&at| Some(at) != self.new).collect();
        old.sort_by(|&a, &b| by_age(&self.sets[a], &self.sets[b]));
        old
    }

    fn sum(&self, of: impl Fn(&ReplicaSetState) -> i32) -> i32 {
        self.sets.iter().map(of).fold(0, i32::saturating_add)
    }

    fn next_revision(&self) -> i64 {
        let old = self.old().into_iter().filter_map(|at| self.sets[at].revision);
        old.max().unwrap_or(0) + 1
    }

    /// Gives the new ReplicaSet the highest revision.
    fn number_new(&mut self) {
        let revision = self.next_revision();
        if let Some(set) = self.new.filter(|&set| self.sets[set].revision.unwrap_or(0) < revision) {
            self.sets[set].revision = Some(revision);
            self.changes.push(Change::SetRevision { set, revision });
        }
    }

    /// The new ReplicaSet, which is made if there is none.
    fn make_new(&mut self, replicas: impl Fn(&Self) -> i32) -> usize {
        self.number_new();
        if let Some(new) = self.new {
            return new;
        }
        let (revision, scaled_for, replicas) = (self.next_revision(), self.scaled_for(), replicas(self));
        self.changes.push(Change::Create { replicas, revision, scaled_for });
        let made = ReplicaSetState {
            updated: true,
            replicas,
            scaled_for: Some(scaled_for),
            ..ReplicaSetState::default()
        };
        self.sets.push(made);
        self.new = Some(self.sets.len() - 1);
        self.sets.len() - 1
    }

    /// Sets the size of a ReplicaSet; whether it changes.
    fn scale(&mut self, set: usize, replicas: i32) -> bool {
        let differs = self.sets[set].replicas != replicas;
        if differs {
            self.write_scale(set, replicas);
        }
        differs
    }

    fn write_scale(&mut self, set: usize, replicas: i32) {
        let scaled_for = self.scaled_for();
        self.sets[set].replicas = replicas;
        self.sets[set].scaled_for = Some(scaled_for);
        self.changes.push(Change::Scale { set, replicas, scaled_for });
    }

    fn recreate(&mut self) {
        self.number_new();
        let old = self.old();
        let mut scaled = false;
        for &set in &old {
            scaled |= self.scale(set, 0);
        }
        // The pods of ReplicaSets end first.
        if scaled || old.iter().any(|&set| self.sets[set].actual > 0 || self.sets[set].not_ended > 0) {
            return;
        }
        let new = self.make_new(|sync| sync.view.replicas);
        self.scale(new, self.view.replicas);
        self.clean_up_if_complete();
    }

    fn clean_up_if_complete(&mut self) {
        let updated = self.new.map_or(0, |set| self.sets[set].actual);
        let (wanted, total) = (self.view.replicas, self.sum(|set| set.actual));
        if updated == wanted && total == wanted && self.sum(|set| set.available) == wanted {
            self.clean_up();
        }
    }

    /// Deletes the oldest revisions beyond the limit, unless they have pods.
    fn clean_up(&mut self) {
        let Some(limit) = self.view.history_limit else { return };
        let mut old = self.old();
        old.retain(|&set| !self.sets[set].terminating);
        let surplus = old.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
        old.sort_by_key(|&set| self.sets[set].revision);
        for set in old.into_iter().take(surplus) {
            if self.sets[set].replicas == 0 && self.sets[set].actual == 0 {
                self.changes.push(Change::Delete { set });
            }
        }
    }
}
