//! The flow as a whole: what it does when this and that happens.

mod binding;
mod extenders;
pub(crate) mod fixture;
mod pre_bind;
mod preemption;
mod queueing;
mod upstream;
