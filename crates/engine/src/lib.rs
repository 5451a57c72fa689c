//! The scheduling decision: a pure, deterministic function of cluster, profile and pod.
//!
//! The [`cluster`] holds all that decides, in columns; a [`profile`] says which [`plugins`] decide; [`cycle`] asks them
//! about every node; [`preemption`] asks the same filters about nodes as they would be without some of their pods.
//! Verdicts are data ([`verdict`]); upstream's words are made from them.
//!
//! There is no IO, clock, random source or environment here (`clippy.toml` bans them), and nothing can fail: a pod that
//! fits nowhere is an answer.
#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::iter_over_hash_type)]

pub mod algorithm;
pub mod attachable;
pub mod axis;
pub mod class;
pub mod cluster;
pub mod csi_migration;
pub mod cycle;
pub mod decision;
pub mod effect;
pub mod event;
pub mod fast;
pub mod filters;
pub mod ids;
pub mod load;
pub mod matcher;
pub mod message;
pub mod name;
pub mod normalize;
pub mod plugin;
pub mod plugins;
pub mod pod_claims;
pub mod preemption;
pub mod profile;
pub mod reach;
pub mod reference;
pub mod registry;
pub mod resources;
pub mod scheduler;
mod scores;
pub mod shape;
pub mod span;
pub mod symbols;
pub mod verdict;
pub mod view;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod storage_fixture;
