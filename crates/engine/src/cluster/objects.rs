//! Objects of any kind: the one place that applies them to a cluster, removes them, and lists them again.
//!
//! Pods are not among them: shells need a pod's row, and have to know whether it waits (`add_pod`, `pod_update`).

use berth_model::load::MeasuredUsage;
use berth_model::object::{Kind, Object, ObjectKey};
use berth_model::workload::{OwnerKind, Workload};

use super::Cluster;

impl Cluster {
    /// Adds an object, or replaces the one with the same key. Pods and objects that no decision depends on (controllers
    /// whose pods are not spread by default, classes that only admission consults) change nothing.
    pub fn apply_object(&mut self, object: Object) {
        match object {
            Object::Namespace(namespace) => self.upsert_namespace(&namespace),
            Object::Node(node) => {
                self.upsert_node(node);
            }
            Object::NodeMetrics(metrics) => {
                if let Some(row) = self.nodes().find(&metrics.node) {
                    self.set_measured(row, Some(MeasuredUsage::new(&metrics.usage, metrics.timestamp)));
                }
            }
            Object::Service(owner) => self.upsert_owner(owner),
            Object::Workload(workload) => {
                if let Some(owner) = workload.owner() {
                    self.upsert_owner(owner);
                }
            }
            Object::Budget(budget) => self.upsert_budget(budget),
            Object::Volume(volume) => self.upsert_volume(volume),
            Object::Claim(claim) => self.upsert_claim(claim),
            Object::StorageClass(class) => self.upsert_class(class),
            Object::CsiNode(node) => self.upsert_csi_node(node),
            Object::CsiDriver(driver) => self.upsert_csi_driver(driver),
            Object::StorageCapacity(capacity) => self.upsert_capacity(capacity),
            Object::Attachment(attachment) => self.upsert_attachment(attachment),
            Object::DeviceClass(class) => self.upsert_device_class(class),
            Object::ResourceSlice(slice) => self.upsert_slice(slice),
            Object::DeviceTaintRule(rule) => self.upsert_device_taint_rule(rule),
            Object::ResourceClaim(claim) => self.upsert_device_claim(*claim),
            Object::Pod(_)
            | Object::PriorityClass(_)
            | Object::RuntimeClass(_)
            | Object::LimitRange(_)
            | Object::ResourceClaimTemplate(_)
            | Object::ResourceQuota(_)
            | Object::Autoscaler(_)
            | Object::PodMetrics(_) => {}
        }
    }

    /// Removes an object. The pods of a node that is removed stay known, bound to a node that does not exist.
    pub fn remove_object(&mut self, key: &ObjectKey) {
        let ObjectKey { kind, namespace, name } = key;
        match kind {
            Kind::Namespace => self.remove_namespace(name),
            Kind::Node => {
                if let Some(row) = self.nodes().find(name) {
                    self.remove_node(row);
                }
            }
            Kind::NodeMetrics => {
                if let Some(row) = self.nodes().find(name) {
                    self.set_measured(row, None);
                }
            }
            Kind::Service | Kind::Workload(_) => {
                if let Some(kind) = OwnerKind::of(*kind) {
                    self.remove_owner(kind, namespace, name);
                }
            }
            Kind::Budget => self.remove_budget(namespace, name),
            Kind::Volume => self.remove_volume(name),
            Kind::Claim => self.remove_claim(namespace, name),
            Kind::StorageClass => self.remove_class(name),
            Kind::CsiNode => self.remove_csi_node(name),
            Kind::CsiDriver => self.remove_csi_driver(name),
            Kind::StorageCapacity => self.remove_capacity(namespace, name),
            Kind::Attachment => self.remove_attachment(name),
            Kind::DeviceClass => self.remove_device_class(name),
            Kind::ResourceSlice => self.remove_slice(name),
            Kind::DeviceTaintRule => self.remove_device_taint_rule(name),
            Kind::ResourceClaim => self.remove_device_claim(namespace, name),
            Kind::Pod
            | Kind::PriorityClass
            | Kind::RuntimeClass
            | Kind::LimitRange
            | Kind::ResourceClaimTemplate
            | Kind::ResourceQuota
            | Kind::Autoscaler
            | Kind::PodMetrics => {}
        }
    }

    /// All objects of a kind that the cluster knows, in a fixed order. Applied to an empty cluster, they make it equal
    /// to this one. There are none for pods, for measurements, and for what [`apply_object`](Self::apply_object)
    /// ignores.
    pub fn objects(&self, kind: Kind) -> Vec<Object> {
        let storage = self.storage();
        match kind {
            Kind::Namespace => self.namespaces().into_iter().map(Object::Namespace).collect(),
            Kind::Node => {
                let nodes = self.nodes().by_name().map(|(_, row)| self.nodes().object(row).clone());
                nodes.map(Object::Node).collect()
            }
            Kind::StorageClass => storage.classes.values().cloned().map(Object::StorageClass).collect(),
            Kind::Volume => storage.volumes.values().cloned().map(Object::Volume).collect(),
            Kind::Claim => storage.claims.values().cloned().map(Object::Claim).collect(),
            Kind::CsiNode => storage.csi_nodes.values().cloned().map(Object::CsiNode).collect(),
            Kind::CsiDriver => storage.csi_drivers.values().cloned().map(Object::CsiDriver).collect(),
            Kind::StorageCapacity => {
                storage.capacities.values().cloned().map(Object::StorageCapacity).collect()
            }
            Kind::Attachment => storage.attachments.values().cloned().map(Object::Attachment).collect(),
            Kind::Service | Kind::Workload(_) => {
                let owners = self.all_owners().map(|owner| &owner.object);
                let of_kind = owners.filter(|owner| Some(owner.kind) == OwnerKind::of(kind));
                let object = |owner| match Workload::of_owner(owner) {
                    Some(workload) => Object::Workload(Box::new(workload)),
                    None => Object::Service(owner.clone()),
                };
                of_kind.map(object).collect()
            }
            Kind::Budget => {
                self.budgets().iter().map(|budget| Object::Budget(budget.object.clone())).collect()
            }
            Kind::DeviceClass => {
                self.devices().classes().values().cloned().map(Object::DeviceClass).collect()
            }
            Kind::ResourceSlice => {
                self.devices().slices().values().cloned().map(Object::ResourceSlice).collect()
            }
            Kind::DeviceTaintRule => {
                self.devices().rules().values().cloned().map(Object::DeviceTaintRule).collect()
            }
            Kind::ResourceClaim => {
                let claims = self.devices().claims().cloned().map(Box::new);
                claims.map(Object::ResourceClaim).collect()
            }
            Kind::Pod
            | Kind::PriorityClass
            | Kind::RuntimeClass
            | Kind::LimitRange
            | Kind::ResourceClaimTemplate
            | Kind::ResourceQuota
            | Kind::Autoscaler
            | Kind::NodeMetrics
            | Kind::PodMetrics => Vec::new(),
        }
    }
}
