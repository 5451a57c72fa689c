//! Plugins that answer for one pod at a time, beside what is cached for the pod's class: those that look at its claims.
//!
//! Mostly they accept every node, or reject few. So the nodes that would be chosen are checked one after the other
//! until one is accepted. If that is not exact, or takes long, the pod is decided without the cache.

use std::sync::Arc;

use super::ClassCache;
use crate::ids::NodeRow;
use crate::plugin::Plugin;
use crate::plugin::profile::Profile;
use crate::plugin::view::{NodeView, PodView};
use crate::scan::filters::{Answer, FilterState};
use crate::scan::scores::ScoreState;

/// The plugins that are asked about each pod.
#[derive(Clone, Debug, Default)]
pub(super) struct PerPodPlugins {
    /// With whether the plugin also filters, rather than only rejects pods.
    filters: Arc<[(Arc<dyn Plugin>, bool)]>,
    scores: Arc<[Arc<dyn Plugin>]>,
}

/// The filters of one pod that may reject a node.
pub(super) struct PerPodFilters<'a> {
    filters: Vec<FilterState<'a>>,
    /// How many more nodes may be rejected until the pod is decided without the cache.
    probes_left: usize,
}

/// To check a node takes about ten times as long as a look at its columns.
const MAX_PROBES: usize = 64;

impl PerPodPlugins {
    pub(super) fn new(
        profile: &Profile,
        filters: Vec<Arc<dyn Plugin>>,
        scores: Vec<Arc<dyn Plugin>>,
    ) -> Self {
        let checks = |plugin: &Arc<dyn Plugin>| profile.filter.iter().any(|f| f.name() == plugin.name());
        let filters = filters.into_iter().map(|plugin| {
            let checks = checks(&plugin);
            (plugin, checks)
        });
        Self { filters: filters.collect(), scores: scores.into() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.filters.is_empty() && self.scores.is_empty()
    }

    /// The filters of a pod beside the cached ones. `None` if the heads of buckets cannot decide: the pod is rejected
    /// outright, a filter may be unable to answer, scores differ, or nominated pods count.
    pub(super) fn ask<'a>(&'a self, pod: PodView<'a>) -> Option<PerPodFilters<'a>> {
        let mut asked = PerPodFilters { filters: Vec::new(), probes_left: MAX_PROBES };
        if self.is_empty() {
            return Some(asked);
        }
        if pod.cluster.has_nominations() || pod.entry().pod.nominated_node.is_some() {
            return None;
        }
        for (plugin, checks) in &*self.filters {
            let state = match plugin.pre_filter(pod).into() {
                Answer::Skip => continue,
                Answer::Check(state, None) => state,
                Answer::Check(_, Some(_)) | Answer::Reject(_) => return None,
            };
            let hints = state.hints();
            if !checks || state.is_skipped() || hints.accepts_all {
                continue;
            }
            if !hints.never_errs {
                return None;
            }
            asked.filters.push(state);
        }
        let differs = |plugin: &Arc<dyn Plugin>| {
            ScoreState::of(plugin.pre_score(pod)).is_some_and(|state| !state.hints().zero)
        };
        (!self.scores.iter().any(differs)).then_some(asked)
    }
}

impl PerPodFilters<'_> {
    /// Whether every node is accepted.
    pub(super) fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    /// Whether a node is accepted; `None` once too many were not.
    pub(super) fn accept(&mut self, pod: PodView<'_>, row: NodeRow) -> Option<bool> {
        let node = NodeView::new(pod.cluster, row);
        if self.filters.iter().all(|filter| filter.check(node).is_none()) {
            return Some(true);
        }
        self.probes_left = self.probes_left.checked_sub(1)?;
        Some(false)
    }
}

impl ClassCache {
    /// Whether plugins are asked about each pod beside what is cached.
    pub(crate) fn has_per_pod_plugins(&self) -> bool {
        !self.per_pod.is_empty()
    }
}
