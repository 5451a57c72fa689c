//! Dynamic resource allocation: which devices a claim gets.
//!
//! [`cel`] compiles and evaluates device selectors; [`allocator`] searches devices for claims on a node, as upstream
//! does, with the same first solution. [`objects`] holds what a cluster has of devices and claims, and [`pod_devices`]
//! decides for a pod.
#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::iter_over_hash_type)]

pub mod allocator;
mod capacity;
pub mod cel;
mod constraint;
pub mod extended;
pub mod objects;
pub mod pod_devices;
mod pools;
pub mod selectors;
pub mod state;
pub mod totals;

pub use pools::NodeView;
