//! Storage: volumes of pods, claims, volumes of the cluster, storage classes, CSI objects.

use crate::labels::Labels;
use crate::quantity::Quantity;
use crate::selector::{LabelSelector, NodeSelector, NodeSelectorTerm, Operator, Requirement};
use crate::{Str, UnixSeconds};

/// Annotation of a volume that a controller, not a user, reserved for its claim.
pub const BOUND_BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";
/// Annotation of a claim whose binding is complete on both sides.
pub const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
/// Annotation of a claim: the node on which its volume is to be made.
pub const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

/// A volume in a pod's spec, as far as it decides placement.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PodVolume {
    /// `name` in the pod.
    pub name: Str,
    /// Where its contents come from.
    pub source: PodVolumeSource,
}

/// Where a pod's volume comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PodVolumeSource {
    /// `persistentVolumeClaim`.
    Claim {
        /// `claimName`, in the pod's namespace.
        name: Str,
        /// `readOnly`.
        read_only: bool,
    },
    /// `ephemeral`: a claim named `<pod>-<volume>` that the pod owns.
    Ephemeral,
    /// `csi`: an inline ephemeral CSI volume of this driver.
    InlineCsi {
        /// The driver's name.
        driver: Str,
    },
    /// A disk named in the pod itself, of an in-tree plugin.
    Disk(Disk),
    /// `image`: the contents of a container image.
    Image {
        /// The image as the pod spells it.
        reference: Str,
    },
    /// `emptyDir`, `configMap`, `secret` and others that are everywhere.
    Local,
}

/// A disk of an in-tree volume plugin. Two pods that name the same disk may exclude each other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Disk {
    /// `gcePersistentDisk`.
    GcePersistentDisk {
        /// `pdName`.
        name: Str,
        /// `readOnly`.
        read_only: bool,
    },
    /// `awsElasticBlockStore`.
    AwsElasticBlockStore {
        /// `volumeID`.
        id: Str,
    },
    /// `azureDisk`.
    AzureDisk {
        /// `diskName`.
        name: Str,
        /// `diskURI`.
        uri: Str,
        /// `kind`: `Shared` where absent, `Dedicated` or `Managed`. The CSI driver knows managed disks only.
        kind: Str,
    },
    /// `cinder`.
    Cinder {
        /// `volumeID`.
        id: Str,
    },
    /// `iscsi`.
    Iscsi {
        /// `iqn`.
        iqn: Str,
        /// `readOnly`.
        read_only: bool,
    },
    /// `rbd`.
    Rbd {
        /// `monitors`.
        monitors: Vec<Str>,
        /// `pool`.
        pool: Str,
        /// `image`.
        image: Str,
        /// `readOnly`.
        read_only: bool,
    },
    /// `vsphereVolume`.
    Vsphere {
        /// `volumePath`.
        path: Str,
    },
    /// `portworxVolume`.
    Portworx {
        /// `volumeID`.
        id: Str,
    },
}

/// `v1.PersistentVolumeAccessMode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AccessMode {
    /// `ReadWriteOnce`.
    ReadWriteOnce,
    /// `ReadOnlyMany`.
    ReadOnlyMany,
    /// `ReadWriteMany`.
    ReadWriteMany,
    /// `ReadWriteOncePod`.
    ReadWriteOncePod,
}

/// A claim on storage (`v1.PersistentVolumeClaim`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// `metadata.namespace`.
    pub namespace: Str,
    /// `metadata.name`.
    pub name: Str,
    /// `metadata.uid`.
    pub uid: Str,
    /// `metadata.labels`.
    pub labels: Labels,
    /// `metadata.annotations` (`pv.kubernetes.io/…`, `volume.kubernetes.io/…`).
    pub annotations: Labels,
    /// `spec.storageClassName` or the old annotation; `None` where neither is set.
    pub storage_class: Option<Str>,
    /// `spec.volumeName`: the volume that the claim is bound to or wants.
    pub volume: Option<Str>,
    /// `spec.accessModes`.
    pub access_modes: Vec<AccessMode>,
    /// `spec.resources.requests.storage`, in bytes.
    pub request: Quantity,
    /// `spec.selector`.
    pub selector: Option<LabelSelector>,
    /// `spec.volumeMode: Block`.
    pub block: bool,
    /// `spec.volumeAttributesClassName`.
    pub attributes_class: Option<Str>,
    /// `status.phase: Lost`.
    pub lost: bool,
    /// `metadata.deletionTimestamp` is set.
    pub terminating: bool,
    /// The owner reference with `controller: true`: its uid (the pod, for ephemeral volumes).
    pub controller_uid: Option<Str>,
}

/// A volume of the cluster (`v1.PersistentVolume`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// `metadata.name`.
    pub name: Str,
    /// `metadata.labels`.
    pub labels: Labels,
    /// `metadata.annotations`.
    pub annotations: Labels,
    /// `spec.storageClassName` or the old annotation; empty where neither is set.
    pub storage_class: Str,
    /// `spec.capacity.storage`, in bytes.
    pub capacity: Quantity,
    /// `spec.accessModes`.
    pub access_modes: Vec<AccessMode>,
    /// `spec.claimRef`.
    pub claim: Option<ClaimRef>,
    /// `spec.nodeAffinity.required`.
    pub node_affinity: Option<NodeSelector>,
    /// `spec.volumeMode: Block`.
    pub block: bool,
    /// `spec.volumeAttributesClassName`.
    pub attributes_class: Option<Str>,
    /// Where the data lies.
    pub source: VolumeSource,
    /// `status.phase: Available`; other phases cannot be taken by a new claim.
    pub available: bool,
    /// `metadata.deletionTimestamp` is set.
    pub terminating: bool,
}

/// The claim that a volume is reserved for (`v1.ObjectReference` in `spec.claimRef`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRef {
    /// The claim's namespace.
    pub namespace: Str,
    /// The claim's name.
    pub name: Str,
    /// The claim's uid; empty where the volume was reserved by name.
    pub uid: Str,
}

/// Where a volume's data lies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum VolumeSource {
    /// A CSI volume.
    Csi {
        /// The driver's name.
        driver: Str,
        /// `volumeHandle`, unique with the driver.
        handle: Str,
    },
    /// A disk of an in-tree plugin.
    Disk(Disk),
    /// `local` or `hostPath`, NFS and others without attach limits.
    #[default]
    Other,
}

/// `storage.k8s.io/v1.StorageClass`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StorageClass {
    /// `metadata.name`.
    pub name: Str,
    /// `provisioner`.
    pub provisioner: Str,
    /// `volumeBindingMode: WaitForFirstConsumer`.
    pub waits_for_consumer: bool,
    /// `allowedTopologies`: one of these terms must hold; each is a conjunction of (key, allowed values).
    pub allowed_topologies: Vec<Vec<(Str, Vec<Str>)>>,
    /// The annotation `storageclass.kubernetes.io/is-default-class`: claims that name no class are of this one.
    pub is_default: bool,
    /// `metadata.creationTimestamp`; of several default classes the newest counts.
    pub created: Option<UnixSeconds>,
}

/// `storage.k8s.io/v1.CSINode`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CsiNode {
    /// `metadata.name`: the node's name.
    pub node: Str,
    /// `spec.drivers`.
    pub drivers: Vec<CsiNodeDriver>,
    /// In-tree plugins whose volumes this node attaches through CSI: the annotation
    /// `storage.alpha.kubernetes.io/migrated-plugins`.
    pub migrated_plugins: Vec<Str>,
}

/// A driver on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsiNodeDriver {
    /// The driver's name.
    pub name: Str,
    /// `allocatable.count`: how many of its volumes the node can attach; `None` is no limit.
    pub limit: Option<i64>,
    /// `topologyKeys`.
    pub topology_keys: Vec<Str>,
}

impl CsiNodeDriver {
    /// The nodes that have the node's values of the labels by which the driver tells nodes apart; `None`: all nodes.
    pub fn topology_of(&self, labels: &Labels) -> Option<NodeSelector> {
        let requirement = |key: &Str| {
            let values = vec![labels.get(key)?.clone()];
            Some(Requirement { key: key.clone(), operator: Operator::In, values })
        };
        let expressions: Vec<_> = self.topology_keys.iter().filter_map(requirement).collect();
        let term = NodeSelectorTerm { expressions, fields: Vec::new() };
        (!term.expressions.is_empty()).then(|| NodeSelector { terms: vec![term] })
    }
}

impl Volume {
    /// The volume that a CSI driver makes for a claim, as external-provisioner writes it.
    pub fn provisioned(claim: &Claim, name: Str, driver: Str, node_affinity: Option<NodeSelector>) -> Self {
        Self {
            name: name.clone(),
            storage_class: claim.storage_class.clone().unwrap_or_default(),
            capacity: claim.request,
            access_modes: claim.access_modes.clone(),
            claim: Some(ClaimRef {
                namespace: claim.namespace.clone(),
                name: claim.name.clone(),
                uid: claim.uid.clone(),
            }),
            node_affinity,
            block: claim.block,
            attributes_class: claim.attributes_class.clone(),
            source: VolumeSource::Csi { driver, handle: name },
            ..Self::default()
        }
    }
}

/// `storage.k8s.io/v1.CSIDriver`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CsiDriver {
    /// `metadata.name`.
    pub name: Str,
    /// `spec.storageCapacity`: the driver publishes `CSIStorageCapacity` objects that must be obeyed.
    pub storage_capacity: bool,
    /// `spec.preventPodSchedulingIfMissing`: a node without the driver is rejected.
    pub required_on_node: bool,
}

/// `storage.k8s.io/v1.CSIStorageCapacity`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StorageCapacity {
    /// `metadata.namespace`.
    pub namespace: Str,
    /// `metadata.name`.
    pub name: Str,
    /// `storageClassName`.
    pub storage_class: Str,
    /// `nodeTopology`; `None` matches no node.
    pub topology: Option<LabelSelector>,
    /// `capacity`, in bytes.
    pub capacity: Option<Quantity>,
    /// `maximumVolumeSize`, in bytes.
    pub maximum_volume_size: Option<Quantity>,
}

/// `storage.k8s.io/v1.VolumeAttachment` of a CSI volume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attachment {
    /// `metadata.name`.
    pub name: Str,
    /// `spec.nodeName`.
    pub node: Str,
    /// `spec.attacher`: the driver.
    pub driver: Str,
    /// `spec.source.persistentVolumeName`.
    pub volume: Option<Str>,
    /// Driver and handle of `spec.source.inlineVolumeSpec.csi`.
    pub inline: Option<(Str, Str)>,
}
