use std::cmp::Ordering;

use crate::ids::NodeRow;
use berth_model::load::{DISK_UTILIZATION, MeasuredUsage, NETWORK_UTILIZATION, UTILIZATION_TIME};
use berth_model::node::Node;
use expect_test::expect;
use proptest::prelude::*;

use super::*;
use crate::fixture::{World, labels, score};
use crate::scheduler::algorithm::fixture::{
    RandomNode, RandomPod, alone, build, choose, compare, place, random_nodes, random_pod, running, wait,
    worked_example,
};

fn measured(cpu_milli: i64, taken: i64) -> Option<MeasuredUsage> {
    Some(MeasuredUsage { cpu_milli: Some(cpu_milli), memory_bytes: None, taken: Some(taken) })
}

/// Changes the annotations of a node.
fn annotate(world: &mut World, name: &str, pairs: &[(&str, &str)]) {
    let row = world.cluster.nodes().find(name).unwrap();
    let node = Node { annotations: labels(pairs), ..world.cluster.nodes().object(row).clone() };
    world.cluster.upsert_node(node);
}

/// The numbers of docs/algorithms.md.
#[test]
fn the_worked_example_by_requests_and_by_measurements() {
    let (mut world, pod) = worked_example();
    let plugin = LeastLoad::default();
    expect!["a: 100, b: 75, c: 31"].assert_eq(&score(&plugin, &world, pod));
    let a = world.cluster.nodes().find("a").unwrap();
    world.cluster.set_measured(a, measured(3400, 100));
    expect!["a: 65, b: 100, c: 56"].assert_eq(&score(&plugin, &world, pod));
    annotate(&mut world, "b", &[(DISK_UTILIZATION, "0.9"), (NETWORK_UTILIZATION, "0.2")]);
    expect!["a: 100, b: 95, c: 91"].assert_eq(&score(&plugin, &world, pod));
}

#[test]
fn a_stale_measurement_counts_as_absent() {
    let (mut world, pod) = worked_example();
    let plugin = LeastLoad { freshness_seconds: 60, ..LeastLoad::default() };
    let a = world.cluster.nodes().find("a").unwrap();
    world.cluster.set_measured(a, measured(4000, 100));
    annotate(&mut world, "b", &[(DISK_UTILIZATION, "1"), (UTILIZATION_TIME, "130")]);
    let cases = [
        (90, "a: 94, b: 94, c: 100"),
        (160, "a: 94, b: 94, c: 100"),
        (161, "a: 100, b: 25, c: 31"),
        (190, "a: 100, b: 25, c: 31"),
        (191, "a: 100, b: 75, c: 31"),
    ];
    for (now, expected) in cases {
        world.cluster.set_now(now);
        assert_eq!(score(&plugin, &world, pod), expected, "at {now}");
    }
}

#[test]
fn pods_that_came_after_the_measurement_add_to_it() {
    let (mut world, pod) = worked_example();
    let plugin = LeastLoad::default();
    let a = world.cluster.nodes().find("a").unwrap();
    world.cluster.set_measured(a, measured(2000, 100));
    expect!["a: 100, b: 100, c: 56"].assert_eq(&score(&plugin, &world, pod));
    running(&mut world, "seen", "a", &[("cpu", "500m")], Some(100));
    expect!["a: 100, b: 100, c: 56"].assert_eq(&score(&plugin, &world, pod));
    running(&mut world, "later", "a", &[("cpu", "500m")], Some(101));
    expect!["a: 87, b: 100, c: 56"].assert_eq(&score(&plugin, &world, pod));
    let placed = world.pod("placed", |_, spec| {
        spec.containers = vec![crate::fixture::container(&[("cpu", "500m")])];
    });
    world.cluster.assign(placed, a);
    expect!["a: 75, b: 100, c: 56"].assert_eq(&score(&plugin, &world, pod));
    world.cluster.unassign(placed);
    expect!["a: 87, b: 100, c: 56"].assert_eq(&score(&plugin, &world, pod));
}

#[test]
fn weights_say_how_much_a_share_counts_and_a_node_of_which_nothing_is_known_is_full() {
    let (mut world, pod) = worked_example();
    world.node("nothing", |node| node.allocatable = Vec::new());
    let resource = |name: &str, weight| WeightedResource { name: name.into(), weight };
    let cases = [
        (vec![resource("cpu", 1)], "a: 100, b: 75, c: 37, nothing: 0"),
        (vec![resource("memory", 1)], "a: 100, b: 100, c: 31, nothing: 0"),
        // The share of memory counts half.
        (vec![resource("cpu", 2), resource("memory", 1)], "a: 100, b: 75, c: 37, nothing: 0"),
        (vec![resource("cpu", 1), resource("memory", 2)], "a: 100, b: 100, c: 31, nothing: 0"),
        (vec![resource("example.com/unheard-of", 1)], "a: 100, b: 100, c: 100, nothing: 100"),
    ];
    for (resources, expected) in cases {
        let plugin = LeastLoad { resources, ..LeastLoad::default() };
        assert_eq!(score(&plugin, &world, pod), expected, "{plugin:?}");
    }
}

/// A measurement of a random node: milli-CPU and Mi, when, and the disk in thousandths.
type Measurement = (i64, i64, i64, Option<i64>);

const NOW: i64 = 20;
const FRESHNESS: i64 = 15;

/// The load as the documentation has it: shares as fractions, from the pods themselves.
fn exact_load(node: &RandomNode, measurement: Option<&Measurement>) -> (i128, i128) {
    let fresh = measurement.filter(|m| NOW - m.2 <= FRESHNESS);
    let sum = |r: usize, counts: &dyn Fn(&RandomPod) -> bool| {
        node.pods.iter().filter(|p| counts(p)).map(|p| p.requests[r]).sum::<i64>()
    };
    let mut shares = Vec::new();
    for r in 0..2 {
        let mut used = sum(r, &|_| true);
        if let Some(m) = fresh {
            let unseen = sum(r, &|p| p.started.is_none_or(|s| s > m.2));
            used = used.max([m.0, m.1][r] + unseen);
        }
        shares.push((i128::from(used), i128::from(node.offered[r])));
    }
    // The annotations have no time, so they are never stale.
    shares.extend(measurement.and_then(|m| m.3).map(|disk| (i128::from(disk), 1000)));
    shares.into_iter().max_by(|&a, &b| compare(a, b)).unwrap()
}

proptest! {
    #[test]
    fn no_feasible_node_had_less_load_than_the_chosen_one(
        mut nodes in random_nodes(),
        measurements in proptest::collection::vec(proptest::option::of(
            (0i64..9000, 0i64..30_000, 0i64..25, proptest::option::of(0i64..1001))), 12),
        late in proptest::collection::vec((0usize..12, random_pod()), 0..4),
        pod in random_pod(),
    ) {
        let mut world = build(&nodes);
        for (at, measurement) in measurements.iter().enumerate().take(nodes.len()) {
            let Some((cpu, memory, taken, disk)) = *measurement else { continue };
            let name = format!("n{at}");
            if let Some(disk) = disk {
                annotate(&mut world, &name, &[(DISK_UTILIZATION, &format!("{disk}m"))]);
            }
            let row = world.cluster.nodes().find(&name).unwrap();
            let usage = MeasuredUsage {
                cpu_milli: Some(cpu), memory_bytes: Some(memory << 20), taken: Some(taken)
            };
            world.cluster.set_measured(row, Some(usage));
        }
        for (number, (at, pod)) in late.into_iter().enumerate() {
            let at = at % nodes.len();
            place(&mut world, &format!("late-{number}"), &format!("n{at}"), &pod);
            nodes[at].pods.push(pod);
        }
        world.cluster.set_now(NOW);
        let pod = wait(&mut world, &pod);
        let plugin = LeastLoad { freshness_seconds: FRESHNESS, ..LeastLoad::default() };
        let Some((chosen, feasible)) = choose(&alone(plugin), &world, pod) else { return Ok(()) };
        let load = |row: NodeRow| {
            let at: usize = world.cluster.nodes().name(row)[1..].parse().unwrap();
            exact_load(&nodes[at], measurements[at].as_ref())
        };
        for other in feasible {
            let order = compare(load(other), load(chosen));
            prop_assert_ne!(order, Ordering::Less, "{:?} has less load than {:?}", other, chosen);
            // Of equal loads the first by name is chosen, and never one for another reason.
            let first = world.cluster.nodes().name(chosen) <= world.cluster.nodes().name(other);
            prop_assert!(order == Ordering::Greater || first);
        }
    }
}
