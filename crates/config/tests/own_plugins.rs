//! Berth's own score plugins in a configuration: what of their arguments is read and refused, and that what the
//! documentation and the examples show can be used as it stands.

use std::path::Path;

use berth_config::{
    Configuration, ExtensionPoint, PluginArgs, REGISTRY, ResolvedProfile, ResourceWeight, WeightSource, parse,
};
use berth_engine::tie_break::TieBreak;

const HEADER: &str = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n";
const OWN: [&str; 4] = ["Random", "LeastLoad", "BestFit", "WeightedLeastLoad"];

/// A profile that runs a plugin with arguments, given as flow YAML.
fn with_args(plugin: &str, args: &str) -> String {
    format!(
        "{HEADER}profiles: [{{plugins: {{multiPoint: {{enabled: [{{name: {plugin}}}]}}}}, \
         pluginConfig: [{{name: {plugin}, args: {args}}}]}}]"
    )
}

fn read(plugin: &str, args: &str) -> Configuration {
    parse(with_args(plugin, args).as_bytes()).unwrap_or_else(|e| panic!("{plugin} {args}: {e}"))
}

fn args(plugin: &str, args: &str) -> PluginArgs {
    let configuration = read(plugin, args);
    assert_eq!(configuration.warnings, [""; 0], "{plugin} {args}");
    configuration.profiles[0].args.clone()
}

fn resources(list: &[(&str, i64)]) -> Vec<ResourceWeight> {
    list.iter().map(|&(name, weight)| ResourceWeight { name: name.to_owned(), weight }).collect()
}

fn scores(profile: &ResolvedProfile) -> Vec<(&str, i32)> {
    profile.points.score.iter().map(|p| (&*p.name, p.weight)).collect()
}

#[test]
fn no_default_runs_them_and_each_scores_where_it_is_enabled() {
    let default = Configuration::default();
    for name in OWN {
        let known = REGISTRY.iter().find(|p| p.name == *name).unwrap();
        assert_eq!(known.points, [ExtensionPoint::PreScore, ExtensionPoint::Score], "{name}");
        assert!(scores(&default.profiles[0]).iter().all(|(n, _)| *n != name), "{name}");
        let enabled = read(name, "{}");
        assert_eq!(scores(&enabled.profiles[0]).last(), Some(&(name, 1)));
        assert_eq!(enabled.profiles[0].points.pre_score.last().map(|p| &**p), Some(name));
        assert_eq!(enabled.profiles[0].args, PluginArgs::default(), "{name}");
    }
}

#[test]
fn arguments_are_read() {
    assert_eq!(args("Random", "{seed: 18446744073709551615}").random.seed, u64::MAX);
    let least =
        args("LeastLoad", "{freshnessSeconds: 0, resources: [{name: disk, weight: 100}, {name: cpu}]}");
    assert_eq!(least.least_load.freshness_seconds, 0);
    assert_eq!(least.least_load.resources, resources(&[("disk", 100), ("cpu", 1)]));
    let empty = args("LeastLoad", "{kind: LeastLoadArgs, resources: []}").least_load;
    assert_eq!(empty.resources, resources(&[("cpu", 1), ("memory", 1), ("disk", 1), ("network", 1)]));
    let best = args("BestFit", "{resources: [{name: nvidia.com/gpu, weight: 4}]}").best_fit;
    assert_eq!(best.resources, resources(&[("nvidia.com/gpu", 4)]));
    let weighted = args(
        "WeightedLeastLoad",
        "{weightAnnotation: Example.com/w, defaultWeight: 0, freshnessSeconds: 9, resources: [{name: network}]}",
    );
    let weighted = weighted.weighted_least_load;
    assert_eq!(weighted.weight, WeightSource::Annotation("Example.com/w".to_owned()));
    assert_eq!((weighted.default_weight_milli, weighted.freshness_seconds), (0, 9));
    assert_eq!(weighted.resources, resources(&[("network", 1)]));
}

#[test]
fn a_default_weight_is_a_quantity_or_a_plain_number() {
    for (written, milli) in [
        ("4", 4000),
        ("2.5", 2500),
        ("'2.5'", 2500),
        ("500m", 500),
        ("1k", 1_000_000),
        ("-1", -1000),
        ("~", 1000),
    ] {
        let args = args("WeightedLeastLoad", &format!("{{weightLabel: w, defaultWeight: {written}}}"));
        assert_eq!(args.weighted_least_load.default_weight_milli, milli, "{written}");
    }
}

#[test]
fn arguments_that_cannot_be_used_are_refused_with_the_path_of_the_field() {
    const NUMBER: &str = "must be a number, as in 4, 2.5 or 500m";
    for (plugin, args, expected) in [
        ("Random", "{seed: -1}", "seed: Invalid value: -1: must be a whole number of 64 bits, not below 0"),
        ("Random", "{seed: x}", "seed: Invalid value: \"x\": must be a whole number of 64 bits, not below 0"),
        (
            "LeastLoad",
            "{freshnessSeconds: -1}",
            "freshnessSeconds: Invalid value: -1: not in valid range [0, inf)",
        ),
        (
            "LeastLoad",
            "{resources: [{name: cpu, weight: 0}]}",
            "resources[0].weight: Invalid value: 0: not in valid range [1, 100]",
        ),
        (
            "BestFit",
            "{resources: [{name: cpu}, {name: memory, weight: 101}]}",
            "resources[1].weight: Invalid value: 101: not in valid range [1, 100]",
        ),
        (
            "BestFit",
            "{resources: [{name: cpu}, {name: cpu, weight: 2}]}",
            "resources[1].name: Duplicate value: \"cpu\"",
        ),
        ("WeightedLeastLoad", "{resources: [{weight: 2}]}", "resources[0].name: Required value"),
        (
            "LeastLoad",
            "{resources: [{name: /gpu}]}",
            "resources[0].name: Invalid value: \"/gpu\": prefix part must be non-empty",
        ),
        (
            "WeightedLeastLoad",
            "{weightLabel: a, weightAnnotation: b}",
            "weightAnnotation: Forbidden: may not be set beside weightLabel",
        ),
        (
            "WeightedLeastLoad",
            "{weightLabel: /a}",
            "weightLabel: Invalid value: \"/a\": prefix part must be non-empty",
        ),
        (
            "WeightedLeastLoad",
            "{weightLabel: a, defaultWeight: heavy}",
            &format!("defaultWeight: Invalid value: \"heavy\": {NUMBER}"),
        ),
        (
            "WeightedLeastLoad",
            "{weightLabel: a, defaultWeight: true}",
            &format!("defaultWeight: Invalid value: true: {NUMBER}"),
        ),
    ] {
        let error = parse(with_args(plugin, args).as_bytes()).expect_err(args).to_string();
        assert_eq!(error, format!("profiles[0].pluginConfig[0].args.{expected}"), "{plugin} {args}");
    }
    let error = parse(with_args("Random", "{seeds: 1}").as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "unknown field \"profiles[0].pluginConfig[0].args.seeds\"");
    let error = parse(with_args("Random", "{kind: BestFitArgs}").as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "profiles[0].pluginConfig[0]: args for plugin Random were not of type \
         RandomArgs.kubescheduler.config.k8s.io, got BestFitArgs.kubescheduler.config.k8s.io"
    );
}

#[test]
fn arguments_without_effect_are_warned_of() {
    for (plugin, args, expected) in [
        (
            "BestFit",
            "{resources: [{name: disk}]}",
            "resources[0]: no effect: disk is measured, and no pod requests it",
        ),
        (
            "WeightedLeastLoad",
            "{defaultWeight: 2}",
            "defaultWeight: no effect: the weight is the node's capacity without weightLabel or weightAnnotation",
        ),
    ] {
        let expected = format!("profiles[0].pluginConfig[0].args.{expected}");
        assert_eq!(read(plugin, args).warnings, [expected], "{args}");
    }
}

#[test]
fn a_profile_says_how_ties_are_broken() {
    let read = |field: &str| {
        parse(format!("{HEADER}profiles: [{{schedulerName: a{field}}}]").as_bytes())
            .map(|c| c.profiles[0].tie_break)
    };
    assert_eq!(read("").unwrap(), TieBreak::Hashed);
    assert_eq!(read(", tieBreak: Hashed").unwrap(), TieBreak::Hashed);
    assert_eq!(read(", tieBreak: FirstName").unwrap(), TieBreak::FirstName);
    assert_eq!(
        read(", tieBreak: first-name").unwrap_err().to_string(),
        "profiles[0].tieBreak: Unsupported value: \"first-name\": supported values: \"Hashed\", \"FirstName\""
    );
}

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The YAML blocks of a Markdown text that are configurations.
fn configurations(markdown: &str) -> Vec<Configuration> {
    let blocks = markdown.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap_or(rest));
    let configurations = blocks.filter(|b| b.lines().any(|l| l == "kind: KubeSchedulerConfiguration"));
    configurations.map(|b| parse(b.as_bytes()).unwrap_or_else(|e| panic!("{e}\n{b}"))).collect()
}

#[test]
fn the_configurations_of_the_documentation_are_read_and_mean_what_it_says() {
    let found = configurations(&file("docs/algorithms.md"));
    assert!(found.iter().all(|c| c.warnings.is_empty()), "{:?}", found.iter().map(|c| &c.warnings));
    let [mixture, arguments] = found.as_slice() else { panic!("{} configurations", found.len()) };

    assert_eq!(mixture.profiles[0].scheduler_name, "packing");
    assert_eq!(scores(&mixture.profiles[0]), [("BestFit", 3), ("PodTopologySpread", 2)]);
    let engine = berth_config::profile(&mixture.profiles[0]);
    let weights: Vec<(String, i64)> =
        engine.score.iter().map(|(p, weight)| (p.name().to_string(), *weight)).collect();
    assert_eq!(weights, [("BestFit".to_owned(), 3), ("PodTopologySpread".to_owned(), 2)]);
    assert_eq!(
        engine.filter.len(),
        berth_config::profile(&Configuration::default().profiles[0]).filter.len()
    );

    let mut args = arguments.profiles[0].args.clone();
    assert_eq!(args.weighted_least_load.weight, WeightSource::Label("example.com/weight".to_owned()));
    args.weighted_least_load.weight = WeightSource::Capacity;
    assert_eq!(args, PluginArgs::default());
}

#[test]
fn the_example_has_three_profiles_and_no_warnings() {
    let example = parse(file("examples/scheduler.yaml").as_bytes()).unwrap();
    assert_eq!(example.warnings, [""; 0]);
    let names: Vec<&str> = example.profiles.iter().map(|p| p.scheduler_name.as_str()).collect();
    assert_eq!(names, ["default-scheduler", "packer", "spreader"]);
    assert_eq!(example.profiles[0], Configuration::default().profiles[0]);
    for (profile, own) in example.profiles[1..].iter().zip(["BestFit", "LeastLoad"]) {
        let scores = scores(profile);
        assert!(scores.contains(&(own, 3)) && scores.contains(&("PodTopologySpread", 2)), "{scores:?}");
        assert!(scores.iter().all(|(name, _)| !name.starts_with("NodeResources")), "{scores:?}");
        assert_eq!(profile.points.filter, example.profiles[0].points.filter);
    }
}
