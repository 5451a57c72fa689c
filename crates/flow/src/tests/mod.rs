//! The flow as a whole: what it does when this and that happens.

mod binding;
mod extending;
mod fixture;
mod preempting;
mod queueing;
mod volumes;
