use std::cmp::Ordering;

use berth_model::load::MeasuredUsage;
use expect_test::expect;
use proptest::prelude::*;

use super::*;
use crate::fixture::{World, labels, resources, score};
use crate::scheduler::algorithm::fixture::{
    WEIGHT, alone, build, choose, compare, random_nodes, random_pod, wait, waiting, worked_example,
};

fn by_label() -> WeightedLeastLoad {
    WeightedLeastLoad { weight: NodeWeight::Label(WEIGHT.into()), ..WeightedLeastLoad::default() }
}

fn by_annotation() -> WeightedLeastLoad {
    WeightedLeastLoad { weight: NodeWeight::Annotation(WEIGHT.into()), ..WeightedLeastLoad::default() }
}

/// The numbers of docs/algorithms.md.
#[test]
fn the_worked_example_by_capacity_and_by_numbers() {
    let (mut world, pod) = worked_example();
    expect!["a: 100, b: 80, c: 51"].assert_eq(&score(&WeightedLeastLoad::default(), &world, pod));
    expect!["a: 62, b: 100, c: 16"].assert_eq(&score(&by_label(), &world, pod));
    expect!["a: 62, b: 100, c: 16"].assert_eq(&score(&by_annotation(), &world, pod));
    let b = world.cluster.nodes().find("b").unwrap();
    let usage = MeasuredUsage { cpu_milli: Some(7000), memory_bytes: None, taken: None };
    world.cluster.set_measured(b, Some(usage));
    expect!["a: 100, b: 50, c: 51"].assert_eq(&score(&WeightedLeastLoad::default(), &world, pod));
    expect!["a: 100, b: 100, c: 25"].assert_eq(&score(&by_label(), &world, pod));
}

#[test]
fn a_node_without_a_number_has_the_default_weight_and_one_without_weight_is_the_last_resort() {
    let cases: &[(&str, &[&str], &str)] = &[
        ("missing and unreadable", &["", "heavy", "1"], "n0: 100, n1: 100, n2: 100"),
        ("fractions and suffixes", &["0.5", "500m", "1k"], "n0: 0, n1: 0, n2: 100"),
        ("zero and less", &["0", "-1", "0.001"], "n0: 0, n1: 0, n2: 100"),
        ("nothing else", &["0", "-1"], "n0: 100, n1: 100"),
    ];
    for (title, weights, expected) in cases {
        let mut world = World::default();
        for (at, weight) in weights.iter().enumerate() {
            world.node(&format!("n{at}"), |node| {
                if !weight.is_empty() {
                    node.labels = labels(&[(WEIGHT, weight)]);
                    node.annotations = labels(&[(WEIGHT, weight)]);
                }
            });
        }
        let pod = waiting(&mut world, "p", &[("cpu", "1"), ("memory", "1Gi")]);
        assert_eq!(score(&by_label(), &world, pod), *expected, "{title}");
        assert_eq!(score(&by_annotation(), &world, pod), *expected, "{title}");
    }
}

#[test]
fn a_default_weight_of_zero_leaves_nodes_without_a_number_alone() {
    let mut world = World::default();
    world.node("n0", |_| {});
    world.node("n1", |node| node.labels = labels(&[(WEIGHT, "0.01")]));
    let pod = waiting(&mut world, "p", &[("cpu", "1")]);
    let plugin = WeightedLeastLoad { default_weight_milli: 0, ..by_label() };
    expect!["n0: 0, n1: 100"].assert_eq(&score(&plugin, &world, pod));
    expect!["n0: 100, n1: 1"].assert_eq(&score(&by_label(), &world, pod));
}

/// Places pods one after the other and counts them by node.
fn counts(world: &mut World, plugin: WeightedLeastLoad, pods: usize) -> Vec<usize> {
    let profile = alone(plugin);
    for number in 0..pods {
        let pod = waiting(world, &format!("p{number}"), &[("cpu", "10m"), ("memory", "10Mi")]);
        let (node, _) = choose(&profile, world, pod).unwrap();
        world.cluster.assign(pod, node);
    }
    let nodes = world.cluster.nodes();
    nodes.rows().map(|row| nodes.pods(row).len()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn many_pods_are_spread_in_proportion_to_weights(
        weights in proptest::collection::vec(1usize..20, 2..7), rounds in 1usize..6
    ) {
        let total: usize = weights.iter().sum();
        let mut numbers = World::default();
        let mut capacities = World::default();
        for (at, weight) in weights.iter().enumerate() {
            let name = format!("n{at}");
            let pods = ("pods", "1000");
            numbers.node(&name, |node| {
                node.allocatable = resources(&[("cpu", "100"), ("memory", "100Gi"), pods]);
                node.labels = labels(&[(WEIGHT, &weight.to_string())]);
            });
            let [cpu, memory] = [format!("{weight}"), format!("{weight}Gi")];
            capacities.node(&name, |node| {
                node.allocatable = resources(&[("cpu", &cpu), ("memory", &memory), pods]);
            });
        }
        // Whole rounds give each node exactly its weight; between them no node is ahead by more than one pod.
        let expected: Vec<usize> = weights.iter().map(|w| w * rounds).collect();
        prop_assert_eq!(&counts(&mut numbers, by_label(), total * rounds), &expected);
        prop_assert_eq!(&counts(&mut capacities, WeightedLeastLoad::default(), total * rounds), &expected);
        let more = counts(&mut numbers, by_label(), total / 2);
        for (more, whole) in more.iter().zip(&expected) {
            prop_assert!(more >= whole);
        }
    }

    #[test]
    fn no_feasible_node_would_have_less_load_by_capacity_than_the_chosen_one(
        nodes in random_nodes(), asked in random_pod()
    ) {
        let mut world = build(&nodes);
        let pod = wait(&mut world, &asked);
        let profile = alone(WeightedLeastLoad::default());
        let Some((chosen, feasible)) = choose(&profile, &world, pod) else { return Ok(()) };
        let load = |row: NodeRow| {
            let node = &nodes[world.cluster.nodes().name(row)[1..].parse::<usize>().unwrap()];
            let share = |r: usize| {
                let used: i64 = node.pods.iter().map(|p| p.requests[r]).sum();
                (i128::from(used + asked.requests[r]), i128::from(node.offered[r]))
            };
            [share(0), share(1)].into_iter().max_by(|&a, &b| compare(a, b)).unwrap()
        };
        for other in feasible {
            let order = compare(load(other), load(chosen));
            prop_assert_ne!(order, Ordering::Less, "{:?} would have less load than {:?}", other, chosen);
            let first = world.cluster.nodes().name(chosen) <= world.cluster.nodes().name(other);
            prop_assert!(order == Ordering::Greater || first);
        }
    }
}
