//! The rules of the real controllers, one by one.

mod daemon_set;
mod deployment;
mod job;
mod order;
mod stateful_set;
