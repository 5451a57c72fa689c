//! What the loop asks the shell to do: requests at the API server and at extenders, as values.

use berth_engine::effect::Write;
use berth_model::Str;

use crate::input::NodeVictims;

/// Identifies an action, so that its reply is matched to it. A ticket is used once in the life of a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// A request with its ticket. Every action but [`Request::Emit`] must be answered by exactly one
/// [`Input::Reply`](crate::Input::Reply).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Action {
    /// What the reply refers to.
    pub ticket: Ticket,
    /// What must be done.
    pub request: Request,
}

/// Identifies a pod. The uid tells it from another pod of the same name.
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

impl PodRef {
    /// The reference to a pod of the model.
    pub fn of(pod: &berth_model::pod::Pod) -> Self {
        Self { namespace: pod.spec.namespace.clone(), name: pod.name.clone(), uid: pod.uid.clone() }
    }
}

/// What must be done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// POST `pods/binding`, with the pod's uid in the metadata of the binding.
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
        /// `status.nominatedNodeName`; an empty name clears it.
        nominated_node: Option<Str>,
    },
    /// PATCH `pods/status` with the condition `DisruptionTarget=True`, reason `PreemptionByScheduler`, then DELETE the
    /// pod with its uid as a precondition. If the victim does not exist any more, the request has succeeded.
    Evict {
        /// The pod that is evicted.
        victim: PodRef,
        /// The message of the condition. The shell looks up the victim's `observedGeneration`.
        message: String,
    },
    /// A write that a plugin needs before the pod is bound (PreBind).
    Write(Write),
    /// Call an extender.
    Extend {
        /// The index in [`Settings::extenders`](crate::Settings::extenders).
        extender: usize,
        /// The call.
        call: Call,
    },
    /// Record an event. There is no reply.
    Emit(Event),
}

/// A call of the `extender/v1` protocol.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// Filter nodes.
    Filter {
        /// The pod.
        pod: PodRef,
        /// The nodes that passed all filters so far, by name.
        nodes: Vec<Str>,
    },
    /// Score nodes.
    Prioritize {
        /// The pod.
        pod: PodRef,
        /// The nodes that passed all filters, by name.
        nodes: Vec<Str>,
    },
    /// Filter candidates for preemption.
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
    /// Upstream's message.
    pub message: String,
    /// `metadata.generation` of the pod that the attempt was about.
    pub generation: i64,
    /// Whether the condition was false before. If so, the time of its last transition stays.
    pub again: bool,
}

/// An event to record (events.k8s.io/v1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Event {
    /// The pod that the event is about.
    pub regarding: PodRef,
    /// A second pod that is involved.
    pub related: Option<PodRef>,
    /// `type: Warning` instead of `Normal`.
    pub warning: bool,
    /// For example `FailedScheduling`.
    pub reason: &'static str,
    /// For example `Scheduling`.
    pub action: &'static str,
    /// The note, at most 1,024 bytes.
    pub note: String,
    /// `reportingController`: the scheduler name of the profile.
    pub reporter: Str,
}
