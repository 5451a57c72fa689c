//! Objects that come, change and go.

use berth_engine::cluster::Cluster;
use berth_model::load::MeasuredUsage;
use berth_model::workload::OwnerKind;
use berth_wire::{Kind, Object, ObjectKey, WorkloadKind};

use crate::flow::Flow;
use crate::now::Now;
use crate::report::Report;
use crate::waking::Cause;

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
            Object::NodeMetrics(metrics) => {
                let cluster = self.scheduler.cluster_mut();
                if let Some(row) = cluster.nodes().find(&metrics.node) {
                    cluster.set_measured(row, Some(MeasuredUsage::new(&metrics.usage, metrics.timestamp)));
                }
            }
            other => {
                let key = other.key();
                let before = self.scheduler.cluster().changes().next();
                let cause = upsert(self.scheduler.cluster_mut(), other);
                if let Some(cause) = cause
                    && self.scheduler.cluster().changes().next() != before
                {
                    self.wake(now, &cause);
                }
                self.look_at_claims(now, &key);
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
            Kind::NodeMetrics => {
                let cluster = self.scheduler.cluster_mut();
                if let Some(row) = cluster.nodes().find(&key.name) {
                    cluster.set_measured(row, None);
                }
            }
            _ => {
                if let Some(cause) = remove(self.scheduler.cluster_mut(), key) {
                    self.wake(now, &cause);
                    self.look_at_claims(now, key);
                }
            }
        }
    }

    /// An object cannot be read: it is left as it is known, and told of.
    pub(crate) fn unreadable(&mut self, key: &ObjectKey, uid: &str, problem: &str) {
        let id = if uid.is_empty() { String::new() } else { format!(" (uid {uid})") };
        self.outbox.report(Report::Trouble(format!("{key}{id} cannot be read and is left aside: {problem}")));
    }
}

/// Takes an object that is neither a pod nor a node, and tells what that may change for waiting pods.
fn upsert(cluster: &mut Cluster, object: Object) -> Option<Cause> {
    match object {
        Object::Namespace(namespace) => cluster.upsert_namespace(&namespace),
        Object::Service(owner) => cluster.upsert_owner(owner),
        Object::Workload(workload) => cluster.upsert_owner(workload.owner()?),
        Object::Budget(budget) => {
            cluster.upsert_budget(budget);
            return None;
        }
        Object::Volume(volume) => cluster.upsert_volume(volume),
        Object::Claim(claim) => cluster.upsert_claim(claim),
        Object::StorageClass(class) => cluster.upsert_class(class),
        Object::CsiNode(node) => cluster.upsert_csi_node(node),
        Object::CsiDriver(driver) => cluster.upsert_csi_driver(driver),
        Object::StorageCapacity(capacity) => cluster.upsert_capacity(capacity),
        Object::Attachment(attachment) => cluster.upsert_attachment(attachment),
        _ => return None,
    }
    Some(Cause::Storage("x"))
}

/// Forgets an object that is neither a pod nor a node.
fn remove(cluster: &mut Cluster, key: &ObjectKey) -> Option<Cause> {
    let ObjectKey { kind, namespace, name } = key;
    match kind {
        Kind::Namespace => cluster.remove_namespace(name),
        Kind::Service | Kind::Workload(_) => cluster.remove_owner(owner_kind(*kind)?, namespace, name),
        Kind::Budget => cluster.remove_budget(namespace, name),
        Kind::Volume => cluster.remove_volume(name),
        Kind::Claim => cluster.remove_claim(namespace, name),
        Kind::StorageClass => cluster.remove_class(name),
        Kind::CsiNode => cluster.remove_csi_node(name),
        Kind::CsiDriver => cluster.remove_csi_driver(name),
        Kind::StorageCapacity => cluster.remove_capacity(namespace, name),
        Kind::Attachment => cluster.remove_attachment(name),
        _ => return None,
    }
    Some(Cause::Storage("x"))
}

fn owner_kind(kind: Kind) -> Option<OwnerKind> {
    match kind {
        Kind::Service => Some(OwnerKind::Service),
        Kind::Workload(WorkloadKind::ReplicationController) => Some(OwnerKind::ReplicationController),
        Kind::Workload(WorkloadKind::ReplicaSet) => Some(OwnerKind::ReplicaSet),
        Kind::Workload(WorkloadKind::StatefulSet) => Some(OwnerKind::StatefulSet),
        _ => None,
    }
}
