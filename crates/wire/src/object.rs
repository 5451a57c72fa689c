//! One object: from its JSON text to the model.

use berth_model::Str;
use berth_model::node::Node;
use berth_model::volume::{Attachment, Claim, CsiDriver, CsiNode, StorageCapacity, StorageClass, Volume};
use berth_model::workload::{DisruptionBudget, Namespace, PodGroupOwner};
use serde::de::DeserializeSeed as _;

use crate::context::{Context, Remark};
use crate::decode::{Decode, Seed};
use crate::kind::Kind;
use crate::node::NodeWire;
use crate::object_key::ObjectKey;
use crate::pod::{PodManifest, PodWire};
use crate::policy::{
    LimitRange, LimitRangeWire, NamespaceWire, NodeMetrics, NodeMetricsWire, PriorityClass,
    PriorityClassWire, RuntimeClass, RuntimeClassWire,
};
use crate::storage::{
    AttachmentWire, ClaimWire, CsiDriverWire, CsiNodeWire, StorageCapacityWire, StorageClassWire, VolumeWire,
};
use crate::workload::{
    BudgetWire, ControllerWire, CronJobWire, JobWire, ReplicationControllerWire, ServiceWire, Workload,
    WorkloadKind,
};

/// An object that concerns scheduling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// `v1.Pod`.
    Pod(Box<PodManifest>),
    /// `v1.Node`.
    Node(Node),
    /// `v1.Namespace`.
    Namespace(Namespace),
    /// `v1.PersistentVolume`.
    Volume(Volume),
    /// `v1.PersistentVolumeClaim`.
    Claim(Claim),
    /// `storage.k8s.io/v1.StorageClass`.
    StorageClass(StorageClass),
    /// `storage.k8s.io/v1.CSINode`.
    CsiNode(CsiNode),
    /// `storage.k8s.io/v1.CSIDriver`.
    CsiDriver(CsiDriver),
    /// `storage.k8s.io/v1.CSIStorageCapacity`.
    StorageCapacity(StorageCapacity),
    /// `storage.k8s.io/v1.VolumeAttachment`.
    Attachment(Attachment),
    /// `v1.Service`.
    Service(PodGroupOwner),
    /// A controller that makes pods from a template.
    Workload(Box<Workload>),
    /// `policy/v1.PodDisruptionBudget`.
    Budget(DisruptionBudget),
    /// `scheduling.k8s.io/v1.PriorityClass`.
    PriorityClass(PriorityClass),
    /// `node.k8s.io/v1.RuntimeClass`.
    RuntimeClass(RuntimeClass),
    /// `v1.LimitRange`.
    LimitRange(LimitRange),
    /// `metrics.k8s.io/v1beta1.NodeMetrics`.
    NodeMetrics(NodeMetrics),
}

impl Object {
    /// What the object is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Pod(_) => Kind::Pod,
            Self::Node(_) => Kind::Node,
            Self::Namespace(_) => Kind::Namespace,
            Self::Volume(_) => Kind::Volume,
            Self::Claim(_) => Kind::Claim,
            Self::StorageClass(_) => Kind::StorageClass,
            Self::CsiNode(_) => Kind::CsiNode,
            Self::CsiDriver(_) => Kind::CsiDriver,
            Self::StorageCapacity(_) => Kind::StorageCapacity,
            Self::Attachment(_) => Kind::Attachment,
            Self::Service(_) => Kind::Service,
            Self::Workload(workload) => Kind::Workload(workload.kind),
            Self::Budget(_) => Kind::Budget,
            Self::PriorityClass(_) => Kind::PriorityClass,
            Self::RuntimeClass(_) => Kind::RuntimeClass,
            Self::LimitRange(_) => Kind::LimitRange,
            Self::NodeMetrics(_) => Kind::NodeMetrics,
        }
    }

    /// What tells the object from all others.
    pub fn key(&self) -> ObjectKey {
        let no_namespace = Str::default();
        let (namespace, name) = match self {
            Self::Pod(pod) => return pod.key(),
            Self::Claim(claim) => (&claim.namespace, &claim.name),
            Self::StorageCapacity(capacity) => (&capacity.namespace, &capacity.name),
            Self::Service(owner) => (&owner.namespace, &owner.name),
            Self::Workload(workload) => (&workload.namespace, &workload.name),
            Self::Budget(budget) => (&budget.namespace, &budget.name),
            Self::LimitRange(range) => (&range.namespace, &range.name),
            Self::Node(node) => (&no_namespace, &node.name),
            Self::Namespace(namespace) => (&no_namespace, &namespace.name),
            Self::Volume(volume) => (&no_namespace, &volume.name),
            Self::StorageClass(class) => (&no_namespace, &class.name),
            Self::CsiNode(node) => (&no_namespace, &node.node),
            Self::CsiDriver(driver) => (&no_namespace, &driver.name),
            Self::Attachment(attachment) => (&no_namespace, &attachment.name),
            Self::PriorityClass(class) => (&no_namespace, &class.name),
            Self::RuntimeClass(class) => (&no_namespace, &class.name),
            Self::NodeMetrics(metrics) => (&no_namespace, &metrics.node),
        };
        ObjectKey { kind: self.kind(), namespace: namespace.clone(), name: name.clone() }
    }
}

/// What became of one object's text.
pub(crate) struct Decoded {
    /// The object; `None` where something is wrong with it.
    pub(crate) object: Option<Object>,
    /// What tells it from all others, as far as it could be read.
    pub(crate) key: ObjectKey,
    /// What is wrong with it.
    pub(crate) problems: Vec<Remark>,
    /// Its fields that Kubernetes does not know.
    pub(crate) unknown: Vec<String>,
}

/// Decodes the JSON text of an object of this kind.
pub(crate) fn decode(cx: &mut Context, kind: Kind, json: &str) -> Decoded {
    cx.clear();
    cx.keep_annotations = kind.has_annotations();
    let object = match read(cx, kind, json) {
        Ok(object) => Some(object),
        Err(error) => {
            cx.clear();
            cx.problem(format!("broken JSON: {error}"));
            None
        }
    };
    let nameless = || ObjectKey { kind, namespace: Str::default(), name: Str::default() };
    let key = object.as_ref().map_or_else(nameless, Object::key);
    let (problems, unknown) = (std::mem::take(&mut cx.problems), std::mem::take(&mut cx.unknown));
    Decoded { object: object.filter(|_| problems.is_empty()), key, problems, unknown }
}

fn read(cx: &mut Context, kind: Kind, json: &str) -> serde_json::Result<Object> {
    Ok(match kind {
        Kind::Pod => Object::Pod(Box::new(wire::<PodWire>(cx, json)?.finish(cx))),
        Kind::Node => Object::Node(wire::<NodeWire>(cx, json)?.finish(cx)),
        Kind::Namespace => Object::Namespace(wire::<NamespaceWire>(cx, json)?.finish(cx)),
        Kind::Volume => Object::Volume(wire::<VolumeWire>(cx, json)?.finish(cx)),
        Kind::Claim => Object::Claim(wire::<ClaimWire>(cx, json)?.claim(cx)),
        Kind::StorageClass => Object::StorageClass(wire::<StorageClassWire>(cx, json)?.finish(cx)),
        Kind::CsiNode => Object::CsiNode(wire::<CsiNodeWire>(cx, json)?.finish(cx)),
        Kind::CsiDriver => Object::CsiDriver(wire::<CsiDriverWire>(cx, json)?.finish(cx)),
        Kind::StorageCapacity => Object::StorageCapacity(wire::<StorageCapacityWire>(cx, json)?.finish(cx)),
        Kind::Attachment => Object::Attachment(wire::<AttachmentWire>(cx, json)?.finish(cx)),
        Kind::Service => Object::Service(wire::<ServiceWire>(cx, json)?.finish(cx)),
        Kind::Workload(kind) => Object::Workload(Box::new(match kind {
            WorkloadKind::ReplicationController => wire::<ReplicationControllerWire>(cx, json)?.finish(cx),
            WorkloadKind::Job => wire::<JobWire>(cx, json)?.finish(cx),
            WorkloadKind::CronJob => wire::<CronJobWire>(cx, json)?.finish(cx),
            kind => wire::<ControllerWire>(cx, json)?.finish(cx, kind),
        })),
        Kind::Budget => Object::Budget(wire::<BudgetWire>(cx, json)?.finish(cx)),
        Kind::PriorityClass => Object::PriorityClass(wire::<PriorityClassWire>(cx, json)?.finish(cx)),
        Kind::RuntimeClass => Object::RuntimeClass(wire::<RuntimeClassWire>(cx, json)?.finish(cx)),
        Kind::LimitRange => Object::LimitRange(wire::<LimitRangeWire>(cx, json)?.finish(cx)),
        Kind::NodeMetrics => Object::NodeMetrics(wire::<NodeMetricsWire>(cx, json)?.finish(cx)),
    })
}

fn wire<'de, T: Decode<'de>>(cx: &mut Context, json: &'de str) -> serde_json::Result<T> {
    Seed::<T>::new(cx).deserialize(&mut serde_json::Deserializer::from_str(json))
}
