//! Offline runs: a cluster, pods that wait, and what a scheduler would do with them.
//!
//! The engine decides; this shell brings the pods in order, carries out what is decided (placements, evictions) at
//! once, and reports. Running the same input twice gives the same result, byte for byte.
#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

mod admission;
pub mod change;
pub mod compare;
pub mod device_claims;
mod expand;
pub mod explain;
pub mod fit;
pub mod order;
pub mod report;
pub mod rollout;
pub mod run;
pub mod world;

#[cfg(test)]
mod fixture;

pub use expand::MAX_PODS;
