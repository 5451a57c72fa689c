//! Where a node stands with a class.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

use super::bucket::{Bucket, Place};
use super::kinds::Kinds;
use super::refusals::VerdictId;
use super::{ClassCache, Scope};
use crate::cluster::{Cluster, UniformColumns};
use crate::filters::FilterState;
use crate::ids::NodeRow;
use crate::plugin::{CacheScope, PartitionKey, Representative, Uniform};
use crate::verdict::{Rejection, Verdict};
use crate::view::NodeView;

/// Where a node stands, in sixteen bytes: there is one for each node and class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    number: u32,
    score: i64,
}

/// What a standing says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stands {
    /// There is no node in the row.
    Free,
    /// A plugin narrowed the node away.
    Absent,
    /// It has nominated pods: every pod asks anew.
    Nominated,
    /// A filter refuses it, whatever the domains.
    Refused(VerdictId),
    /// It is in a bucket, in the place that its score by usage gives it.
    Open(u32, i64),
}

const FREE: u32 = u32::MAX;
const ABSENT: u32 = u32::MAX - 1;
const NOMINATED: u32 = u32::MAX - 2;
const REFUSED: u32 = u32::MAX - 3;

impl Standing {
    pub(super) const FREE: Self = Self { number: FREE, score: 0 };
    const ABSENT: Self = Self { number: ABSENT, score: 0 };
    const NOMINATED: Self = Self { number: NOMINATED, score: 0 };

    pub(super) fn open(bucket: u32, score: i64) -> Self {
        Self { number: bucket, score }
    }

    fn refused(id: VerdictId) -> Self {
        Self { number: REFUSED, score: id.0.into() }
    }

    pub(super) fn says(self) -> Stands {
        match self.number {
            FREE => Stands::Free,
            ABSENT => Stands::Absent,
            NOMINATED => Stands::Nominated,
            REFUSED => Stands::Refused(VerdictId(self.score as u32)),
            bucket => Stands::Open(bucket, self.score),
        }
    }
}

/// What the filters and scores that do not look at domains say of a few nodes. Its buffers are used again.
#[derive(Debug, Default)]
pub(super) struct Answers {
    rows: Vec<NodeRow>,
    /// Where the nodes of one kind end and those of the next begin.
    ends: Vec<usize>,
    groups: Vec<Representative>,
    /// The first refusal of a filter before those over domains; or of one after them (`late`).
    refusals: Vec<Option<VerdictId>>,
    late: Vec<bool>,
    /// Raw scores by facts: those of all nodes by one score, then by the next.
    facts: Vec<i64>,
    usage: Vec<i64>,
    raw: Vec<i64>,
    /// The nodes that are open, with their buckets.
    places: Vec<(u32, Place)>,
}

impl Answers {
    /// Starts over with the nodes that were put into `rows`.
    fn reset(&mut self) {
        let count = self.rows.len();
        self.groups.clear();
        self.groups.extend(self.rows.iter().copied().map(Representative::single));
        self.refusals.clear();
        self.refusals.resize(count, None);
        self.late.clear();
        self.late.resize(count, false);
        self.facts.clear();
        self.usage.clear();
        self.usage.resize(count, 0);
    }
}

impl ClassCache {
    /// Finds the standings of all nodes.
    pub(super) fn stand_all(&mut self, cluster: &Cluster, kinds: &Kinds, answers: &mut Answers) {
        answers.rows.clear();
        answers.ends.clear();
        for rows in kinds.rows() {
            answers.rows.extend(rows.iter().filter(|&&row| !self.stand_aside(cluster, row)));
            answers.ends.push(answers.rows.len());
        }
        answers.reset();
        self.ask_filters(cluster, answers, Some(kinds));
        self.ask_scores(cluster, answers, Some(kinds));
        let one_key = self.has_one_key(kinds);
        let mut places = std::mem::take(&mut answers.places);
        let (mut last, mut start) = ((PartitionKey::new(), u32::MAX), 0);
        for &end in &answers.ends {
            let mut known = false;
            for at in start..end {
                if let Some(place) = self.settle(cluster, answers, at, &mut last, known) {
                    places.push(place);
                    known = one_key && answers.refusals[at].is_none();
                }
            }
            start = end;
        }
        self.fill_buckets(&places);
        places.clear();
        answers.places = places;
    }

    /// Puts the nodes of all buckets in their order anew: their ranks are others.
    pub(super) fn put_in_order(&mut self, cluster: &Cluster) {
        let mut places = Vec::new();
        for (standing, row) in self.standings.iter().zip((0..).map(NodeRow)) {
            if let Stands::Open(bucket, score) = standing.says() {
                let rank = Reverse(cluster.nodes().ranks().of(row));
                places.push((bucket, Place { score, rank, row }));
            }
        }
        self.fill_buckets(&places);
    }

    /// Fills all buckets with their nodes.
    fn fill_buckets(&mut self, places: &[(u32, Place)]) {
        let mut sizes = vec![0; self.buckets.len()];
        places.iter().for_each(|(bucket, _)| sizes[*bucket as usize] += 1);
        // Some room is left, so that the first nodes that move do not move the whole heap.
        let mut lists: Vec<Vec<Place>> =
            sizes.into_iter().map(|size: usize| Vec::with_capacity(size + size / 8)).collect();
        places.iter().for_each(|(bucket, place)| lists[*bucket as usize].push(*place));
        for (bucket, places) in self.buckets.iter_mut().zip(lists) {
            bucket.fill(places);
        }
    }

    /// Finds the standing of a node that has none.
    pub(super) fn stand(&mut self, cluster: &Cluster, row: NodeRow) {
        if self.stand_aside(cluster, row) {
            return;
        }
        let mut answers = std::mem::take(&mut self.answers);
        answers.rows.clear();
        answers.rows.push(row);
        answers.reset();
        self.ask_filters(cluster, &mut answers, None);
        self.ask_scores(cluster, &mut answers, None);
        let mut last = (PartitionKey::new(), u32::MAX);
        if let Some((bucket, place)) = self.settle(cluster, &answers, 0, &mut last, false) {
            self.buckets[bucket as usize].insert(place);
        }
        self.answers = answers;
    }

    /// Takes a node out of where it stands.
    pub(super) fn withdraw(&mut self, row: NodeRow) {
        match self.standings[row.index()].says() {
            Stands::Free => {}
            Stands::Absent => self.excluded_nodes -= 1,
            Stands::Refused(id) => self.refusals.discount(id),
            Stands::Nominated => self.nominated.retain(|&r| r != row),
            Stands::Open(bucket, _) => self.buckets[bucket as usize].remove(),
        }
        self.standings[row.index()] = Standing::FREE;
    }

    /// Whether no filter need be asked: the node was narrowed away, or every pod asks anew.
    fn stand_aside(&mut self, cluster: &Cluster, row: NodeRow) -> bool {
        let standing = if self.only.as_ref().is_some_and(|only| only.binary_search(&row).is_err()) {
            self.excluded_nodes += 1;
            Standing::ABSENT
        } else if !cluster.nominated(row).is_empty() {
            self.nominated.push(row);
            Standing::NOMINATED
        } else {
            return false;
        };
        self.standings[row.index()] = standing;
        true
    }

    /// Whether nodes of a kind that no filter refuses have one key.
    fn has_one_key(&self, kinds: &Kinds) -> bool {
        let columns = Some(kinds.columns());
        let mut scores = self.scores.iter().filter(|ready| ready.scope != Scope::NodeUsage);
        let mut filters = self.filters.0.iter().filter(|ready| ready.looks_at_domains);
        scores.all(|ready| is_uniform(ready.state.hints().uniform, columns))
            && filters.all(|ready| is_uniform(ready.state.hints().uniform, columns))
    }

    /// Asks the filters about the nodes in `answers.rows`, one filter after the other; where the nodes are listed by kind,
    /// about one node of a kind where all get the same answer.
    fn ask_filters(&mut self, cluster: &Cluster, answers: &mut Answers, kinds: Option<&Kinds>) {
        let Answers { rows, ends, refusals, late, .. } = answers;
        let columns = kinds.map(Kinds::columns);
        let mut domains_before = false;
        for ready in &self.filters.0 {
            if ready.looks_at_domains {
                domains_before = true;
            } else if !ready.state.is_skipped() {
                let mut refuse = |at: usize, rejection: &Rejection| {
                    if refusals[at].is_none() {
                        let verdict = Verdict::of_filter(ready.plugin.clone(), rejection.clone());
                        refusals[at] = Some(self.refusals.intern(&verdict));
                        late[at] = domains_before;
                    }
                };
                if let [row] = **rows {
                    let rejection = ready.state.check(NodeView::new(cluster, row));
                    rejection.iter().for_each(|rejection| refuse(0, rejection));
                    continue;
                }
                if is_uniform(ready.state.hints().uniform, columns) {
                    for (start, end) in stretches(ends) {
                        let rejection = ready.state.check(NodeView::new(cluster, rows[start]));
                        rejection.iter().for_each(|r| (start..end).for_each(|at| refuse(at, r)));
                    }
                    continue;
                }
                let mut at = 0;
                ready.state.check_all(cluster, rows, &mut |_, rejection| {
                    rejection.iter().for_each(|rejection| refuse(at, rejection));
                    at += 1;
                });
            }
        }
    }

    /// Asks the scores, as [`ClassCache::ask_filters`] the filters.
    fn ask_scores(&self, cluster: &Cluster, answers: &mut Answers, kinds: Option<&Kinds>) {
        let Answers { ends, groups, facts, usage, raw, .. } = answers;
        let columns = kinds.map(Kinds::columns);
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

    /// Sets the standing of a node by what was answered. Open nodes are still to be put into their bucket. `known`: where
    /// no filter refuses the node, its key is that of the last one.
    fn settle(
        &mut self,
        cluster: &Cluster,
        answers: &Answers,
        at: usize,
        last: &mut (PartitionKey, u32),
        known: bool,
    ) -> Option<(u32, Place)> {
        let row = answers.rows[at];
        let refused = answers.refusals[at];
        if let Some(id) = refused
            && !answers.late[at]
        {
            self.refusals.count(id);
            self.standings[row.index()] = Standing::refused(id);
            return None;
        }
        if !known || refused.is_some() {
            let mut key = PartitionKey::new();
            key.push(refused.map_or(0, |id| 1 + u64::from(id.0)));
            key.extend(answers.facts.chunks_exact(answers.rows.len()).map(|raw| raw[at].cast_unsigned()));
            self.domain_key(cluster, row, &mut key);
            if last.1 == u32::MAX || last.0 != key {
                let bucket = bucket(&mut self.index, &mut self.buckets, &key, refused);
                *last = (key, bucket);
            }
        }
        let score = answers.usage[at];
        self.standings[row.index()] = Standing::open(last.1, score);
        Some((last.1, Place { score, rank: Reverse(cluster.nodes().ranks().of(row)), row }))
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
    refused: Option<VerdictId>,
) -> u32 {
    if let Some(&bucket) = index.get(key) {
        return bucket;
    }
    let bucket = u32::try_from(buckets.len()).expect("fewer buckets than nodes");
    buckets.push(Bucket::new(refused));
    index.insert(key.clone(), bucket);
    bucket
}
