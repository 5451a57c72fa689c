//! Offline runs: a cluster, pods that wait, and what a scheduler would do with them.
//!
//! The engine decides; this shell brings the pods in order, carries out what is decided (placements, evictions) at
//! once, and reports. Running the same input twice gives the same result, byte for byte.
#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod admission;
pub mod change;
pub mod compare;
pub mod device_claims;
mod expand;
pub mod explain;
pub mod fit;
pub mod order;
pub mod plan;
pub mod report;
pub mod rollout;
pub mod run;
pub mod selection;
pub mod usage;
pub mod world;

#[cfg(test)]
mod fixture;

pub use expand::MAX_PODS;

/// What controllers give to the pods that they make.
pub mod template {
    pub use crate::expand::daemon_set::{only, target, tolerate_conditions};
    pub use crate::expand::job::{INDEX_LABEL, NAME_LABELS, UID_LABELS};
    pub use crate::expand::name::{hash, indexed_prefix, prefix};
    pub use crate::expand::stateful_set::{POD_INDEX, POD_NAME, claims, mount_claims, ordinal};
}
