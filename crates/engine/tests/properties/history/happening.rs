//! What happened, with what was there before.

use berth_engine::event::{Event, FormerPod};
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
    pub(crate) fn event(&self) -> Event<'_> {
        match self {
            Self::Node(row, old) => Event::Node { row: *row, old: old.as_ref() },
            Self::NodeGone(node) => Event::NodeGone { node },
            Self::Arrived(pod) => Event::PodArrived { pod: *pod },
            Self::Changed(pod, old) => Event::PodChanged { pod: *pod, old },
            Self::Left(pod) => Event::PodLeft { pod },
            Self::Namespace(name) => Event::Namespace { name },
            Self::Owner(namespace) => Event::Owner { namespace },
            Self::Claim(name, old) => Event::Claim { namespace: home(), name, old: old.as_ref() },
            Self::Volume(name, old) => Event::Volume { name, old: old.as_ref() },
            Self::Class(name) => Event::StorageClass { name },
            Self::CsiNode(node) => Event::CsiNode { node },
            Self::CsiDriver(name) => Event::CsiDriver { name },
            Self::Capacity(name, old) => {
                Event::StorageCapacity { namespace: home(), name, old: old.as_ref() }
            }
            Self::Attachment(old) => Event::Attachment { old: old.as_ref() },
        }
    }
}
