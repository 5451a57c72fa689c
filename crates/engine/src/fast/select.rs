//! The decision for one pod: check the heads of the buckets, score them, choose.

use std::iter;

use super::bucket::HeapEntry;
use super::node_state::{Answers, NodeState};
use super::per_pod::PerPodFilters;
use super::{ClassCache, ReadyScore, Scope};
use crate::ids::NodeRow;
use crate::ids::name::PluginName;
use crate::plugin::Representative;
use crate::plugin::view::{Delta, NodeView, PodView};
use crate::scan::decision::rejecting;
use crate::scan::filters::Filters;
use crate::scan::message::{ReasonCounts, with_reasons};
use crate::verdict::{Code, Verdict};

/// What came of asking about a pod.
#[derive(Debug)]
pub(crate) enum Selection {
    /// The best node, and its total score.
    Chosen(NodeRow, i64),
    /// No node takes the pod.
    Nothing {
        /// Upstream's sentence.
        message: String,
        /// Whether evictions may help on any node.
        resolvable: bool,
        /// The plugins that rejected it, sorted.
        plugins: Vec<PluginName>,
    },
    /// The cache cannot decide: the pod must be decided in another way.
    Unanswered,
}

/// Buffers that are used again for every pod.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    groups: Vec<Representative>,
    /// Of each group's head: its rank, and its total so far.
    heads: Vec<(u32, i64)>,
    raw: Vec<i64>,
    /// Of all nodes, for a cache that is made.
    pub(super) answers: Answers,
    /// What filters say of buckets and of nodes with nominated pods, with the number of nodes.
    rejected: Vec<(Verdict, usize)>,
}

/// Why the nodes of a bucket are rejected, given its head: by a filter over domains, or by a later filter whatever the
/// domains.
fn rejection(filters: &Filters<'_>, head: NodeView<'_>, late: Option<&Verdict>) -> Option<Verdict> {
    filters.0.iter().find_map(|ready| match ready.looks_at_domains {
        true => ready.check(head),
        false => late.filter(|verdict| verdict.plugin == ready.plugin).cloned(),
    })
}

impl ClassCache {
    /// Chooses a node for a pod of the class. The cache must have caught up.
    pub(crate) fn select(&mut self, pod: PodView<'_>, scratch: &mut Scratch) -> Selection {
        if self.overflows {
            return Selection::Unanswered;
        }
        if let Some(verdict) = &self.rejected {
            // A plugin that looks at claims may have rejected the pod before.
            if verdict.rejection.code == Code::Error || self.has_per_pod_plugins() {
                return Selection::Unanswered;
            }
            return Selection::Nothing {
                message: with_reasons(pod.cluster.nodes().len(), &verdict.rejection.message()),
                resolvable: verdict.rejection.code == Code::Unschedulable,
                plugins: rejecting(&self.prefilter_plugins, iter::once(verdict)),
            };
        }
        let per_pod = self.per_pod.clone();
        let Some(mut asked) = per_pod.ask(pod) else { return Selection::Unanswered };
        let counts = |ready: &ReadyScore| !ready.state.is_skipped() && !ready.state.hints().ignores_counts;
        if !asked.is_empty() && self.scores.iter().any(counts) {
            return Selection::Unanswered;
        }
        scratch.groups.clear();
        scratch.heads.clear();
        scratch.rejected.clear();
        match self.filters.fitting_nominated(pod) {
            Some(row) => self.offer_node(pod, row, scratch),
            None => {
                if !self.offer_buckets(pod, &mut asked, scratch) {
                    return Selection::Unanswered;
                }
                self.offer_nominated(pod, scratch);
                let unanswered = |(verdict, _): &(Verdict, usize)| verdict.rejection.code == Code::Error;
                if self.rejections.any_unanswered() || scratch.rejected.iter().any(unanswered) {
                    return Selection::Unanswered;
                }
            }
        }
        if scratch.groups.is_empty() {
            return if asked.is_empty() { self.nothing(pod, scratch) } else { Selection::Unanswered };
        }
        self.score(pod, scratch);
        // The highest total; of equal ones the first by name, which is the lowest rank.
        let best = scratch.heads.iter().zip(&scratch.groups).min_by_key(|((rank, total), _)| (-total, *rank));
        let ((_, total), group) = best.expect("there is a group");
        Selection::Chosen(group.row, *total)
    }

    /// Returns `false` if plugins that are asked about each pod rejected too many nodes.
    fn offer_buckets(
        &mut self,
        pod: PodView<'_>,
        asked: &mut PerPodFilters<'_>,
        scratch: &mut Scratch,
    ) -> bool {
        let ranks = pod.cluster.nodes().name_order();
        for (number, bucket) in (0..).zip(&mut self.buckets) {
            let Some(mut entry) = bucket.head(number, &self.node_states, ranks) else { continue };
            let late = bucket.rejected.map(|id| self.rejections.verdict(id));
            if let Some(verdict) = rejection(&self.filters, NodeView::new(pod.cluster, entry.row), late) {
                scratch.rejected.push((verdict, bucket.len()));
                continue;
            }
            if !asked.is_empty() {
                let accept = |row| asked.accept(pod, row);
                match bucket.first(number, &self.node_states, ranks, accept) {
                    Err(()) => return false,
                    Ok(None) => continue,
                    Ok(Some(first)) => entry = first,
                }
            }
            let HeapEntry { score, rank, row } = entry;
            scratch.groups.push(Representative { row, nodes: bucket.len() });
            scratch.heads.push((rank.0, score.into()));
        }
        true
    }

    fn offer_nominated(&self, pod: PodView<'_>, scratch: &mut Scratch) {
        for &row in &self.nominated {
            match self.filters.check_with_nominated(pod, row, &Delta::default()) {
                Some(verdict) => scratch.rejected.push((verdict, 1)),
                None => self.offer_node(pod, row, scratch),
            }
        }
    }

    fn offer_node(&self, pod: PodView<'_>, row: NodeRow, scratch: &mut Scratch) {
        let score = match self.node_states[row.index()].says() {
            NodeState::Open(_, score) => score.into(),
            _ => self.usage_score(pod.cluster, row),
        };
        scratch.groups.push(Representative::single(row));
        scratch.heads.push((pod.cluster.nodes().name_order().of(row), score));
    }

    /// Adds the scores that are normalized over all feasible nodes.
    fn score(&self, pod: PodView<'_>, scratch: &mut Scratch) {
        for ready in &self.scores {
            if ready.scope == Scope::NodeUsage || ready.state.is_skipped() || ready.state.hints().zero {
                continue;
            }
            scratch.raw.clear();
            scratch.raw.resize(scratch.groups.len(), 0);
            ready.state.score(pod.cluster, &scratch.groups, &mut scratch.raw);
            ready.state.normalize(pod.cluster, &scratch.groups, &mut scratch.raw);
            for ((_, total), score) in scratch.heads.iter_mut().zip(&scratch.raw) {
                *total += ready.weight * score;
            }
        }
    }

    /// The nodes whose rejection evictions may lift, in no particular order. The cache must have caught up.
    pub(crate) fn resolvable(&mut self, pod: PodView<'_>) -> Vec<NodeRow> {
        let open_to_it = |verdict: &Verdict| verdict.rejection.code == Code::Unschedulable;
        let all = pod.cluster.nodes().rows();
        if let Some(verdict) = &self.rejected {
            return if open_to_it(verdict) { all.collect() } else { Vec::new() };
        }
        let mut buckets = Vec::with_capacity(self.buckets.len());
        for (number, bucket) in (0..).zip(&mut self.buckets) {
            let head = bucket.head(number, &self.node_states, pod.cluster.nodes().name_order());
            let node = head.map(|entry| NodeView::new(pod.cluster, entry.row));
            let late = bucket.rejected.map(|id| self.rejections.verdict(id));
            let rejection = node.and_then(|node| rejection(&self.filters, node, late));
            buckets.push(rejection.is_some_and(|verdict| open_to_it(&verdict)));
        }
        let lifts = |row: &NodeRow| match self.node_states[row.index()].says() {
            NodeState::Free | NodeState::Excluded => false,
            NodeState::Rejected(id) => open_to_it(self.rejections.verdict(id)),
            NodeState::Open(bucket, _) => buckets[bucket as usize],
            NodeState::Nominated => {
                let verdict = self.filters.check_with_nominated(pod, *row, &Delta::default());
                verdict.is_some_and(|verdict| open_to_it(&verdict))
            }
        };
        all.filter(lifts).collect()
    }

    /// The filters, to ask about nodes as they would be.
    pub(crate) fn filters(&self) -> &Filters<'static> {
        &self.filters
    }

    fn nothing(&self, pod: PodView<'_>, scratch: &Scratch) -> Selection {
        let mut counts = ReasonCounts::default();
        for (verdict, nodes) in self.rejections.counted() {
            counts.add(&verdict.rejection, nodes);
        }
        for (verdict, nodes) in &scratch.rejected {
            counts.add(&verdict.rejection, *nodes);
        }
        if let Some(reason) = &self.excluded_reason {
            counts.add(reason, self.excluded_nodes);
        }
        let resolvable = |verdict: &Verdict| verdict.rejection.code == Code::Unschedulable;
        let verdicts = self.rejections.counted().chain(scratch.rejected.iter().map(|(v, nodes)| (v, *nodes)));
        Selection::Nothing {
            message: with_reasons(pod.cluster.nodes().len(), &counts.text()),
            plugins: rejecting(&self.prefilter_plugins, verdicts.map(|(verdict, _)| verdict)),
            resolvable: self.rejections.any_resolvable()
                || scratch.rejected.iter().any(|(verdict, _)| resolvable(verdict)),
        }
    }
}
