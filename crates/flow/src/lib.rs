//! The flow: a pod's way from the queue to its node.
//!
//! A deterministic state machine without IO. The shell tells it what happened ([`Input`]) and what time it is ([`Now`]);
//! it decides with the engine and says what is to be done ([`Action`]) and what there is to tell ([`Report`]). The same
//! inputs give the same actions, byte for byte: that is what makes recordings replay and fault simulation possible.
#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::iter_over_hash_type)]

mod action;
mod alternatives;
mod attempt;
mod backoff;
mod binding;
mod devices;
mod evicting;
mod extending;
mod flow;
mod input;
mod intake;
mod inventory;
mod nodes;
mod now;
mod outbox;
mod pods;
mod queue;
mod report;
mod restate;
mod settings;
mod status;
mod step;
#[cfg(test)]
mod tests;
mod track;
mod unbound;
mod volumes;
mod waking;

pub use action::{Action, Call, Condition, Event, PodRef, Request, Ticket};
pub use alternatives::Alternatives;
pub use flow::Flow;
pub use input::{Answer, Failure, FailureKind, Input, NodeVictims};
pub use now::Now;
pub use queue::Counts;
pub use report::{Attempted, Landing, Refusal, Report};
pub use settings::{Extender, Settings};
pub use step::Step;
pub use unbound::Unbound;
