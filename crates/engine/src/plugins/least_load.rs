//! Prefers the node with the lowest load.
//!
//! - **Score**: a node's load is the largest share, over the resources of the arguments, of what is used in what there
//!   is: `max(requested, measured) / allocatable` of CPU and memory, requested of other resources, measured of disk and
//!   network. The waiting pod is not part of it. The least loaded node scores 100, and each percent of load more costs
//!   a point, to the nearest point but at least one: nothing but the lowest load scores 100.
//! - **Depends on** what the node offers, what its pods request, and what was measured.
//! - **Upstream**: none; `NodeResourcesFit` with `LeastAllocated` scores by the mean of the shares, with the pod, and
//!   knows no measurements.
//! - **Cost**: one division of 128 bits a resource and node.
//!
//! The raw score is the load, negated; it looks at one node only, so where the plugin is alone, the order of raw scores
//! is the order of choice.

use std::sync::Arc;

use crate::cluster::Cluster;
use crate::ids::name::PluginName;
use crate::plugin::bounds::UsageBounds;
use crate::plugin::registry::{ExtensionPoint, PluginEntry};
use crate::plugin::view::PodView;
use crate::plugin::{Plugin, PreScore, RawScore, Representative, Score, ScoreBound, ScoreHints};
use crate::scoring::axis::WeightedResource;
use crate::scoring::load::{self, LoadAxis};
use crate::scoring::normalize;

/// The plugin's name in configurations.
pub const NAME: &str = "LeastLoad";

/// The registry entry.
pub const ENTRY: PluginEntry =
    PluginEntry::new(NAME, &[ExtensionPoint::PreScore, ExtensionPoint::Score], || {
        Arc::new(LeastLoad::default())
    })
    .with_arguments()
    .reading_load();

/// The plugin and its arguments (`LeastLoadArgs`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeastLoad {
    /// The resources whose shares count, with weights; also [`load::DISK`] and [`load::NETWORK`]. A share counts by its
    /// weight over the largest weight.
    pub resources: Vec<WeightedResource>,
    /// Measurements that are older count as absent.
    pub freshness_seconds: i64,
}

/// CPU, memory, disk and network count the same.
impl Default for LeastLoad {
    fn default() -> Self {
        let resource = |name: &str| WeightedResource { name: name.into(), weight: 1 };
        Self {
            resources: ["cpu", "memory", load::DISK, load::NETWORK].map(resource).into(),
            freshness_seconds: load::FRESHNESS_SECONDS,
        }
    }
}

#[derive(Debug)]
struct LoadScore {
    axes: Vec<LoadAxis>,
    freshness_seconds: i64,
}

impl Plugin for LeastLoad {
    fn name(&self) -> PluginName {
        PluginName::new(NAME)
    }

    fn pre_score<'a>(&'a self, pod: PodView<'a>) -> PreScore<'a> {
        let axes = load::axes(pod, &self.resources);
        PreScore::Run(Box::new(LoadScore { axes, freshness_seconds: self.freshness_seconds }))
    }
}

fn share(axis: &LoadAxis, used: i64, offered: i64, heaviest: i128) -> i64 {
    load::fraction(i128::from(used) * i128::from(axis.weight), i128::from(offered) * heaviest)
}

impl Score for LoadScore {
    fn score(&self, cluster: &Cluster, feasible: &[Representative], out: &mut [i64]) {
        let columns = load::columns(&self.axes, cluster, self.freshness_seconds);
        let heaviest = i128::from(load::heaviest(&self.axes));
        for (score, &Representative { row, .. }) in out.iter_mut().zip(feasible) {
            *score =
                -load::dominant(&columns, row, |axis, used, offered| share(axis, used, offered, heaviest));
        }
    }

    fn normalize(&self, _cluster: &Cluster, _feasible: &[Representative], scores: &mut [i64]) {
        normalize::by_distance(scores, load::WHOLE.unsigned_abs());
    }

    fn hints(&self) -> ScoreHints<'_> {
        ScoreHints { raw: RawScore::Ranked(self), ignores_counts: true, ..ScoreHints::default() }
    }
}

impl ScoreBound for LoadScore {
    fn highest(&self, cluster: &Cluster, bounds: &UsageBounds) -> i64 {
        let heaviest = i128::from(load::heaviest(&self.axes));
        -load::least_dominant(&self.axes, cluster.nodes(), bounds, |axis, used, offered| {
            share(axis, used, offered, heaviest)
        })
    }
}

#[cfg(test)]
mod tests;
