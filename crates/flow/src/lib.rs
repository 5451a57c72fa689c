//! The scheduling loop: it takes each pod from the queue to its node.
//!
//! The loop is a deterministic state machine without IO. The shell passes in what happened ([`Input`]) and the time
//! ([`Now`]). The loop asks the engine for decisions and returns what must be done ([`Action`]) and what can be logged
//! ([`Report`]). The same inputs give the same actions, byte for byte. Recordings and fault simulation depend on that.
//!
//! [`SchedulingLoop`] routes. Each part of its state has an owner with private fields: the queue (`queue`), the
//! pods that are not bound (`pod_table`, `binding`, `extender_state`, `status`), devices of attempts that have ended
//! (`in_flight_allocations`), evictions in progress (`scheduling_loop/preemption`), listings (`listings`), and requests in
//! flight (`outbox`).
#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::iter_over_hash_type)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod action;
mod binding;
mod dump;
mod extender_state;
mod in_flight_allocations;
mod input;
mod listings;
mod outbox;
mod pod_table;
mod queue;
mod report;
mod reserved_effect;
mod scheduling_loop;
mod settings;
mod status;
#[cfg(test)]
mod tests;

pub use berth_engine::effect::Write;

pub use action::{Action, Call, Condition, Event, PodRef, Request, Ticket};
pub use input::{Answer, Failure, FailureKind, Input, NodeVictims, Now};
pub use pod_table::PendingPodInfo;
pub use queue::Counts;
pub use report::{Alternatives, AttemptInfo, FailureInfo, Placement, Report, Step};
pub use scheduling_loop::SchedulingLoop;
pub use settings::{Extender, Settings};
