//! What came of the rollout of a workload.

use std::fmt;

use super::{Cluster, Rollouts, Workload};
use crate::daemon_set;
use crate::pod::PodState;
use crate::stateful_set;

/// Why pods keep an old template although the rollout is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// `spec.paused` of a Deployment.
    Paused,
    /// The update strategy `OnDelete`.
    OnDelete,
    /// The `partition` of a StatefulSet.
    Partition,
}

/// What came of the rollout of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// How many pods the workload wants.
    pub wanted: i32,
    /// Pods with the new template that are on a node.
    pub updated: i32,
    /// Pods with the new template that are not on a node.
    pub pending: i32,
    /// Pods with an old template that are on a node.
    pub old: i32,
    /// The most pods that were on nodes at once.
    pub peak: i32,
    /// Nothing is left to do. Otherwise the rollout is stuck: nothing changes any more.
    pub complete: bool,
    /// Why old pods are kept, if the workload says so.
    pub kept: Option<Kept>,
    /// Why a new pod is not on a node.
    pub message: Option<String>,
}

impl fmt::Display for Summary {
    /// `3 of 10 pods updated, 3 old ones still running; new pods are pending: 0/1 nodes are available`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pods = if self.wanted == 1 { "pod" } else { "pods" };
        write!(f, "{} of {} {pods} updated", self.updated, self.wanted)?;
        match self.old {
            0 => {}
            1 => f.write_str(", 1 old one still running")?,
            old => write!(f, ", {old} old ones still running")?,
        }
        match self.kept {
            Some(Kept::Paused) => f.write_str(" (paused)")?,
            Some(Kept::OnDelete) => f.write_str(" (update strategy OnDelete)")?,
            Some(Kept::Partition) => f.write_str(" (kept by the partition)")?,
            None => {}
        }
        match &self.message {
            Some(message) => write!(f, "; new pods are pending: {message}"),
            None => Ok(()),
        }
    }
}

impl Rollouts {
    pub(super) fn summary(&self, place: usize, cluster: &impl Cluster) -> Summary {
        let new_groups: Option<Vec<bool>> = match &self.workloads[place] {
            Workload::Deployment(deployment) => Some(deployment.sets.iter().map(|set| set.updated).collect()),
            Workload::StatefulSet(_) | Workload::DaemonSet(_) | Workload::Job(_) => None,
        };
        let (mut updated, mut pending, mut old, mut old_pending, mut message) = (0, 0, 0, 0, None);
        for (group, pods) in self.pods.groups(place).iter().enumerate() {
            for pod in pods.iter().filter(|pod| pod.is_active()) {
                let is_new = new_groups.as_ref().map_or(pod.updated, |new| new[group]);
                match (is_new, pod.node.is_some()) {
                    (true, true) => updated += 1,
                    (true, false) => {
                        pending += 1;
                        message = message.or_else(|| cluster.pending_message(pod.id));
                    }
                    (false, true) => old += 1,
                    (false, false) => old_pending += 1,
                }
            }
        }
        let (wanted, kept) = self.target(place);
        let may_be_old = kept.map_or(0, |(_, count)| count);
        let complete = pending == 0
            && old_pending == 0
            && updated + old == wanted
            && old <= may_be_old
            && self.is_one_per_node(place);
        let kept = kept.filter(|(_, count)| old > 0 && *count > 0).map(|(kept, _)| kept);
        Summary { wanted, updated, pending, old, peak: self.pods.peak(place), complete, kept, message }
    }

    /// How many pods a workload wants, and how many of them may keep an old template.
    fn target(&self, place: usize) -> (i32, Option<(Kept, i32)>) {
        match &self.workloads[place] {
            Workload::Deployment(deployment) => {
                let wanted = deployment.replicas;
                (wanted, deployment.paused.then_some((Kept::Paused, i32::MAX)))
            }
            Workload::StatefulSet(set) => {
                let kept = match set.strategy {
                    stateful_set::Strategy::OnDelete => Kept::OnDelete,
                    stateful_set::Strategy::RollingUpdate { .. } => Kept::Partition,
                };
                (set.replicas, Some((kept, set.kept())))
            }
            Workload::DaemonSet(set) => {
                let on_delete = set.strategy == daemon_set::Strategy::OnDelete;
                (set.wanted(), on_delete.then_some((Kept::OnDelete, i32::MAX)))
            }
            Workload::Job(job) => (job.wanted(self.pods.counts(place)[0].active), None),
        }
    }

    /// Whether each node that should run a daemon pod has one, and no other node has.
    fn is_one_per_node(&self, place: usize) -> bool {
        let Workload::DaemonSet(set) = &self.workloads[place] else { return true };
        let active = |pods: &[PodState]| pods.iter().filter(|pod| pod.is_active()).count();
        let mut nodes = set.nodes.iter().zip(self.pods.groups(place));
        nodes.all(|(node, pods)| active(pods) == usize::from(node.should_run))
    }
}
