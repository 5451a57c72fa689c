//! What an administrator decides about the flow.

use berth_engine::profile::Profile;
use berth_model::Str;

/// Settings of a flow.
#[derive(Clone, Debug)]
pub struct Settings {
    /// At least one; a pod names one by `spec.schedulerName`.
    pub profiles: Vec<Profile>,
    /// In the order in which they are asked.
    pub extenders: Vec<Extender>,
    /// What a pod waits after its first failure, in milliseconds; doubled with each further one.
    pub initial_backoff_millis: u64,
    /// What it waits at most.
    pub max_backoff_millis: u64,
    /// After how long a waiting pod is tried though nothing happened that may help; `None`: never.
    pub flush_millis: Option<u64>,
}

impl Settings {
    /// Upstream's defaults.
    pub fn new(profiles: Vec<Profile>) -> Self {
        Self {
            profiles,
            extenders: Vec::new(),
            initial_backoff_millis: 1_000,
            max_backoff_millis: 10_000,
            flush_millis: Some(5 * 60 * 1_000),
        }
    }
}

/// What the flow must know of an extender; how to reach it is the shell's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extender {
    /// For messages.
    pub name: Str,
    /// Whether it narrows the nodes down.
    pub filters: bool,
    /// By how much its scores are multiplied; `None` where it does not score.
    pub weight: Option<i64>,
    /// Whether it has a say in preemption.
    pub preempts: bool,
    /// Whether it binds.
    pub binds: bool,
    /// It is asked about pods that request one of these resources, or about all where there are none.
    pub managed_resources: Vec<Str>,
    /// Whether scheduling goes on without it where it fails.
    pub ignorable: bool,
}
