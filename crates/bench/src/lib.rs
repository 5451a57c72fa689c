//! Measuring: workloads as data, the same objects for Berth's engine and for upstream's.
//!
//! A [`workload`] file says which objects there are and which pods are to be placed; a [`plan`] is what it comes to at
//! one size, step by step; a [`run`] carries it out on Berth's engine and times it, and the harness in
//! `bench/upstream/` does the same with upstream's. A [`case`] is a workload at a size; [`compare`] lets several
//! [`arm`]s take turns on it; [`report`] and [`scale`] tell what came of it. [`request`] is all of that for the command
//! line.

pub mod arm;
pub mod builtin;
pub mod case;
pub mod compare;
pub mod expression;
pub mod gate;
pub mod machine;
pub mod outcome;
pub mod plan;
pub mod plot;
pub mod report;
pub mod request;
pub mod run;
pub mod scale;
pub mod subject;
pub mod template;
pub mod workload;
