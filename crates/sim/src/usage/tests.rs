//! Sums against numbers that were added by hand.

use super::*;
use crate::fixture::{documents, world};
use crate::world::World;

const OBJECTS: [&str; 8] = [
    "{apiVersion: v1, kind: Node, metadata: {name: a}, status: {allocatable: {cpu: 4, memory: 8Gi, pods: 9, x.y/gpu: 2}}}",
    "{apiVersion: v1, kind: Node, metadata: {name: b}, status: {allocatable: {cpu: 4, memory: 8Gi, pods: 9}}}",
    "{apiVersion: v1, kind: Pod, metadata: {name: web-6d8c7-1, namespace: shop, labels: {app: web, pod-template-hash: 6d8c7}, \
     ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-6d8c7, controller: true}]}, spec: {nodeName: a, \
     priority: 0, containers: [{name: c, image: i, resources: {requests: {cpu: 2, memory: 1Gi}, limits: {cpu: 3}}}]}}",
    "{apiVersion: v1, kind: Pod, metadata: {name: db, namespace: data}, spec: {nodeName: b, priority: 0, containers: \
     [{name: c, image: i, resources: {requests: {cpu: 500m, memory: 2Gi}}}, {name: d, image: i, resources: {requests: \
     {cpu: 500m}}}]}}",
    "{apiVersion: v1, kind: Pod, metadata: {name: waits, namespace: shop}, spec: {containers: [{name: c, image: i}]}}",
    "{apiVersion: metrics.k8s.io/v1beta1, kind: PodMetrics, metadata: {name: db, namespace: data}, timestamp: \
     '2026-01-02T03:04:05Z', containers: [{name: c, usage: {cpu: 1, memory: 1Gi}}, {name: d, usage: {cpu: 1500m, memory: 1Mi}}]}",
    "{apiVersion: metrics.k8s.io/v1beta1, kind: NodeMetrics, metadata: {name: a}, timestamp: '2026-01-02T03:04:05Z', \
     usage: {cpu: 250m, memory: 512Mi}}",
    "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}",
];

fn report(world: &World, by: By, sort: Sort) -> UsageReport {
    usage(&world.cluster, &world.measured, by, sort, &Selection::default())
}

fn cpu(row: &UsageRow) -> (&str, &str, &str, Option<&str>) {
    let cpu = &row.resources["cpu"];
    (&row.name, &cpu.requests, &cpu.limits, cpu.usage.as_deref())
}

#[test]
fn amounts_are_added_by_node_namespace_workload_and_pod() {
    let world = world(&documents(&OBJECTS));
    // The node a was measured as a whole, of the node b only a pod.
    let nodes = report(&world, By::Node, Sort::Difference);
    let rows: Vec<_> = nodes.rows.iter().map(cpu).collect();
    assert_eq!(rows, [("a", "2", "3", Some("250m")), ("b", "1", "0", Some("2500m"))]);
    assert_eq!(nodes.rows[0].resources["cpu"].requests_share, Some(0.5));
    assert_eq!(nodes.rows[0].resources["x.y/gpu"].allocatable, "2");
    assert_eq!(cpu(&nodes.total), ("", "3", "3", Some("2500m")), "the total counts pods: b was not measured");
    assert_eq!((nodes.pending, nodes.total.pods, nodes.total.measured_pods), (1, 2, 1));
    for (by, expected) in [
        (By::Namespace, [("data", "1", "0", Some("2500m")), ("shop", "2", "3", None)]),
        (By::Workload, [("db", "1", "0", Some("2500m")), ("web", "2", "3", None)]),
        (By::Pod, [("db", "1", "0", Some("2500m")), ("web-6d8c7-1", "2", "3", None)]),
    ] {
        let rows = report(&world, by, Sort::Difference).rows;
        assert_eq!(rows.iter().map(cpu).collect::<Vec<_>>(), expected, "{by:?}");
    }
    let workloads = report(&world, By::Workload, Sort::Name).rows;
    let kinds: Vec<_> = workloads.iter().map(|row| row.kind.as_deref()).collect();
    assert_eq!(kinds, [Some("Pod"), Some("Deployment")]);
}

#[test]
fn rows_are_sorted_by_what_is_asked_for() {
    let world = world(&documents(&OBJECTS));
    let cases = [
        (Sort::Difference, ["a", "b"]),
        (Sort::Over, ["a", "b"]),
        (Sort::Under, ["b", "a"]),
        (Sort::Requests, ["a", "b"]),
        (Sort::Limits, ["a", "b"]),
        (Sort::Usage, ["b", "a"]),
        (Sort::Name, ["a", "b"]),
    ];
    for (sort, expected) in cases {
        let rows = report(&world, By::Node, sort).rows;
        let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, expected, "{sort:?}");
    }
}

#[test]
fn a_selection_counts_its_pods_only_and_no_usage_of_whole_nodes() {
    let world = world(&documents(&OBJECTS));
    let selection = Selection { namespace: Some("shop".into()), ..Selection::default() };
    let report = usage(&world.cluster, &world.measured, By::Node, Sort::Name, &selection);
    let rows: Vec<_> = report.rows.iter().map(cpu).collect();
    assert_eq!(rows, [("a", "2", "3", None), ("b", "0", "0", None)]);
    assert_eq!((report.pending, report.total.pods), (1, 1));
}
