//! What a shell tells the flow: all that can ever change a decision comes in as one of these.

use std::collections::BTreeMap;

use berth_model::Str;
use berth_model::object::{Kind, Object, ObjectKey};

use crate::action::{PodRef, Ticket};

/// One thing that happened.
#[derive(Clone, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "an input is taken at once, and objects are what most inputs are"
)]
pub enum Input {
    /// A kind is being listed from the start: what [`Input::Listed`] finds was not in the listing is gone.
    Listing(Kind),
    /// An object came or changed, or is part of a listing.
    Applied(Object),
    /// The listing of a kind is complete.
    Listed(Kind),
    /// An object is gone.
    Deleted(ObjectKey),
    /// An object that cannot be read; what was known of it stays.
    Unreadable {
        /// Which object.
        key: ObjectKey,
        /// Its uid, empty where it has none.
        uid: Str,
        /// What is wrong with it.
        problem: String,
    },
    /// What came of an action.
    Reply(Ticket, Result<Answer, Failure>),
    /// Whether this scheduler may bind: it holds the lease, or needs none.
    Leads(bool),
}

/// What an action that went well brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is done.
    Done,
    /// An extender's answer to a filter call.
    Filtered {
        /// The nodes that stay.
        nodes: Vec<Str>,
        /// Why others go, by node.
        failed: BTreeMap<Str, String>,
        /// The same, where no eviction would help.
        unresolvable: BTreeMap<Str, String>,
    },
    /// An extender's scores, 0 to 10 by its protocol, by node.
    Scores(Vec<(Str, i64)>),
    /// An extender's answer to a preempt call: the victims that it leaves, by node.
    Victims(Vec<NodeVictims>),
}

/// The victims on one node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NodeVictims {
    /// The node.
    pub node: Str,
    /// Who would have to go.
    pub victims: Vec<PodRef>,
    /// How many disruption budgets that violates.
    pub violations: i64,
}

/// Why an action failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What that means for what comes next.
    pub kind: FailureKind,
    /// In the words of whoever said so.
    pub message: String,
}

/// What a failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The object is not there (404), or is another one than was meant.
    Gone,
    /// The object is not as expected (409).
    Conflict,
    /// It may or may not have been done: the answer did not come.
    Unknown,
    /// Refused for any other reason.
    Refused,
}
