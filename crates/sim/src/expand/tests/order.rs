//! Order, limits and times of what is made.

use crate::fixture::{documents, pod, refused, waiting, workload, world};

fn bare(name: &str) -> String {
    format!("{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{containers: [{{name: c}}]}}}}")
}

#[test]
fn pods_of_a_workload_come_in_its_place() {
    let text = documents(&[
        &bare("first"),
        &workload("StatefulSet", "db", "", "replicas: 2,", ""),
        &bare("second"),
        &workload("Deployment", "web", "", "", ""),
        &workload("ReplicaSet", "set", "", "", ""),
        &bare("last"),
    ]);
    assert_eq!(waiting(&text), ["first", "db-0", "db-1", "second", "web-qspq9-0", "set-0", "last"]);
}

#[test]
fn pods_are_as_old_as_their_workload() {
    let meta = "creationTimestamp: '1970-01-01T00:01:00Z'";
    let world = world(&workload("Deployment", "web", meta, "", ""));
    assert_eq!(pod(&world, "web-qspq9-0").created, Some(60));
}

#[test]
fn too_many_pods_are_refused_with_their_number() {
    let cases = [
        (
            workload("Deployment", "web", "", "replicas: 2000000000,", ""),
            "in: Deployment default/web: spec.replicas: 2000000000 more pods would make 2000000000, but a run \
             takes at most 5000000 pods in total",
        ),
        (
            workload("StatefulSet", "web", "", "replicas: 2147483647, ordinals: {start: 2147483647},", ""),
            "in: StatefulSet default/web: spec.replicas: 2147483647 more pods would make 2147483647, but a \
             run takes at most 5000000 pods in total",
        ),
        (
            crate::fixture::job(
                "j",
                "completionMode: Indexed, completions: 2000000000, parallelism: 2000000000,",
                "",
            ),
            "in: Job default/j: spec.parallelism: 2000000000 more pods would make 2000000000, but a run takes \
             at most 5000000 pods in total",
        ),
        (
            documents(&[&bare("a"), &workload("ReplicaSet", "web", "", "replicas: 5000000,", "")]),
            "in:3: ReplicaSet default/web: spec.replicas: 5000000 more pods would make 5000001, but a run takes \
             at most 5000000 pods in total",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(&text), expected);
    }
}
