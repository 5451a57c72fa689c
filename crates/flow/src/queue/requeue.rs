//! Requeueing: which unschedulable pods are tried again after an event. The plugins that rejected a pod decide.
//!
//! Upstream: `backend/queue/scheduling_queue.go` (`MoveAllToActiveOrBackoffQueue`, `isPodWorthRequeuing`).

use berth_engine::cluster::Cluster;
use berth_engine::event::{ClusterEvent, FormerPod};
use berth_engine::ids::PodRow;
use berth_engine::name::PluginName;
use berth_engine::plugin::QueueingHint;
use berth_engine::scheduler::Scheduler;
use berth_engine::view::PodView;

use super::{RejectionGroup, SchedulingQueue};

/// The name that stands for all extenders among the plugins that reject a pod.
pub(crate) const EXTENDER: PluginName = PluginName::new("Extender");

impl SchedulingQueue {
    /// Requeues the pods that an event may help. The cluster is as it is after the event. Returns the part of the queue
    /// that each pod enters.
    pub(crate) fn requeue_on(
        &mut self,
        scheduler: &Scheduler,
        event: &ClusterEvent<'_>,
        now: u64,
    ) -> Vec<&'static str> {
        if !self.has_unschedulable() {
            return Vec::new();
        }
        let cluster = scheduler.cluster();
        self.regroup_by_class(cluster);
        let mut helped = Vec::new();
        for (group, pods) in self.unschedulable() {
            let Some(&first) = pods.first() else { continue };
            // Pods of one class get the same answer, unless they have claims: each has its own.
            let spec = &cluster.pods().class(group.class).spec;
            let has_claims = !spec.volumes.is_empty() || !spec.resource_claims.is_empty();
            if has_claims {
                helped.extend(pods.iter().copied().filter(|&pod| may_help(scheduler, group, pod, event)));
            } else if may_help(scheduler, group, first, event) {
                helped.extend(pods.iter().copied());
            }
        }
        helped.extend(nominated_pods_for(cluster, event));
        helped.into_iter().filter_map(|pod| self.requeue(pod, now)).collect()
    }

    /// A pod changed. If it is unschedulable, it is requeued if the change may help; otherwise its group is updated.
    pub(crate) fn requeue_changed(
        &mut self,
        scheduler: &Scheduler,
        pod: PodRow,
        now: u64,
    ) -> Option<&'static str> {
        let group = self.info(pod)?.rejection()?.clone();
        if may_help(scheduler, &group, pod, &ClusterEvent::Itself) {
            return self.requeue(pod, now);
        }
        let class = scheduler.cluster().pods().entry(pod).class;
        self.regroup(pod, RejectionGroup { class, ..group });
        None
    }

    /// Requeues the pods that have been unschedulable for at least this long. Returns the part that each pod enters.
    pub(crate) fn flush(&mut self, now: u64, millis: u64) -> Vec<&'static str> {
        self.overdue(now, millis).into_iter().filter_map(|pod| self.requeue(pod, now)).collect()
    }

    /// A pod before it changes, for the event that follows; `None` if no pod waits for an event.
    pub(crate) fn former_pod(&self, cluster: &Cluster, pod: PodRow) -> Option<FormerPod> {
        self.has_unschedulable().then(|| FormerPod::of(cluster, pod))
    }

    /// Moves unschedulable pods to the groups of their classes. A class splits when a selector mentions a label that
    /// tells its pods apart.
    fn regroup_by_class(&mut self, cluster: &Cluster) {
        let pods = cluster.pods();
        if std::mem::replace(&mut self.reclassifications, pods.reclassifications())
            == pods.reclassifications()
        {
            return;
        }
        let mut moved = Vec::new();
        for (group, rows) in self.unschedulable() {
            for &row in rows {
                let class = pods.entry(row).class;
                if class != group.class {
                    moved.push((row, RejectionGroup { class, ..group.clone() }));
                }
            }
        }
        for (row, group) in moved {
            self.regroup(row, group);
        }
    }
}

/// Whether an event may help a pod of a group.
fn may_help(scheduler: &Scheduler, group: &RejectionGroup, pod: PodRow, event: &ClusterEvent<'_>) -> bool {
    // The loop does not know what extenders depend on.
    if group.plugins.contains(&EXTENDER) {
        return true;
    }
    let view = PodView::new(scheduler.cluster(), pod);
    let profile = &scheduler.profiles()[group.profile];
    profile.queueing_hint(view, &group.plugins, event) == QueueingHint::Queue
}

/// The pods that are nominated to the node of an event. They are tried again, so that a nomination that no longer holds
/// is cleared and does not block other pods.
fn nominated_pods_for(cluster: &Cluster, event: &ClusterEvent<'_>) -> Vec<PodRow> {
    let row = match event {
        ClusterEvent::Node { .. }
        | ClusterEvent::PodArrived { .. }
        | ClusterEvent::PodChanged { .. }
        | ClusterEvent::PodLeft { .. }
            if !cluster.has_nominations() =>
        {
            None
        }
        ClusterEvent::Node { row, .. } => Some(*row),
        ClusterEvent::PodArrived { pod } | ClusterEvent::PodChanged { pod, .. } => {
            cluster.pods().entry(*pod).row
        }
        ClusterEvent::PodLeft { pod } => pod.node(cluster),
        ClusterEvent::NodeGone { node } => {
            let is_nominated =
                |row: &PodRow| cluster.pods().entry(*row).pod.nominated_node.as_ref() == Some(&node.name);
            return cluster.pods().rows().filter(is_nominated).collect();
        }
        _ => None,
    };
    row.map_or_else(Vec::new, |row| cluster.nominated(row).to_vec())
}
