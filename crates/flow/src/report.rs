//! What the loop reports for logs and metrics. No decision depends on a report.

use berth_engine::name::PluginName;
use berth_model::Str;

use crate::action::PodRef;

/// Something worth a log line or a metric sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// A pod entered a part of the queue (`scheduler_queue_incoming_pods_total`).
    Queued {
        /// Upstream's label `queue`: `active`, `backoff`, `unschedulable` or `gated`.
        queue: &'static str,
        /// Upstream's label `event`.
        event: &'static str,
    },
    /// A pod was assumed on a node. It is not bound yet.
    Assumed(AttemptInfo, Placement),
    /// A pod fits on no node.
    Unschedulable(AttemptInfo, FailureInfo),
    /// An attempt failed with an error.
    Failed(AttemptInfo, FailureInfo),
    /// A pod is bound.
    Bound {
        /// The pod.
        pod: PodRef,
        /// An index of the profiles.
        profile: usize,
        /// Its node.
        node: Str,
        /// How many attempts it took.
        attempts: u32,
        /// Milliseconds since the attempt that placed it.
        binding_millis: u64,
        /// How many of these milliseconds PreBind took, if it waited for something.
        volumes_millis: Option<u64>,
        /// Milliseconds since its first attempt (`scheduler_pod_scheduling_sli_duration_seconds`).
        waited_millis: u64,
    },
    /// The binding of a pod failed. The pod is tried again.
    BindingFailed {
        /// The pod.
        pod: PodRef,
        /// An index of the profiles.
        profile: usize,
        /// Why.
        message: String,
    },
    /// Pods are evicted for another pod.
    Preempted {
        /// The pod that needs the room.
        preemptor: PodRef,
        /// The node.
        node: Str,
        /// The pods that are evicted.
        victims: Vec<PodRef>,
    },
    /// An object cannot be used, or a request failed.
    Warning(String),
}

/// An attempt to schedule a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptInfo {
    /// The pod.
    pub pod: PodRef,
    /// An index of the profiles.
    pub profile: usize,
    /// The number of attempts, this one included.
    pub attempts: u32,
}

/// The node that an attempt chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The node.
    pub node: Str,
    /// Its total score.
    pub score: i64,
    /// The other nodes, if the attempt was asked for them.
    pub alternatives: Option<Alternatives>,
}

/// The nodes that a decision compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alternatives {
    /// How many nodes the pod fits on, the chosen one included.
    pub feasible: usize,
    /// The other nodes with the highest total scores, the highest first.
    pub next: Vec<(Str, i64)>,
}

/// Why an attempt chose no node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureInfo {
    /// Upstream's message.
    pub message: String,
    /// The plugins that rejected the pod, sorted.
    pub plugins: Vec<PluginName>,
    /// The node that the pod is nominated to.
    pub nominated: Option<Str>,
}

/// A step of an attempt that has ended. A shell measures steps with its own clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Filter and Score: the node was chosen, or no node fits.
    Decision,
    /// The alternatives were scored.
    Comparison,
    /// The pod was assumed, and plugins reserved what the placement needs.
    Reserve,
    /// Preemption looked for victims.
    PostFilter,
}

/// What a shell wants to know about an attempt while it runs.
pub(crate) struct AttemptObserver<'a> {
    /// How many alternatives to report with a placement; 0: none, which costs nothing.
    pub(crate) alternatives: usize,
    pub(crate) on_step_done: &'a mut dyn FnMut(Step),
}

impl AttemptObserver<'_> {
    /// A step has ended.
    pub(crate) fn step_done(&mut self, step: Step) {
        (self.on_step_done)(step);
    }
}
