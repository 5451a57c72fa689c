//! The rules of the real controllers, one by one.

mod daemon_set;
mod deployment;
mod ephemeral;
mod job;
mod order;
mod stateful_set;
