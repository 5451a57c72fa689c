//! How long a simulated day takes: `cargo run --release -p berth-cluster --example day [NODES] [PODS]`.
//!
//! Nodes of 16 CPUs, pods of one CPU that arrive evenly over a day and run for an hour on average. Nodes fail and
//! recover all the time.
#![allow(clippy::print_stdout, clippy::disallowed_methods, clippy::disallowed_types, reason = "it measures")]

use std::sync::Arc;
use std::time::Instant;

use berth_cluster::command::{Command, NodeQuery, Scheduled};
use berth_cluster::kubelet::Timing;
use berth_cluster::simulation::{Settings, Simulation};
use berth_model::execution::{Annotated, Execution, RunDuration, Span};
use berth_model::labels::Labels;
use berth_model::manifests::{Manifests, Place};
use berth_model::node::Node;
use berth_model::object::Object;
use berth_model::pod::{Container, Pod, PodSpec};
use berth_model::pod_manifest::{PodManifest, RestartPolicy};
use berth_model::quantity::Quantity;

const DAY: u64 = 86_400_000;

fn main() {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse().expect("a number"));
    let (nodes, pods) = (numbers.next().unwrap_or(1_000), numbers.next().unwrap_or(100_000));
    let mut manifests = Manifests::default();
    for at in 0..nodes {
        manifests.add(Object::Node(node(at)), Place::start("made".into()));
    }
    let mut commands: Vec<Scheduled> = (0..pods).map(|at| arrival(at, pods)).collect();
    for hour in 1..24 {
        let name = NodeQuery::Name(format!("node-{}", hour * 7 % nodes).into());
        for (at, command) in [(0, Command::Fail(name.clone())), (1_200_000, Command::Recover(name))] {
            let at = hour * 3_600_000 + at;
            commands.push(Scheduled { at, every: None, command, text: String::new() });
        }
    }
    let configuration = berth_config::Configuration::default();
    let settings = Settings {
        seed: 1,
        start: 0,
        timing: Timing::default(),
        profiles: configuration.profiles.iter().map(berth_config::profile).collect(),
        preemption: true,
        sample_every: 1_800_000,
        follow: None,
    };
    let started = Instant::now();
    let mut simulation = Simulation::new(settings, manifests, commands);
    simulation.advance(DAY);
    let result = simulation.result("greedy".to_owned());
    println!("{nodes} nodes, {pods} pods, one day: {:.1} s", started.elapsed().as_secs_f64());
    println!("{:?}\n{:?}", result.summary, result.waits);
    let memory = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    memory.lines().filter(|line| line.starts_with("VmHWM")).for_each(|line| println!("{line}"));
}

fn node(at: u64) -> Node {
    let amount = |name: &str, units| (name.into(), Quantity::from_units(units));
    Node {
        name: format!("node-{at}").into(),
        labels: Labels::from_iter([("topology.kubernetes.io/zone", format!("zone-{}", at % 3))]),
        allocatable: vec![amount("cpu", 16), amount("memory", 64 << 30), amount("pods", 110)],
        ..Node::default()
    }
}

fn arrival(at: u64, pods: u64) -> Scheduled {
    let requests = vec![
        ("cpu".into(), Quantity::from_milli(500 + 250 * i64::try_from(at % 5).unwrap_or(0))),
        ("memory".into(), Quantity::from_units(1 << 30)),
    ];
    let spec = PodSpec {
        namespace: "default".into(),
        scheduler_name: "default-scheduler".into(),
        containers: vec![Container { name: "main".into(), requests, ..Container::default() }],
        ..PodSpec::default()
    };
    let mut manifest = PodManifest::of(Pod::created(format!("pod-{at}").into(), "".into(), Arc::new(spec)));
    let run = RunDuration::Span(Span { min_millis: 600_000, max_millis: 6_600_000 });
    manifest.execution = Arc::new(Execution {
        restart_policy: RestartPolicy::Never,
        annotated: Annotated { run: Some(run), ..Annotated::default() },
        ..Execution::default()
    });
    let command = Command::Arrive(Box::new(manifest), "arrivals".into());
    Scheduled { at: at * DAY / pods, every: None, command, text: String::new() }
}
