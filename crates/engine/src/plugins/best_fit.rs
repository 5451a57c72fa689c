//! Prefers the node that is left with the least room in the resources that the pod asks for, so that big holes stay
//! big.
//!
//! - **Score**: the room that is left on a node is `allocatable - requested - the pod's request`, summed over the
//!   resources that the pod requests, each in parts of the [reference node](crate::scoring::reference). The node with
//!   the least room scores 100, the one with the most 0, the others by their distance, to the nearest point: nothing
//!   but the least room scores 100. A pod that requests nothing is not scored.
//! - **Depends on** what the node offers and what its pods request.
//! - **Upstream**: none; `NodeResourcesFit` with `MostAllocated` prefers the highest share in use, by which a big node
//!   with more room left is fuller than a small one.
//! - **Cost**: one multiplication a requested resource and node.
//!
//! The raw score is the room, negated; it looks at one node only, so where the plugin is alone, the order of raw scores
//! is the order of choice. It is exact, without any rounding.

use std::sync::Arc;

use berth_model::Str;
use smallvec::SmallVec;

use crate::cluster::Cluster;
use crate::ids::ResourceId;
use crate::ids::name::PluginName;
use crate::plugin::bounds::UsageBounds;
use crate::plugin::registry::{ExtensionPoint, PluginEntry};
use crate::plugin::view::PodView;
use crate::plugin::{Plugin, PreScore, RawScore, Representative, Score, ScoreBound, ScoreHints};
use crate::scoring::axis::WeightedResource;
use crate::scoring::normalize;
use crate::scoring::reference;

/// The plugin's name in configurations.
pub const NAME: &str = "BestFit";

/// The registry entry.
pub const ENTRY: PluginEntry =
    PluginEntry::new(NAME, &[ExtensionPoint::PreScore, ExtensionPoint::Score], || {
        Arc::new(BestFit::default())
    })
    .with_arguments();

/// The plugin and its arguments (`BestFitArgs`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BestFit {
    /// How much the room in a resource counts where the pod requests it; resources that are not listed count 1.
    pub resources: Vec<WeightedResource>,
}

/// The room of one reference node. Every amount of a reference node divides it, so that rooms are whole numbers.
const REFERENCE_ROOM: i64 = 125 << 38;

/// What the pod requests.
#[derive(Debug)]
struct FitScore(SmallVec<[Ask; 4]>);

#[derive(Debug)]
struct Ask {
    resource: ResourceId,
    amount: i64,
    /// What one unit of the resource counts.
    value: i128,
}

impl BestFit {
    fn weight(&self, name: &Str) -> i64 {
        self.resources.iter().find(|r| r.name == *name).map_or(1, |r| r.weight)
    }
}

impl Plugin for BestFit {
    fn name(&self) -> PluginName {
        PluginName::new(NAME)
    }

    fn pre_score<'a>(&'a self, pod: PodView<'a>) -> PreScore<'a> {
        let requested = pod.class.requests.iter().filter(|(_, amount)| *amount > 0);
        let ask = |&(resource, amount): &(ResourceId, i64)| {
            let name = pod.cluster.resources().name(resource);
            let value = REFERENCE_ROOM / reference::amount(resource, name);
            Ask { resource, amount, value: i128::from(value) * i128::from(self.weight(name)) }
        };
        let asks: SmallVec<[Ask; 4]> = requested.map(ask).collect();
        if asks.is_empty() {
            return PreScore::SKIP_CLASS;
        }
        PreScore::Run(Box::new(FitScore(asks)))
    }
}

/// The raw score of what room is left: the less, the better.
fn score(room: i128) -> i64 {
    i64::try_from(-room).unwrap_or(if room > 0 { -i64::MAX } else { i64::MAX })
}

impl Score for FitScore {
    fn score(&self, cluster: &Cluster, feasible: &[Representative], out: &mut [i64]) {
        let nodes = cluster.nodes();
        // A column exists for every resource of a class that the cluster knows.
        let columns: SmallVec<[_; 4]> = self
            .0
            .iter()
            .map(|ask| {
                let id = ask.resource.index();
                (&*nodes.allocatable[id], &*nodes.requested[id], ask)
            })
            .collect();
        for (out, group) in out.iter_mut().zip(feasible) {
            let at = group.row.index();
            let room = |&(offered, used, ask): &(&[i64], &[i64], &Ask)| {
                (i128::from(offered[at]) - i128::from(used[at]) - i128::from(ask.amount)) * ask.value
            };
            *out = score(columns.iter().map(room).sum());
        }
    }

    fn normalize(&self, _cluster: &Cluster, _feasible: &[Representative], scores: &mut [i64]) {
        normalize::by_distance_to_worst(scores);
    }

    fn hints(&self) -> ScoreHints<'_> {
        ScoreHints { raw: RawScore::Ranked(self), ignores_counts: true, ..ScoreHints::default() }
    }
}

impl ScoreBound for FitScore {
    fn highest(&self, cluster: &Cluster, bounds: &UsageBounds) -> i64 {
        let least = |ask: &Ask| {
            let offered = cluster.nodes().allocatable(bounds.row, ask.resource);
            let used = bounds.requested(ask.resource)?.high;
            Some((i128::from(offered) - i128::from(used) - i128::from(ask.amount)) * ask.value)
        };
        let room: Option<i128> = self.0.iter().map(least).sum();
        room.map_or(i64::MAX, score)
    }
}

#[cfg(test)]
mod tests;
