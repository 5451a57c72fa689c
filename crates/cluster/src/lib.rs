//! The cluster around the scheduler as a state machine in virtual time.
//!
//! There is no IO, clock, random source or environment here (`clippy.toml` bans them). Times come in as milliseconds,
//! and what is drawn is a function of a seed.
#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::iter_over_hash_type)]

pub mod kubelet;

/// Milliseconds since the beginning of the simulation.
pub type Millis = u64;
