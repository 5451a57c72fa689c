//! Deterministic simulation testing: the scheduling loop that ships, in a simulated world with faults.
//!
//! One seed makes one history, on one thread and one virtual clock: a simulated API server ([`server`]), watches that
//! lag, break and repeat ([`watch`]), requests that fail, are slow, or are carried out although their answer is lost
//! ([`network`]), users, controllers, kubelets and other schedulers ([`actors`]), crashes and changes of the leader
//! ([`world`]). The invariants are checked against the objects of the server ([`invariants`]), and each decision
//! against a reference model ([`reference_model`]). Each history draws a random subset of faults ([`plan`]). In the end
//! all faults stop, and every pod that fits must be bound, without the periodic flush.
//!
//! Each process can be recorded as `berth scheduler --record` does ([`recording`]), so that `berth replay` can read it.
//! A failing history is made smaller ([`shrink`]) and printed as a timeline. [`injected_bug`] injects bugs on purpose,
//! which the invariants must find.

pub mod actors;
pub mod campaign;
pub mod conversation;
pub mod coverage;
mod devices;
pub mod injected_bug;
pub mod instance;
pub mod invariants;
pub mod network;
mod never_requeues;
pub mod plan;
pub mod recording;
pub mod reference_model;
pub mod server;
pub mod shrink;
pub mod watch;
pub mod world;

#[cfg(test)]
mod tests;
