//! Objects that come, change and go.

use berth_engine::cluster::Cluster;
use berth_engine::event::ClusterEvent;
use berth_model::device::ResourceClaim;
use berth_model::object::{Kind, Object, ObjectKey};
use berth_model::volume::{Attachment, Claim, StorageCapacity, Volume};

use crate::flow::Flow;
use crate::now::Now;
use crate::report::Report;

impl Flow {
    /// An object came or changed.
    pub(crate) fn applied(&mut self, now: Now, object: Object) {
        let key = object.key();
        if let Object::Pod(pod) = object {
            if pod.finished {
                return self.deleted(now, &key); // it holds nothing any more
            }
            self.inventory.note(key);
            return self.pod_applied(now, *pod);
        }
        self.inventory.note(key);
        match object {
            Object::Node(node) => self.node_applied(now, node),
            metrics @ Object::NodeMetrics(_) => {
                let cluster = self.scheduler.cluster_mut();
                cluster.set_now(now.unix_seconds());
                cluster.apply_object(metrics);
            }
            other => {
                let key = other.key();
                self.take_in(now, &key, |cluster| cluster.apply_object(other));
                self.look_at_claims(now, &key);
                self.look_at_gates(now, &key);
            }
        }
    }

    /// An object is gone.
    pub(crate) fn deleted(&mut self, now: Now, key: &ObjectKey) {
        if !self.inventory.forget(key) {
            return;
        }
        match key.kind {
            Kind::Pod => self.pod_deleted(now, key),
            Kind::Node => self.node_deleted(now, key),
            Kind::NodeMetrics => self.scheduler.cluster_mut().remove_object(key),
            _ => {
                self.take_in(now, key, |cluster| cluster.remove_object(key));
                self.look_at_claims(now, key);
            }
        }
    }

    /// Changes the cluster by an object, and wakes those whom that may help.
    fn take_in(&mut self, now: Now, key: &ObjectKey, change: impl FnOnce(&mut Cluster)) {
        let old = self.queue.has_waiting().then(|| Former::of(self.scheduler.cluster(), key));
        let before = self.scheduler.cluster().changes().next();
        change(self.scheduler.cluster_mut());
        if let Some(old) = old
            && self.scheduler.cluster().changes().next() != before
            && let Some((label, event)) = old.event(key)
        {
            self.wake(now, label, &event);
        }
    }

    /// An object cannot be read: it is left as it is known, and told of.
    pub(crate) fn unreadable(&mut self, key: &ObjectKey, uid: &str, problem: &str) {
        let id = if uid.is_empty() { String::new() } else { format!(" (uid {uid})") };
        self.outbox.report(Report::Trouble(format!("{key}{id} cannot be read and is left aside: {problem}")));
    }
}

/// What an object was before it changed, as far as that matters.
#[derive(Default)]
struct Former {
    claim: Option<Claim>,
    volume: Option<Volume>,
    capacity: Option<StorageCapacity>,
    attachment: Option<Attachment>,
    device_claim: Option<ResourceClaim>,
}

impl Former {
    fn of(cluster: &Cluster, key: &ObjectKey) -> Self {
        let storage = cluster.storage();
        let named = || (key.namespace.clone(), key.name.clone());
        let mut former = Self::default();
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

    /// Upstream's label, and what happened.
    fn event<'a>(&'a self, key: &'a ObjectKey) -> Option<(&'static str, ClusterEvent<'a>)> {
        let ObjectKey { kind, namespace, name } = key;
        Some(match kind {
            Kind::Namespace => ("NamespaceUpdate", ClusterEvent::Namespace { name }),
            Kind::Service | Kind::Workload(_) => ("ServiceUpdate", ClusterEvent::Owner { namespace }),
            Kind::Claim => (
                "PersistentVolumeClaimUpdate",
                ClusterEvent::Claim { namespace, name, old: self.claim.as_ref() },
            ),
            Kind::Volume => {
                ("PersistentVolumeUpdate", ClusterEvent::Volume { name, old: self.volume.as_ref() })
            }
            Kind::StorageClass => ("storage.k8s.io/StorageClassUpdate", ClusterEvent::StorageClass { name }),
            Kind::CsiNode => ("storage.k8s.io/CSINodeUpdate", ClusterEvent::CsiNode { node: name }),
            Kind::CsiDriver => ("storage.k8s.io/CSIDriverUpdate", ClusterEvent::CsiDriver { name }),
            Kind::StorageCapacity => (
                "storage.k8s.io/CSIStorageCapacityUpdate",
                ClusterEvent::StorageCapacity { namespace, name, old: self.capacity.as_ref() },
            ),
            Kind::DeviceClass => ("resource.k8s.io/DeviceClassUpdate", ClusterEvent::Devices),
            Kind::ResourceSlice => ("resource.k8s.io/ResourceSliceUpdate", ClusterEvent::Devices),
            Kind::DeviceTaintRule => ("resource.k8s.io/DeviceTaintRuleUpdate", ClusterEvent::Devices),
            Kind::ResourceClaim => (
                "resource.k8s.io/ResourceClaimUpdate",
                ClusterEvent::DeviceClaim { namespace, name, old: self.device_claim.as_ref() },
            ),
            Kind::Attachment => (
                "storage.k8s.io/VolumeAttachmentUpdate",
                ClusterEvent::Attachment { old: self.attachment.as_ref() },
            ),
            _ => return None,
        })
    }
}
