//! From a resolved profile to the engine's: names become plugins, arguments become the plugins' own.

use std::sync::Arc;

use berth_engine::algorithm::Algorithm;
use berth_engine::axis::WeightedResource;
use berth_engine::plugin::Plugin;
use berth_engine::plugins as engine;
use berth_engine::profile::Profile;
use berth_model::affinity::{self, NodeAffinity, PreferredNode};
use berth_model::selector::{self, NodeSelector, Requirement};

use crate::args::{
    AddedAffinity, NodeInclusionPolicy, NodeSelectorTerm, Operator, PluginArgs, ResourceWeight,
    ScoringStrategy, ShapePoint, SpreadConstraint, SpreadDefaulting, WeightSource, WeightedLeastLoadArgs,
    WhenUnsatisfiable,
};
use crate::profile::ResolvedProfile;

/// The engine's profile.
///
/// Plugins that decide nothing in the engine (DefaultBinder, PrioritySort and DefaultPreemption, which the shells and
/// the engine's preemption carry out) are not in it. Everything else that the profile runs is, at the same points, in
/// the same order and with the same weights.
pub fn profile(resolved: &ResolvedProfile) -> Profile {
    let points = &resolved.points;
    let make = |names: &[&'static str]| names.iter().filter_map(|n| plugin(n, &resolved.args)).collect();
    Profile {
        scheduler_name: resolved.scheduler_name.as_str().into(),
        pre_enqueue: make(&points.pre_enqueue),
        pre_filter: make(&points.pre_filter),
        filter: make(&points.filter),
        score: scored(points.score.iter().map(|s| (s.name, i64::from(s.weight))), &resolved.args),
        reserve: make(&points.reserve),
        preempts: points.post_filter.contains(&"DefaultPreemption"),
        bind_timeout_millis: u64::try_from(resolved.args.volume_binding.bind_timeout_seconds)
            .unwrap_or_default()
            .saturating_mul(1_000),
    }
}

/// The engine's profile with the score plugins of an algorithm in place of its own: filters and all else stay as they
/// are, and so do the arguments that the profile gives to the algorithm's plugins. [`Algorithm::Greedy`] leaves the
/// whole profile as it is.
///
/// `seed` is the seed of [`Algorithm::Random`], and of no other.
pub fn with_algorithm(resolved: &ResolvedProfile, algorithm: Algorithm, seed: u64) -> Profile {
    let mut profile = profile(resolved);
    if algorithm != Algorithm::Greedy {
        let mut args = resolved.args.clone();
        args.random.seed = seed;
        profile.score = scored(algorithm.score_plugins().iter().copied(), &args);
    }
    profile
}

fn scored(
    names: impl Iterator<Item = (&'static str, i64)>,
    args: &PluginArgs,
) -> Vec<(Arc<dyn Plugin>, i64)> {
    names.filter_map(|(name, weight)| Some((plugin(name, args)?, weight))).collect()
}

/// The plugin of that name; none where it decides nothing in the engine.
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
            Arc::new(engine::node_resources_balanced_allocation::NodeResourcesBalancedAllocation {
                resources,
            })
        }
        engine::volume_restrictions::NAME => Arc::new(engine::volume_restrictions::VolumeRestrictions),
        engine::node_volume_limits::NAME => Arc::new(engine::node_volume_limits::NodeVolumeLimits),
        engine::volume_binding::NAME => {
            Arc::new(engine::volume_binding::VolumeBinding { shape: shape(&args.volume_binding.shape) })
        }
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
        engine::node_declared_features::NAME => {
            Arc::new(engine::node_declared_features::NodeDeclaredFeatures)
        }
        engine::random::NAME => Arc::new(engine::random::Random { seed: args.random.seed }),
        engine::least_load::NAME => Arc::new(engine::least_load::LeastLoad {
            resources: resources(&args.least_load.resources),
            freshness_seconds: args.least_load.freshness_seconds,
        }),
        engine::best_fit::NAME => {
            Arc::new(engine::best_fit::BestFit { resources: resources(&args.best_fit.resources) })
        }
        engine::weighted_least_load::NAME => Arc::new(weighted_least_load(&args.weighted_least_load)),
        _ => return None,
    })
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
    use crate::configuration::{Configuration, parse};
    use crate::plugin::{ExtensionPoint, PLUGINS};

    /// What decides nothing in the engine, and who does its work.
    const ELSEWHERE: [(&str, &str); 3] = [
        ("PrioritySort", "the shells' queue"),
        ("DefaultPreemption", "the engine's preemption, where `preempts` is set"),
        ("DefaultBinder", "the shells"),
    ];

    fn only(yaml: &str) -> ResolvedProfile {
        let header = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n";
        let mut configuration = parse(format!("{header}{yaml}").as_bytes()).unwrap();
        configuration.profiles.remove(0)
    }

    fn names(plugins: &[Arc<dyn Plugin>]) -> Vec<&'static str> {
        plugins.iter().map(|p| p.name()).collect()
    }

    fn weights(profile: &Profile) -> Vec<(&'static str, i64)> {
        profile.score.iter().map(|(p, weight)| (p.name(), *weight)).collect()
    }

    /// Every point of a profile of the engine, as text, with the arguments of its plugins.
    fn text(profile: &Profile) -> String {
        format!("{profile:#?}")
    }

    #[test]
    fn a_profile_waits_for_volumes_as_long_as_its_arguments_say() {
        let waits = |yaml: &str| profile(&only(yaml)).bind_timeout_millis;
        let with = |seconds: &str| {
            waits(&format!(
                "profiles: [{{pluginConfig: [{{name: VolumeBinding, args: {{bindTimeoutSeconds: {seconds}}}}}]}}]"
            ))
        };
        assert_eq!([waits(""), with("5"), with("0")], [600_000, 5_000, 0]);
    }

    #[test]
    fn every_plugin_is_built_or_works_elsewhere() {
        for known in PLUGINS.iter().filter(|p| p.gate.is_none()) {
            let built = plugin(known.name, &PluginArgs::default());
            let is_elsewhere = ELSEWHERE.iter().any(|(name, _)| *name == known.name);
            assert_eq!(built.is_none(), is_elsewhere, "{}", known.name);
            assert!(built.is_none_or(|p| p.name() == known.name), "{}", known.name);
        }
    }

    #[test]
    fn what_a_profile_runs_at_a_point_is_in_the_engines_profile() {
        use ExtensionPoint::{Filter, PreEnqueue, PreFilter, Reserve, Score};
        let built = PLUGINS.iter().filter(|p| plugin(p.name, &PluginArgs::default()).is_some());
        for (known, &point) in built.flat_map(|p| p.points.iter().map(move |point| (p, point))) {
            let resolved = only(&format!(
                "profiles: [{{plugins: {{{}: {{disabled: [{{name: '*'}}], enabled: [{{name: {}}}]}}}}}}]",
                point.field(),
                known.name
            ));
            let profile = profile(&resolved);
            let found = match point {
                PreEnqueue => names(&profile.pre_enqueue),
                PreFilter => names(&profile.pre_filter),
                Filter => names(&profile.filter),
                Score => weights(&profile).into_iter().map(|(name, _)| name).collect(),
                Reserve => names(&profile.reserve),
                _ => continue,
            };
            assert_eq!(found, [known.name], "{point:?}");
        }
    }

    #[test]
    fn the_default_configuration_is_the_engines_standard_profile() {
        let resolved = &Configuration::default().profiles[0];
        assert_eq!(text(&profile(resolved)), text(&Profile::standard("default-scheduler")));
    }

    #[test]
    fn berths_own_plugins_have_the_engines_defaults() {
        let args = PluginArgs::default();
        let expected: [Arc<dyn Plugin>; 4] = [
            Arc::new(engine::random::Random::default()),
            Arc::new(engine::least_load::LeastLoad::default()),
            Arc::new(engine::best_fit::BestFit::default()),
            Arc::new(engine::weighted_least_load::WeightedLeastLoad::default()),
        ];
        for expected in expected {
            let found = plugin(expected.name(), &args);
            assert_eq!(format!("{found:?}"), format!("{:?}", Some(expected)));
        }
    }

    #[test]
    fn an_algorithm_takes_the_place_of_the_score_plugins_and_of_nothing_else() {
        let resolved = only(
            "profiles: [{plugins: {filter: {disabled: [{name: NodePorts}]}, score: {enabled: [{name: BestFit}]}}, \
             pluginConfig: [{name: Random, args: {seed: 7}}, {name: LeastLoad, args: {freshnessSeconds: 5}}]}]",
        );
        let own = profile(&resolved);
        for algorithm in Algorithm::ALL {
            let changed = with_algorithm(&resolved, algorithm, 42);
            let expected = match algorithm {
                Algorithm::Greedy => weights(&own),
                other => other.score_plugins().to_vec(),
            };
            assert_eq!(weights(&changed), expected, "{algorithm}");
            assert_eq!(
                text(&Profile { score: Vec::new(), ..changed }),
                text(&Profile { score: Vec::new(), ..own.clone() }),
                "{algorithm}"
            );
        }
        let random = with_algorithm(&resolved, Algorithm::Random, 42);
        assert_eq!(format!("{:?}", random.score), "[(Random { seed: 42 }, 1)]");
        let least = format!("{:?}", with_algorithm(&resolved, Algorithm::LeastLoad, 42).score);
        assert!(least.contains("freshness_seconds: 5"), "{least}");
    }
}
