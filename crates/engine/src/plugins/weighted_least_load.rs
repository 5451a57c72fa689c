//! Prefers the node whose load with the pod is lowest for its weight, so that nodes get work in proportion to weights.
//!
//! - **Score**: a node's load with the pod is the largest, over the resources of the arguments, of `(max(requested,
//!   measured) + the pod's request) / weight`. The weight of a node in a resource is what it offers (`Capacity`), or a
//!   number from a label or an annotation times the [reference node](crate::scoring::reference). The node with the
//!   lowest scores 100, one with twice as much 50, rounded down: nothing but the lowest scores 100.
//! - A node with a weight of zero or less scores 0 where any other node is feasible. A node without a number, or with
//!   one that cannot be read, has the default weight.
//! - **Depends on** what the node offers, what its pods request, what was measured, and the node's label or annotation.
//! - **Upstream**: none.
//! - **Cost**: one division of 128 bits a resource and node; a label or annotation is read once a value.
//!
//! The raw score is the load by weight, negated; it looks at one node only, so where the plugin is alone, the order of
//! raw scores is the order of choice.

use std::sync::Arc;

use berth_model::Str;
use berth_model::quantity::Quantity;
use rustc_hash::FxHashMap;

use crate::cluster::{Cluster, Domains};
use crate::ids::NodeRow;
use crate::ids::name::PluginName;
use crate::plugin::bounds::UsageBounds;
use crate::plugin::registry::{ExtensionPoint, PluginEntry};
use crate::plugin::view::PodView;
use crate::plugin::{Plugin, PreScore, RawScore, Representative, Score, ScoreBound, ScoreHints};
use crate::scoring::axis::{WeightedResource, cpu_and_memory};
use crate::scoring::load::{self, LoadAxis, LoadColumn};
use crate::scoring::normalize;
use crate::scoring::reference;

/// The plugin's name in configurations.
pub const NAME: &str = "WeightedLeastLoad";

/// The registry entry.
pub const ENTRY: PluginEntry =
    PluginEntry::new(NAME, &[ExtensionPoint::PreScore, ExtensionPoint::Score], || {
        Arc::new(WeightedLeastLoad::default())
    })
    .with_arguments()
    .reading_load();

/// The plugin and its arguments (`WeightedLeastLoadArgs`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightedLeastLoad {
    /// Where a node's weight comes from.
    pub weight: NodeWeight,
    /// The weight of a node that has no number, in thousandths; see [`parse_weight`].
    pub default_weight_milli: i64,
    /// The resources whose loads count, with weights; also [`load::DISK`] and [`load::NETWORK`]. A load counts by its
    /// weight over the largest weight.
    pub resources: Vec<WeightedResource>,
    /// Measurements that are older count as absent.
    pub freshness_seconds: i64,
}

/// Where a node's weight comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeWeight {
    /// What the node offers of each resource.
    Capacity,
    /// The number in this label.
    Label(Str),
    /// The number in this annotation.
    Annotation(Str),
}

/// Weights are capacities; CPU and memory count the same; the default weight is 1.
impl Default for WeightedLeastLoad {
    fn default() -> Self {
        Self {
            weight: NodeWeight::Capacity,
            default_weight_milli: 1000,
            resources: cpu_and_memory(),
            freshness_seconds: load::FRESHNESS_SECONDS,
        }
    }
}

/// Reads a weight: a number as Kubernetes writes quantities (`4`, `2.5`, `500m`), in thousandths, rounded up. `None`
/// where it is no number. Zero and less is allowed: such a node is chosen only where no other is feasible.
pub fn parse_weight(text: &str) -> Option<i64> {
    Quantity::parse(text).ok().map(Quantity::milli_value)
}

/// Loads by a number have fewer bits behind the point than loads by capacity, because numbers may be small: 23 bits are
/// left before it.
const BITS_BY_NUMBER: u32 = 40;

#[derive(Debug)]
struct LoadScore {
    weight: NodeWeight,
    default_weight_milli: i64,
    axes: Vec<LoadAxis>,
    freshness_seconds: i64,
}

impl Plugin for WeightedLeastLoad {
    fn name(&self) -> PluginName {
        PluginName::new(NAME)
    }

    fn pre_score<'a>(&'a self, pod: PodView<'a>) -> PreScore<'a> {
        PreScore::Run(Box::new(LoadScore {
            weight: self.weight.clone(),
            default_weight_milli: self.default_weight_milli,
            axes: load::axes(pod, &self.resources),
            freshness_seconds: self.freshness_seconds,
        }))
    }
}

fn used_with_pod(axis: &LoadAxis, used: i64) -> i128 {
    (i128::from(used) + i128::from(axis.ask)) * i128::from(axis.weight)
}

impl Score for LoadScore {
    fn score(&self, cluster: &Cluster, feasible: &[Representative], out: &mut [i64]) {
        let columns = load::columns(&self.axes, cluster, self.freshness_seconds);
        let heaviest = i128::from(load::heaviest(&self.axes));
        let mut number = self.numbers(cluster);
        for (score, &Representative { row, .. }) in out.iter_mut().zip(feasible) {
            *score = -Self::load(&columns, heaviest, row, number(row));
        }
    }

    fn normalize(&self, _cluster: &Cluster, _feasible: &[Representative], scores: &mut [i64]) {
        normalize::by_ratio(scores);
    }

    fn hints(&self) -> ScoreHints<'_> {
        ScoreHints { raw: RawScore::Ranked(self), ignores_counts: true, ..ScoreHints::default() }
    }
}

impl ScoreBound for LoadScore {
    fn highest(&self, cluster: &Cluster, bounds: &UsageBounds) -> i64 {
        if self.weight != NodeWeight::Capacity {
            return 0; // nodes with equal facts may have any weight
        }
        let heaviest = i128::from(load::heaviest(&self.axes));
        -load::least_dominant(&self.axes, cluster.nodes(), bounds, |axis, used, offered| {
            load::fraction(used_with_pod(axis, used), i128::from(offered) * heaviest)
        })
    }
}

impl LoadScore {
    /// The load of a node with the pod, by weight; `number` is the node's weight in thousandths where it is no
    /// capacity.
    fn load(columns: &[LoadColumn<'_>], heaviest: i128, row: NodeRow, number: Option<i64>) -> i64 {
        if number.is_some_and(|number| number <= 0) {
            return i64::MAX;
        }
        load::dominant(columns, row, |axis, used, offered| {
            let used = used_with_pod(axis, used);
            let Some(number) = number else {
                return load::fraction(used, i128::from(offered) * heaviest);
            };
            let reference = axis.resource().map_or(offered, |id| reference::amount(id, axis.name()));
            let weight = i128::from(reference) * heaviest * i128::from(number);
            load::scaled(used * 1000, weight, BITS_BY_NUMBER)
        })
    }

    /// What tells the weight of a node, in thousandths; `None` where it is the node's capacity.
    fn numbers<'a>(&'a self, cluster: &'a Cluster) -> Box<dyn FnMut(NodeRow) -> Option<i64> + 'a> {
        let nodes = cluster.nodes();
        let read = |text: &str| parse_weight(text).unwrap_or(self.default_weight_milli);
        match &self.weight {
            NodeWeight::Capacity => Box::new(|_| None),
            NodeWeight::Annotation(key) => {
                let mut known: FxHashMap<&str, i64> = FxHashMap::default();
                Box::new(move |row| {
                    let found = nodes.object(row).annotations.get(key);
                    let Some(text) = found else { return Some(self.default_weight_milli) };
                    Some(*known.entry(text).or_insert_with(|| read(text)))
                })
            }
            NodeWeight::Label(key) => {
                let domains = cluster.symbols().find(key).and_then(|key| nodes.domains(key));
                let mut known: Vec<Option<i64>> = vec![None; domains.map_or(0, Domains::id_count)];
                Box::new(move |row| {
                    let found = domains.and_then(|d| Some((d.of(row)?, d.values()[row.index()]?)));
                    let Some((domain, value)) = found else { return Some(self.default_weight_milli) };
                    Some(*known[domain].get_or_insert_with(|| read(cluster.symbols().text(value))))
                })
            }
        }
    }
}

#[cfg(test)]
mod tests;
