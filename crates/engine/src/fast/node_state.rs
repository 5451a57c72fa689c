//! The state of a node for a class of pods.

use rustc_hash::FxHashMap;

use super::bucket::Bucket;
use super::node_groups::NodeGroups;
use super::rejection_counts::VerdictId;
use super::{ClassCache, Scope};
use crate::cluster::{Cluster, UniformColumns};
use crate::ids::NodeRow;
use crate::plugin::view::NodeView;
use crate::plugin::{CacheScope, PartitionKey, Representative, Uniform};
use crate::scan::filters::FilterState;
use crate::verdict::{Rejection, Verdict};

/// The state of a node in twelve bytes: there is one for each node and class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PackedState {
    number: u32,
    score: i32,
    /// Where it is in its level of its bucket.
    place: u32,
}

/// The state of a node for a class of pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodeState {
    /// There is no node in the row.
    Free,
    /// A plugin excluded the node before any filter ran.
    Excluded,
    /// It has nominated pods: it is checked for each pod.
    Nominated,
    /// A filter rejects it, whatever the domains.
    Rejected(VerdictId),
    /// It is in a bucket, with this score by usage.
    Open(u32, i32),
}

const FREE: u32 = u32::MAX;
const EXCLUDED: u32 = u32::MAX - 1;
const NOMINATED: u32 = u32::MAX - 2;
const REJECTED: u32 = u32::MAX - 3;

impl PackedState {
    pub(super) const FREE: Self = Self { number: FREE, score: 0, place: 0 };
    const EXCLUDED: Self = Self { number: EXCLUDED, score: 0, place: 0 };
    const NOMINATED: Self = Self { number: NOMINATED, score: 0, place: 0 };

    fn open(bucket: u32, score: i32, place: u32) -> Self {
        Self { number: bucket, score, place }
    }

    /// Whether the node is in one of these buckets, which are sorted, and has the score that goes with the bucket.
    pub(super) fn is_in(self, levels: &[(u32, i32)]) -> bool {
        match levels {
            [level] => *level == (self.number, self.score),
            _ => {
                let found = levels.binary_search_by_key(&self.number, |level| level.0);
                found.is_ok_and(|at| levels[at].1 == self.score)
            }
        }
    }

    fn rejected(id: VerdictId) -> Self {
        Self { number: REJECTED, score: id.0.cast_signed(), place: 0 }
    }

    pub(super) fn says(self) -> NodeState {
        match self.number {
            FREE => NodeState::Free,
            EXCLUDED => NodeState::Excluded,
            NOMINATED => NodeState::Nominated,
            REJECTED => NodeState::Rejected(VerdictId(self.score.cast_unsigned())),
            bucket => NodeState::Open(bucket, self.score),
        }
    }
}

/// What the filters and scores that do not look at domains say of a few nodes. Its buffers are used again.
#[derive(Debug, Default)]
pub(super) struct Answers {
    rows: Vec<NodeRow>,
    /// The ends of the groups of equal nodes.
    ends: Vec<usize>,
    groups: Vec<Representative>,
    /// The first rejection by a filter before those over domains, or by one after them (`late`).
    rejections: Vec<Option<VerdictId>>,
    late: Vec<bool>,
    /// Raw scores by facts: those of all nodes by one score, then by the next.
    facts: Vec<i64>,
    usage: Vec<i64>,
    raw: Vec<i64>,
}

impl Answers {
    /// Starts over with the nodes that were put into `rows`.
    fn reset(&mut self) {
        let count = self.rows.len();
        self.groups.clear();
        self.groups.extend(self.rows.iter().copied().map(Representative::single));
        self.rejections.clear();
        self.rejections.resize(count, None);
        self.late.clear();
        self.late.resize(count, false);
        self.facts.clear();
        self.usage.clear();
        self.usage.resize(count, 0);
    }
}

impl ClassCache {
    /// Computes the states of all nodes.
    pub(super) fn insert_all(&mut self, cluster: &Cluster, node_groups: &NodeGroups, answers: &mut Answers) {
        answers.rows.clear();
        answers.ends.clear();
        for rows in node_groups.rows() {
            answers.rows.extend(rows.iter().filter(|&&row| !self.set_aside(cluster, row)));
            answers.ends.push(answers.rows.len());
        }
        answers.reset();
        self.ask_filters(cluster, answers, Some(node_groups));
        self.ask_scores(cluster, answers, Some(node_groups));
        let one_key = self.has_one_key(node_groups);
        let (mut last, mut start) = ((PartitionKey::new(), u32::MAX), 0);
        for &end in &answers.ends {
            let mut known = false;
            for at in start..end {
                if self.settle(cluster, answers, at, &mut last, known) {
                    known = one_key && answers.rejections[at].is_none();
                }
            }
            start = end;
        }
    }

    /// Computes the state of a node that has none.
    pub(super) fn insert_node(&mut self, cluster: &Cluster, row: NodeRow) {
        if self.set_aside(cluster, row) {
            return;
        }
        let mut answers = std::mem::take(&mut self.answers);
        answers.rows.clear();
        answers.rows.push(row);
        answers.reset();
        self.ask_filters(cluster, &mut answers, None);
        self.ask_scores(cluster, &mut answers, None);
        let mut last = (PartitionKey::new(), u32::MAX);
        self.settle(cluster, &answers, 0, &mut last, false);
        self.answers = answers;
    }

    /// Removes a node from its bucket or count.
    pub(super) fn withdraw(&mut self, row: NodeRow) {
        let state = self.node_states[row.index()];
        match state.says() {
            NodeState::Free => {}
            NodeState::Excluded => self.excluded_nodes -= 1,
            NodeState::Rejected(id) => self.rejections.discount(id),
            NodeState::Nominated => self.nominated.retain(|&r| r != row),
            NodeState::Open(bucket, score) => {
                if let Some(moved) = self.buckets[bucket as usize].remove(score, state.place) {
                    self.node_states[moved.index()].place = state.place;
                }
            }
        }
        self.node_states[row.index()] = PackedState::FREE;
    }

    /// Whether no filter is asked: the node was excluded before, or it is checked for each pod.
    fn set_aside(&mut self, cluster: &Cluster, row: NodeRow) -> bool {
        let state = if self.only.as_ref().is_some_and(|only| only.binary_search(&row).is_err()) {
            self.excluded_nodes += 1;
            PackedState::EXCLUDED
        } else if !cluster.nominated(row).is_empty() {
            self.nominated.push(row);
            PackedState::NOMINATED
        } else {
            return false;
        };
        self.node_states[row.index()] = state;
        true
    }

    /// Whether the nodes of a group that no filter rejects have one key.
    fn has_one_key(&self, node_groups: &NodeGroups) -> bool {
        let columns = Some(node_groups.columns());
        let mut scores = self.scores.iter().filter(|ready| ready.scope != Scope::NodeUsage);
        let mut filters = self.filters.0.iter().filter(|ready| ready.looks_at_domains);
        scores.all(|ready| is_uniform(ready.state.hints().uniform, columns))
            && filters.all(|ready| is_uniform(ready.state.hints().uniform, columns))
    }

    /// Asks the filters about the nodes in `answers.rows`, one filter after the other. If the nodes are listed by group
    /// and all nodes of a group get the same answer, only one of them is checked.
    fn ask_filters(&mut self, cluster: &Cluster, answers: &mut Answers, node_groups: Option<&NodeGroups>) {
        let Answers { rows, ends, rejections, late, .. } = answers;
        let columns = node_groups.map(NodeGroups::columns);
        let mut domains_before = false;
        for ready in &self.filters.0 {
            if ready.looks_at_domains {
                domains_before = true;
            } else if !ready.state.is_skipped() {
                let mut reject = |at: usize, rejection: &Rejection| {
                    if rejections[at].is_none() {
                        let verdict = Verdict::of_filter(ready.plugin.clone(), rejection.clone());
                        rejections[at] = Some(self.rejections.intern(&verdict));
                        late[at] = domains_before;
                    }
                };
                if let [row] = **rows {
                    let rejection = ready.state.check(NodeView::new(cluster, row));
                    rejection.iter().for_each(|rejection| reject(0, rejection));
                    continue;
                }
                if is_uniform(ready.state.hints().uniform, columns) {
                    for (start, end) in stretches(ends) {
                        let rejection = ready.state.check(NodeView::new(cluster, rows[start]));
                        rejection.iter().for_each(|r| (start..end).for_each(|at| reject(at, r)));
                    }
                    continue;
                }
                let mut at = 0;
                ready.state.check_all(cluster, rows, &mut |_, rejection| {
                    rejection.iter().for_each(|rejection| reject(at, rejection));
                    at += 1;
                });
            }
        }
    }

    /// Asks the scores, as [`ClassCache::ask_filters`] the filters.
    fn ask_scores(&self, cluster: &Cluster, answers: &mut Answers, node_groups: Option<&NodeGroups>) {
        let Answers { ends, groups, facts, usage, raw, .. } = answers;
        let columns = node_groups.map(NodeGroups::columns);
        for ready in &self.scores {
            match ready.scope {
                Scope::NodeFacts => {
                    let known = facts.len();
                    facts.resize(known + groups.len(), 0);
                    let facts = &mut facts[known..];
                    if columns.is_some() && is_uniform(ready.state.hints().uniform, columns) {
                        for (start, end) in stretches(ends) {
                            ready.state.score(cluster, &groups[start..=start], &mut facts[start..=start]);
                            let all_alike = facts[start];
                            facts[start..end].fill(all_alike);
                        }
                    } else {
                        ready.state.score(cluster, groups, facts);
                    }
                }
                Scope::NodeUsage if !ready.state.is_skipped() => {
                    raw.clear();
                    raw.resize(groups.len(), 0);
                    ready.state.score(cluster, groups, raw);
                    for (sum, score) in usage.iter_mut().zip(&*raw) {
                        *sum += ready.weight * score;
                    }
                }
                Scope::NodeUsage | Scope::Domains => {}
            }
        }
    }

    /// Sets the state of a node by the answers, and puts it into its bucket. `known`: if no filter rejects the node,
    /// its key is that of the last one. Returns whether it is in a bucket.
    fn settle(
        &mut self,
        cluster: &Cluster,
        answers: &Answers,
        at: usize,
        last: &mut (PartitionKey, u32),
        known: bool,
    ) -> bool {
        let row = answers.rows[at];
        let rejected = answers.rejections[at];
        if let Some(id) = rejected
            && !answers.late[at]
        {
            self.rejections.count(id);
            self.node_states[row.index()] = PackedState::rejected(id);
            return false;
        }
        if !known || rejected.is_some() {
            let mut key = PartitionKey::new();
            key.push(rejected.map_or(0, |id| 1 + u64::from(id.0)));
            key.extend(answers.facts.chunks_exact(answers.rows.len()).map(|raw| raw[at].cast_unsigned()));
            self.domain_key(cluster, row, &mut key);
            if last.1 == u32::MAX || last.0 != key {
                let bucket = bucket(&mut self.index, &mut self.buckets, &key, rejected);
                *last = (key, bucket);
            }
        }
        let score = self.fit(answers.usage[at]);
        let place = self.buckets[last.1 as usize].insert(score, row);
        self.node_states[row.index()] = PackedState::open(last.1, score, place);
        true
    }

    /// A score by usage in 32 bits. One that does not fit makes the cache unable to answer.
    fn fit(&mut self, score: i64) -> i32 {
        i32::try_from(score).unwrap_or_else(|_| {
            self.overflows = true;
            i32::MAX
        })
    }

    fn domain_key(&self, cluster: &Cluster, row: NodeRow, key: &mut PartitionKey) {
        for ready in self.scores.iter().filter(|ready| ready.scope == Scope::Domains) {
            if let CacheScope::Domains(partition) = ready.state.scope() {
                partition.partition_key(cluster, row, key);
            }
        }
        for ready in self.filters.0.iter().filter(|ready| ready.looks_at_domains) {
            if let FilterState::Cached(state) = &ready.state
                && let CacheScope::Domains(partition) = state.scope()
            {
                partition.partition_key(cluster, row, key);
            }
        }
    }

    /// The weighted scores of a node that depend on what its pods use.
    pub(super) fn usage_score(&self, cluster: &Cluster, row: NodeRow) -> i64 {
        let mut answers = Answers { rows: vec![row], ..Answers::default() };
        answers.reset();
        self.ask_scores(cluster, &mut answers, None);
        answers.usage[0]
    }
}

/// Whether nodes that share the columns get the same answer.
fn is_uniform(uniform: Option<&dyn Uniform>, columns: Option<&UniformColumns>) -> bool {
    columns.zip(uniform).is_some_and(|(columns, uniform)| uniform.is_uniform(columns))
}

/// The stretches between ends that are not empty.
fn stretches(ends: &[usize]) -> impl Iterator<Item = (usize, usize)> + '_ {
    let starts = std::iter::once(0).chain(ends.iter().copied());
    starts.zip(ends.iter().copied()).filter(|(start, end)| start < end)
}

fn bucket(
    index: &mut FxHashMap<PartitionKey, u32>,
    buckets: &mut Vec<Bucket>,
    key: &PartitionKey,
    rejected: Option<VerdictId>,
) -> u32 {
    if let Some(&bucket) = index.get(key) {
        return bucket;
    }
    let bucket = u32::try_from(buckets.len()).expect("fewer buckets than nodes");
    buckets.push(Bucket::new(rejected));
    index.insert(key.clone(), bucket);
    bucket
}
