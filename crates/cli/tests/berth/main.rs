//! The binary as its users see it: what it prints where, and how it ends.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod changes;
mod documents;
mod explain;
mod fit;
mod fixture;
mod inputs;
mod live;
mod missing;
mod plan;
mod problems;
mod replay;
mod schema;
mod simulate;
mod timed;
mod up;
mod usage;
