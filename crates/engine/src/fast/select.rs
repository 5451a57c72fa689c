//! The decision for one pod: check one node of each bucket, score it, choose among the nodes that tie.

use std::iter;

use super::node_state::{Answers, NodeState};
use super::per_pod::PerPodFilters;
use super::{ClassCache, ReadyScore, Scope};
use crate::ids::NodeRow;
use crate::ids::name::PluginName;
use crate::plugin::Representative;
use crate::plugin::tie_break::TieOrder;
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
    /// Of each group: what it is, and its total so far.
    offers: Vec<(Offer, i64)>,
    raw: Vec<i64>,
    /// The buckets and scores of the nodes with the highest total.
    tied: Vec<(u32, i32)>,
    /// Nodes of which the first in the pod's order is chosen.
    candidates: Vec<NodeRow>,
    /// Of all nodes, for a cache that is made.
    pub(super) answers: Answers,
    /// What filters say of buckets and of nodes with nominated pods, with the number of nodes.
    rejected: Vec<(Verdict, usize)>,
}

/// Nodes that may be chosen.
#[derive(Clone, Copy, Debug)]
enum Offer {
    /// A single node.
    Node,
    /// The nodes of a bucket that have a score by usage.
    Level(u32, i32),
}

/// Why the nodes of a bucket are rejected, given one of them: by a filter over domains, or by a later filter whatever
/// the domains.
fn rejection(filters: &Filters<'_>, node: NodeView<'_>, late: Option<&Verdict>) -> Option<Verdict> {
    filters.0.iter().find_map(|ready| match ready.looks_at_domains {
        true => ready.check(node),
        false => late.filter(|verdict| verdict.plugin == ready.plugin).cloned(),
    })
}

impl ClassCache {
    /// Chooses a node for a pod of the class. The cache must have caught up.
    pub(crate) fn select(&self, pod: PodView<'_>, scratch: &mut Scratch) -> Selection {
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
        scratch.offers.clear();
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
        self.first_of_best(pod, &mut asked, scratch)
    }

    /// The first of the nodes with the highest total in the pod's order.
    fn first_of_best(
        &self,
        pod: PodView<'_>,
        asked: &mut PerPodFilters<'_>,
        scratch: &mut Scratch,
    ) -> Selection {
        let Scratch { groups, offers, tied, candidates, .. } = scratch;
        let best = offers.iter().map(|(_, total)| *total).max().expect("there is a group");
        let of_best = offers.iter().zip(&*groups).filter(|((_, total), _)| *total == best);
        let mut single = None;
        let mut count = 0;
        tied.clear();
        for ((offer, _), group) in of_best.clone() {
            match *offer {
                Offer::Node => count += 1,
                Offer::Level(bucket, score) => {
                    tied.push((bucket, score));
                    count += self.buckets[bucket as usize].level(score).len();
                }
            }
            single = Some(group.row);
        }
        if let Some(row) = single.filter(|_| count == 1) {
            return Selection::Chosen(row, best);
        }
        let ties = TieOrder::new(self.tie_break, pod);
        let is_single = |offer: &Offer| matches!(offer, Offer::Node);
        let nodes = of_best.filter(|((offer, _), _)| is_single(offer)).map(|(_, group)| group.row);
        candidates.clear();
        if ties.is_sooner_among_all(count) {
            let is_tied = |row: &NodeRow| self.node_states[row.index()].is_in(tied);
            for row in ties.rows().filter(is_tied) {
                match asked.accept(pod, row) {
                    None => return Selection::Unanswered,
                    Some(false) => {}
                    Some(true) => {
                        candidates.push(row);
                        break;
                    }
                }
            }
        } else {
            let levels = tied.iter().map(|&(bucket, score)| self.buckets[bucket as usize].level(score));
            candidates.extend(levels.flatten());
        }
        candidates.extend(nodes);
        if let [row] = candidates[..] {
            return Selection::Chosen(row, best);
        }
        let keys = ties.keys();
        while let Some(at) = (0..candidates.len()).min_by_key(|&at| keys.of(candidates[at])) {
            let row = candidates.swap_remove(at);
            match asked.accept(pod, row) {
                None => return Selection::Unanswered,
                Some(false) => {}
                Some(true) => return Selection::Chosen(row, best),
            }
        }
        Selection::Unanswered
    }

    /// Returns `false` if plugins that are asked about each pod rejected too many nodes.
    fn offer_buckets(&self, pod: PodView<'_>, asked: &mut PerPodFilters<'_>, scratch: &mut Scratch) -> bool {
        for (number, bucket) in (0..).zip(&self.buckets) {
            let Some(top) = bucket.levels().next() else { continue };
            let late = bucket.rejected.map(|id| self.rejections.verdict(id));
            if let Some(verdict) = rejection(&self.filters, NodeView::new(pod.cluster, top.rows[0]), late) {
                scratch.rejected.push((verdict, bucket.len()));
                continue;
            }
            let found = match asked.is_empty() {
                true => Some((top.score, top.rows[0])),
                false => match bucket.find(|row| asked.accept(pod, row)) {
                    Ok(found) => found,
                    Err(()) => return false,
                },
            };
            let Some((score, row)) = found else { continue };
            scratch.groups.push(Representative { row, nodes: bucket.len() });
            scratch.offers.push((Offer::Level(number, score), score.into()));
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
        scratch.offers.push((Offer::Node, score));
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
            for ((_, total), score) in scratch.offers.iter_mut().zip(&scratch.raw) {
                *total += ready.weight * score;
            }
        }
    }

    /// The nodes whose rejection evictions may lift, in no particular order. The cache must have caught up.
    pub(crate) fn resolvable(&self, pod: PodView<'_>) -> Vec<NodeRow> {
        let open_to_it = |verdict: &Verdict| verdict.rejection.code == Code::Unschedulable;
        let all = pod.cluster.nodes().rows();
        if let Some(verdict) = &self.rejected {
            return if open_to_it(verdict) { all.collect() } else { Vec::new() };
        }
        let mut buckets = Vec::with_capacity(self.buckets.len());
        for bucket in &self.buckets {
            let node = bucket.levels().next().map(|level| NodeView::new(pod.cluster, level.rows[0]));
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
