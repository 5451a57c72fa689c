//! Rollouts: the controllers act, with a scheduler between their syncs, until nothing changes any more.
//!
//! Time is left out. A pod counts as ready and available as soon as it is on a node. A pod that is deleted stays on its
//! node until the pods that were made at the same time have been tried once, as its grace period would have it: so the
//! surge must find room beside it, and what does not is tried again when it is gone.

mod daemon_set;
mod deployment;
mod job;
mod pods;
mod stateful_set;
mod summary;
#[cfg(test)]
mod tests;

pub use daemon_set::DaemonSet;
pub use deployment::Deployment;
pub use job::Job;
pub use stateful_set::StatefulSet;
pub use summary::{Kept, Summary};

use berth_model::UnixSeconds;

use crate::change::{NewPod, PodChange};
use crate::pod::{Phase, PodState};
use pods::Pods;

/// A cluster in which pods are made, deleted and scheduled.
pub trait Cluster {
    /// Makes a pod for a workload, by its place among all; for a Deployment in one of its ReplicaSets, by its place.
    /// Returns the pod as its controller sees it, or `None` if the pod cannot be made.
    fn create(&mut self, workload: usize, set: usize, pod: NewPod) -> Option<PodState>;
    /// Removes a pod.
    fn delete(&mut self, pod: u32);
    /// Tries to schedule the pods that wait, and says what happened.
    fn schedule(&mut self) -> Vec<Event>;
    /// Why a pod is not on a node.
    fn pending_message(&self, pod: u32) -> Option<String>;
}

/// What a scheduler did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A pod was placed on a node.
    Placed {
        /// The pod.
        pod: u32,
        /// The caller's number of the node.
        node: u32,
    },
    /// A pod was evicted for another pod. Its controller makes it again: it waits under a new number.
    Evicted {
        /// The pod.
        pod: u32,
        /// The pod that was made instead.
        again: u32,
    },
}

/// A workload that is rolled out.
#[derive(Clone, Debug)]
pub enum Workload {
    /// A Deployment with its ReplicaSets.
    Deployment(Deployment),
    /// A StatefulSet.
    StatefulSet(StatefulSet),
    /// A DaemonSet.
    DaemonSet(DaemonSet),
    /// A Job.
    Job(Job),
}

/// The workloads that are rolled out together.
#[derive(Clone, Debug, Default)]
pub struct Rollouts {
    workloads: Vec<Workload>,
    pods: Pods,
    /// Workloads that may have something to do.
    awake: Vec<bool>,
    /// Pods that are deleted after the next scheduling.
    ending: Vec<u32>,
    now: UnixSeconds,
}

impl Rollouts {
    /// Starts with no workload. `now` is the time at which pods are made.
    pub fn new(now: UnixSeconds) -> Self {
        Self { now, ..Self::default() }
    }

    /// Adds a workload with its pods: those of a Deployment by ReplicaSet, of a DaemonSet by node, of a StatefulSet in
    /// one list. Returns its place.
    pub fn add(&mut self, workload: Workload, pods: Vec<Vec<PodState>>) -> usize {
        let place = self.workloads.len();
        self.workloads.push(workload);
        self.awake.push(true);
        self.pods.add_workload();
        for (group, pods) in pods.into_iter().enumerate() {
            self.pods.add_group(place);
            for pod in pods {
                self.pods.insert(place, group, pod);
            }
        }
        place
    }

    /// Whether there is nothing to roll out.
    pub fn is_empty(&self) -> bool {
        self.workloads.is_empty()
    }

    /// Lets the controllers and the scheduler act until nothing changes, and sums up each workload.
    pub fn finish(mut self, cluster: &mut impl Cluster) -> Vec<Summary> {
        // Each turn makes, places or deletes at least one pod, and none of that happens to a pod more than a few times.
        let bound = 100 + 20 * self.pods.len().saturating_add(self.wanted());
        for _ in 0..bound {
            if !self.turn(cluster) {
                break;
            }
        }
        (0..self.workloads.len()).map(|place| self.summary(place, cluster)).collect()
    }

    fn wanted(&self) -> usize {
        let wanted = |workload: &Workload| match workload {
            Workload::Deployment(deployment) => deployment.replicas,
            Workload::StatefulSet(set) => set.replicas,
            Workload::DaemonSet(set) => i32::try_from(set.nodes.len()).unwrap_or(i32::MAX),
            Workload::Job(job) => job.parallelism,
        };
        self.workloads.iter().map(wanted).map(|wanted| usize::try_from(wanted).unwrap_or(0)).sum()
    }

    /// One sync of each controller, then one scheduling of what waits. Whether anything happened.
    fn turn(&mut self, cluster: &mut impl Cluster) -> bool {
        let mut changed = false;
        for place in 0..self.workloads.len() {
            if std::mem::take(&mut self.awake[place]) && self.sync(place, cluster) {
                self.awake[place] = true;
                changed = true;
            }
        }
        for event in cluster.schedule() {
            changed |= self.observe(event, cluster);
        }
        self.pods.note_peaks();
        for pod in std::mem::take(&mut self.ending) {
            if let Some((slot, _)) = self.pods.remove(pod) {
                cluster.delete(pod);
                self.awake[slot.workload] = true;
                changed = true;
            }
        }
        changed
    }

    fn sync(&mut self, place: usize, cluster: &mut impl Cluster) -> bool {
        let mut changed = false;
        if let Workload::Deployment(deployment) = &mut self.workloads[place] {
            changed = deployment.sync(self.pods.counts(place), self.now);
            while self.pods.groups(place).len() < deployment.sets.len() {
                self.pods.add_group(place);
            }
        }
        let groups = self.pods.groups(place);
        let changes: Vec<(usize, PodChange)> = match &self.workloads[place] {
            Workload::Deployment(deployment) => {
                let rank = |node| self.pods.on_node(place, node);
                deployment.pod_changes(groups, self.pods.counts(place), rank, self.now)
            }
            Workload::StatefulSet(set) => in_group(0, set.pod_changes(&groups[0], self.now)),
            Workload::DaemonSet(set) => in_group(0, set.pod_changes(groups, self.now)),
            Workload::Job(job) => in_group(0, job.pod_changes(&groups[0], self.now)),
        };
        for (group, change) in changes {
            let group = match change {
                PodChange::Create(NewPod::OnNode(node)) => self.node_group(place, node),
                _ => group,
            };
            changed |= self.apply(place, group, change, cluster);
        }
        changed
    }

    /// The place of a node among those of a DaemonSet.
    fn node_group(&self, place: usize, node: u32) -> usize {
        match &self.workloads[place] {
            Workload::DaemonSet(set) => set.nodes.iter().position(|state| state.id == node).unwrap_or(0),
            _ => 0,
        }
    }

    fn apply(&mut self, place: usize, group: usize, change: PodChange, cluster: &mut impl Cluster) -> bool {
        match change {
            PodChange::Create(pod) => {
                let made = cluster.create(place, group, pod);
                made.map(|state| self.pods.insert(place, group, state)).is_some()
            }
            PodChange::Delete(id) => {
                let Some(slot) = self.pods.change(id, |pod| pod.terminating = true) else { return false };
                if self.pods.get(slot).node.is_some() {
                    self.ending.push(id);
                } else {
                    // Nothing runs yet, so there is no grace period.
                    self.pods.remove(id);
                    cluster.delete(id);
                }
                true
            }
        }
    }

    fn observe(&mut self, event: Event, cluster: &mut impl Cluster) -> bool {
        let slot = match event {
            Event::Placed { pod, node } => self.pods.change(pod, |pod| {
                pod.node = Some(node);
                pod.phase = Phase::Running;
                pod.ready = true;
                pod.ready_since = Some(self.now);
            }),
            Event::Evicted { pod, again } => {
                let removed = self.pods.remove(pod);
                if let Some((slot, state)) = &removed
                    && !state.terminating
                {
                    let (id, node, phase) = (again, None, Phase::Pending);
                    let state =
                        PodState { id, node, phase, ready: false, ready_since: None, ..state.clone() };
                    self.pods.insert(slot.workload, slot.group, state);
                } else if removed.is_some() {
                    cluster.delete(again);
                }
                removed.map(|(slot, _)| slot)
            }
        };
        if let Some(slot) = slot {
            self.awake[slot.workload] = true;
        }
        slot.is_some()
    }
}

fn in_group(group: usize, changes: Vec<PodChange>) -> Vec<(usize, PodChange)> {
    changes.into_iter().map(|change| (group, change)).collect()
}
