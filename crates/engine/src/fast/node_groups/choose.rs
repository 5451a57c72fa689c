//! The choice for one pod by groups of nodes: one node of each group is asked what all its nodes share. Then the best
//! node by usage is searched for in each group that may still have the best of all.

use std::cmp::Reverse;

use smallvec::SmallVec;

use super::NodeGroups;
use super::bound_tree::SearchVisitor;
use crate::cluster::Cluster;
use crate::ids::NodeRow;
use crate::plugin::bounds::UsageBounds;
use crate::plugin::profile::Profile;
use crate::plugin::tie_break::{TieKeys, TieOrder};
use crate::plugin::view::{NodeView, PodView};
use crate::plugin::{BatchFilter, MAX_SCORE, RangeFilter, RawScore, Representative, Score, ScoreBound};
use crate::scan::filters::{FilterState, Filters};
use crate::scan::scores::{ReadyScore, totals};
use crate::verdict::Code;

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::fast) enum Choice {
    /// The best node and its total score.
    Best(NodeRow, i64),
    /// No node takes the pod, or a filter cannot answer about one.
    Nothing,
    /// Some score tells nodes of a group apart, or depends on how many are feasible: each node must be scored.
    NotByGroup,
}

/// What plugins say of a pod, by what it takes to ask them.
struct Questions<'a> {
    cluster: &'a Cluster,
    /// Filters with one answer for a group.
    uniform: SmallVec<[&'a FilterState<'a>; 6]>,
    /// Filters that check each node.
    single: SmallVec<[Single<'a>; 6]>,
    /// Scores with one raw score for a group.
    shared: SmallVec<[&'a ReadyScore<'a>; 6]>,
    /// Scores that are final; or the only score, whose raw scores decide.
    last: SmallVec<[Last<'a>; 4]>,
    /// The total of the best node, if raw scores decide.
    total: Option<i64>,
}

/// A filter that checks each node.
struct Single<'a> {
    state: &'a FilterState<'a>,
    batch: Option<&'a dyn BatchFilter>,
    range: Option<&'a dyn RangeFilter>,
}

/// A score whose raw scores decide within a group.
struct Last<'a> {
    state: &'a (dyn Score + 'a),
    bound: &'a dyn ScoreBound,
    weight: i64,
}

/// Chooses a node for a pod by filters and scores that were prepared for it. Pods with nominations, and pods that some
/// plugin lets on certain nodes only, are not decided this way.
pub(in crate::fast) fn choose<'a>(
    profile: &Profile,
    pod: PodView<'a>,
    filters: &'a Filters<'a>,
    scores: &'a [ReadyScore<'a>],
    node_groups: &NodeGroups,
) -> Choice {
    let cluster = pod.cluster;
    if !node_groups.is_useful(cluster.nodes()) {
        return Choice::NotByGroup;
    }
    let Some(questions) = Questions::new(cluster, filters, scores, node_groups) else {
        return Choice::NotByGroup;
    };
    let Some(candidates) = questions.candidates(node_groups) else { return Choice::Nothing };
    let groups: Vec<Representative> = candidates.iter().map(|&(_, group)| group).collect();
    let totals = totals(questions.shared.iter().copied(), cluster, &groups);
    let mut best = BestScore::new(&questions, TieOrder::new(profile.tie_break, pod));
    let mut order: Vec<(i64, usize)> = totals.into_iter().zip(candidates.iter().map(|c| c.0)).collect();
    order.sort_unstable_by_key(|&(total, _)| Reverse(total));
    for &(total, group) in &order {
        best.shared = total;
        node_groups.trees[group].search(&mut best);
    }
    best.search_in_order(&order, node_groups);
    match best.found {
        Some((total, _, row)) => Choice::Best(row, questions.total.unwrap_or(total)),
        None => Choice::Nothing,
    }
}

impl<'a> Questions<'a> {
    /// `None` if the pod cannot be decided by groups.
    fn new(
        cluster: &'a Cluster,
        filters: &'a Filters<'a>,
        scores: &'a [ReadyScore<'a>],
        node_groups: &NodeGroups,
    ) -> Option<Self> {
        let mut questions = Self {
            cluster,
            uniform: SmallVec::new(),
            single: SmallVec::new(),
            shared: SmallVec::new(),
            last: SmallVec::new(),
            total: None,
        };
        for state in filters.0.iter().map(|ready| &ready.state).filter(|state| !state.is_skipped()) {
            let hints = state.hints();
            if hints.accepts_all {
                continue;
            }
            if hints.uniform.is_some_and(|uniform| uniform.is_uniform(node_groups.columns())) {
                questions.uniform.push(state);
            } else if hints.never_errs {
                questions.single.push(Single { state, batch: hints.batch, range: hints.range });
            } else {
                return None;
            }
        }
        questions.sort(scores, node_groups)?;
        Some(questions)
    }

    /// Sorts the scores; `None` if the pod cannot be decided by groups.
    fn sort(&mut self, scores: &'a [ReadyScore<'a>], node_groups: &NodeGroups) -> Option<()> {
        if let [only] = scores
            && let RawScore::Ranked(bound) = only.state.hints().raw
            && only.weight > 0
        {
            self.total = Some(MAX_SCORE * only.weight);
            self.last.push(Last { state: only.state.score(), bound, weight: 1 });
            return Some(());
        }
        for ready in scores {
            let hints = ready.state.hints();
            if !hints.ignores_counts {
                return None;
            } else if let RawScore::Final(bound) = hints.raw {
                self.last.push(Last { state: ready.state.score(), bound, weight: ready.weight });
            } else if hints.uniform.is_some_and(|uniform| uniform.is_uniform(node_groups.columns())) {
                self.shared.push(ready);
            } else {
                return None;
            }
        }
        self.last.iter().all(|last| last.weight >= 0).then_some(())
    }

    /// The groups with a node that passes all filters, and such a node; `None` if a filter cannot answer.
    fn candidates(&self, node_groups: &NodeGroups) -> Option<Vec<(usize, Representative)>> {
        let mut candidates = Vec::with_capacity(node_groups.trees.len());
        let mut any = AnyFeasible { questions: self, found: None, rows: Vec::new() };
        for (group, tree) in node_groups.trees.iter().enumerate() {
            let Some(&example) = tree.rows().first() else { continue };
            let node = NodeView::new(self.cluster, example);
            let rejection = self.uniform.iter().find_map(|state| state.check(node));
            match rejection {
                None => {}
                Some(rejection) if rejection.code == Code::Error => return None,
                Some(_) => continue,
            }
            any.found = None;
            any.look(&[example], 0); // mostly the first will do
            if any.found.is_none() {
                tree.search(&mut any);
            }
            if let Some(row) = any.found {
                candidates.push((group, Representative { row, nodes: tree.rows().len() }));
            }
        }
        Some(candidates)
    }

    /// Keeps the nodes that pass the filters which check each node.
    fn retain(&self, rows: &mut Vec<NodeRow>) {
        // None of these filters is ever unable to answer.
        for Single { state, batch, .. } in &self.single {
            match batch {
                Some(batch) => _ = batch.retain(self.cluster, rows),
                None => rows.retain(|&row| state.check(NodeView::new(self.cluster, row)).is_none()),
            }
        }
    }

    fn rejects_all(&self, bounds: &UsageBounds) -> bool {
        let mut ranges = self.single.iter().filter_map(|single| single.range);
        ranges.any(|range| range.rejects_all(self.cluster, bounds))
    }
}

/// Looks for any node that passes the filters.
struct AnyFeasible<'q, 'a> {
    questions: &'q Questions<'a>,
    found: Option<NodeRow>,
    /// Those that are looked at.
    rows: Vec<NodeRow>,
}

impl SearchVisitor for AnyFeasible<'_, '_> {
    fn bound(&self, bounds: &UsageBounds) -> Option<i64> {
        (!self.questions.rejects_all(bounds)).then_some(0)
    }

    fn is_open(&self, _bound: i64) -> bool {
        self.found.is_none()
    }

    fn look(&mut self, rows: &[NodeRow], _bound: i64) {
        self.rows.clear();
        self.rows.extend(rows);
        self.questions.retain(&mut self.rows);
        self.found = self.rows.first().copied();
    }
}

/// Looks for the node with the highest total, and of equal ones for the one with the least key.
///
/// A stretch that can only tie is looked at unless few nodes have lower keys than the best one so far. These few are
/// looked at in the order of their keys in the end.
struct BestScore<'q, 'a> {
    questions: &'q Questions<'a>,
    ties: TieOrder<'a>,
    keys: TieKeys<'a>,
    /// What the group that is searched scores by what its nodes share.
    shared: i64,
    /// The best so far: its total, its key, and the node.
    found: Option<(i64, u32, NodeRow)>,
    /// Those that are looked at.
    rows: Vec<NodeRow>,
    groups: Vec<Representative>,
    /// Totals and scores of the nodes in `groups`.
    buffers: (Vec<i64>, Vec<i64>),
}

impl<'q, 'a> BestScore<'q, 'a> {
    fn new(questions: &'q Questions<'a>, ties: TieOrder<'a>) -> Self {
        Self {
            questions,
            keys: ties.keys(),
            ties,
            shared: 0,
            found: None,
            rows: Vec::new(),
            groups: Vec::new(),
            buffers: (Vec::new(), Vec::new()),
        }
    }

    /// Looks at the nodes with lower keys than the best one, if they are few and may have been left out. `shared` holds
    /// what the nodes of each group share.
    fn search_in_order(&mut self, shared: &[(i64, usize)], node_groups: &NodeGroups) {
        let Some((best, key, found)) = self.found else { return };
        if !self.ties.has_few_before(key) {
            return;
        }
        let mut by_group = vec![None; node_groups.trees.len()];
        shared.iter().for_each(|&(total, group)| by_group[group] = Some(total));
        let ties = self.ties.clone();
        for row in ties.rows().take_while(|&row| row != found) {
            let group = node_groups.slots[row.index()].group as usize;
            let Some(shared) = by_group.get(group).copied().flatten() else { continue };
            self.shared = shared;
            self.rows.clear();
            self.rows.push(row);
            self.score();
            if self.buffers.0.first() == Some(&best) {
                self.found = Some((best, self.keys.of(row), row));
                return;
            }
        }
    }

    /// Computes the totals of those nodes in `rows` that pass the filters.
    fn score(&mut self) {
        let (cluster, (totals, scores)) = (self.questions.cluster, &mut self.buffers);
        self.questions.retain(&mut self.rows);
        self.groups.clear();
        self.groups.extend(self.rows.iter().copied().map(Representative::single));
        totals.clear();
        totals.resize(self.groups.len(), self.shared);
        for Last { state, weight, .. } in &self.questions.last {
            scores.clear();
            scores.resize(self.groups.len(), 0);
            state.score(cluster, &self.groups, scores);
            totals.iter_mut().zip(&*scores).for_each(|(total, score)| *total += weight * score);
        }
    }
}

impl SearchVisitor for BestScore<'_, '_> {
    fn bound(&self, bounds: &UsageBounds) -> Option<i64> {
        if self.questions.rejects_all(bounds) {
            return None;
        }
        let highest = self.questions.last.iter();
        let highest = highest.map(|last| last.weight * last.bound.highest(self.questions.cluster, bounds));
        Some(self.shared + highest.sum::<i64>())
    }

    fn is_open(&self, bound: i64) -> bool {
        self.found
            .is_none_or(|(total, key, _)| bound > total || (bound == total && !self.ties.has_few_before(key)))
    }

    fn look(&mut self, rows: &[NodeRow], bound: i64) {
        self.rows.clear();
        match self.found {
            Some((total, first, _)) if bound == total => {
                self.rows.extend(rows.iter().filter(|&&row| self.keys.of(row) < first));
            }
            _ => self.rows.extend(rows),
        }
        self.score();
        for (group, &total) in self.groups.iter().zip(&self.buffers.0) {
            let best = self.found.map(|(best, ..)| best);
            if best.is_some_and(|best| total < best) {
                continue;
            }
            let key = self.keys.of(group.row);
            if self.found.is_none_or(|(best, first, _)| total > best || key < first) {
                self.found = Some((total, key, group.row));
            }
        }
    }
}
