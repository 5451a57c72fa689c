//! Objects that the watches deliver: they change the cluster, and may requeue pods.

use std::collections::BTreeSet;

use berth_engine::cluster::Cluster;
use berth_engine::event::ClusterEvent;
use berth_engine::ids::PodRow;
use berth_engine::scan;
use berth_engine::view::PodView;
use berth_model::Str;
use berth_model::device::ResourceClaim;
use berth_model::node::Node;
use berth_model::object::{Kind, Object, ObjectKey};
use berth_model::pod::Pod;
use berth_model::pod_manifest::PodManifest;
use berth_model::volume::{Attachment, Claim, StorageCapacity, Volume};

use super::SchedulingLoop;
use crate::action::PodRef;
use crate::input::Now;
use crate::pod_table::{PendingPod, PodStage};
use crate::status::PodStatus;

/// The nodes that have measurements, by name.
#[derive(Debug, Default)]
pub(super) struct MeasuredNodes {
    names: BTreeSet<Str>,
}

impl MeasuredNodes {
    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub(super) fn keys(&self) -> Vec<ObjectKey> {
        let key =
            |name: &Str| ObjectKey { kind: Kind::NodeMetrics, namespace: "".into(), name: name.clone() };
        self.names.iter().map(key).collect()
    }
}

impl SchedulingLoop {
    /// An object was created or changed.
    pub(super) fn applied(&mut self, now: Now, object: Object) {
        let key = object.key();
        if matches!(&object, Object::Pod(manifest) if manifest.finished) {
            return self.deleted(now, &key); // a finished pod uses nothing
        }
        self.listings.add(&key);
        match object {
            Object::Pod(manifest) => self.pod_applied(now, *manifest),
            Object::Node(node) => self.node_applied(now, node),
            metrics @ Object::NodeMetrics(_) => {
                self.measured.names.insert(key.name);
                let cluster = self.scheduler.cluster_mut();
                cluster.set_now(now.unix_seconds());
                cluster.apply_object(metrics);
            }
            other => self.change_object(now, &key, |cluster| cluster.apply_object(other)),
        }
    }

    /// An object was deleted.
    pub(super) fn deleted(&mut self, now: Now, key: &ObjectKey) {
        self.listings.remove(key);
        match key.kind {
            Kind::Pod => {
                if let Some(row) = self.pods.find(&key.namespace, &key.name) {
                    self.pod_deleted(now, row);
                }
            }
            Kind::Node => self.node_deleted(now, key),
            Kind::NodeMetrics => {
                if self.measured.names.remove(&key.name) {
                    self.scheduler.cluster_mut().remove_object(key);
                }
            }
            _ => self.change_object(now, key, |cluster| cluster.remove_object(key)),
        }
    }

    /// A listing is complete: known objects that it did not name are deleted.
    pub(super) fn listed(&mut self, now: Now, kind: Kind) {
        let known = self.known(kind);
        for key in self.listings.finish(kind, known) {
            self.deleted(now, &key);
        }
    }

    /// An object cannot be decoded. What is known of it stays.
    pub(super) fn unreadable(&mut self, key: &ObjectKey, uid: &str, problem: &str) {
        self.listings.add(key);
        let id = if uid.is_empty() { String::new() } else { format!(" (uid {uid})") };
        self.outbox.warn(format!("{key}{id} cannot be read and is ignored: {problem}"));
    }

    /// Changes the cluster by an object, requeues the pods that this may help, and continues PreBind.
    fn change_object(&mut self, now: Now, key: &ObjectKey, change: impl FnOnce(&mut Cluster)) {
        let former = self.queue.has_unschedulable().then(|| FormerObject::of(self.scheduler.cluster(), key));
        let before = self.scheduler.cluster().changes().next();
        change(self.scheduler.cluster_mut());
        if self.scheduler.cluster().changes().next() != before
            && let Some(event) = former.as_ref().and_then(FormerObject::event)
        {
            self.requeue_on(now, &event);
        }
        self.pre_bind_on_object(now, key);
        self.check_gates(now, key);
        self.retry_for_left_claim(now, key);
    }

    fn node_applied(&mut self, now: Now, node: Node) {
        let cluster = self.scheduler.cluster_mut();
        let known = cluster.nodes().find(&node.name);
        if known.is_some_and(|row| *cluster.nodes().object(row) == node) {
            return; // a heartbeat
        }
        let old = known.map(|row| cluster.nodes().object(row).clone());
        let row = cluster.upsert_node(node);
        self.requeue_on(now, &ClusterEvent::Node { row, old: old.as_ref() });
    }

    /// A node was deleted. Its pods stay until the watch delivers that they are deleted.
    fn node_deleted(&mut self, now: Now, key: &ObjectKey) {
        let cluster = self.scheduler.cluster_mut();
        let Some(row) = cluster.nodes().find(&key.name) else { return };
        let node = cluster.nodes().object(row).clone();
        cluster.remove_node(row);
        self.requeue_on(now, &ClusterEvent::NodeGone { node: &node });
    }

    fn pod_applied(&mut self, now: Now, mut manifest: PodManifest) {
        self.evictions.deliver(&mut manifest.pod);
        let pod = &manifest.pod;
        match self.pods.find(&pod.spec.namespace, &pod.name) {
            Some(row) if self.scheduler.cluster().pods().entry(row).pod.uid == pod.uid => {
                self.pod_changed(now, row, manifest);
            }
            Some(row) => {
                self.pod_deleted(now, row); // it was created again under the same name
                self.pod_created(now, manifest);
            }
            None => self.pod_created(now, manifest),
        }
    }

    fn pod_created(&mut self, now: Now, manifest: PodManifest) {
        let pod = manifest.pod;
        let (namespace, name) = (pod.spec.namespace.clone(), pod.name.clone());
        if pod.node.is_some() {
            let row = self.scheduler.cluster_mut().add_pod(pod);
            self.pods.insert(namespace, name, row, None);
            self.requeue_on(now, &ClusterEvent::PodArrived { pod: row });
            return;
        }
        let wanted = &pod.spec.scheduler_name;
        let Some(profile) = self.settings.profiles.iter().position(|p| p.scheduler_name == *wanted) else {
            return; // another scheduler places it; it counts once it is bound
        };
        let condition = manifest.scheduled.filter(|c| &*c.status == "False").map(|c| (c.reason, c.message));
        let status = PodStatus::new(pod.nominated_node.clone(), condition);
        let pending = PendingPod::new(PodRef::of(&pod), profile, manifest.generation, status);
        let priority = pod.spec.priority;
        let row = self.scheduler.cluster_mut().add_pod(pod);
        self.pods.insert(namespace, name, row, Some(pending));
        let gated = self.is_gated(profile, row);
        let queue = self.queue.add(row, priority, gated, now.millis);
        self.report_queued(queue, "UnscheduledPodAdd");
    }

    fn pod_changed(&mut self, now: Now, row: PodRow, manifest: PodManifest) {
        let pod = manifest.pod;
        let Some(pending) = self.pods.get_mut(row) else {
            self.bound_pod_changed(now, row, pod);
            return;
        };
        let renominated = pending.on_watch(manifest.generation, pod.nominated_node.as_ref());
        match (pending.stage(), &pod.node) {
            (_, Some(_)) => self.pod_bound(now, row, pod),
            (PodStage::Queued | PodStage::Extending(_), None) => {
                self.queued_pod_changed(now, row, pod, renominated);
            }
            (PodStage::Binding(binding), None) => {
                // It is assumed on its node.
                let assumed = Pod { node: Some(binding.node().clone()), nominated_node: None, ..pod };
                self.bound_pod_changed(now, row, assumed);
            }
        }
    }

    /// A pod that is not assumed on a node changed. `renominated`: another process has changed its nomination.
    fn queued_pod_changed(&mut self, now: Now, row: PodRow, mut pod: Pod, renominated: bool) {
        let former = self.former_pod(row);
        let cluster = self.scheduler.cluster_mut();
        let entry = cluster.pods().entry(row);
        if !renominated {
            // The nomination that was decided here is newer than the one that the watch delivered.
            pod.nominated_node.clone_from(&entry.pod.nominated_node);
        }
        let old = (entry.pod.spec.clone(), entry.pod.claim_statuses.clone());
        let nomination_stays = entry.pod.nominated_node == pod.nominated_node;
        let is_nominated = pod.nominated_node.is_some();
        cluster.update_pod(row, pod);
        let new = &cluster.pods().entry(row).pod;
        let spec_stays = (&new.spec, &new.claim_statuses) == (&old.0, &old.1);
        if !spec_stays && let Some(state) = self.pods.extending_mut(row) {
            state.on_pod_changed();
        }
        let profile = self.pending_pod(row).profile();
        let gated = self.is_gated(profile, row);
        let requeued = if let Some(queue) = self.queue.set_gated(row, gated, now.millis) {
            Some((queue, "UnscheduledPodUpdate"))
        } else if !spec_stays {
            let queue = self.queue.requeue_changed(&self.scheduler, row, now.millis);
            queue.map(|queue| (queue, "TargetPodUpdate"))
        } else if renominated && is_nominated {
            // The nomination may not hold. The next attempt finds out.
            self.queue.requeue(row, now.millis).map(|queue| (queue, "TargetPodUpdate"))
        } else {
            None
        };
        if let Some((queue, event)) = requeued {
            self.report_queued(queue, event);
        }
        if !nomination_stays || !spec_stays {
            // A nominated pod counts on its node. As it was, it may have kept others away.
            self.requeue_for_left(now, former);
        }
    }

    /// The watch delivered that a pending pod is bound.
    fn pod_bound(&mut self, now: Now, row: PodRow, pod: Pod) {
        let binding = self.pods.binding_mut(row);
        // While PreBind is in progress, this scheduler has sent no binding. If the pod is bound then, another scheduler
        // bound it, perhaps to the same node, and what is reserved here must be released.
        let as_assumed = binding.as_ref().is_some_and(|binding| binding.was_sent_to(pod.node.as_ref()));
        let is_reported = binding.is_none_or(|binding| binding.is_bound());
        if as_assumed && !is_reported {
            self.report_bound(now, row); // the watch was faster than the reply
        }
        if !as_assumed {
            self.forget(now, row); // another scheduler bound it
        }
        self.queue.remove(row);
        self.pods.mark_bound(row);
        if as_assumed {
            self.bound_pod_changed(now, row, pod);
        } else {
            self.scheduler.cluster_mut().update_pod(row, pod);
            self.requeue_on(now, &ClusterEvent::PodArrived { pod: row });
        }
    }

    /// A pod that counts on a node changed.
    pub(super) fn bound_pod_changed(&mut self, now: Now, row: PodRow, pod: Pod) {
        let former = self.former_pod(row);
        let cluster = self.scheduler.cluster_mut();
        let before = cluster.changes().next();
        cluster.update_pod(row, pod);
        if let Some(old) = former
            && self.scheduler.cluster().changes().next() != before
        {
            self.requeue_on(now, &ClusterEvent::PodChanged { pod: row, old: &old });
        }
    }

    /// A pod was deleted or has finished.
    fn pod_deleted(&mut self, now: Now, row: PodRow) {
        let former = self.former_pod(row);
        let reverted = self.revert_binding(row);
        self.queue.remove(row);
        let pod = &self.scheduler.cluster().pods().entry(row).pod;
        let (namespace, name) = (pod.spec.namespace.clone(), pod.name.clone());
        self.evictions.end(&pod.uid);
        self.pods.remove(&namespace, &name);
        self.scheduler.cluster_mut().remove_pod(row);
        self.requeue_for_left(now, former);
        self.requeue_for_reverted(now, &reverted);
    }

    /// Whether a PreEnqueue plugin holds a pod back.
    pub(super) fn is_gated(&self, profile: usize, row: PodRow) -> bool {
        let view = PodView::new(self.scheduler.cluster(), row);
        scan::gate(&self.scheduler.profiles()[profile], view).is_some()
    }
}

/// An object before it changes, as far as the event that follows needs it.
#[derive(Clone, Debug)]
pub(super) struct FormerObject {
    key: ObjectKey,
    claim: Option<Claim>,
    volume: Option<Volume>,
    capacity: Option<StorageCapacity>,
    attachment: Option<Attachment>,
    device_claim: Option<ResourceClaim>,
}

impl FormerObject {
    /// The object as it is now.
    pub(super) fn of(cluster: &Cluster, key: &ObjectKey) -> Self {
        let storage = cluster.storage();
        let named = || (key.namespace.clone(), key.name.clone());
        let mut former = Self::unknown(key.clone());
        match key.kind {
            Kind::Claim => former.claim = storage.claims.get(&named()).cloned(),
            Kind::Volume => former.volume = storage.volumes.get(&key.name).cloned(),
            Kind::StorageCapacity => former.capacity = storage.capacities.get(&named()).cloned(),
            Kind::Attachment => former.attachment = storage.attachments.get(&key.name).cloned(),
            Kind::ResourceClaim => {
                former.device_claim = cluster.devices().claim(&key.namespace, &key.name).cloned();
            }
            _ => {}
        }
        former
    }

    /// An object of which nothing is known: what it is now may help every pod that it concerns.
    pub(super) fn unknown(key: ObjectKey) -> Self {
        Self { key, claim: None, volume: None, capacity: None, attachment: None, device_claim: None }
    }

    /// Whether an object was found. Only kinds whose events need the former object are looked up.
    pub(super) fn exists(&self) -> bool {
        self.claim.is_some()
            || self.volume.is_some()
            || self.capacity.is_some()
            || self.attachment.is_some()
            || self.device_claim.is_some()
    }

    /// The event of a change of the object; `None` if no pod can be helped by it.
    pub(super) fn event(&self) -> Option<ClusterEvent<'_>> {
        let ObjectKey { kind, namespace, name } = &self.key;
        Some(match kind {
            Kind::Namespace => ClusterEvent::Namespace { name },
            Kind::Service | Kind::Workload(_) => ClusterEvent::Owner { namespace },
            Kind::Claim => ClusterEvent::Claim { namespace, name, old: self.claim.as_ref() },
            Kind::Volume => ClusterEvent::Volume { name, old: self.volume.as_ref() },
            Kind::StorageClass => ClusterEvent::StorageClass { name },
            Kind::CsiNode => ClusterEvent::CsiNode { node: name },
            Kind::CsiDriver => ClusterEvent::CsiDriver { name },
            Kind::StorageCapacity => {
                ClusterEvent::StorageCapacity { namespace, name, old: self.capacity.as_ref() }
            }
            Kind::Attachment => ClusterEvent::Attachment { old: self.attachment.as_ref() },
            Kind::DeviceClass | Kind::ResourceSlice | Kind::DeviceTaintRule => ClusterEvent::Devices,
            Kind::ResourceClaim => {
                ClusterEvent::DeviceClaim { namespace, name, old: self.device_claim.as_ref() }
            }
            _ => return None,
        })
    }
}
