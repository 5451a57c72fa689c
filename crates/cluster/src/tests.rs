//! Small clusters, and what becomes of them.

use berth_config::parse;
use berth_wire::Loader;
use expect_test::{Expect, expect};

use crate::Millis;
use crate::command::{Command, NodeQuery, Scheduled};
use crate::kubelet::Timing;
use crate::simulation::{Settings, Simulation};
use berth_model::execution::Span;

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600;

pub(crate) fn settings(follow: Option<&str>) -> Settings {
    let configuration =
        parse(b"apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n");
    let configuration = configuration.expect("a configuration");
    Settings {
        seed: 0,
        start: START,
        timing: Timing { start: Span::fixed(2_000), ..Timing::default() },
        profiles: configuration.profiles.iter().map(berth_config::profile).collect(),
        preemption: true,
        sample_every: 3_600_000,
        follow: follow.map(str::to_owned),
    }
}

pub(crate) fn node(name: &str, zone: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Node, metadata: {{name: {name}, labels: {{topology.kubernetes.io/zone: {zone}}}}}, \
         status: {{allocatable: {{cpu: 4, memory: 8Gi, pods: 20}}}}}}"
    )
}

pub(crate) fn workload(kind: &str, name: &str, spec: &str, pod: &str) -> String {
    let version = if kind.ends_with("Job") { "batch/v1" } else { "apps/v1" };
    let selector =
        if kind == "Job" { String::new() } else { format!("selector: {{matchLabels: {{app: {name}}}}},") };
    format!(
        "{{apiVersion: {version}, kind: {kind}, metadata: {{name: {name}}}, spec: {{{spec} {selector} template: \
         {{metadata: {{labels: {{app: {name}}}}}, spec: {{{pod} containers: [{{name: c, image: i, resources: {{requests: \
         {{cpu: 1}}}}}}]}}}}}}}}"
    )
}

pub(crate) fn simulate(
    objects: &[String],
    commands: Vec<(Millis, Command)>,
    follow: Option<&str>,
) -> Simulation {
    let mut loader = Loader::new();
    loader.read("in", objects.join("\n---\n").as_bytes());
    let (manifests, _) = match loader.finish() {
        Ok(read) => read,
        Err(problems) => panic!("{problems}"),
    };
    let scheduled = |(at, command)| Scheduled { at, every: None, command, text: "event".to_owned() };
    Simulation::new(settings(follow), manifests, commands.into_iter().map(scheduled).collect())
}

fn fail(name: &str) -> Command {
    Command::Fail(NodeQuery::Name(name.into()))
}

fn story(
    objects: &[String],
    commands: Vec<(Millis, Command)>,
    follow: &str,
    until: Millis,
    expected: Expect,
) {
    let mut simulation = simulate(objects, commands, Some(follow));
    simulation.advance(until);
    let result = simulation.result("greedy".to_owned());
    let lines = result.story.iter().map(|line| format!("{} {}\n", line.at_seconds, line.text));
    expected.assert_eq(&lines.collect::<String>());
    assert_eq!(result.warnings, Vec::<String>::new());
}

const HOUR: Millis = 3_600_000;

#[test]
fn a_pod_of_a_failed_node_is_made_again_elsewhere() {
    let objects = [node("n1", "a"), node("n2", "b"), workload("Deployment", "web", "replicas: 1,", "")];
    let commands = vec![
        (HOUR, fail("n1")),
        (HOUR, fail("n2")),
        (HOUR + 1, Command::Recover(NodeQuery::Name("n2".into()))),
    ];
    story(
        &objects,
        commands,
        "web-qspq9-0",
        3 * HOUR,
        expect![[r#"
        0 web-qspq9-0 is created by ReplicaSet default/web-qspq9
        0 web-qspq9-0 is bound to n1
        2 web-qspq9-0 runs and is ready
        3600 web-qspq9-0 is lost: its node n1 has failed
        3950 web-qspq9-0 is deleted (taint)
        3950 web-qspq9-1 is created by ReplicaSet default/web-qspq9
        3950 web-qspq9-1 is bound to n2
        3952 web-qspq9-1 runs and is ready
    "#]],
    );
}
