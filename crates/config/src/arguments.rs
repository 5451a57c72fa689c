//! Which plugins take arguments, how those are read, and how a plugin is made of them.
//!
//! A plugin that takes arguments has its file in [`crate::args`] and its row in [`ARGUMENTS`].

use std::sync::Arc;

use berth_engine::axis::WeightedResource;
use berth_engine::plugin::Plugin;
use berth_engine::plugins as engine;
use berth_model::affinity::{self, NodeAffinity, PreferredNode};
use berth_model::selector::{self, NodeSelector, Requirement};

use crate::args::{
    AddedAffinity, BalancedAllocationArgs, BestFitArgs, DefaultPreemptionArgs, DynamicResourcesArgs,
    InterPodAffinityArgs, LeastLoadArgs, NodeAffinityArgs, NodeInclusionPolicy, NodeResourcesFitArgs,
    NodeSelectorTerm, Operator, PluginArgs, PodTopologySpreadArgs, RandomArgs, ResourceWeight,
    ScoringStrategy, ShapePoint, SpreadConstraint, SpreadDefaulting, VolumeBindingArgs, WeightSource,
    WeightedLeastLoadArgs, WhenUnsatisfiable,
};
use crate::fields::Fields;

/// Makes a plugin of its arguments.
type Build = fn(&PluginArgs) -> Arc<dyn Plugin>;

/// The arguments of one plugin.
pub(crate) struct Arguments {
    /// The plugin's name.
    pub(crate) plugin: &'static str,
    /// The fields that the arguments may have.
    pub(crate) fields: &'static [&'static str],
    /// Reads and validates the arguments.
    pub(crate) read: fn(&Fields<'_>, &mut PluginArgs),
    /// Makes the plugin; `None` if the arguments decide nothing in the engine.
    pub(crate) build: Option<Build>,
}

/// The arguments of every plugin that takes some.
pub(crate) static ARGUMENTS: [Arguments; 12] = [
    Arguments {
        plugin: engine::DEFAULT_PREEMPTION,
        fields: DefaultPreemptionArgs::FIELDS,
        read: |fields, args| args.default_preemption = DefaultPreemptionArgs::read(fields),
        build: None,
    },
    Arguments {
        plugin: engine::dynamic_resources::NAME,
        fields: DynamicResourcesArgs::FIELDS,
        read: |fields, args| args.dynamic_resources = DynamicResourcesArgs::read(fields),
        build: None,
    },
    Arguments {
        plugin: engine::inter_pod_affinity::NAME,
        fields: InterPodAffinityArgs::FIELDS,
        read: |fields, args| args.inter_pod_affinity = InterPodAffinityArgs::read(fields),
        build: Some(|args| {
            let args = &args.inter_pod_affinity;
            Arc::new(engine::inter_pod_affinity::InterPodAffinity {
                hard_pod_affinity_weight: args.hard_pod_affinity_weight.into(),
                ignore_preferred_terms_of_existing_pods: args.ignore_preferred_terms_of_existing_pods,
            })
        }),
    },
    Arguments {
        plugin: engine::node_affinity::NAME,
        fields: NodeAffinityArgs::FIELDS,
        read: |fields, args| args.node_affinity = NodeAffinityArgs::read(fields),
        build: Some(|args| {
            let added_affinity = args.node_affinity.added_affinity.as_ref().map(added).unwrap_or_default();
            Arc::new(engine::node_affinity::NodeAffinity { added_affinity })
        }),
    },
    Arguments {
        plugin: engine::node_resources_balanced_allocation::NAME,
        fields: BalancedAllocationArgs::FIELDS,
        read: |fields, args| args.balanced_allocation = BalancedAllocationArgs::read(fields),
        build: Some(|args| {
            let resources = resources(&args.balanced_allocation.resources);
            Arc::new(engine::node_resources_balanced_allocation::NodeResourcesBalancedAllocation {
                resources,
            })
        }),
    },
    Arguments {
        plugin: engine::node_resources_fit::NAME,
        fields: NodeResourcesFitArgs::FIELDS,
        read: |fields, args| args.node_resources_fit = NodeResourcesFitArgs::read(fields),
        build: Some(|args| Arc::new(fit(&args.node_resources_fit))),
    },
    Arguments {
        plugin: engine::pod_topology_spread::NAME,
        fields: PodTopologySpreadArgs::FIELDS,
        read: |fields, args| args.pod_topology_spread = PodTopologySpreadArgs::read(fields),
        build: Some(|args| {
            let defaulting = match &args.pod_topology_spread.defaulting {
                SpreadDefaulting::System => engine::pod_topology_spread::Defaulting::System,
                SpreadDefaulting::List(list) => {
                    engine::pod_topology_spread::Defaulting::List(list.iter().map(spread).collect())
                }
            };
            Arc::new(engine::pod_topology_spread::PodTopologySpread { defaulting })
        }),
    },
    Arguments {
        plugin: engine::volume_binding::NAME,
        fields: VolumeBindingArgs::FIELDS,
        read: |fields, args| args.volume_binding = VolumeBindingArgs::read(fields),
        build: Some(|args| {
            Arc::new(engine::volume_binding::VolumeBinding { shape: shape(&args.volume_binding.shape) })
        }),
    },
    Arguments {
        plugin: engine::random::NAME,
        fields: RandomArgs::FIELDS,
        read: |fields, args| args.random = RandomArgs::read(fields),
        build: Some(|args| Arc::new(engine::random::Random { seed: args.random.seed })),
    },
    Arguments {
        plugin: engine::least_load::NAME,
        fields: LeastLoadArgs::FIELDS,
        read: |fields, args| args.least_load = LeastLoadArgs::read(fields),
        build: Some(|args| {
            Arc::new(engine::least_load::LeastLoad {
                resources: resources(&args.least_load.resources),
                freshness_seconds: args.least_load.freshness_seconds,
            })
        }),
    },
    Arguments {
        plugin: engine::best_fit::NAME,
        fields: BestFitArgs::FIELDS,
        read: |fields, args| args.best_fit = BestFitArgs::read(fields),
        build: Some(|args| {
            Arc::new(engine::best_fit::BestFit { resources: resources(&args.best_fit.resources) })
        }),
    },
    Arguments {
        plugin: engine::weighted_least_load::NAME,
        fields: WeightedLeastLoadArgs::FIELDS,
        read: |fields, args| args.weighted_least_load = WeightedLeastLoadArgs::read(fields),
        build: Some(|args| Arc::new(weighted_least_load(&args.weighted_least_load))),
    },
];

/// The arguments of a plugin; `None` if it takes none.
pub(crate) fn arguments_of(plugin: &str) -> Option<&'static Arguments> {
    ARGUMENTS.iter().find(|arguments| arguments.plugin == plugin)
}

/// The plugin of that name with its arguments; `None` if it decides nothing in the engine.
pub(crate) fn build(name: &str, args: &PluginArgs) -> Option<Arc<dyn Plugin>> {
    match arguments_of(name).and_then(|arguments| arguments.build) {
        Some(build) => Some(build(args)),
        None => engine::find(name)?.build(),
    }
}

fn weighted_least_load(args: &WeightedLeastLoadArgs) -> engine::weighted_least_load::WeightedLeastLoad {
    use engine::weighted_least_load::NodeWeight;
    engine::weighted_least_load::WeightedLeastLoad {
        weight: match &args.weight {
            WeightSource::Capacity => NodeWeight::Capacity,
            WeightSource::Label(key) => NodeWeight::Label(key.as_str().into()),
            WeightSource::Annotation(key) => NodeWeight::Annotation(key.as_str().into()),
        },
        default_weight_milli: args.default_weight_milli,
        resources: resources(&args.resources),
        freshness_seconds: args.freshness_seconds,
    }
}

fn fit(args: &NodeResourcesFitArgs) -> engine::node_resources_fit::NodeResourcesFit {
    use engine::node_resources_fit::Strategy;
    engine::node_resources_fit::NodeResourcesFit {
        ignored_resources: args.ignored_resources.iter().map(|n| n.as_str().into()).collect(),
        ignored_resource_groups: args.ignored_resource_groups.iter().map(|n| n.as_str().into()).collect(),
        strategy: match &args.scoring_strategy {
            ScoringStrategy::LeastAllocated => Strategy::LeastAllocated,
            ScoringStrategy::MostAllocated => Strategy::MostAllocated,
            ScoringStrategy::RequestedToCapacityRatio(points) => {
                Strategy::RequestedToCapacityRatio(shape(points))
            }
        },
        resources: resources(&args.resources),
    }
}

fn resources(list: &[ResourceWeight]) -> Vec<WeightedResource> {
    list.iter().map(|r| WeightedResource { name: r.name.as_str().into(), weight: r.weight }).collect()
}

fn shape(points: &[ShapePoint]) -> Vec<berth_engine::shape::ShapePoint> {
    let point = |p: &ShapePoint| berth_engine::shape::ShapePoint {
        utilization: p.utilization.into(),
        score: p.score.into(),
    };
    points.iter().map(point).collect()
}

fn added(added: &AddedAffinity) -> NodeAffinity {
    NodeAffinity {
        required: added
            .required
            .as_ref()
            .map(|terms| NodeSelector { terms: terms.iter().map(term).collect() }),
        preferred: added
            .preferred
            .iter()
            .map(|p| PreferredNode { weight: p.weight.into(), term: term(&p.term) })
            .collect(),
    }
}

fn term(term: &NodeSelectorTerm) -> selector::NodeSelectorTerm {
    let operator = |operator: Operator| match operator {
        Operator::In => selector::Operator::In,
        Operator::NotIn => selector::Operator::NotIn,
        Operator::Exists => selector::Operator::Exists,
        Operator::DoesNotExist => selector::Operator::DoesNotExist,
        Operator::Gt => selector::Operator::Gt,
        Operator::Lt => selector::Operator::Lt,
    };
    let expressions = term.match_expressions.iter().map(|r| Requirement {
        key: r.key.as_str().into(),
        operator: operator(r.operator),
        values: r.values.iter().map(|v| v.as_str().into()).collect(),
    });
    let fields = term.match_fields.iter().map(|r| Requirement {
        key: r.key.as_str().into(),
        operator: if r.equal { selector::Operator::In } else { selector::Operator::NotIn },
        values: vec![r.value.as_str().into()],
    });
    selector::NodeSelectorTerm { expressions: expressions.collect(), fields: fields.collect() }
}

fn spread(constraint: &SpreadConstraint) -> affinity::SpreadConstraint {
    affinity::SpreadConstraint {
        max_skew: constraint.max_skew.into(),
        topology_key: constraint.topology_key.as_str().into(),
        required: constraint.when_unsatisfiable == WhenUnsatisfiable::DoNotSchedule,
        selector: None,
        min_domains: constraint.min_domains.map(i64::from),
        honor_node_affinity: constraint.node_affinity_policy != Some(NodeInclusionPolicy::Ignore),
        honor_node_taints: constraint.node_taints_policy == Some(NodeInclusionPolicy::Honor),
        match_label_keys: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plugins_that_take_arguments_have_a_row() {
        for entry in engine::REGISTRY {
            assert_eq!(entry.takes_arguments, arguments_of(&entry.name).is_some(), "{}", entry.name);
        }
    }
}
