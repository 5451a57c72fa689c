//! Keeps pods off nodes whose taints they do not tolerate, and prefers nodes with fewer unwanted taints.
//!
//! - **Filter**: the first `NoSchedule` or `NoExecute` taint that no toleration covers rejects the node:
//!   evicting pods would not help.
//! - **Score**: how many `PreferNoSchedule` taints are not covered; the fewest scores 100.
//! - **Depends on** the pod's tolerations and the node's taint set, so it is decided once a taint set, never a node.
//! - **Unblocked by** a new node, or a node that loses a taint.
//! - **Upstream**: plugins/tainttoleration. No known difference.
//! - **Cost**: taint sets x taints x tolerations for a pod, then one table look-up a node.

use std::sync::Arc;

use berth_model::affinity::Toleration;
use berth_model::node::{Taint, TaintEffect};

use crate::cluster::{Change, Cluster, UniformColumns};
use crate::ids::PodClassId;
use crate::ids::name::PluginName;
use crate::plugin::detail::Detail;
use crate::plugin::event::ClusterEvent;
use crate::plugin::registry::{ExtensionPoint, PluginEntry};
use crate::plugin::view::{NodeView, PodView};
use crate::plugin::{
    CacheScope, CachedFilter, CachedScore, Filter, FilterHints, Plugin, PreFilter, PreScore, QueueingHint,
    Representative, Score, ScoreHints, Uniform, Validity,
};
use crate::scoring::normalize;
use crate::verdict::Rejection;

/// The plugin's name in configurations.
pub const NAME: &str = "TaintToleration";

/// The registry entry.
pub const ENTRY: PluginEntry = PluginEntry::new(
    NAME,
    &[ExtensionPoint::PreFilter, ExtensionPoint::Filter, ExtensionPoint::PreScore, ExtensionPoint::Score],
    || Arc::new(TaintToleration),
)
.in_default_profile(3);

const REASON: &str = "node(s) had untolerated taint(s)";

/// The plugin; it has no arguments.
#[derive(Clone, Copy, Debug, Default)]
pub struct TaintToleration;

/// Whether each taint set of the cluster rejects the pod.
#[derive(Debug)]
struct TaintFilter {
    class: PodClassId,
    sets: Vec<bool>,
    any: bool,
}

/// How many taints of each taint set of the cluster the pod would rather avoid.
#[derive(Debug)]
struct TaintScore {
    class: PodClassId,
    sets: Vec<i64>,
}

impl Plugin for TaintToleration {
    fn name(&self) -> PluginName {
        PluginName::new(NAME)
    }

    fn pre_filter<'a>(&'a self, pod: PodView<'a>) -> PreFilter<'a> {
        let mut state = TaintFilter { class: pod.class_id(), sets: Vec::new(), any: false };
        state.check_new_sets(pod.cluster);
        PreFilter::cached(state)
    }

    fn pre_score<'a>(&'a self, pod: PodView<'a>) -> PreScore<'a> {
        let mut state = TaintScore { class: pod.class_id(), sets: Vec::new() };
        state.check_new_sets(pod.cluster);
        PreScore::cached(state)
    }

    fn queueing_hint(&self, pod: PodView<'_>, event: &ClusterEvent<'_>) -> QueueingHint {
        let rejects = |taints: &[Taint]| untolerated(taints, &pod.class.spec.tolerations);
        QueueingHint::queue_if(match *event {
            ClusterEvent::Itself => true,
            ClusterEvent::Node { row, old } => {
                old.is_none_or(|old| rejects(&old.taints)) && !rejects(pod.cluster.nodes().taints(row))
            }
            _ => false,
        })
    }
}

impl TaintFilter {
    /// Taint sets are numbered as they come and never change.
    fn check_new_sets(&mut self, cluster: &Cluster) {
        let tolerations = &cluster.pods().class(self.class).spec.tolerations;
        for set in &cluster.nodes().taint_sets()[self.sets.len()..] {
            let rejects = untolerated(set, tolerations);
            self.any |= rejects;
            self.sets.push(rejects);
        }
    }
}

impl TaintScore {
    fn check_new_sets(&mut self, cluster: &Cluster) {
        // Only tolerations that can cover a PreferNoSchedule taint count.
        let tolerations = &cluster.pods().class(self.class).spec.tolerations;
        let covers = |t: &Toleration, taint: &Taint| {
            t.effect.is_none_or(|e| e == TaintEffect::PreferNoSchedule) && t.tolerates(taint)
        };
        let unwanted = |taint: &&Taint| {
            taint.effect == TaintEffect::PreferNoSchedule && !tolerations.iter().any(|t| covers(t, taint))
        };
        for set in &cluster.nodes().taint_sets()[self.sets.len()..] {
            self.sets.push(set.iter().filter(unwanted).count() as i64);
        }
    }
}

/// Whether a set has a taint that forbids scheduling and that no toleration covers.
pub fn untolerated(taints: &[Taint], tolerations: &[Toleration]) -> bool {
    taints.iter().any(|taint| is_untolerated(taint, tolerations))
}

fn is_untolerated(taint: &Taint, tolerations: &[Toleration]) -> bool {
    taint.effect != TaintEffect::PreferNoSchedule && !tolerations.iter().any(|t| t.tolerates(taint))
}

impl Filter for TaintFilter {
    fn check(&self, node: NodeView<'_>) -> Option<Rejection> {
        self.sets[node.cluster.nodes().taint_set(node.row)].then(|| Rejection::unresolvable(REASON))
    }

    fn explain(&self, node: NodeView<'_>, details: &mut Vec<Detail>) {
        let tolerations = &node.cluster.pods().class(self.class).spec.tolerations;
        let untolerated = node.taints().iter().filter(|taint| is_untolerated(taint, tolerations));
        details.extend(untolerated.cloned().map(Detail::Taint));
    }

    fn hints(&self) -> FilterHints<'_> {
        FilterHints {
            uniform: Some(self),
            accepts_all: !self.any,
            never_errs: true,
            ..FilterHints::default()
        }
    }
}

impl Uniform for TaintFilter {
    fn is_uniform(&self, _columns: &UniformColumns) -> bool {
        true
    }
}

impl CachedFilter for TaintFilter {
    fn scope(&self) -> CacheScope<'_> {
        CacheScope::NodeFacts
    }

    fn apply_change(&mut self, cluster: &Cluster, change: Change) -> Validity {
        self.check_new_sets(cluster);
        Validity::valid_if(!change.invalidates_all())
    }

    fn is_skipped(&self) -> bool {
        !self.any
    }
}

impl Score for TaintScore {
    fn score(&self, cluster: &Cluster, feasible: &[Representative], out: &mut [i64]) {
        for (score, group) in out.iter_mut().zip(feasible) {
            *score = self.sets[cluster.nodes().taint_set(group.row)];
        }
    }

    fn normalize(&self, _cluster: &Cluster, _feasible: &[Representative], scores: &mut [i64]) {
        normalize::fewest_is_best(scores);
    }

    fn hints(&self) -> ScoreHints<'_> {
        ScoreHints { uniform: Some(self), ignores_counts: true, ..ScoreHints::default() }
    }
}

impl Uniform for TaintScore {
    fn is_uniform(&self, _columns: &UniformColumns) -> bool {
        true
    }
}

impl CachedScore for TaintScore {
    fn scope(&self) -> CacheScope<'_> {
        CacheScope::NodeFacts
    }

    fn apply_change(&mut self, cluster: &Cluster, change: Change) -> Validity {
        self.check_new_sets(cluster);
        Validity::valid_if(!change.invalidates_all())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{World, filter, score};
    use expect_test::expect;

    fn taint(key: &str, effect: TaintEffect) -> Taint {
        Taint { key: key.into(), value: "".into(), effect }
    }

    fn tolerate_everything() -> Toleration {
        Toleration { key: "".into(), exists: true, value: "".into(), effect: None, seconds: None }
    }

    #[test]
    fn a_node_with_a_forbidding_taint_is_rejected_for_good() {
        let mut world = World::default();
        world.node("n1", |node| node.taints = vec![taint("dedicated", TaintEffect::NoSchedule)]);
        world.node("n2", |node| node.taints = vec![taint("spot", TaintEffect::PreferNoSchedule)]);
        let pod = world.pod("p", |_, _| {});
        let bold = world.pod("bold", |_, spec| spec.tolerations.push(tolerate_everything()));
        expect![[r#"
            n1: UnschedulableAndUnresolvable: node(s) had untolerated taint(s)
            n2: fits
        "#]]
        .assert_eq(&filter(&TaintToleration, &world, pod));
        expect!["every node fits\n"].assert_eq(&filter(&TaintToleration, &world, bold));
    }

    #[test]
    fn the_node_with_fewer_unwanted_taints_scores_higher() {
        let mut world = World::default();
        let unwanted = |key| taint(key, TaintEffect::PreferNoSchedule);
        world.node("n1", |node| node.taints = vec![unwanted("spot"), unwanted("slow")]);
        world.node("n2", |node| node.taints = vec![unwanted("spot")]);
        world.node("n3", |_| {});
        let pod = world.pod("p", |_, _| {});
        expect!["n1: 0, n2: 50, n3: 100"].assert_eq(&score(&TaintToleration, &world, pod));
    }
}
