//! What a shell passes to the loop, and the time at which it does so. Nothing else can change a decision.

use std::collections::BTreeMap;

use berth_model::Str;
use berth_model::object::{Kind, Object, ObjectKey};

use crate::action::{PodRef, Ticket};

/// A moment on two clocks. The loop has no clock of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now {
    /// Milliseconds on a monotonic clock. Backoffs, deadlines and retries use it.
    pub millis: u64,
    /// Microseconds since the Unix epoch. Timestamps that others read use it.
    pub unix_micros: i64,
}

impl Now {
    /// Whole seconds since the Unix epoch.
    pub fn unix_seconds(self) -> i64 {
        self.unix_micros.div_euclid(1_000_000)
    }
}

/// One thing that happened.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "an input is consumed at once, and most inputs are objects")]
pub enum Input {
    /// A full listing of a kind begins. [`Input::Listed`] ends it.
    Listing(Kind),
    /// An object was created or changed, or is part of a listing.
    Applied(Object),
    /// The listing of a kind is complete. Known objects that were not part of it are deleted.
    Listed(Kind),
    /// An object was deleted.
    Deleted(ObjectKey),
    /// An object that cannot be decoded. The last version that could be decoded stays.
    Unreadable {
        /// Which object.
        key: ObjectKey,
        /// Its uid; empty if it has none.
        uid: Str,
        /// What is wrong with it.
        problem: String,
    },
    /// The result of an action.
    Reply(Ticket, Result<Answer, Failure>),
    /// Whether this scheduler may bind: it holds the lease, or needs none.
    Leads(bool),
}

/// The result of an action that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The request was carried out.
    Done,
    /// An extender's result of a filter call.
    Filtered {
        /// The nodes that passed.
        nodes: Vec<Str>,
        /// Why other nodes failed, by node.
        failed: BTreeMap<Str, String>,
        /// Why nodes failed on which preemption cannot help, by node.
        unresolvable: BTreeMap<Str, String>,
    },
    /// An extender's scores by node, 0 to 10 in its protocol.
    Scores(Vec<(Str, i64)>),
    /// An extender's result of a preempt call: the victims that it accepts, by node.
    Victims(Vec<NodeVictims>),
}

/// The victims on one node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NodeVictims {
    /// The node.
    pub node: Str,
    /// The pods that would be evicted.
    pub victims: Vec<PodRef>,
    /// How many disruption budgets the evictions violate.
    pub violations: i64,
}

/// Why an action failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What the failure means for the next step.
    pub kind: FailureKind,
    /// The message of the server that reported it.
    pub message: String,
}

/// What a failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The object does not exist (404), or has another uid.
    Gone,
    /// The object is not in the expected state (409, 422).
    Conflict,
    /// The request may or may not have been carried out: no answer came.
    Unknown,
    /// The request was refused for any other reason.
    Refused,
}
