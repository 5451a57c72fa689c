//! Who may fit now that something changed: the plugins that rejected a pod say so.

use berth_engine::effect::Effect;
use berth_engine::event::{ClusterEvent, FormerPod};
use berth_engine::ids::PodRow;
use berth_engine::plugin::QueueingHint;
use berth_engine::view::PodView;
use berth_model::Str;
use berth_model::device::ResourceClaim;
use berth_model::volume::{Claim, Volume};

use crate::extending::EXTENDER;
use crate::flow::Flow;
use crate::now::Now;
use crate::queue::Group;

impl Flow {
    /// Something happened: pods that it may help are tried again. `label` is upstream's name for it.
    pub(crate) fn wake(&mut self, now: Now, label: &'static str, event: &ClusterEvent<'_>) {
        if !self.queue.has_waiting() {
            return;
        }
        self.group_anew();
        let mut woken = Vec::new();
        for (group, pods) in self.queue.waiting() {
            let Some(&first) = pods.first() else { continue };
            // Pods of one class are alike, but each has its own claims.
            let spec = &self.scheduler.cluster().pods().class(group.class).spec;
            let has_claims = !spec.volumes.is_empty() || !spec.resource_claims.is_empty();
            if has_claims {
                woken.extend(pods.iter().copied().filter(|&pod| self.may_help(group, pod, event)));
            } else if self.may_help(group, first, event) {
                woken.extend(pods.iter().copied());
            }
        }
        woken.extend(self.hopeful(event));
        for pod in woken {
            if let Some(queue) = self.queue.wake(pod, now.millis) {
                self.report_queued(queue, label);
            }
        }
    }

    /// Waiting pods that were alike may be of different classes since a selector mentions what tells them apart.
    fn group_anew(&mut self) {
        let pods = self.scheduler.cluster().pods();
        if std::mem::replace(&mut self.splits, pods.reclassifications()) == pods.reclassifications() {
            return;
        }
        let mut moved = Vec::new();
        for (group, rows) in self.queue.waiting() {
            for &row in rows {
                let class = pods.entry(row).class;
                if class != group.class {
                    moved.push((row, Group { class, ..group.clone() }));
                }
            }
        }
        for (row, group) in moved {
            self.queue.regroup(row, group);
        }
    }

    /// Pods that hope for a node where something happened: they try whether their hope is void, so that it does not keep
    /// others from the node.
    fn hopeful(&self, event: &ClusterEvent<'_>) -> Vec<PodRow> {
        let cluster = self.scheduler.cluster();
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
                let hopes =
                    |row: &PodRow| cluster.pods().entry(*row).pod.nominated_node.as_ref() == Some(&node.name);
                return cluster.pods().rows().filter(hopes).collect();
            }
            _ => None,
        };
        row.map_or_else(Vec::new, |row| cluster.nominated(row).to_vec())
    }

    fn may_help(&self, group: &Group, pod: PodRow, event: &ClusterEvent<'_>) -> bool {
        // What extenders look at is not known.
        group.plugins.contains(&EXTENDER)
            || self.scheduler.profiles()[group.profile].queueing_hint(
                PodView::new(self.scheduler.cluster(), pod),
                &group.plugins,
                event,
            ) == QueueingHint::Queue
    }

    /// A waiting pod has another spec.
    pub(crate) fn wake_changed(&mut self, now: Now, pod: PodRow) {
        let Some(group) = self.queue.group(pod).cloned() else { return };
        let class = self.scheduler.cluster().pods().entry(pod).class;
        if self.may_help(&group, pod, &ClusterEvent::Itself)
            && let Some(queue) = self.queue.wake(pod, now.millis)
        {
            self.report_queued(queue, "TargetPodUpdate");
        } else {
            self.queue.regroup(pod, Group { class, ..group });
        }
    }

    /// What a pod is now, as long as somebody waits for what comes of it.
    pub(crate) fn former(&self, pod: PodRow) -> Option<FormerPod> {
        self.queue.has_waiting().then(|| FormerPod::of(self.scheduler.cluster(), pod))
    }

    /// A pod holds nothing of its node any more.
    pub(crate) fn wake_for_left(&mut self, now: Now, former: Option<FormerPod>) {
        if let Some(former) = former.filter(|former| former.row.is_some()) {
            self.wake(now, "AssignedPodDelete", &ClusterEvent::PodLeft { pod: &former });
        }
    }

    /// What was reserved is free again.
    pub(crate) fn wake_for_undone(&mut self, now: Now, undone: &[Undone]) {
        for undone in undone {
            match undone {
                Undone::Volume(old) => {
                    let event = ClusterEvent::Volume { name: &old.name, old: Some(old) };
                    self.wake(now, "PersistentVolumeUpdate", &event);
                }
                Undone::Claim(old) => {
                    let event =
                        ClusterEvent::Claim { namespace: &old.namespace, name: &old.name, old: Some(old) };
                    self.wake(now, "PersistentVolumeClaimUpdate", &event);
                }
                Undone::DeviceClaim(old) => {
                    let (namespace, name) = (&old.namespace, &old.name);
                    let event = ClusterEvent::DeviceClaim { namespace, name, old: Some(old) };
                    self.wake(now, "ResourceClaimUpdate", &event);
                }
            }
        }
    }

    /// What an effect reserved, as it is while it is reserved.
    pub(crate) fn reserved(&self, effect: &Effect) -> Option<Undone> {
        let cluster = self.scheduler.cluster();
        let storage = cluster.storage();
        let device_claim = |namespace: &Str, name: &Str| {
            cluster.devices().claim(namespace, name).cloned().map(Box::new).map(Undone::DeviceClaim)
        };
        match effect {
            Effect::BindVolume { volume, .. } => storage.volumes.get(volume).cloned().map(Undone::Volume),
            Effect::ProvisionVolume { namespace, claim, .. } => {
                storage.claim(namespace, claim).cloned().map(Undone::Claim)
            }
            Effect::ReserveDevices(wanted) => device_claim(&wanted.namespace, &wanted.claim),
            Effect::MakeDeviceClaim(made) => device_claim(&made.claim.namespace, &made.claim.name),
        }
    }

    /// Pods that have waited for long are tried again, whatever happened.
    pub(crate) fn flush(&mut self, now: Now) {
        let Some(millis) = self.settings.flush_millis else { return };
        for pod in self.queue.overdue(now.millis, millis) {
            if let Some(queue) = self.queue.wake(pod, now.millis) {
                self.report_queued(queue, "UnschedulableTimeout");
            }
        }
    }
}

/// An object whose reservation was taken back, as it was before.
#[derive(Clone, Debug)]
pub(crate) enum Undone {
    Volume(Volume),
    Claim(Claim),
    DeviceClaim(Box<ResourceClaim>),
}
