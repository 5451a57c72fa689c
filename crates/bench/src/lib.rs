//! Measuring: workloads as data, the same objects for Berth's engine and for upstream's.
//!
//! A [`workload`] file says which objects there are and which pods are to be placed; a [`plan`] is what it comes to at
//! one size, step by step.

pub mod builtin;
pub mod expression;
pub mod plan;
pub mod template;
pub mod workload;
