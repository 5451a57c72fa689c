//! Test fixtures of the algorithms: the cluster of docs/algorithms.md, profiles of one score plugin, and random
//! clusters.

use std::sync::Arc;

use proptest::prelude::*;

use crate::fixture::{World, container, labels, resources};
use crate::ids::{NodeRow, PodRow};
use crate::plugin::Plugin;
use crate::plugin::profile::Profile;
use crate::plugin::tie_break::TieBreak;
use crate::plugins::node_resources_fit::NodeResourcesFit;
use crate::scan;

/// The nodes of the worked example: name, CPUs and Gi of memory, how much of them is requested, weight label.
const NODES: [(&str, [u32; 2], [u32; 2], &str); 3] =
    [("a", [4, 16], [1, 4], "1"), ("b", [8, 32], [4, 8], "4"), ("c", [16, 64], [14, 60], "2")];

/// The label and annotation of the worked example.
pub(crate) const WEIGHT: &str = "example.com/weight";

/// The cluster of docs/algorithms.md and its pod, which requests 1 CPU and 2Gi.
pub(crate) fn worked_example() -> (World, PodRow) {
    let mut world = World::default();
    for (name, offered, requested, weight) in NODES {
        world.node(name, |node| {
            let [cpu, memory] = [format!("{}", offered[0]), format!("{}Gi", offered[1])];
            node.allocatable = resources(&[("cpu", &cpu), ("memory", &memory), ("pods", "110")]);
            node.labels = labels(&[(WEIGHT, weight)]);
            node.annotations = labels(&[(WEIGHT, weight)]);
        });
        let [cpu, memory] = [format!("{}", requested[0]), format!("{}Gi", requested[1])];
        running(&mut world, name, name, &[("cpu", &cpu), ("memory", &memory)], Some(0));
    }
    let pod = waiting(&mut world, "p", &[("cpu", "1"), ("memory", "2Gi")]);
    (world, pod)
}

/// Adds a pod that runs on a node.
pub(crate) fn running(
    world: &mut World,
    name: &str,
    node: &str,
    requests: &[(&str, &str)],
    started: Option<i64>,
) -> PodRow {
    world.pod(name, |pod, spec| {
        pod.node = Some(node.into());
        pod.started = started;
        spec.containers = vec![container(requests)];
    })
}

/// Adds a pod that waits.
pub(crate) fn waiting(world: &mut World, name: &str, requests: &[(&str, &str)]) -> PodRow {
    world.pod(name, |_, spec| spec.containers = vec![container(requests)])
}

/// A profile that filters by resources and scores by one plugin.
pub(crate) fn alone(plugin: impl Plugin + 'static) -> Profile {
    profile(vec![(Arc::new(plugin), 1)])
}

/// A profile that filters by resources and scores by these plugins.
pub(crate) fn profile(score: Vec<(Arc<dyn Plugin>, i64)>) -> Profile {
    Profile {
        filter: vec![Arc::new(NodeResourcesFit::default())],
        score,
        tie_break: TieBreak::FirstName,
        ..Profile::empty("default-scheduler")
    }
}

/// The node that a profile of one plugin chooses, and all feasible nodes.
pub(crate) fn choose(profile: &Profile, world: &World, pod: PodRow) -> Option<(NodeRow, Vec<NodeRow>)> {
    let diagnosis = scan::diagnose(profile, &world.cluster, pod);
    Some((diagnosis.choice()?.0, diagnosis.feasible))
}

/// A node of a random cluster: CPU in milli-CPU, memory in Mi, GPUs, and its pods.
#[derive(Clone, Debug)]
pub(crate) struct RandomNode {
    pub(crate) offered: [i64; 3],
    pub(crate) pods: Vec<RandomPod>,
}

/// What a pod of a random cluster requests (milli-CPU, Mi, GPUs), and when it started.
#[derive(Clone, Debug)]
pub(crate) struct RandomPod {
    pub(crate) requests: [i64; 3],
    pub(crate) started: Option<i64>,
}

/// Nodes of a few sizes, so that equal loads happen, and of odd ones, so that close loads do.
pub(crate) fn random_nodes() -> impl Strategy<Value = Vec<RandomNode>> {
    let size = prop_oneof![
        Just([4000, 16384, 0]),
        Just([8000, 32768, 4]),
        (1000i64..20_000, 1000i64..70_000, 0i64..8).prop_map(|(cpu, memory, gpu)| [cpu, memory, gpu]),
    ];
    let node = (size, proptest::collection::vec(random_pod(), 0..5))
        .prop_map(|(offered, pods)| RandomNode { offered, pods });
    proptest::collection::vec(node, 1..12)
}

/// A pod; amounts are never zero, since a missing request counts a default amount.
pub(crate) fn random_pod() -> impl Strategy<Value = RandomPod> {
    let requests =
        prop_oneof![Just([500, 1024, 0]), (1i64..3000, 1i64..9000, 0i64..2).prop_map(<[i64; 3]>::from)];
    (requests, proptest::option::of(0i64..20)).prop_map(|(requests, started)| RandomPod { requests, started })
}

const NAMES: [&str; 3] = ["cpu", "memory", "example.com/gpu"];

fn quantities(amounts: [i64; 3]) -> [String; 3] {
    [format!("{}m", amounts[0]), format!("{}Mi", amounts[1]), amounts[2].to_string()]
}

/// Builds a random cluster; node number `n` is named `n{n}`.
pub(crate) fn build(nodes: &[RandomNode]) -> World {
    let mut world = World::default();
    for (at, node) in nodes.iter().enumerate() {
        let name = format!("n{at}");
        let [cpu, memory, gpu] = quantities(node.offered);
        world.node(&name, |n| {
            n.allocatable =
                resources(&[(NAMES[0], &cpu), (NAMES[1], &memory), (NAMES[2], &gpu), ("pods", "110")]);
        });
        for (number, pod) in node.pods.iter().enumerate() {
            place(&mut world, &format!("{name}-{number}"), &name, pod);
        }
    }
    world
}

/// Adds a running pod of a random cluster.
pub(crate) fn place(world: &mut World, name: &str, node: &str, pod: &RandomPod) -> PodRow {
    let [cpu, memory, gpu] = quantities(pod.requests);
    running(world, name, node, &[(NAMES[0], &cpu), (NAMES[1], &memory), (NAMES[2], &gpu)], pod.started)
}

/// Adds a waiting pod of a random cluster.
pub(crate) fn wait(world: &mut World, pod: &RandomPod) -> PodRow {
    let [cpu, memory, gpu] = quantities(pod.requests);
    waiting(world, "p", &[(NAMES[0], &cpu), (NAMES[1], &memory), (NAMES[2], &gpu)])
}

/// Compares fractions exactly. Denominators are positive.
pub(crate) fn compare(a: (i128, i128), b: (i128, i128)) -> std::cmp::Ordering {
    (a.0 * b.1).cmp(&(b.0 * a.1))
}
