//! Nodes: where pods run.

use crate::Str;
use crate::labels::Labels;
use crate::quantity::Quantity;

/// Amounts by resource name, sorted by name.
pub type ResourceList = Vec<(Str, Quantity)>;

/// A node, as far as scheduling is concerned (`v1.Node`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// `metadata.name`, unique in the cluster.
    pub name: Str,
    /// `metadata.labels`.
    pub labels: Labels,
    /// `spec.unschedulable`: the node is cordoned.
    pub unschedulable: bool,
    /// `spec.taints`, in their order.
    pub taints: Vec<Taint>,
    /// `status.allocatable`: what pods may request of the node in total.
    pub allocatable: ResourceList,
    /// `status.images`.
    pub images: Vec<NodeImage>,
    /// `status.declaredFeatures`, sorted.
    pub declared_features: Vec<Str>,
    /// `metadata.annotations`, for example measured load.
    pub annotations: Labels,
}

/// A mark on a node that repels pods (`v1.Taint`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Taint {
    /// The taint's key.
    pub key: Str,
    /// The taint's value, often empty.
    pub value: Str,
    /// What the taint does to pods that do not tolerate it.
    pub effect: TaintEffect,
}

/// What a taint does to pods that do not tolerate it (`v1.TaintEffect`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TaintEffect {
    /// No such pod is scheduled here.
    NoSchedule,
    /// Such pods are scheduled here only when other nodes are worse.
    PreferNoSchedule,
    /// No such pod is scheduled here, and running ones are evicted.
    NoExecute,
}

/// A container image that a node holds (`v1.ContainerImage`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeImage {
    /// All names of the image, tags and digests.
    pub names: Vec<Str>,
    /// Its size in bytes.
    pub size_bytes: i64,
}
