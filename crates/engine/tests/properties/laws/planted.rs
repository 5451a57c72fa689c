//! Plugins that break a law on purpose: the laws must find each of them.

use std::sync::Arc;

use berth_engine::bounds::UsageBounds;
use berth_engine::cluster::{Change, Cluster, PodChange, UniformColumns};
use berth_engine::event::ClusterEvent;
use berth_engine::ids::{NodeRow, ResourceId};
use berth_engine::name::PluginName;
use berth_engine::plugin::{
    CacheScope, CachedFilter, CachedScore, Filter, FilterHints, Plugin, PreFilter, PreScore, QueueingHint,
    RangeFilter, RawScore, Representative, Score, ScoreBound, ScoreHints, Uniform, Validity,
};
use berth_engine::verdict::Rejection;
use berth_engine::view::{NodeView, PodView};
use proptest::test_runner::{Config, TestRunner};

use super::{histories, play};

/// What a planted plugin does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    /// Nothing: the laws accept the plugin.
    Nothing,
    /// The state does not follow pods that leave.
    MissesPodsThatLeave,
    /// The state does not count nodes that come.
    MissesNodes,
    /// The answers depend on all nodes, and the scope says that they depend on the node.
    Scope,
    /// Says that nodes with equal labels get equal answers.
    Uniform,
    /// Says that no node is rejected.
    AcceptsAll,
    /// Rejects all nodes by their bounds though some are accepted.
    Range,
    /// Gives a bound that is below a score.
    Bound,
    /// Calls scores final that are normalized.
    Final,
    /// Never says that an event helps.
    Hint,
}

/// Accepts a node with fewer than three pods; scores by their number.
#[derive(Debug)]
struct FewPods(Wrong);

/// How many pods each node has, counted along.
struct Counted {
    wrong: Wrong,
    pods: Vec<i64>,
    nodes: usize,
}

impl Counted {
    fn new(wrong: Wrong, cluster: &Cluster) -> Self {
        let nodes = cluster.nodes();
        let mut pods = vec![0; nodes.row_count()];
        nodes.rows().for_each(|row| pods[row.index()] = nodes.pods(row).len() as i64);
        Self { wrong, pods, nodes: nodes.len() }
    }

    fn count(&self, row: NodeRow) -> i64 {
        let crowded = i64::from(self.wrong == Wrong::Scope && self.nodes > 3);
        let unknown = if self.wrong == Wrong::MissesNodes { 9 } else { 0 };
        self.pods.get(row.index()).copied().unwrap_or(unknown) + crowded
    }

    fn follow(&mut self, cluster: &Cluster, change: Change) -> Validity {
        if self.wrong != Wrong::MissesNodes {
            self.pods.resize(cluster.nodes().row_count(), 0);
            self.nodes = cluster.nodes().len();
        }
        if let Change::Pod(PodChange { row, pods, .. }) = change
            && (pods >= 0 || self.wrong != Wrong::MissesPodsThatLeave)
            && let Some(count) = self.pods.get_mut(row.index())
        {
            *count += i64::from(pods);
        }
        Validity::valid_if(!change.invalidates_all())
    }
}

impl Plugin for FewPods {
    fn name(&self) -> PluginName {
        PluginName::new("FewPods")
    }

    fn pre_filter<'a>(&'a self, pod: PodView<'a>) -> PreFilter<'a> {
        PreFilter::cached(Counted::new(self.0, pod.cluster))
    }

    fn pre_score<'a>(&'a self, pod: PodView<'a>) -> PreScore<'a> {
        PreScore::cached(Counted::new(self.0, pod.cluster))
    }

    fn queueing_hint(&self, _pod: PodView<'_>, _event: &ClusterEvent<'_>) -> QueueingHint {
        QueueingHint::queue_if(self.0 != Wrong::Hint)
    }
}

impl Filter for Counted {
    fn check(&self, node: NodeView<'_>) -> Option<Rejection> {
        let change = node.added().len() as i64 - node.removed().len() as i64;
        (self.count(node.row) + change > 2).then(|| Rejection::unschedulable("node(s) had three pods"))
    }

    fn hints(&self) -> FilterHints<'_> {
        FilterHints {
            uniform: (self.wrong == Wrong::Uniform).then_some(self),
            range: (self.wrong == Wrong::Range).then_some(self),
            accepts_all: self.wrong == Wrong::AcceptsAll,
            ..FilterHints::default()
        }
    }
}

impl Uniform for Counted {
    fn is_uniform(&self, _columns: &UniformColumns) -> bool {
        true
    }
}

impl RangeFilter for Counted {
    fn rejects_all(&self, _cluster: &Cluster, bounds: &UsageBounds) -> bool {
        bounds.pods > 1
    }
}

impl CachedFilter for Counted {
    fn scope(&self) -> CacheScope<'_> {
        CacheScope::NodeUsage
    }

    fn apply_change(&mut self, cluster: &Cluster, change: Change) -> Validity {
        self.follow(cluster, change)
    }
}

impl Score for Counted {
    fn score(&self, _cluster: &Cluster, feasible: &[Representative], out: &mut [i64]) {
        for (out, node) in out.iter_mut().zip(feasible) {
            *out = self.count(node.row).clamp(0, 100);
        }
    }

    fn normalize(&self, _cluster: &Cluster, _feasible: &[Representative], scores: &mut [i64]) {
        if self.wrong == Wrong::Final {
            scores.iter_mut().for_each(|score| *score = 100 - *score);
        }
    }

    fn hints(&self) -> ScoreHints<'_> {
        ScoreHints { raw: RawScore::Final(self), ..ScoreHints::default() }
    }
}

impl ScoreBound for Counted {
    fn highest(&self, cluster: &Cluster, bounds: &UsageBounds) -> i64 {
        let cpu = cluster.nodes().allocatable(bounds.row, ResourceId::CPU);
        if self.wrong == Wrong::Bound { i64::from(cpu == 0) } else { 100 }
    }
}

impl CachedScore for Counted {
    fn scope(&self) -> CacheScope<'_> {
        CacheScope::NodeUsage
    }

    fn apply_change(&mut self, cluster: &Cluster, change: Change) -> Validity {
        self.follow(cluster, change)
    }
}

/// Whether the laws find something in a hundred histories, the same each time.
fn is_found(wrong: Wrong) -> bool {
    let config = Config { cases: 100, max_shrink_iters: 0, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let played = runner.run(&histories(), |(shapes, steps)| {
        let result = play(vec![Arc::new(FewPods(wrong))], &shapes, &steps);
        result.map_err(proptest::test_runner::TestCaseError::fail)
    });
    played.is_err()
}

#[test]
fn each_planted_mistake_is_found_and_a_correct_plugin_is_not() {
    let wrongs = [
        Wrong::MissesPodsThatLeave,
        Wrong::MissesNodes,
        Wrong::Scope,
        Wrong::Uniform,
        Wrong::AcceptsAll,
        Wrong::Range,
        Wrong::Bound,
        Wrong::Final,
        Wrong::Hint,
    ];
    assert!(!is_found(Wrong::Nothing));
    for wrong in wrongs {
        assert!(is_found(wrong), "{wrong:?}");
    }
}
