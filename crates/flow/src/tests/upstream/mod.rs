//! Upstream's failure modes, each a scenario by the number of its issue: what happened there, what happens here.
//!
//! `cargo xtask reliability` makes the table in docs/reliability.md of the comments on these tests.

mod cache;
mod crash;
mod memory;
mod nomination;
mod wakeup;
