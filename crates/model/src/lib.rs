//! The nouns of Kubernetes scheduling, as plain values.
//!
//! What a shell reads from manifests or from an API server is translated into these types once, at the border; the
//! engine knows nothing else. They hold what can decide where a pod runs and no more. Nothing here does IO or knows a
//! clock; nothing is `Serialize`: a file format is a promise that shells make.
//!
//! Read in this order: [`quantity`], [`labels`], [`selector`], [`node`], [`load`], [`pod`], [`affinity`], [`volume`],
//! [`workload`], [`device`], [`execution`], [`pod_manifest`], [`policy`], [`object`], [`manifests`].
#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::iter_over_hash_type)]

pub mod affinity;
pub mod device;
pub mod execution;
pub mod labels;
pub mod load;
pub mod manifests;
pub mod node;
pub mod object;
pub mod pod;
pub mod pod_level;
pub mod pod_manifest;
pub mod policy;
pub mod quantity;
pub mod requests;
pub mod selector;
pub mod selector_text;
pub mod volume;
pub mod workload;

/// A shared, immutable string. Names and labels occur in many objects, so they are counted, not copied.
pub type Str = std::sync::Arc<str>;

/// Seconds since the Unix epoch. Kubernetes object times have whole seconds.
pub type UnixSeconds = i64;
