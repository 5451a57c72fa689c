//! What there is to tell about the flow: for logs and metrics. Nothing depends on whether anybody listens.

use berth_engine::name::PluginName;
use berth_model::Str;

use crate::action::PodRef;
use crate::alternatives::Alternatives;

/// Something worth a line or a sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// A pod came into a part of the queue (`scheduler_queue_incoming_pods_total`).
    Queued {
        /// `active`, `backoff`, `unschedulable` or `gated`, as upstream's label `queue` spells it.
        queue: &'static str,
        /// What brought it there, as upstream's label `event` spells it.
        event: &'static str,
    },
    /// A pod was put on a node, which is not bound yet.
    Assumed(Attempted, Landing),
    /// A pod fits nowhere.
    Unschedulable(Attempted, Refusal),
    /// A pod could not be judged.
    Failed(Attempted, Refusal),
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
        /// How many of these its volumes took, if it waited for some.
        volumes_millis: Option<u64>,
        /// Milliseconds since its first attempt (`scheduler_pod_scheduling_sli_duration_seconds`).
        waited_millis: u64,
    },
    /// A binding failed; the pod will be tried again.
    Unbound {
        /// The pod.
        pod: PodRef,
        /// An index of the profiles.
        profile: usize,
        /// Why.
        message: String,
    },
    /// Pods have to go for another one.
    Preempted {
        /// For whom.
        preemptor: PodRef,
        /// Where.
        node: Str,
        /// Who.
        victims: Vec<PodRef>,
    },
    /// Something is wrong with an object or with a request, which a user may want to mend.
    Trouble(String),
}

/// An attempt to place a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempted {
    /// The pod.
    pub pod: PodRef,
    /// An index of the profiles.
    pub profile: usize,
    /// How many attempts there have been, this one included.
    pub attempts: u32,
}

/// Where an attempt put a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Landing {
    /// The node.
    pub node: Str,
    /// Its total score.
    pub score: i64,
    /// Where else it could have gone, if the attempt was asked for that.
    pub alternatives: Option<Alternatives>,
}

/// Why an attempt put a pod nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Upstream's sentence.
    pub message: String,
    /// The plugins that rejected it, sorted.
    pub plugins: Vec<PluginName>,
    /// The node that it is nominated to, once victims are gone.
    pub nominated: Option<Str>,
}
