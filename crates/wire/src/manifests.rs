//! Everything that was loaded, by kind.

use berth_model::node::Node;
use berth_model::volume::{Attachment, Claim, CsiDriver, CsiNode, StorageCapacity, StorageClass, Volume};
use berth_model::workload::{DisruptionBudget, Namespace, PodGroupOwner};

use crate::object::Object;
use crate::place::{Entry, Place};
use crate::pod::PodManifest;
use crate::policy::{LimitRange, NodeMetrics, PriorityClass, RuntimeClass};
use crate::workload::Workload;

/// All loaded objects, by kind and in input order, each with where it came from.
#[derive(Clone, Debug, Default)]
pub struct Manifests {
    /// Pods that have not ended.
    pub pods: Vec<Entry<PodManifest>>,
    /// Nodes.
    pub nodes: Vec<Entry<Node>>,
    /// Namespaces.
    pub namespaces: Vec<Entry<Namespace>>,
    /// Persistent volumes.
    pub volumes: Vec<Entry<Volume>>,
    /// Persistent volume claims.
    pub claims: Vec<Entry<Claim>>,
    /// Storage classes.
    pub storage_classes: Vec<Entry<StorageClass>>,
    /// CSI drivers on nodes.
    pub csi_nodes: Vec<Entry<CsiNode>>,
    /// CSI drivers.
    pub csi_drivers: Vec<Entry<CsiDriver>>,
    /// Storage that is left, by class and topology.
    pub storage_capacities: Vec<Entry<StorageCapacity>>,
    /// Volumes that are attached to nodes.
    pub attachments: Vec<Entry<Attachment>>,
    /// Services.
    pub services: Vec<Entry<PodGroupOwner>>,
    /// Controllers with a pod template.
    pub workloads: Vec<Entry<Workload>>,
    /// Pod disruption budgets.
    pub budgets: Vec<Entry<DisruptionBudget>>,
    /// Priority classes.
    pub priority_classes: Vec<Entry<PriorityClass>>,
    /// Runtime classes.
    pub runtime_classes: Vec<Entry<RuntimeClass>>,
    /// Limit ranges.
    pub limit_ranges: Vec<Entry<LimitRange>>,
    /// Measured usage of nodes.
    pub node_metrics: Vec<Entry<NodeMetrics>>,
    count: usize,
}

impl Manifests {
    /// What default spreading groups pods by: services, and controllers of the kinds that it knows.
    pub fn pod_group_owners(&self) -> impl Iterator<Item = PodGroupOwner> + '_ {
        let services = self.services.iter().map(|entry| entry.value.clone());
        services.chain(self.workloads.iter().filter_map(|entry| entry.value.owner()))
    }

    pub(crate) fn add(&mut self, object: Object, place: Place) {
        let number = self.count;
        self.count += 1;
        macro_rules! push {
            ($list:ident, $value:expr) => {
                self.$list.push(Entry { value: $value, place, number })
            };
        }
        match object {
            Object::Pod(pod) => push!(pods, *pod),
            Object::Node(node) => push!(nodes, node),
            Object::Namespace(namespace) => push!(namespaces, namespace),
            Object::Volume(volume) => push!(volumes, volume),
            Object::Claim(claim) => push!(claims, claim),
            Object::StorageClass(class) => push!(storage_classes, class),
            Object::CsiNode(node) => push!(csi_nodes, node),
            Object::CsiDriver(driver) => push!(csi_drivers, driver),
            Object::StorageCapacity(capacity) => push!(storage_capacities, capacity),
            Object::Attachment(attachment) => push!(attachments, attachment),
            Object::Service(owner) => push!(services, owner),
            Object::Workload(workload) => push!(workloads, *workload),
            Object::Budget(budget) => push!(budgets, budget),
            Object::PriorityClass(class) => push!(priority_classes, class),
            Object::RuntimeClass(class) => push!(runtime_classes, class),
            Object::LimitRange(range) => push!(limit_ranges, range),
            Object::NodeMetrics(metrics) => push!(node_metrics, metrics),
        }
    }
}
