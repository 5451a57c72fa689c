//! Failures of upstream's scheduler. Each test is a scenario with the number of its issue.
//!
//! `cargo xtask failure-modes` writes docs/failure-modes.md from the comments of these tests.

mod cache;
mod crash;
mod memory;
mod nomination;
mod wakeup;
