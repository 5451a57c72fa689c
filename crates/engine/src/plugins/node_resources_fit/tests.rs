use super::*;
use crate::fixture::{World, container, filter, resources, score};
use expect_test::expect;

type Amounts<'a> = &'a [(&'a str, &'a str)];

const OFFER: Amounts<'_> = &[
    ("cpu", "4"),
    ("memory", "8Gi"),
    ("ephemeral-storage", "10Gi"),
    ("hugepages-2Mi", "4Mi"),
    ("example.com/gpu", "2"),
    ("pods", "3"),
];

/// What is said of a node that offers [`OFFER`] and runs a pod with `used`, to a pod with `wanted`.
fn verdict(plugin: &NodeResourcesFit, used: Amounts<'_>, wanted: Amounts<'_>) -> String {
    let mut world = World::default();
    world.node("n1", |node| node.allocatable = resources(OFFER));
    world.pod("running", |pod, spec| {
        pod.node = Some("n1".into());
        spec.containers = vec![container(used)];
    });
    let pod = world.pod("p", |_, spec| spec.containers = vec![container(wanted)]);
    let text = filter(plugin, &world, pod);
    text.trim_end().strip_prefix("n1: ").unwrap().into()
}

#[test]
fn every_resource_that_is_short_is_named_and_a_request_beyond_the_node_is_beyond_help() {
    let cases: &[(Amounts<'_>, Amounts<'_>, &str)] = &[
        (&[], &[], "fits"),
        (&[("cpu", "3")], &[("cpu", "1")], "fits"),
        (&[("cpu", "3")], &[("cpu", "1001m")], "Unschedulable: Insufficient cpu"),
        (&[], &[("cpu", "4001m")], "UnschedulableAndUnresolvable: Insufficient cpu"),
        (
            &[("cpu", "4"), ("memory", "8Gi")],
            &[("cpu", "1"), ("memory", "1")],
            "Unschedulable: Insufficient cpu, Insufficient memory",
        ),
        (
            &[("cpu", "4")],
            &[("cpu", "1"), ("memory", "9Gi")],
            "UnschedulableAndUnresolvable: Insufficient cpu, Insufficient memory",
        ),
        (&[("cpu", "9")], &[("cpu", "0")], "fits"),
        (&[("cpu", "9")], &[("memory", "1Gi")], "fits"),
        (
            &[("ephemeral-storage", "9Gi")],
            &[("ephemeral-storage", "2Gi")],
            "Unschedulable: Insufficient ephemeral-storage",
        ),
        (&[("example.com/gpu", "2")], &[("example.com/gpu", "0")], "fits"),
        (
            &[("example.com/gpu", "1"), ("hugepages-2Mi", "4Mi")],
            &[("hugepages-2Mi", "2Mi"), ("example.com/gpu", "2")],
            "Unschedulable: Insufficient example.com/gpu, Insufficient hugepages-2Mi",
        ),
        (&[], &[("example.com/fpga", "1")], "UnschedulableAndUnresolvable: Insufficient example.com/fpga"),
    ];
    for (used, wanted, expected) in cases {
        let verdict = verdict(&NodeResourcesFit::default(), used, wanted);
        assert_eq!(verdict, *expected, "{wanted:?} beside {used:?}");
    }
}

#[test]
fn ignored_extended_resources_are_not_looked_at() {
    let plugin = NodeResourcesFit {
        ignored_resources: vec!["example.com/fpga".into(), "hugepages-1Gi".into()],
        ignored_resource_groups: vec!["example.org".into()],
        ..NodeResourcesFit::default()
    };
    let cases = [
        ("example.com/fpga", "fits"),
        ("example.org/anything", "fits"),
        ("example.org.uk/other", "UnschedulableAndUnresolvable: Insufficient example.org.uk/other"),
        ("hugepages-1Gi", "UnschedulableAndUnresolvable: Insufficient hugepages-1Gi"),
    ];
    for (name, expected) in cases {
        assert_eq!(verdict(&plugin, &[], &[(name, "1")]), expected);
    }
}

#[test]
fn a_node_takes_only_so_many_pods() {
    let mut world = World::default();
    world.node("n1", |node| node.allocatable = resources(&[("cpu", "1"), ("pods", "1")]));
    world.node("n2", |node| node.allocatable = resources(&[("cpu", "1")]));
    world.pod("running", |pod, _| pod.node = Some("n1".into()));
    let pod = world.pod("p", |_, _| {});
    expect![[r#"
        n1: Unschedulable: Too many pods
        n2: Unschedulable: Too many pods
    "#]]
    .assert_eq(&filter(&NodeResourcesFit::default(), &world, pod));
}

#[test]
fn the_scan_and_the_single_check_agree() {
    let mut world = World::default();
    for cpu in 1..6 {
        let cpu = format!("{cpu}");
        world.node(&format!("n{cpu}"), |node| {
            node.allocatable = resources(&[("cpu", &cpu), ("pods", "2")]);
        });
    }
    for node in ["n3", "n4", "n4"] {
        world.pod("running", |pod, spec| {
            pod.node = Some(node.into());
            spec.containers = vec![container(&[("cpu", "1")])];
        });
    }
    let pod = world.pod("p", |_, spec| spec.containers = vec![container(&[("cpu", "3")])]);
    let plugin = NodeResourcesFit::default();
    let needs = plugin.needs(PodView::new(&world.cluster, pod));
    let rows: Vec<NodeRow> = world.cluster.nodes().rows().collect();
    let mut seen = Vec::new();
    needs.check_all(&world.cluster, &rows, &mut |row, verdict| seen.push((row, verdict)));
    let single: Vec<_> =
        rows.iter().map(|&row| (row, needs.check(NodeView::new(&world.cluster, row)))).collect();
    assert_eq!(seen, single);
}

/// Scores of an empty node of 4 CPUs and 8Gi, and of one of the same size that runs a pod of 2 CPUs and 2Gi.
fn scores(strategy: Strategy, resources: &[(&str, i64)], wanted: Amounts<'_>) -> String {
    let mut world = World::default();
    world.node("n1", |_| {});
    world.node("n2", |_| {});
    world.pod("running", |pod, spec| {
        pod.node = Some("n2".into());
        spec.containers = vec![container(&[("cpu", "2"), ("memory", "2Gi")])];
    });
    let pod = world.pod("p", |_, spec| spec.containers = vec![container(wanted)]);
    let resources =
        resources.iter().map(|&(name, weight)| WeightedResource { name: name.into(), weight }).collect();
    score(&NodeResourcesFit { strategy, resources, ..NodeResourcesFit::default() }, &world, pod)
}

#[test]
fn the_strategy_says_whether_full_or_empty_is_better() {
    let both = &[("cpu", 1), ("memory", 1)][..];
    let wanted = &[("cpu", "1"), ("memory", "2Gi")][..];
    let curve = |points: [(i64, i64); 2]| {
        let points = points.map(|(utilization, score)| ShapePoint { utilization, score });
        Strategy::RequestedToCapacityRatio(points.into())
    };
    let cases = [
        (Strategy::LeastAllocated, both, wanted, "n1: 75, n2: 37"),
        (Strategy::LeastAllocated, &[("cpu", 3), ("memory", 1)][..], wanted, "n1: 75, n2: 31"),
        (Strategy::MostAllocated, both, wanted, "n1: 25, n2: 62"),
        // Without requests 100m and 200Mi are counted.
        (Strategy::LeastAllocated, both, &[][..], "n1: 97, n2: 59"),
        // What the pod does not request, and what no node offers, does not count.
        (
            Strategy::MostAllocated,
            &[("cpu", 1), ("example.com/gpu", 5), ("pods", 5)][..],
            wanted,
            "n1: 25, n2: 75",
        ),
        (curve([(0, 0), (100, 10)]), both, wanted, "n1: 25, n2: 63"),
        (curve([(0, 10), (100, 0)]), both, wanted, "n1: 75, n2: 38"),
    ];
    for (strategy, resources, wanted, expected) in cases {
        let text = format!("{strategy:?} {resources:?}");
        assert_eq!(scores(strategy, resources, wanted), expected, "{text}");
    }
}

#[test]
fn requests_of_the_pod_as_a_whole_do_not_count_in_its_own_score() {
    let mut world = World::default();
    world.node("n1", |_| {});
    let pod = world.pod("p", |_, spec| {
        spec.containers = vec![container(&[("cpu", "1"), ("memory", "2Gi")])];
        spec.pod_requests = Some(resources(&[("cpu", "3"), ("memory", "6Gi")]));
    });
    expect!["n1: 75"].assert_eq(&score(&NodeResourcesFit::default(), &world, pod));
}
