//! The flow as a whole: what it does when this and that happens.

mod binding;
mod extending;
pub(crate) mod fixture;
mod preempting;
mod queueing;
mod upstream;
mod volumes;
