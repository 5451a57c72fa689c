//! The scheduling decision: a pure, deterministic function of cluster, profile and pod.
//!
//! The modules are layers: each uses only those above it in this list. `cargo xtask tidy` checks it, and prints the
//! layers.
//!
//! | layer | what it holds |
//! | --- | --- |
//! | [`ids`] | rows and ids, interned strings, names of plugins, kinds of resources |
//! | [`verdict`], [`effect`] | why a node does not take a pod; what a decision changes beside the pod's node |
//! | [`pod_class`] | a pod's spec, compiled once for all pods that are alike |
//! | [`cluster`] | the state: nodes in columns, pods in classes, storage, the change log |
//! | [`plugin`] | the plugin interface: traits, views of pod and node, events, profiles, registry entries |
//! | `scoring` | what several score plugins share |
//! | [`plugins`] | the plugins, one file each, and the registry |
//! | [`scan`] | the naive scan: every plugin about every node; the decision and its message |
//! | [`preemption`] | whom to evict so that a pod that fits nowhere fits |
//! | `fast` | the fast path: caches by pod class, groups of equal nodes |
//! | [`scheduler`] | decisions one by one over a cluster that changes |
//!
//! There is no IO, clock, random source or environment here (`clippy.toml` bans them), and nothing can fail: a pod that
//! fits nowhere is an answer.
#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::iter_over_hash_type)]

pub mod cluster;
pub mod effect;
mod fast;
pub mod ids;
pub mod plugin;
pub mod plugins;
pub mod pod_class;
pub mod preemption;
pub mod scan;
pub mod scheduler;
mod scoring;
pub mod verdict;

pub use cluster::storage::topology;
pub use ids::{name, symbols};
pub use plugin::{bounds, detail, event, profile, registry, tie_break, view};
pub use pod_class::matcher;
pub use scan::{decision, filters};
pub use scheduler::algorithm;
pub use scoring::{axis, load, shape};

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod storage_fixture;
