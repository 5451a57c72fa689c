//! The cluster around the scheduler as a state machine in virtual time.
//!
//! [`Simulation`](simulation::Simulation) holds a cluster: the objects of the API server ([`store`], [`server`]),
//! controllers (driven through `berth-controllers`), nodes with their agents ([`kubelet`]), and the scheduler that ships
//! (`berth-flow`). Time is a number. A day of a cluster takes seconds, and the same input gives the same history.
//!
//! There is no IO, clock, random source or environment here (`clippy.toml` bans them). Times come in as milliseconds,
//! and what is drawn is a function of a seed.
#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::iter_over_hash_type)]

mod budgets;
pub mod command;
mod controllers;
pub mod cron;
mod device_claims;
pub mod kubelet;
mod load;
pub mod nodes;
mod pods;
mod quotas;
mod record;
pub mod report;
mod scheduler;
pub mod server;
pub mod simulation;
pub mod store;
#[cfg(test)]
mod tests;
mod timers;
mod volumes;
mod workloads;

/// Milliseconds since the beginning of the simulation.
pub type Millis = u64;
