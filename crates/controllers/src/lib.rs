//! The controllers of kube-controller-manager that make, scale and replace pods, as pure functions.
//!
//! Each controller has a file: its view (what it sees of its object and its pods), and `reconcile(&view, now)`, which
//! returns the changes that one sync of the controller makes. The caller applies the changes and calls again.
//! [`rollout`] repeats this until nothing changes, with a scheduler between the syncs.
//!
//! There is no IO, clock, random source or environment here (`clippy.toml` bans them). Where upstream iterates over a
//! map, the order here is that of the view, and the last tie is broken by name.
//!
//! Upstream: `pkg/controller` of Kubernetes 1.37, with the default feature gates.
#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::iter_over_hash_type)]

pub mod autoscaler;
pub mod change;
pub mod claim;
pub mod cron_job;
pub mod daemon_set;
pub mod deletion_order;
pub mod deployment;
pub mod garbage;
pub mod job;
pub mod limit;
pub mod pod;
pub mod replica_set;
pub mod rollout;
pub mod stateful_set;

#[cfg(test)]
mod fixture;
