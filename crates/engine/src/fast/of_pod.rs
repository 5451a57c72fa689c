//! What each pod of a class asks for itself: the plugins that look at its claims.
//!
//! Mostly they have nothing against any node, or against few. So the nodes that would be chosen are asked about, one after
//! the other, until one is accepted. Where that is not exact, or takes long, the pod is decided over columns.

use std::sync::Arc;

use super::ClassCache;
use crate::ids::NodeRow;
use crate::plugin::{Depends, Filter, Plugin, Prepared};
use crate::profile::Profile;
use crate::view::{NodeView, PodView};

/// The plugins that single pods ask.
#[derive(Clone, Debug)]
pub(super) struct OfPods {
    filters: Arc<[Arc<dyn Plugin>]>,
    scores: Arc<[Arc<dyn Plugin>]>,
}

/// The filters that one pod asked, as far as they may have something against a node.
pub(super) struct Demands<'a> {
    filters: Vec<Box<dyn Filter + 'a>>,
    /// How many more nodes may be refused until the pod is decided over columns.
    patience: usize,
}

/// To ask about a node costs some ten times as much as to look at its columns.
const PATIENCE: usize = 64;

impl OfPods {
    pub(super) fn of(profile: &Profile, pod: PodView<'_>) -> Self {
        let filters = profile.filter.iter().filter(|p| p.filter_depends(pod.class) == Depends::Pod);
        let scores = profile.score.iter().map(|(p, _)| p);
        let scores = scores.filter(|p| p.score_depends(pod.class) == Depends::Pod);
        Self { filters: filters.cloned().collect(), scores: scores.cloned().collect() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.filters.is_empty() && self.scores.is_empty()
    }

    /// What a pod demands beside what is kept; `None` where that is more than heads of buckets can tell: the pod is rejected
    /// outright, a filter may be unable to answer, scores differ, or nominated pods count.
    pub(super) fn ask<'a>(&'a self, pod: PodView<'a>) -> Option<Demands<'a>> {
        let mut demands = Demands { filters: Vec::new(), patience: PATIENCE };
        if self.is_empty() {
            return Some(demands);
        }
        if pod.cluster.has_nominations() || pod.entry().pod.nominated_node.is_some() {
            return None;
        }
        for plugin in &*self.filters {
            match plugin.prepare_filter(pod) {
                Prepared::Nothing => {}
                Prepared::Ready(state) if state.accepts_all() => {}
                Prepared::Ready(state) if !state.may_fail() => demands.filters.push(state),
                Prepared::Ready(_) | Prepared::Only(..) | Prepared::Reject(_) => return None,
            }
        }
        let differs = |plugin: &Arc<dyn Plugin>| {
            plugin.prepare_score(pod).is_some_and(|state| !state.is_idle() && !state.is_zero())
        };
        (!self.scores.iter().any(differs)).then_some(demands)
    }
}

impl Demands<'_> {
    /// Whether any node will do.
    pub(super) fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    /// Whether a node will do; `None` once too many did not.
    pub(super) fn accept(&mut self, pod: PodView<'_>, row: NodeRow) -> Option<bool> {
        let node = NodeView::new(pod.cluster, row);
        if self.filters.iter().all(|filter| filter.check(node).is_none()) {
            return Some(true);
        }
        self.patience = self.patience.checked_sub(1)?;
        Some(false)
    }
}

impl ClassCache {
    /// Whether single pods are asked about beside what is kept.
    pub fn asks_pods(&self) -> bool {
        !self.of_pods.is_empty()
    }
}
