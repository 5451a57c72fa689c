//! From a resolved profile to the engine's: names become plugins, arguments become the plugins' own.

use std::sync::Arc;

use berth_engine::algorithm::Algorithm;
use berth_engine::name::PluginName;
use berth_engine::plugin::Plugin;
use berth_engine::plugins::DEFAULT_PREEMPTION;
use berth_engine::profile::Profile;

use crate::arguments::build;
use crate::profile::{ResolvedProfile, WeightedPlugin};

/// The engine's profile.
///
/// Plugins that decide nothing in the engine (DefaultBinder, PrioritySort and DefaultPreemption, which the shells and
/// the engine's preemption carry out) are not in it. Everything else that the profile runs is, at the same points, in
/// the same order and with the same weights.
pub fn profile(resolved: &ResolvedProfile) -> Profile {
    let points = &resolved.points;
    let weighted = |scored: &WeightedPlugin| -> Option<(Arc<dyn Plugin>, i64)> {
        Some((build(&scored.name, &resolved.args)?, scored.weight.into()))
    };
    let make = |names: &[PluginName]| names.iter().filter_map(|name| build(name, &resolved.args)).collect();
    Profile {
        scheduler_name: resolved.scheduler_name.as_str().into(),
        pre_enqueue: make(&points.pre_enqueue),
        pre_filter: make(&points.pre_filter),
        filter: make(&points.filter),
        score: points.score.iter().filter_map(weighted).collect(),
        tie_break: resolved.tie_break,
        reserve: make(&points.reserve),
        preempts: points.post_filter.iter().any(|plugin| *plugin == *DEFAULT_PREEMPTION),
        bind_timeout_millis: u64::try_from(resolved.args.volume_binding.bind_timeout_seconds)
            .unwrap_or_default()
            .saturating_mul(1_000),
    }
}

/// The engine's profile with the plugin of an algorithm in place of its score plugins. Filters and all else stay, and
/// so do the arguments that the profile gives to the algorithm's plugin. [`Algorithm::Greedy`] leaves the whole profile
/// as it is.
///
/// `seed` is the seed of [`Algorithm::Random`], and of no other.
pub fn with_algorithm(resolved: &ResolvedProfile, algorithm: Algorithm, seed: u64) -> Profile {
    let mut profile = profile(resolved);
    if let Some(name) = algorithm.score_plugin() {
        let mut args = resolved.args.clone();
        args.random.seed = seed;
        profile.score = build(name, &args).map(|plugin| (plugin, 1)).into_iter().collect();
    }
    profile
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::PluginArgs;
    use crate::configuration::{Configuration, parse};
    use crate::plugin::{ExtensionPoint, REGISTRY};

    fn only(yaml: &str) -> ResolvedProfile {
        let header = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n";
        let mut configuration = parse(format!("{header}{yaml}").as_bytes()).unwrap();
        configuration.profiles.remove(0)
    }

    fn names(plugins: &[Arc<dyn Plugin>]) -> Vec<PluginName> {
        plugins.iter().map(|p| p.name()).collect()
    }

    fn weights(profile: &Profile) -> Vec<(PluginName, i64)> {
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
    fn what_a_profile_runs_at_a_point_is_in_the_engines_profile() {
        use ExtensionPoint::{Filter, PreEnqueue, PreFilter, Reserve, Score};
        let built = REGISTRY.iter().filter(|entry| entry.build().is_some());
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
            assert_eq!(found, std::slice::from_ref(&known.name), "{point:?}");
        }
    }

    #[test]
    fn the_default_configuration_is_the_engines_standard_profile() {
        let resolved = &Configuration::default().profiles[0];
        assert_eq!(text(&profile(resolved)), text(&Profile::standard("default-scheduler")));
    }

    #[test]
    fn default_arguments_make_the_plugin_that_the_registry_makes() {
        let args = PluginArgs::default();
        for entry in REGISTRY {
            let (ours, theirs) = (build(&entry.name, &args), entry.build());
            assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
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
            let expected = match algorithm.score_plugin() {
                None => weights(&own),
                Some(name) => vec![(PluginName::new(name), 1)],
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
