//! Events that may let waiting pods pass. [`Plugin::queueing_hint`] is asked about them.
//!
//! Plugins are asked about one event at a time, after the cluster has changed. An event holds what was there before.
//!
//! [`Plugin::queueing_hint`]: crate::plugin::Plugin::queueing_hint

use std::sync::Arc;

use berth_model::Str;
use berth_model::device::ResourceClaim;
use berth_model::node::Node;
use berth_model::pod::Pod;
use berth_model::volume::{Attachment, Claim, StorageCapacity, Volume};

use crate::cluster::Cluster;
use crate::ids::{NodeRow, PodRow};
use crate::pod_class::PodClass;

/// Something that happened.
#[derive(Clone, Copy, Debug)]
pub enum ClusterEvent<'a> {
    /// The waiting pod itself has another spec.
    Itself,
    /// A node came, or changed from what it was. Pods that were bound to it before it came are on it.
    Node {
        /// The node.
        row: NodeRow,
        /// What it was; `None` where it came.
        old: Option<&'a Node>,
    },
    /// A node is gone. Its pods are known still, and take no room anywhere.
    NodeGone {
        /// What it was.
        node: &'a Node,
    },
    /// A pod came to a node: this scheduler or another one bound it.
    PodArrived {
        /// The pod.
        pod: PodRow,
    },
    /// A pod on a node has another spec, or started to terminate. One that is on another node now has left and arrived.
    PodChanged {
        /// The pod.
        pod: PodRow,
        /// What it was.
        old: &'a FormerPod,
    },
    /// A pod is on its node no more, or is not nominated there any more: it is gone, has ended, or its binding failed.
    PodLeft {
        /// What it was.
        pod: &'a FormerPod,
    },
    /// A namespace came, changed or went.
    Namespace {
        /// Its name.
        name: &'a str,
    },
    /// A service or controller came, changed or went.
    Owner {
        /// Its namespace.
        namespace: &'a str,
    },
    /// A claim came, changed or went.
    Claim {
        /// Its namespace.
        namespace: &'a Str,
        /// Its name.
        name: &'a Str,
        /// What it was; `None` where it came.
        old: Option<&'a Claim>,
    },
    /// A volume came, changed or went, also where an assumption about it was undone.
    Volume {
        /// Its name.
        name: &'a Str,
        /// What it was; `None` where it came.
        old: Option<&'a Volume>,
    },
    /// A storage class came, changed or went.
    StorageClass {
        /// Its name.
        name: &'a str,
    },
    /// What drivers run on a node came, changed or went.
    CsiNode {
        /// The node's name.
        node: &'a str,
    },
    /// A driver came, changed or went.
    CsiDriver {
        /// Its name.
        name: &'a str,
    },
    /// Published capacity came, changed or went.
    StorageCapacity {
        /// Its namespace.
        namespace: &'a Str,
        /// Its name.
        name: &'a Str,
        /// What it was; `None` where it came.
        old: Option<&'a StorageCapacity>,
    },
    /// A device class, a slice of devices or a rule about device taints came, changed or went.
    Devices,
    /// A claim on devices came, changed or went.
    DeviceClaim {
        /// Its namespace.
        namespace: &'a Str,
        /// Its name.
        name: &'a Str,
        /// What it was; `None` where it came.
        old: Option<&'a ResourceClaim>,
    },
    /// An attachment came, changed or went.
    Attachment {
        /// What it was; `None` where it came.
        old: Option<&'a Attachment>,
    },
}

impl ClusterEvent<'_> {
    /// Upstream's label of the event (`scheduler_queue_incoming_pods_total`).
    pub fn label(&self) -> &'static str {
        match self {
            Self::Itself => "TargetPodUpdate",
            Self::Node { old: None, .. } => "NodeAdd",
            Self::Node { old: Some(_), .. } => "NodeUpdate",
            Self::NodeGone { .. } => "NodeDelete",
            Self::PodArrived { .. } => "AssignedPodAdd",
            Self::PodChanged { .. } => "AssignedPodUpdate",
            Self::PodLeft { .. } => "AssignedPodDelete",
            Self::Namespace { .. } => "NamespaceUpdate",
            Self::Owner { .. } => "ServiceUpdate",
            Self::Claim { .. } => "PersistentVolumeClaimUpdate",
            Self::Volume { .. } => "PersistentVolumeUpdate",
            Self::StorageClass { .. } => "storage.k8s.io/StorageClassUpdate",
            Self::CsiNode { .. } => "storage.k8s.io/CSINodeUpdate",
            Self::CsiDriver { .. } => "storage.k8s.io/CSIDriverUpdate",
            Self::StorageCapacity { .. } => "storage.k8s.io/CSIStorageCapacityUpdate",
            Self::Attachment { .. } => "storage.k8s.io/VolumeAttachmentUpdate",
            Self::Devices => "resource.k8s.io/ResourceSliceUpdate",
            Self::DeviceClaim { .. } => "resource.k8s.io/ResourceClaimUpdate",
        }
    }
}

/// What a pod was before it changed or left.
#[derive(Clone, Debug)]
pub struct FormerPod {
    /// The pod.
    pub pod: Pod,
    /// Its class.
    pub class: Arc<PodClass>,
    /// The node that it took room on, or else the one that it was nominated to; `None` where it counted nowhere.
    pub row: Option<NodeRow>,
}

impl FormerPod {
    /// What a pod is now, to be asked before it changes or leaves.
    pub fn of(cluster: &Cluster, pod: PodRow) -> Self {
        let entry = cluster.pods().entry(pod);
        let nominated = || {
            let name = entry.pod.nominated_node.as_ref().filter(|_| entry.pod.node.is_none())?;
            cluster.nodes().find(name)
        };
        Self {
            pod: entry.pod.clone(),
            class: cluster.pods().share_class(entry.class),
            row: entry.row.or_else(nominated),
        }
    }

    /// The node, if it is still there.
    pub fn node(&self, cluster: &Cluster) -> Option<NodeRow> {
        let name = self.pod.node.as_ref().or(self.pod.nominated_node.as_ref())?;
        self.row.filter(|_| self.row == cluster.nodes().find(name))
    }
}
