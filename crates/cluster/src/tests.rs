//! Small clusters, and what becomes of them.

mod devices;
mod laws;
mod stories;

use berth_config::Configuration;
use berth_model::execution::Span;
use berth_wire::Loader;

use crate::Millis;
use crate::command::{Command, Scheduled};
use crate::kubelet::Timing;
use crate::simulation::{Settings, Simulation};

const SECOND: Millis = 1_000;
const HOUR: Millis = 3_600 * SECOND;

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600;

pub(crate) fn settings(follow: Option<&str>) -> Settings {
    let configuration = Configuration::default();
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
