//! Deterministic simulation: the flow that ships, in a world that is out to get it.
//!
//! One seed makes one history, on one thread and one virtual clock: a simulated API server ([`server`]) that is the truth,
//! watches that lag, break and repeat ([`watch`]), requests that fail, are slow, or are done though their answer never
//! comes ([`network`]), users, controllers, node agents and foreign schedulers ([`actors`]), crashes and changes of leader
//! ([`world`]). After every step the invariants are checked against the server's truth ([`invariants`]), never against what
//! the flow believes. Each history draws a random subset of faults ([`plan`]); in the end all faults stop, and everything
//! that fits must be placed, with the periodic flush switched off.
//!
//! Each process can be recorded as `berth scheduler --record` does ([`recording`]), so that `berth replay` looks into it.
//! A failing history is made smaller ([`shrink`]) and told as a timeline. [`bug`] plants violations on purpose: the
//! judge must find them.

pub mod actors;
pub mod campaign;
pub mod conversation;
pub mod coverage;
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
