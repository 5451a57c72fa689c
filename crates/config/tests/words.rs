//! What Berth says in its own words: documents that cannot be read, fields that cannot be used, and warnings.

use berth_config::{ConfigError, Position, parse};

const HEADER: &str = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n";

fn error(body: &str) -> ConfigError {
    parse(format!("{HEADER}{body}").as_bytes()).expect_err(body)
}

#[test]
fn a_document_that_is_no_configuration_is_refused_with_what_it_should_be() {
    let only = "only kind \"KubeSchedulerConfiguration\" of \"kubescheduler.config.k8s.io/v1\" is read";
    for (text, expected) in [
        (
            "kind: KubeSchedulerConfiguration",
            "Object 'apiVersion' is missing: it must be kubescheduler.config.k8s.io/v1",
        ),
        (
            "apiVersion: kubescheduler.config.k8s.io/v1",
            "Object 'Kind' is missing: it must be KubeSchedulerConfiguration",
        ),
        (
            "{apiVersion: kubescheduler.config.k8s.io/v1beta3, kind: KubeSchedulerConfiguration}",
            &format!(
                "no kind \"KubeSchedulerConfiguration\" is registered for version \"kubescheduler.config.k8s.io/v1beta3\": {only}"
            ),
        ),
        ("{apiVersion: v1, kind: Pod}", &format!("no kind \"Pod\" is registered for version \"v1\": {only}")),
        ("- a", "found a list: a configuration is a map with apiVersion and kind"),
        ("hello", "found a text: a configuration is a map with apiVersion and kind"),
        ("a: 1\n---\nb: 2", "found 2 documents: a configuration is one document"),
    ] {
        assert_eq!(parse(text.as_bytes()).unwrap_err().to_string(), expected, "{text}");
    }
}

#[test]
fn broken_yaml_says_where_it_breaks() {
    let Err(ConfigError::Syntax { at: Some(Position { line, .. }), message }) =
        parse(b"a: 1\nb: [1, 2\nc: }\n")
    else {
        panic!("no syntax error");
    };
    assert!(line >= 2 && !message.is_empty(), "line {line}: {message}");
}

#[test]
fn all_problems_are_told_at_once_in_the_order_of_the_document() {
    let error = error(
        "parallelism: many
podMaxBackoffSeconds: 0
profiles:
- schedulerName: a
  plugins:
    filter:
      enabled:
      - name: NodeNaem
      - name: NodeName
        wait: 5
  pluginConfig:
  - name: NodeResourcesFit
    args:
      scoringStrategy:
        type: LeastAllocated
        resources:
        - name: cpu
          weight: 1000
  - name: InterPodAffinity
    args: {hardPodAffinityWeight: 101, ignorePreferred: true}
",
    );
    let found: Vec<String> =
        error.problems().iter().map(|p| format!("{}: {p}", p.at.map_or(0, |at| at.line))).collect();
    assert_eq!(
        found,
        [
            "3: parallelism: Invalid value: \"many\": must be a whole number of 32 bits",
            "4: podMaxBackoffSeconds: Invalid value: 0: must be greater than or equal to PodInitialBackoffSeconds",
            "10: profiles[0].plugins.filter.enabled[0]: FilterPlugin \"NodeNaem\" does not exist",
            "12: unknown field \"profiles[0].plugins.filter.enabled[1].wait\"",
            "20: profiles[0].pluginConfig[0].args.scoringStrategy.resources[0].weight: Invalid value: 1000: \
             resource weight of cpu not in valid range (0, 100]",
            "22: profiles[0].pluginConfig[1].args.hardPodAffinityWeight: Invalid value: 101: \
             not in valid range [0, 100]",
            "22: unknown field \"profiles[0].pluginConfig[1].args.ignorePreferred\"",
        ]
    );
    assert!(error.to_string().starts_with("[parallelism: ") && error.to_string().ends_with(']'));
}

#[test]
fn fields_that_upstream_refuses_while_decoding_are_refused() {
    for (body, expected) in [
        ("foo: 1\nleaderElection: {x: 1}", "[unknown field \"foo\", unknown field \"leaderElection.x\"]"),
        ("PARALLELISM: 3", "unknown field \"PARALLELISM\""),
        ("parallelism: 3\nparallelism: 4", "duplicate field \"parallelism\""),
        (
            "profiles: [{schedulerName: 5}]",
            "profiles[0].schedulerName: Invalid value: 5: must be a text; put it in quotes",
        ),
        ("profiles: {}", "profiles: Invalid value: a map: must be a list"),
        ("leaderElection: []", "leaderElection: Invalid value: a list: must be a map"),
        (
            "profiles: [{pluginConfig: [{name: DefaultPreemption, args: [1]}]}]",
            "profiles[0].pluginConfig[0].args: Invalid value: a list: must be a map",
        ),
        (
            "profiles: [{pluginConfig: [{name: DefaultPreemption, args: \
             {apiVersion: kubescheduler.config.k8s.io/v1, kind: InterPodAffinityArgs}}]}]",
            "profiles[0].pluginConfig[0]: args for plugin DefaultPreemption were not of type \
             DefaultPreemptionArgs.kubescheduler.config.k8s.io, got InterPodAffinityArgs.kubescheduler.config.k8s.io",
        ),
        (
            "profiles: [{pluginConfig: [{name: DefaultPreemption, args: {apiVersion: foo/v1}}]}]",
            "profiles[0].pluginConfig[0]: decoding args for plugin DefaultPreemption: \
             no kind \"DefaultPreemptionArgs\" is registered for version \"foo/v1\"",
        ),
        (
            "profiles: [{pluginConfig: [{name: DynamicResources, args: {filterTimeout: '5'}}]}]",
            "profiles[0].pluginConfig[0].args.filterTimeout: Invalid value: \"5\": \
             time: missing unit in duration \"5\"",
        ),
        (
            "profiles: [{schedulerName: a}, {schedulerName: a}]",
            "profiles[1].schedulerName: Duplicate value: \"a\"",
        ),
    ] {
        assert_eq!(error(body).to_string(), expected, "{body}");
    }
}

fn check_warnings(table: &[(&str, &[&str])]) {
    for (body, expected) in table {
        let configuration =
            parse(format!("{HEADER}{body}").as_bytes()).unwrap_or_else(|e| panic!("{body}: {e}"));
        assert_eq!(configuration.warnings, *expected, "{body}");
    }
}

#[test]
fn plugins_that_are_named_without_effect_are_warned_of() {
    check_warnings(&[
        (
            "percentageOfNodesToScore: 50",
            &["percentageOfNodesToScore: no effect: Berth scores every node that a pod fits on"],
        ),
        (
            "profiles: [{percentageOfNodesToScore: 50}]",
            &["profiles[0].percentageOfNodesToScore: no effect: Berth scores every node that a pod fits on"],
        ),
        (
            "profiles: [{plugins: {multiPoint: {enabled: [{name: GangScheduling}]}}}]",
            &["profiles[0].plugins.multiPoint.enabled[0]: GangScheduling is left out: \
                 it needs the feature gate GenericWorkload, which is off by default"],
        ),
        (
            "profiles: [{plugins: {filter: {disabled: [{name: NodeNaem}, {name: '*'}]}}}]",
            &[
                "profiles[0].plugins.filter.disabled[0]: no effect: there is no plugin \"NodeNaem\" to disable",
            ],
        ),
        (
            "profiles: [{plugins: {filter: {enabled: [{name: NodeName, weight: 2}]}}}]",
            &["profiles[0].plugins.filter.enabled[0].weight: no effect: weights are of plugins that score"],
        ),
        (
            "profiles: [{plugins: {multiPoint: {enabled: [{name: ImageLocality, weight: -1}]}}}]",
            &["profiles[0].plugins.multiPoint.enabled[0].weight: below zero: \
                 the nodes that the plugin likes best go last"],
        ),
        (
            "profiles: [{plugins: {preFilter: {disabled: [{name: NodePorts}]}, \
             preScore: {disabled: [{name: '*'}], enabled: [{name: NodeAffinity}]}, \
             score: {disabled: [{name: '*'}], enabled: [{name: NodeAffinity}, {name: TaintToleration}]}}}]",
            &[
                "profiles[0].plugins.preFilter.disabled[0]: no effect on NodePorts: what judges nodes prepares for it",
                "profiles[0].plugins.preScore.disabled[0]: no effect on TaintToleration: \
                 what judges nodes prepares for it",
            ],
        ),
        (
            "profiles: [{plugins: {preFilter: {disabled: [{name: NodePorts}]}, filter: {disabled: [{name: NodePorts}]}}}]",
            &[],
        ),
        (
            "profiles: [{plugins: {placementScore: {disabled: [{name: '*'}]}}}]",
            &[
                "profiles[0].plugins.placementScore: no effect: pod groups need the feature gate GenericWorkload, \
                 which is off by default",
            ],
        ),
    ]);
}

#[test]
fn arguments_without_effect_are_warned_of() {
    check_warnings(&[
        (
            "profiles: [{pluginConfig: [{name: Foo, args: {a: [1]}}, {name: NodeName, args: {}}, {name: NodePorts}]}]",
            &[
                "profiles[0].pluginConfig[0]: no effect: there is no plugin \"Foo\"",
                "profiles[0].pluginConfig[1]: no effect: NodeName takes no args",
            ],
        ),
        (
            "profiles: [{plugins: {multiPoint: {disabled: [{name: NodeResourcesFit}]}}, \
             pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: {type: Foo}}}]}]",
            &["profiles[0].pluginConfig[0]: no effect: the profile does not run NodeResourcesFit"],
        ),
        (
            "profiles: [{pluginConfig: [{name: PodTopologySpread, args: {defaultingType: List, defaultConstraints: \
             [{maxSkew: 1, topologyKey: z, whenUnsatisfiable: ScheduleAnyway, nodeAffinityPolicy: Foo, \
             matchLabelKeys: [a]}]}}]}]",
            &[
                "profiles[0].pluginConfig[0].args.defaultConstraints[0].matchLabelKeys: no effect: \
                 default constraints select by the owners of each pod alone",
                "profiles[0].pluginConfig[0].args.defaultConstraints[0].nodeAffinityPolicy: \
                 \"Foo\" is neither \"Honor\" nor \"Ignore\", and is taken for \"Ignore\"",
            ],
        ),
        (
            "extenders: [{urlPrefix: 'http://a', managedResources: [{name: a.com/x, ignoredByScheduler: true}]}]\n\
             profiles: [{pluginConfig: [{name: NodeResourcesFit, args: {ignoredResources: [b.com/y]}}]}]",
            &[
                "profiles[0]: the resources that extenders manage and the scheduler ignores take the place of \
                 the ignoredResources of NodeResourcesFit",
            ],
        ),
        ("percentageOfNodesToScore: 100", &[]),
    ]);
}

#[test]
fn json_is_read_as_well() {
    let text = "{\"apiVersion\": \"kubescheduler.config.k8s.io/v1\",\n\t\"kind\": \"KubeSchedulerConfiguration\", \
        \"clientConnection\": {\"kubeconfig\": \"\\/etc\\/\\u006b\", \"qps\": 1e2}}";
    let configuration = parse(text.as_bytes()).unwrap();
    assert_eq!(configuration.client_connection.kubeconfig, "/etc/k");
    assert_eq!(configuration.client_connection.qps, 100.0);
}
