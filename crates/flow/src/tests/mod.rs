//! The loop as a whole: inputs and the requests that follow.

mod binding;
mod devices;
mod extenders;
pub(crate) mod fixture;
mod pre_bind;
mod preemption;
mod queueing;
mod upstream;
