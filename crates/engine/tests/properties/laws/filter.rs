//! The laws of filters.

use std::collections::BTreeMap;

use berth_engine::cluster::{Change, Cluster, UniformColumns};
use berth_engine::ids::NodeRow;
use berth_engine::plugin::{
    CacheScope, CachedFilter, ClassFilter, Filter, Plugin, PreFilter, QueueingHint, Validity,
};
use berth_engine::verdict::{Code, Rejection};
use berth_engine::view::{Delta, NodeView, PodView};

use super::{PartitionKey, bounds, equal_nodes, law, name, uniform_groups};
use crate::history::Happening;

/// What a filter said of a pod.
#[derive(Default)]
pub(super) struct WatchedFilter {
    cached: Option<Cached>,
    /// By the node's name: whether the plugin accepts the pod there. `None`: the pod was rejected, or nothing is known.
    accepted: Option<BTreeMap<String, bool>>,
    /// The answers in words.
    words: Vec<String>,
}

struct Cached {
    state: Box<dyn CachedFilter>,
    /// What was answered about each node, and its key.
    answers: BTreeMap<NodeRow, (Option<Rejection>, PartitionKey)>,
}

/// A prepared filter, and the nodes that it is about.
struct Fresh<'a> {
    state: Option<Box<dyn Filter + 'a>>,
    rejected: bool,
    subset: Option<Vec<NodeRow>>,
    skipped: bool,
}

impl WatchedFilter {
    pub(super) fn check(
        &mut self,
        plugin: &dyn Plugin,
        pod: PodView<'_>,
        changes: Option<&[Change]>,
        happened: &[Happening],
    ) -> Result<(), String> {
        let cluster = pod.cluster;
        if let Some(mut cached) = self.cached.take() {
            let valid = changes.is_some_and(|changes| {
                let mut changes = changes.iter();
                changes.all(|&change| {
                    !change.invalidates_all() && cached.state.apply_change(cluster, change) == Validity::Valid
                })
            });
            if valid {
                let rows: Vec<NodeRow> =
                    changes.into_iter().flatten().filter_map(|change| change.row()).collect();
                cached.is_as_fresh(plugin, pod, &rows)?;
                self.cached = Some(cached);
            }
        }
        let fresh = Fresh::of(plugin, pod);
        if let Some(state) = fresh.state.as_deref() {
            hints_hold(state, cluster)?;
        }
        self.hint_is_sound(plugin, pod, &fresh, happened)?;
        self.words = fresh.words(cluster);
        if self.cached.is_none() {
            self.cached = Cached::of(plugin, pod);
        }
        Ok(())
    }

    /// Two pods of one class get the same answer if it is for the class.
    pub(super) fn agrees(&self, other: &Self) -> Result<(), String> {
        let both = self.cached.is_some() && other.cached.is_some();
        law(!both || self.words == other.words, || {
            format!("pods of one class are answered {:?} and {:?}", self.words, other.words)
        })
    }

    /// If a node is accepted now that was rejected before, or that is new, the plugin says that the event may help.
    fn hint_is_sound(
        &mut self,
        plugin: &dyn Plugin,
        pod: PodView<'_>,
        fresh: &Fresh<'_>,
        happened: &[Happening],
    ) -> Result<(), String> {
        let nodes = pod.cluster.nodes();
        let accepts = |row: NodeRow| fresh.accepts(NodeView::new(pod.cluster, row));
        let now: BTreeMap<String, bool> =
            nodes.by_name().map(|(name, row)| (name.to_string(), accepts(row))).collect();
        let before = self.accepted.replace(now);
        let (Some(before), Some(now)) = (before, &self.accepted) else { return Ok(()) };
        let rejected = before.values().any(|accepted| !accepted);
        let helped = now.iter().find(|(name, accepted)| {
            **accepted && before.get(*name).is_none_or(|accepted_before| !accepted_before)
        });
        let queued = || {
            let hint = |one: &Happening| plugin.queueing_hint(pod, &one.event());
            happened.iter().any(|one| hint(one) == QueueingHint::Queue)
        };
        law(!rejected || helped.is_none() || happened.is_empty() || queued(), || {
            format!("{helped:?} is accepted now, and no event is said to help")
        })
    }
}

impl<'a> Fresh<'a> {
    fn of(plugin: &'a dyn Plugin, pod: PodView<'a>) -> Self {
        let mut fresh = Self { state: None, rejected: false, subset: None, skipped: false };
        match plugin.pre_filter(pod) {
            PreFilter::Skip | PreFilter::ForClass(ClassFilter::Skip) => fresh.skipped = true,
            PreFilter::Reject(_) | PreFilter::ForClass(ClassFilter::Reject(_)) => fresh.rejected = true,
            PreFilter::Run(state) => fresh.state = Some(state),
            PreFilter::Subset(rows, state) => {
                (fresh.subset, fresh.state) = (Some(rows), Some(state));
            }
            PreFilter::ForClass(ClassFilter::Run(state)) => {
                fresh.skipped = state.is_skipped();
                fresh.state = Some(state);
            }
            PreFilter::ForClass(ClassFilter::Subset(rows, state)) => {
                fresh.subset = Some(rows);
                fresh.state = Some(state);
            }
        }
        fresh
    }

    fn answer(&self, node: NodeView<'_>) -> Option<Rejection> {
        self.state.as_ref().filter(|_| !self.skipped).and_then(|state| state.check(node))
    }

    fn accepts(&self, node: NodeView<'_>) -> bool {
        let listed = self.subset.as_ref().is_none_or(|rows| rows.binary_search(&node.row).is_ok());
        !self.rejected && listed && self.answer(node).is_none()
    }

    fn words(&self, cluster: &Cluster) -> Vec<String> {
        let nodes = cluster.nodes().by_name();
        let answers =
            nodes.map(|(name, row)| format!("{name} {:?}", self.answer(NodeView::new(cluster, row))));
        answers.chain([format!("{} {:?}", self.rejected, self.subset)]).collect()
    }
}

impl Cached {
    fn of(plugin: &dyn Plugin, pod: PodView<'_>) -> Option<Self> {
        let PreFilter::ForClass(ClassFilter::Run(state) | ClassFilter::Subset(_, state)) =
            plugin.pre_filter(pod)
        else {
            return None;
        };
        let mut cached = Self { state, answers: BTreeMap::new() };
        cached.answers = cached.all(pod.cluster);
        Some(cached)
    }

    fn all(&self, cluster: &Cluster) -> BTreeMap<NodeRow, (Option<Rejection>, PartitionKey)> {
        let answer = |row: NodeRow| {
            let mut key = PartitionKey::new();
            if let CacheScope::Domains(partition) = self.state.scope() {
                partition.partition_key(cluster, row, &mut key);
            }
            (row, (self.state.check(NodeView::new(cluster, row)), key))
        };
        cluster.nodes().rows().map(answer).collect()
    }

    /// A state that took all changes into account answers as a fresh one, and its scope holds.
    fn is_as_fresh(
        &mut self,
        plugin: &dyn Plugin,
        pod: PodView<'_>,
        changed: &[NodeRow],
    ) -> Result<(), String> {
        let cluster = pod.cluster;
        let Some(fresh) = Self::of(plugin, pod) else {
            return Err("a class state is valid, and there would be none now".into());
        };
        law(self.state.is_skipped() == fresh.state.is_skipped(), || {
            format!("skipped {}, and freshly {}", self.state.is_skipped(), fresh.state.is_skipped())
        })?;
        let now = self.all(cluster);
        let by_domains = matches!(self.state.scope(), CacheScope::Domains(_));
        for (&row, (answer, key)) in &now {
            let node = name(cluster, row);
            law(*answer == fresh.answers[&row].0, || {
                format!("cached {answer:?} about {node}, freshly {:?}", fresh.answers[&row].0)
            })?;
            self.hypotheticals_are_as_fresh(&*fresh.state, cluster, row)?;
            if let Some((before, key_before)) = self.answers.get(&row).filter(|_| !changed.contains(&row)) {
                law(by_domains || before == answer, || {
                    format!("{node} did not change, and is answered {answer:?}, before {before:?}")
                })?;
                law(key_before == key, || format!("{node} did not change, and has another key"))?;
            }
            let alike = now.iter().filter(|(_, (_, other))| by_domains && other == key);
            for (&other, (theirs, _)) in alike {
                law(theirs == answer, || {
                    let other = name(cluster, other);
                    format!("{node} and {other} have one key, and are answered {answer:?} and {theirs:?}")
                })?;
            }
        }
        self.answers = now;
        Ok(())
    }

    /// Also about a node without its first pod, and about one with another pod.
    fn hypotheticals_are_as_fresh(
        &self,
        fresh: &dyn Filter,
        cluster: &Cluster,
        row: NodeRow,
    ) -> Result<(), String> {
        let there = cluster.nodes().pods(row);
        let elsewhere = cluster.pods().rows().find(|&pod| cluster.pods().entry(pod).row != Some(row));
        let (mut less, mut more) = (Delta::default(), Delta::default());
        there.first().into_iter().for_each(|&pod| less.remove(pod, cluster));
        elsewhere.into_iter().for_each(|pod| more.add(pod, cluster));
        for delta in [less, more] {
            let node = NodeView::with_delta(cluster, row, &delta);
            let (ours, theirs) = (self.state.check(node), fresh.check(node));
            law(ours == theirs, || format!("{delta:?} is answered {ours:?}, freshly {theirs:?}"))?;
        }
        Ok(())
    }
}

/// What the hints of a filter promise holds.
fn hints_hold(state: &dyn Filter, cluster: &Cluster) -> Result<(), String> {
    let hints = state.hints();
    let rows: Vec<NodeRow> = cluster.nodes().rows().collect();
    let answer = |row: NodeRow| state.check(NodeView::new(cluster, row));
    let answers: Vec<Option<Rejection>> = rows.iter().map(|&row| answer(row)).collect();
    let errs = |answer: &Option<Rejection>| answer.as_ref().is_some_and(|r| r.code == Code::Error);
    if let Some(batch) = hints.batch {
        let mut all = Vec::new();
        batch.check_all(cluster, &rows, &mut |row, rejection| all.push((row, rejection)));
        let expected: Vec<_> = rows.iter().copied().zip(answers.iter().cloned()).collect();
        law(all == expected, || format!("all at once {all:?}, one by one {expected:?}"))?;
        let (mut kept, expected) = (rows.clone(), expected.into_iter().filter(|(_, a)| a.is_none()));
        let answered = batch.retain(cluster, &mut kept);
        let expected: Vec<NodeRow> = expected.map(|(row, _)| row).collect();
        law(kept == expected, || format!("retains {kept:?} of {rows:?}, accepts {expected:?}"))?;
        law(answered || answers.iter().any(errs), || "retain fails without an error".into())?;
        law(!answered || !answers.iter().any(errs), || "retain hides an error".into())?;
    }
    law(!hints.accepts_all || answers.iter().all(Option::is_none), || "accepts all, and rejects one".into())?;
    law(!hints.never_errs || !answers.iter().any(errs), || "never errs, and errs".into())?;
    if let Some(uniform) = hints.uniform {
        let columns = UniformColumns::of(cluster.nodes());
        if uniform.is_uniform(&columns) {
            for group in uniform_groups(cluster, &columns) {
                let first = answer(group[0]);
                law(group.iter().all(|&row| answer(row) == first), || {
                    format!("uniform nodes {group:?} are answered differently")
                })?;
            }
        }
    }
    if let Some(range) = hints.range {
        for group in equal_nodes(cluster) {
            let rejected = range.rejects_all(cluster, &bounds(cluster, &group));
            law(!rejected || group.iter().all(|&row| answer(row).is_some()), || {
                format!("{group:?} are rejected by their bounds, and one is accepted")
            })?;
        }
    }
    Ok(())
}
