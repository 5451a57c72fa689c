//! From a resolved profile to the engine's: names become plugins, arguments become the plugins' own.

use std::sync::Arc;

use berth_engine::axis::WeightedResource;
use berth_engine::plugin::Plugin;
use berth_engine::plugins as engine;
use berth_engine::profile::Profile;
use berth_model::affinity::{self, NodeAffinity, PreferredNode};
use berth_model::selector::{self, NodeSelector, Requirement};

use crate::args::{
    AddedAffinity, NodeInclusionPolicy, NodeSelectorTerm, Operator, PluginArgs, ResourceWeight,
    ScoringStrategy, ShapePoint, SpreadConstraint, SpreadDefaulting, WhenUnsatisfiable,
};
use crate::profile::ResolvedProfile;

/// The engine's profile.
///
/// Plugins that decide nothing in the engine (DefaultBinder, PrioritySort and DefaultPreemption, which the shells and
/// the engine's preemption carry out) are not in it.
pub fn profile(resolved: &ResolvedProfile) -> Profile {
    let points = &resolved.points;
    let make = |names: &[&'static str]| names.iter().filter_map(|n| plugin(n, &resolved.args)).collect();
    Profile {
        scheduler_name: resolved.scheduler_name.as_str().into(),
        pre_enqueue: make(&points.pre_enqueue),
        pre_filter: make(&points.pre_filter),
        filter: make(&points.filter),
        score: points
            .score
            .iter()
            .filter_map(|s| Some((plugin(s.name, &resolved.args)?, i64::from(s.weight))))
            .collect(),
        reserve: make(&points.reserve),
        preempts: points.post_filter.contains(&"DefaultPreemption"),
    }
}

fn plugin(name: &str, args: &PluginArgs) -> Option<Arc<dyn Plugin>> {
    Some(match name {
        engine::scheduling_gates::NAME => Arc::new(engine::scheduling_gates::SchedulingGates),
        engine::node_name::NAME => Arc::new(engine::node_name::NodeName),
        engine::node_unschedulable::NAME => Arc::new(engine::node_unschedulable::NodeUnschedulable),
        engine::taint_toleration::NAME => Arc::new(engine::taint_toleration::TaintToleration),
        engine::node_affinity::NAME => Arc::new(engine::node_affinity::NodeAffinity {
            added_affinity: args.node_affinity.added_affinity.as_ref().map(added).unwrap_or_default(),
        }),
        engine::node_ports::NAME => Arc::new(engine::node_ports::NodePorts),
        engine::node_resources_fit::NAME => Arc::new(fit(args)),
        engine::node_resources_balanced_allocation::NAME => {
            let resources = resources(&args.balanced_allocation.resources);
            Arc::new(engine::node_resources_balanced_allocation::NodeResourcesBalancedAllocation { resources })
        }
        engine::volume_restrictions::NAME => Arc::new(engine::volume_restrictions::VolumeRestrictions),
        engine::node_volume_limits::NAME => Arc::new(engine::node_volume_limits::NodeVolumeLimits),
        engine::volume_binding::NAME => Arc::new(engine::volume_binding::VolumeBinding {
            bind_timeout_seconds: args.volume_binding.bind_timeout_seconds,
            shape: shape(&args.volume_binding.shape),
        }),
        engine::volume_zone::NAME => Arc::new(engine::volume_zone::VolumeZone),
        engine::pod_topology_spread::NAME => Arc::new(engine::pod_topology_spread::PodTopologySpread {
            defaulting: match &args.pod_topology_spread.defaulting {
                SpreadDefaulting::System => engine::pod_topology_spread::Defaulting::System,
                SpreadDefaulting::List(list) => {
                    engine::pod_topology_spread::Defaulting::List(list.iter().map(spread).collect())
                }
            },
        }),
        engine::inter_pod_affinity::NAME => Arc::new(engine::inter_pod_affinity::InterPodAffinity {
            hard_pod_affinity_weight: args.inter_pod_affinity.hard_pod_affinity_weight.into(),
            ignore_preferred_terms_of_existing_pods: args
                .inter_pod_affinity
                .ignore_preferred_terms_of_existing_pods,
        }),
        engine::image_locality::NAME => Arc::new(engine::image_locality::ImageLocality),
        engine::dynamic_resources::NAME => Arc::new(engine::dynamic_resources::DynamicResources),
        engine::node_declared_features::NAME => Arc::new(engine::node_declared_features::NodeDeclaredFeatures),
        _ => return None,
    })
}

fn fit(args: &PluginArgs) -> engine::node_resources_fit::NodeResourcesFit {
    use engine::node_resources_fit::Strategy;
    let args = &args.node_resources_fit;
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
        required: added.required.as_ref().map(|terms| NodeSelector { terms: terms.iter().map(term).collect() }),
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
