//! The loop's settings.

use berth_engine::profile::Profile;
use berth_model::Str;
use berth_model::pod::PodSpec;

/// The settings of a loop.
#[derive(Clone, Debug)]
pub struct Settings {
    /// At least one. A pod names a profile by `spec.schedulerName`.
    pub profiles: Vec<Profile>,
    /// Extenders, in the order in which they are called.
    pub extenders: Vec<Extender>,
    /// The backoff after a pod's first failure, in milliseconds. Each further failure doubles it.
    pub initial_backoff_millis: u64,
    /// The longest backoff, in milliseconds.
    pub max_backoff_millis: u64,
    /// After how many milliseconds an unschedulable pod is tried again although no event may help it; `None`: never.
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
            flush_millis: Some(300_000),
        }
    }
}

/// What the loop must know about an extender. The shell knows how to reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extender {
    /// The name for messages.
    pub name: Str,
    /// Whether it filters nodes.
    pub filters: bool,
    /// The weight of its scores; `None` if it does not score.
    pub weight: Option<i64>,
    /// Whether it filters candidates for preemption.
    pub preempts: bool,
    /// Whether it binds.
    pub binds: bool,
    /// The extender is called only for pods that request one of these resources; if empty, for all pods.
    pub managed_resources: Vec<Str>,
    /// Whether scheduling continues without it if it fails.
    pub ignorable: bool,
}

impl Extender {
    /// Whether it is called for a pod. Upstream: `extender.go` (`IsInterested`).
    pub(crate) fn is_interested(&self, spec: &PodSpec) -> bool {
        let containers = spec.init_containers.iter().chain(&spec.containers);
        let mut named = containers.flat_map(|c| c.requests.iter().chain(&c.limits)).map(|(name, _)| name);
        self.managed_resources.is_empty() || named.any(|name| self.managed_resources.contains(name))
    }
}
