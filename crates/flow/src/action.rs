//! What the flow wants done: requests at the API server and at extenders, as values.

use berth_engine::effect::{DeviceReservation, NewDeviceClaim};
use berth_model::Str;

use crate::input::NodeVictims;

/// Names an action, so that its reply finds its way back. Never used twice in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// Something to be done outside. Every action but [`Request::Emit`] is answered by exactly one
/// [`Input::Reply`](crate::Input::Reply).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Action {
    /// What the reply refers to.
    pub ticket: Ticket,
    /// What is to be done.
    pub request: Request,
}

/// A pod, so that it cannot be taken for another one of the same name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PodRef {
    /// `metadata.namespace`.
    pub namespace: Str,
    /// `metadata.name`.
    pub name: Str,
    /// `metadata.uid`.
    pub uid: Str,
}

impl std::fmt::Display for PodRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// POST `pods/binding`, with the pod's uid in the binding's metadata.
    Bind {
        /// The pod.
        pod: PodRef,
        /// Its node.
        node: Str,
    },
    /// PATCH `pods/status`, strategic merge.
    SetStatus {
        /// The pod.
        pod: PodRef,
        /// The condition `PodScheduled=False`.
        condition: Option<Condition>,
        /// `status.nominatedNodeName`: set, or with an empty name cleared.
        nominated_node: Option<Str>,
    },
    /// PATCH `pods/status` with the condition `DisruptionTarget=True`, reason `PreemptionByScheduler`, then DELETE the pod
    /// with its uid as a precondition. A victim that is gone already is done.
    Evict {
        /// Who has to go.
        victim: PodRef,
        /// The condition's message. Its `observedGeneration` is that of the victim, which the shell looks up.
        message: String,
    },
    /// PATCH a volume's `spec.claimRef`, and the annotation `pv.kubernetes.io/bound-by-controller: "yes"`.
    BindVolume {
        /// The volume.
        volume: Str,
        /// The claim's namespace.
        namespace: Str,
        /// The claim's name.
        claim: Str,
        /// The claim's uid.
        claim_uid: Str,
        /// Whether a user had reserved the volume for the claim: then the annotation is not written.
        reserved: bool,
    },
    /// PATCH a claim's annotation `volume.kubernetes.io/selected-node`.
    SelectNode {
        /// The claim's namespace.
        namespace: Str,
        /// The claim's name.
        claim: Str,
        /// The node.
        node: Str,
    },
    /// Write devices into the status of a claim, as far as it has none, and reserve it for a pod. The claim gets the
    /// finalizer `resource.kubernetes.io/delete-protection` with its devices.
    ReserveDevices {
        /// What is written.
        reservation: Box<DeviceReservation>,
        /// The claim's uid.
        claim_uid: Str,
    },
    /// POST the claim for a pod's extended resources, write its devices into its status, and note it in the pod's
    /// (`status.extendedResourceClaimStatus`).
    MakeDeviceClaim {
        /// The pod.
        pod: PodRef,
        /// The claim.
        made: Box<NewDeviceClaim>,
    },
    /// Take the devices of a claim that no other pod uses, or delete a claim that was made for extended resources in an
    /// earlier attempt: they keep a pod from every node.
    GiveUpDevices {
        /// The claim's namespace.
        namespace: Str,
        /// The claim's name.
        claim: Str,
        /// The claim's uid.
        claim_uid: Str,
        /// Whether the claim is deleted.
        delete: bool,
    },
    /// Ask an extender.
    Extend {
        /// Which, an index of [`Settings::extenders`](crate::Settings::extenders).
        extender: usize,
        /// What.
        call: Call,
    },
    /// Record an event; nothing is replied.
    Emit(Event),
}

/// A call of the `extender/v1` protocol.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// Which of these nodes will do?
    Filter {
        /// The pod.
        pod: PodRef,
        /// Nodes that passed all filters so far, by name.
        nodes: Vec<Str>,
    },
    /// How good are these nodes?
    Prioritize {
        /// The pod.
        pod: PodRef,
        /// The nodes that are left, by name.
        nodes: Vec<Str>,
    },
    /// Which of these victims may go?
    Preempt {
        /// The preemptor.
        pod: PodRef,
        /// The candidates.
        candidates: Vec<NodeVictims>,
    },
    /// Bind the pod.
    Bind {
        /// The pod.
        pod: PodRef,
        /// Its node.
        node: Str,
    },
}

/// The condition `PodScheduled=False` of a pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Condition {
    /// `Unschedulable` or `SchedulerError`.
    pub reason: &'static str,
    /// Upstream's sentence.
    pub message: String,
    /// `metadata.generation` of the pod that was judged.
    pub generation: i64,
    /// Whether it was false before: then the time of its last transition stays.
    pub again: bool,
}

/// An event to record (events.k8s.io/v1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Event {
    /// The pod that it is about.
    pub regarding: PodRef,
    /// Who else is concerned.
    pub related: Option<PodRef>,
    /// `type: Warning` instead of `Normal`.
    pub warning: bool,
    /// As in `FailedScheduling`.
    pub reason: &'static str,
    /// As in `Scheduling`.
    pub action: &'static str,
    /// The note, at most 1,024 bytes.
    pub note: String,
    /// `reportingController`: the profile's scheduler name.
    pub reporter: Str,
}
