//! Prefers nodes where the pod brings the use of CPU, memory and other resources closer together.
//!
//! - **Score**: how evenly the resources are used with the pod, compared with how evenly they are used without it:
//!   about 75 where the pod changes little, up to 100 where it evens things out, down to 50 where it does not.
//!   A pod that requests none of the resources is not scored, so that such pods do not pile up on one node.
//! - **Depends on** what the node offers and what its pods request.
//! - **Upstream**: plugins/noderesources `balanced_allocation.go`. Known difference: devices that stand for extended
//!   resources do not count yet.
//! - **Cost**: two divisions a resource and node.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::cluster::{Change, Cluster};
use crate::ids::name::PluginName;
use crate::plugin::bounds::UsageBounds;
use crate::plugin::registry::{ExtensionPoint, PluginEntry};
use crate::plugin::view::PodView;
use crate::plugin::{
    CacheScope, CachedScore, MAX_SCORE, Plugin, PreScore, RawScore, Representative, Score, ScoreBound,
    ScoreHints, Validity,
};
use crate::scoring::axis::{
    Amounts, Axis, AxisColumns, Counting, Ends, WeightedResource, axes, columns, cpu_and_memory,
};

/// The plugin's name in configurations.
pub const NAME: &str = "NodeResourcesBalancedAllocation";

/// The registry entry.
pub const ENTRY: PluginEntry =
    PluginEntry::new(NAME, &[ExtensionPoint::PreScore, ExtensionPoint::Score], || {
        Arc::new(NodeResourcesBalancedAllocation::default())
    })
    .in_default_profile(1)
    .with_arguments();

/// The plugin and its arguments (`NodeResourcesBalancedAllocationArgs`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeResourcesBalancedAllocation {
    /// The resources that are to be used evenly; their weights do not matter.
    pub resources: Vec<WeightedResource>,
}

/// Upstream's default: CPU and memory.
impl Default for NodeResourcesBalancedAllocation {
    fn default() -> Self {
        Self { resources: cpu_and_memory() }
    }
}

#[derive(Debug)]
struct BalanceScore(Vec<Axis>);

/// Used shares of the resources that a node offers, each 0 to 1.
type Shares = SmallVec<[f64; 4]>;

impl Plugin for NodeResourcesBalancedAllocation {
    fn name(&self) -> PluginName {
        PluginName::new(NAME)
    }

    fn pre_score<'a>(&'a self, pod: PodView<'a>) -> PreScore<'a> {
        let axes = axes(pod, &self.resources, Counting::Exact);
        if axes.iter().all(|axis| axis.ask() == 0) {
            return PreScore::SKIP_CLASS;
        }
        PreScore::cached(BalanceScore(axes))
    }
}

impl Score for BalanceScore {
    fn score(&self, cluster: &Cluster, feasible: &[Representative], out: &mut [i64]) {
        let columns = columns(&self.0, cluster.nodes());
        for (out, group) in out.iter_mut().zip(feasible) {
            *out = balance(&columns, group.row.index());
        }
    }

    fn hints(&self) -> ScoreHints<'_> {
        ScoreHints { raw: RawScore::Final(self), ignores_counts: true, ..ScoreHints::default() }
    }
}

impl ScoreBound for BalanceScore {
    fn highest(&self, cluster: &Cluster, bounds: &UsageBounds) -> i64 {
        let ends = |axis: &Axis| axis.ends(cluster.nodes(), bounds);
        match &*self.0 {
            [a, b] => match (ends(a), ends(b)) {
                (
                    Some(Ends::Known { least: a, most: a_most }),
                    Some(Ends::Known { least: b, most: b_most }),
                ) => MAX_SCORE / 2 + (MAX_SCORE / 2 + highest_gain([a, a_most], [b, b_most])) / 2,
                _ => MAX_SCORE,
            },
            _ => MAX_SCORE,
        }
    }
}

impl CachedScore for BalanceScore {
    fn scope(&self) -> CacheScope<'_> {
        CacheScope::NodeUsage
    }

    fn apply_change(&mut self, _cluster: &Cluster, change: Change) -> Validity {
        Validity::valid_if(!change.invalidates_all())
    }
}

fn balance(columns: &[AxisColumns<'_>], at: usize) -> i64 {
    // The usual case, without lists.
    if let [a, b] = columns
        && let (Some(a), Some(b)) = (a.amounts(at), b.amounts(at))
    {
        let gain = evenness(&[share(a, a.used_with_pod), share(b, b.used_with_pod)])
            - evenness(&[share(a, a.used), share(b, b.used)]);
        return MAX_SCORE / 2 + (MAX_SCORE / 2 + gain) / 2;
    }
    let (mut with, mut without) = (Shares::new(), Shares::new());
    for node in columns.iter().filter_map(|column| column.amounts(at)) {
        with.push(share(node, node.used_with_pod));
        without.push(share(node, node.used));
    }
    // Each evenness is 50 to 100, so the gain is within 50 of zero.
    let gain = evenness(&with).wrapping_sub(evenness(&without));
    MAX_SCORE / 2 + (MAX_SCORE / 2).wrapping_add(gain) / 2
}

/// The most that a pod can even out any of some nodes, given the least and the most that is used of two resources.
fn highest_gain(a: [Amounts; 2], b: [Amounts; 2]) -> i64 {
    let shares = |of: fn(&Amounts) -> i64| {
        let shares = |ends: [Amounts; 2]| ends.map(|node| share(node, of(&node)));
        (shares(a), shares(b))
    };
    let (a_with, b_with) = shares(|node| node.used_with_pod);
    let (a_without, b_without) = shares(|node| node.used);
    let closest = (a_with[0] - b_with[1]).max(b_with[0] - a_with[1]).max(0.0);
    let farthest = (a_without[1] - b_without[0]).max(b_without[1] - a_without[0]);
    let gain = evenness(&[closest, 0.0]) - evenness(&[farthest, 0.0]);
    if a_with[1] >= 1.0 || b_with[1] >= 1.0 {
        return gain;
    }
    // No node gains more than the shares that the pod adds differ, but for two cuts to an integer.
    let added = (a_with[0] - a_without[0]) - (b_with[0] - b_without[0]);
    gain.min((added.abs() / 2.0 * MAX_SCORE as f64) as i64 + 2)
}

fn share(node: Amounts, used: i64) -> f64 {
    (used as f64 / node.allocatable as f64).min(1.0)
}

/// 100 where all shares are equal, less by their standard deviation.
///
/// The order of the operations is upstream's: floating point gives other scores in another order.
fn evenness(shares: &[f64]) -> i64 {
    let count = shares.len() as f64;
    let deviation = match *shares {
        [] | [_] => 0.0,
        [a, b] => ((a - b) / 2.0).abs(),
        _ => {
            let mean = shares.iter().fold(0.0, |sum, share| sum + share) / count;
            let squares = shares.iter().fold(0.0, |sum, share| sum + (share - mean) * (share - mean));
            (squares / count).sqrt()
        }
    };
    ((1.0 - deviation) * MAX_SCORE as f64) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{World, container, resources, score};

    type Amounts<'a> = &'a [(&'a str, &'a str)];
    /// Resources that count; what nodes offer and use; what the pod wants; the scores.
    type Case<'a> = (&'a [&'a str], &'a [(Amounts<'a>, Amounts<'a>)], Amounts<'a>, &'a str);

    fn scored(names: &[&str], nodes: &[(Amounts<'_>, Amounts<'_>)], wanted: Amounts<'_>) -> String {
        let mut world = World::default();
        for (at, (offer, used)) in nodes.iter().enumerate() {
            let name = format!("n{}", at + 1);
            world.node(&name, |node| node.allocatable = resources(offer));
            world.pod("running", |pod, spec| {
                pod.node = Some((*name).into());
                spec.containers = vec![container(used)];
            });
        }
        let pod = world.pod("p", |_, spec| spec.containers = vec![container(wanted)]);
        let resources =
            names.iter().map(|name| WeightedResource { name: (*name).into(), weight: 1 }).collect();
        score(&NodeResourcesBalancedAllocation { resources }, &world, pod)
    }

    #[test]
    fn a_pod_that_evens_out_a_node_makes_it_score_above_75() {
        let offer = &[("cpu", "10"), ("memory", "10")][..];
        let gpu = &[("cpu", "10"), ("memory", "10"), ("example.com/gpu", "4")][..];
        let pair = &["cpu", "memory"][..];
        let triple = &["cpu", "memory", "example.com/gpu"][..];
        let cases: &[Case<'_>] = &[
            // Nothing requested, nothing scored.
            (pair, &[(offer, &[])], &[], ""),
            (pair, &[(offer, &[])], &[("example.com/gpu", "1")], ""),
            (pair, &[(offer, &[])], &[("cpu", "5"), ("memory", "5")], "n1: 75"),
            (
                pair,
                &[(offer, &[]), (offer, &[("memory", "6")]), (offer, &[("cpu", "4")])],
                &[("cpu", "6")],
                "n1: 60, n2: 90, n3: 60",
            ),
            // A share never counts above one.
            (pair, &[(&[("cpu", "1"), ("memory", "10")], &[("cpu", "1")])], &[("cpu", "5")], "n1: 75"),
            // Three resources; one that the node does not offer does not count.
            (
                triple,
                &[(gpu, &[]), (offer, &[])],
                &[("cpu", "3"), ("memory", "3"), ("example.com/gpu", "4")],
                "n1: 58, n2: 75",
            ),
        ];
        for (names, nodes, wanted, expected) in cases {
            assert_eq!(scored(names, nodes, wanted), *expected, "{wanted:?} on {nodes:?}");
        }
    }
}
