//! The fast path: a cache for a class of pods that holds the state of every node and follows the change log.
//!
//! Nodes that have equal keys for every normalized score, and for every filter over topology domains, get equal answers
//! from all of those. They form a *bucket*. Within a bucket only the score by usage decides. So a bucket keeps its
//! nodes by that score. To decide about a pod, the filters over domains check one of the best nodes of each bucket, and
//! the scores score it. The best nodes of the buckets with the highest total tie, and the first of them in the pod's
//! order is chosen ([`TieOrder`](crate::plugin::tie_break::TieOrder)). After the placement one node moves in each cache
//! that is used again.
//!
//! The decisions are always those of the naive scan ([`crate::scan::diagnose`]). Property tests compare the two, and
//! [`crate::scheduler::Scheduler::verify`] compares them decision by decision.

mod bucket;
mod node_groups;
mod node_state;
mod per_pod;
mod rejection_counts;
mod select;
mod single;

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::cluster::{Change, Cluster};
use crate::ids::NodeRow;
use crate::ids::name::PluginName;
use crate::plugin::profile::Profile;
use crate::plugin::tie_break::TieBreak;
use crate::plugin::view::PodView;
use crate::plugin::{
    CacheScope, CachedScore, ClassScore, MAX_SCORE, PartitionKey, Plugin, PreScore, RawScore, Validity,
};
use crate::scan::filters::{FilterState, Filters, Preparation, prepare_class};
use crate::verdict::{Rejection, Verdict};
use bucket::Bucket;
pub(crate) use node_groups::NodeGroups;
use node_state::{Answers, PackedState};
use per_pod::PerPodPlugins;
use rejection_counts::RejectionCounts;
pub(crate) use select::{Scratch, Selection};
pub(crate) use single::choose as choose_once;

/// The answers of a profile about all nodes, for the pods of one class.
pub(crate) struct ClassCache {
    /// The number of the next change to apply.
    seen: u64,
    /// How many of the changes up to there had to be applied node by node.
    to_follow: u64,
    tie_break: TieBreak,
    filters: Filters<'static>,
    /// They know for how long `only` holds, where the filters do not.
    only_listing: Vec<FilterState<'static>>,
    scores: Vec<ReadyScore>,
    /// Plugins that are asked about each pod.
    per_pod: PerPodPlugins,
    rejected: Option<Verdict>,
    only: Option<Vec<NodeRow>>,
    excluded_reason: Option<Rejection>,
    prefilter_plugins: Vec<PluginName>,
    excluded_nodes: usize,
    /// By row.
    node_states: Vec<PackedState>,
    buckets: Vec<Bucket>,
    index: FxHashMap<PartitionKey, u32>,
    rejections: RejectionCounts,
    /// Some node's score by usage does not fit into 32 bits.
    overflows: bool,
    /// Nodes with nominated pods. Which of those count depends on the single pod, so the nodes are checked for each
    /// pod.
    nominated: Vec<NodeRow>,
    answers: Answers,
}

/// One plugin's score for the class.
struct ReadyScore {
    weight: i64,
    scope: Scope,
    state: Box<dyn CachedScore>,
}

/// How far the raw scores of a plugin reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    NodeFacts,
    NodeUsage,
    Domains,
}

/// The scores of a profile for a class. Plugins that score one pod at a time are put into `per_pod`. `None` if such a
/// plugin makes a difference, or a score by usage is normalized: then no bucket has an order. Neither if the weights of
/// scores by usage are so large that their sum needs more than 32 bits.
fn class_scores(
    profile: &Profile,
    pod: PodView<'_>,
    per_pod: &mut Vec<Arc<dyn Plugin>>,
) -> Option<Vec<ReadyScore>> {
    let mut scores = Vec::new();
    for (plugin, weight) in &profile.score {
        let state = match plugin.pre_score(pod) {
            PreScore::ForClass(ClassScore::Skip) => continue,
            PreScore::ForClass(ClassScore::Run(state)) => state,
            PreScore::Run(state) if !state.hints().zero => return None,
            PreScore::Skip | PreScore::Run(_) => {
                per_pod.push(plugin.clone());
                continue;
            }
        };
        let scope = match state.scope() {
            CacheScope::NodeFacts => Scope::NodeFacts,
            CacheScope::NodeUsage if matches!(state.hints().raw, RawScore::Final(_)) => Scope::NodeUsage,
            CacheScope::NodeUsage => return None,
            CacheScope::Domains(_) => Scope::Domains,
        };
        scores.push(ReadyScore { weight: *weight, scope, state });
    }
    let by_usage = scores.iter().filter(|ready| ready.scope == Scope::NodeUsage);
    let largest = by_usage.map(|ready| ready.weight.unsigned_abs().saturating_mul(MAX_SCORE.unsigned_abs()));
    let largest = largest.fold(0, u64::saturating_add);
    (largest <= u64::from(i32::MAX.unsigned_abs())).then_some(scores)
}

impl ClassCache {
    /// Asks all plugins about all nodes. `None` if the class cannot have a cache. The kinds must have caught up.
    pub(crate) fn new(
        profile: &Profile,
        pod: PodView<'_>,
        node_groups: &NodeGroups,
        scratch: &mut Scratch,
    ) -> Option<Self> {
        let cluster = pod.cluster;
        let (mut per_pod_filters, mut per_pod_scores) = (Vec::new(), Vec::new());
        let scores = class_scores(profile, pod, &mut per_pod_scores)?;
        let prepared = prepare_class(profile, pod, &mut per_pod_filters);
        let (excluded_reason, prefilter_plugins) =
            (prepared.excluded_reason(), prepared.rejecting_prefilters());
        let Preparation { filters, rejected, only, only_listing, .. } = prepared;
        let mut cache = Self {
            seen: cluster.changes().next(),
            to_follow: cluster.changes().to_follow(),
            tie_break: profile.tie_break,
            filters,
            only_listing,
            scores,
            per_pod: PerPodPlugins::new(profile, per_pod_filters, per_pod_scores),
            rejected,
            only,
            excluded_reason,
            prefilter_plugins,
            excluded_nodes: 0,
            node_states: vec![PackedState::FREE; cluster.nodes().row_count()],
            buckets: Vec::new(),
            index: FxHashMap::default(),
            rejections: RejectionCounts::default(),
            overflows: false,
            nominated: Vec::new(),
            answers: Answers::default(),
        };
        cache.insert_all(cluster, node_groups, &mut scratch.answers);
        Some(cache)
    }

    /// Whether all states are right after a change.
    fn apply_change(&mut self, cluster: &Cluster, change: Change) -> bool {
        let checking = self.filters.0.iter_mut().map(|ready| &mut ready.state);
        let filters = checking.chain(&mut self.only_listing).all(|state| match state {
            FilterState::Cached(state) => state.apply_change(cluster, change) == Validity::Valid,
            FilterState::Once(_) => false,
        });
        let valid = |ready: &mut ReadyScore| ready.state.apply_change(cluster, change) == Validity::Valid;
        filters && self.scores.iter_mut().all(valid)
    }

    /// Applies the changes since the last call. Returns `false` if the cache is stale and must be rebuilt.
    pub(crate) fn catch_up(&mut self, cluster: &Cluster) -> bool {
        let Some(changes) = cluster.changes().since(self.seen) else { return false };
        // To rebuild costs about as much a node as to apply a change, so many changes are not applied.
        let to_follow = cluster.changes().to_follow();
        if to_follow - self.to_follow > 64 + self.node_states.len() as u64 / 2 {
            return false;
        }
        let mut changed = changes.iter();
        if !changed.all(|&change| !change.invalidates_all() && self.apply_change(cluster, change)) {
            return false;
        }
        self.node_states.resize(cluster.nodes().row_count(), PackedState::FREE);
        let mut last = None;
        for row in changes.iter().filter_map(|change| change.row()) {
            if last.replace(row) != Some(row) {
                self.withdraw(row);
                if cluster.nodes().is_live(row) {
                    self.insert_node(cluster, row);
                }
            }
        }
        (self.seen, self.to_follow) = (cluster.changes().next(), to_follow);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::World;
    use berth_model::load::MeasuredUsage;

    #[test]
    fn measured_load_voids_no_cache_of_plugins_that_do_not_read_it() {
        let mut world = World::default();
        let nodes: Vec<NodeRow> = (0..200).map(|n| world.node(&format!("n{n}"), |_| {})).collect();
        let pod = world.pod("web", |_, _| {});
        let profile = Profile::standard("default-scheduler");
        let (mut node_groups, mut scratch) = (NodeGroups::default(), Scratch::default());
        node_groups.catch_up(&world.cluster);
        let view = PodView::new(&world.cluster, pod);
        let mut cache = ClassCache::new(&profile, view, &node_groups, &mut scratch).unwrap();
        for second in 1..5 {
            for &node in &nodes {
                let usage = MeasuredUsage { cpu_milli: Some(7), memory_bytes: Some(7), taken: Some(second) };
                world.cluster.set_measured(node, Some(usage));
            }
            world.cluster.set_now(second);
            assert!(cache.catch_up(&world.cluster));
        }
        world.node("n0", |node| node.unschedulable = true);
        assert!(cache.catch_up(&world.cluster));
    }
}
