use std::cmp::Ordering;

use crate::ids::NodeRow;
use expect_test::expect;
use proptest::prelude::*;

use super::*;
use crate::fixture::{World, resources, score};
use crate::scheduler::algorithm::fixture::{
    alone, build, choose, compare, random_nodes, random_pod, running, wait, waiting, worked_example,
};

/// The numbers of docs/algorithms.md.
#[test]
fn the_worked_example() {
    let (world, pod) = worked_example();
    expect!["a: 57, b: 0, c: 100"].assert_eq(&score(&BestFit::default(), &world, pod));
}

#[test]
fn a_big_node_with_a_low_share_left_is_no_better_fit_than_a_small_one_with_less_room() {
    let mut world = World::default();
    for (name, cpu) in [("big", "64"), ("small", "4")] {
        world.node(name, |node| node.allocatable = resources(&[("cpu", cpu), ("pods", "110")]));
    }
    running(&mut world, "r", "big", &[("cpu", "60")], None);
    running(&mut world, "s", "small", &[("cpu", "1")], None);
    let pod = waiting(&mut world, "p", &[("cpu", "1")]);
    expect!["big: 0, small: 100"].assert_eq(&score(&BestFit::default(), &world, pod));
}

#[test]
fn only_the_resources_that_the_pod_requests_count_each_by_its_weight() {
    let (mut world, _) = worked_example();
    let none = waiting(&mut world, "none", &[]);
    let cpu = waiting(&mut world, "cpu", &[("cpu", "1"), ("memory", "0")]);
    let memory = waiting(&mut world, "memory", &[("memory", "1Gi")]);
    let both = waiting(&mut world, "both", &[("cpu", "1"), ("memory", "1Gi")]);
    let weighted = |cpu, memory| {
        let resource = |name: &str, weight| WeightedResource { name: name.into(), weight };
        BestFit { resources: vec![resource("cpu", cpu), resource("memory", memory)] }
    };
    let cases = [
        (BestFit::default(), none, ""),
        (BestFit::default(), cpu, "a: 50, b: 0, c: 100"),
        (BestFit::default(), memory, "a: 60, b: 0, c: 100"),
        (weighted(100, 1), both, "a: 50, b: 0, c: 100"),
        (weighted(1, 100), both, "a: 60, b: 0, c: 100"),
    ];
    for (plugin, pod, expected) in cases {
        assert_eq!(score(&plugin, &world, pod), expected, "{plugin:?}");
    }
}

#[test]
fn rooms_beyond_all_bounds_do_not_wrap() {
    let mut world = World::default();
    let most = "9223372036854775807";
    for (name, memory) in [("n1", most), ("n2", "1Gi"), ("n3", "1Gi")] {
        world.node(name, |node| node.allocatable = resources(&[("memory", memory), ("pods", "110")]));
    }
    running(&mut world, "r", "n3", &[("memory", most)], None);
    let pod = waiting(&mut world, "p", &[("memory", "1Gi")]);
    let plugin = BestFit { resources: vec![WeightedResource { name: "memory".into(), weight: 100 }] };
    expect!["n1: 0, n2: 50, n3: 100"].assert_eq(&score(&plugin, &world, pod));
}

proptest! {
    #[test]
    fn no_feasible_node_would_be_left_with_less_room_than_the_chosen_one(
        nodes in random_nodes(), asked in random_pod()
    ) {
        let mut world = build(&nodes);
        let pod = wait(&mut world, &asked);
        let Some((chosen, feasible)) = choose(&alone(BestFit::default()), &world, pod) else { return Ok(()) };
        let room = |row: NodeRow| {
            let node = &nodes[world.cluster.nodes().name(row)[1..].parse::<usize>().unwrap()];
            let left = |r: usize| {
                let used: i64 = node.pods.iter().map(|p| p.requests[r]).sum();
                i128::from(node.offered[r] - used - asked.requests[r])
            };
            // Over a common denominator: 16,000 milli-CPU, 65,536 Mi, one GPU where one is asked for.
            let gpus = if asked.requests[2] > 0 { left(2) } else { 0 };
            (left(0) * 65_536 + left(1) * 16_000 + gpus * 16_000 * 65_536, 1)
        };
        for other in feasible {
            let order = compare(room(other), room(chosen));
            prop_assert_ne!(order, Ordering::Less, "{:?} would have less room than {:?}", other, chosen);
            let first = world.cluster.nodes().name(chosen) <= world.cluster.nodes().name(other);
            prop_assert!(order == Ordering::Greater || first);
        }
    }
}
