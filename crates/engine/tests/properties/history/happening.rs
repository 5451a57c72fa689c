//! What happened, with what was there before.

use berth_engine::event::{ClusterEvent, FormerPod};
use berth_engine::ids::{NodeRow, PodRow};
use berth_model::Str;
use berth_model::node::Node;
use berth_model::volume::{Attachment, Claim, StorageCapacity, Volume};

/// An event that owns what it tells.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    Node(NodeRow, Option<Node>),
    NodeGone(Node),
    Arrived(PodRow),
    Changed(PodRow, FormerPod),
    Left(FormerPod),
    Namespace(Str),
    Owner(Str),
    Claim(Str, Option<Claim>),
    Volume(Str, Option<Volume>),
    Class(Str),
    CsiNode(Str),
    CsiDriver(Str),
    Capacity(Str, Option<StorageCapacity>),
    Attachment(Option<Attachment>),
}

/// The namespace of all namespaced objects but some pods.
pub(crate) fn home() -> &'static Str {
    static HOME: std::sync::OnceLock<Str> = std::sync::OnceLock::new();
    HOME.get_or_init(|| "default".into())
}

impl Happening {
    pub(crate) fn event(&self) -> ClusterEvent<'_> {
        match self {
            Self::Node(row, old) => ClusterEvent::Node { row: *row, old: old.as_ref() },
            Self::NodeGone(node) => ClusterEvent::NodeGone { node },
            Self::Arrived(pod) => ClusterEvent::PodArrived { pod: *pod },
            Self::Changed(pod, old) => ClusterEvent::PodChanged { pod: *pod, old },
            Self::Left(pod) => ClusterEvent::PodLeft { pod },
            Self::Namespace(name) => ClusterEvent::Namespace { name },
            Self::Owner(namespace) => ClusterEvent::Owner { namespace },
            Self::Claim(name, old) => ClusterEvent::Claim { namespace: home(), name, old: old.as_ref() },
            Self::Volume(name, old) => ClusterEvent::Volume { name, old: old.as_ref() },
            Self::Class(name) => ClusterEvent::StorageClass { name },
            Self::CsiNode(node) => ClusterEvent::CsiNode { node },
            Self::CsiDriver(name) => ClusterEvent::CsiDriver { name },
            Self::Capacity(name, old) => {
                ClusterEvent::StorageCapacity { namespace: home(), name, old: old.as_ref() }
            }
            Self::Attachment(old) => ClusterEvent::Attachment { old: old.as_ref() },
        }
    }
}
