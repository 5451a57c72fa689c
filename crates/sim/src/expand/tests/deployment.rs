//! Deployments, ReplicaSets and ReplicationControllers.

use crate::fixture::{documents, labels, node, pod, running, waiting, workload, world};

fn deployment(spec: &str) -> String {
    workload("Deployment", "web", "", spec, "")
}

/// A ReplicaSet of the Deployment `web`.
fn replica_set(hash: &str, replicas: i32, revision: i32, template: &str) -> String {
    format!(
        "{{apiVersion: apps/v1, kind: ReplicaSet, metadata: {{name: web-{hash}, annotations: \
         {{deployment.kubernetes.io/revision: '{revision}'}}, ownerReferences: [{{apiVersion: apps/v1, kind: Deployment, \
         name: web, controller: true}}]}}, spec: {{replicas: {replicas}, selector: {{matchLabels: {{app: web, \
         pod-template-hash: {hash}}}}}, template: {{metadata: {{labels: {{app: web, pod-template-hash: {hash}}}}}, \
         spec: {{{template} containers: [{{name: c}}]}}}}}}}}"
    )
}

#[test]
fn a_deployment_gets_a_replica_set_with_all_its_pods() {
    let world = world(&deployment("replicas: 2,"));
    assert_eq!(crate::fixture::names(&world), ["web-qspq9-0", "web-qspq9-1"]);
    let pod = pod(&world, "web-qspq9-0");
    assert_eq!(labels(pod), ["app=web", "pod-template-hash=qspq9"]);
    let controller = pod.spec.controller.as_ref().unwrap();
    assert_eq!((&*controller.kind, &*controller.name), ("ReplicaSet", "web-qspq9"));
    let owners = world.cluster.owners("default");
    assert_eq!(owners.len(), 1);
    assert_eq!(&*owners[0].object.name, "web-qspq9");
    assert!(owners[0].object.selector.as_ref().unwrap().matches(&pod.spec.labels));
}

#[test]
fn the_number_of_pods_is_that_of_the_spec() {
    let cases = [
        (deployment(""), 1),
        (deployment("replicas: 0,"), 0),
        (deployment("replicas: 3, strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 2}},"), 3),
        (deployment("replicas: 3, strategy: {type: Recreate},"), 3),
        (deployment("replicas: 3, paused: true,"), 0),
        (workload("Deployment", "web", "deletionTimestamp: '2026-01-01T00:00:00Z'", "replicas: 3,", ""), 0),
        (workload("ReplicaSet", "web", "", "replicas: 3,", ""), 3),
    ];
    for (text, expected) in cases {
        assert_eq!(waiting(&text).len(), expected, "{text}");
    }
}

#[test]
fn a_replication_controller_owns_its_pods() {
    let text = "{apiVersion: v1, kind: ReplicationController, metadata: {name: rc}, spec: {replicas: 1, template: \
                {metadata: {labels: {app: x}}, spec: {containers: [{name: c}]}}}}";
    let world = world(text);
    let controller = pod(&world, "rc-0").spec.controller.clone().unwrap();
    assert_eq!((&*controller.api_version, &*controller.kind), ("v1", "ReplicationController"));
}

#[test]
fn a_deployment_sizes_the_replica_sets_that_the_input_has() {
    // The template of `old` differs, so the one of `new` is the Deployment's.
    let old = |size| replica_set("old", size, 1, "nodeSelector: {disk: ssd},");
    let new = |size| replica_set("new", size, 2, "");
    let rolling = deployment("replicas: 4,");
    let paused = deployment("replicas: 4, paused: true,");
    let recreate = deployment("replicas: 4, strategy: {type: Recreate},");
    let cases: &[(&[&str], usize, usize, usize, &str)] = &[
        (&[&rolling, &new(4)], 0, 4, 0, "at rest nothing changes"),
        (&[&rolling, &new(2)], 0, 4, 0, "scaled up"),
        (&[&rolling, &new(4), &old(0)], 0, 4, 0, "old revisions are empty"),
        (&[&rolling, &new(0), &old(4)], 4, 0, 1, "the rollout makes the new pods"),
        (&[&rolling, &new(2), &old(3)], 3, 2, 1, "a rollout goes on"),
        (&[&paused, &new(2)], 0, 4, 0, "a paused one is scaled"),
        (&[&paused, &new(0), &old(2)], 4, 0, 0, "a paused one is not rolled out"),
        (&[&recreate, &new(0), &old(4)], 4, 0, 1, "the rollout deletes the old pods"),
        (&[&recreate, &new(0), &old(0)], 0, 4, 0, "the old pods are gone"),
    ];
    for (texts, old, new, rollouts, why) in cases {
        let world = world(&documents(texts));
        let names = crate::fixture::names(&world);
        let count = |prefix: &str| names.iter().filter(|name| name.starts_with(prefix)).count();
        assert_eq!((count("web-old-"), count("web-new-"), names.len()), (*old, *new, old + new), "{why}");
        assert_eq!(world.rollouts.len(), *rollouts, "{why}");
    }
}

#[test]
fn of_replica_sets_with_one_template_the_oldest_is_the_new_one() {
    let text =
        documents(&[&deployment("replicas: 2,"), &replica_set("b", 0, 3, ""), &replica_set("a", 1, 2, "")]);
    assert_eq!(waiting(&text), ["web-a-0", "web-a-1"]);
}

#[test]
fn pods_that_are_there_are_not_made_again() {
    let n = node("n1", "", "");
    let pod = |name: &str, owner: &str| running(name, "app: web, pod-template-hash: x1", "ReplicaSet", owner);
    let leaving =
        pod("web-x1-b", "web-x1").replace("uid:", "deletionTimestamp: '2026-01-01T00:00:00Z', uid:");
    let orphan = "{apiVersion: v1, kind: Pod, metadata: {name: o, uid: u, labels: {app: web}}, spec: {nodeName: n1, \
                  priority: 0, containers: [{name: c}]}}";
    let set = workload("ReplicaSet", "web", "", "replicas: 3,", "");
    let owned = |name: &str| running(name, "app: web", "ReplicaSet", "web");
    let with_uid = set.replace("name: web, ", "name: web, uid: u1, ");
    let foreign = owned("a").replace("controller: true", "controller: true, uid: u2");
    let cases: &[(&[&str], &[&str], &str)] = &[
        (
            &[&deployment("replicas: 3,"), &pod("web-x1-a", "web-x1")],
            &["web-x1-0", "web-x1-1"],
            "its ReplicaSet is known by its pods alone",
        ),
        (
            &[&deployment("replicas: 2,"), &pod("web-x1-0", "web-x1"), &leaving],
            &["web-x1-1"],
            "what goes away is replaced",
        ),
        (
            &[&deployment("replicas: 2,"), &pod("web-x1-a", "web-x2")],
            &["web-qspq9-0", "web-qspq9-1"],
            "another hash than that of the ReplicaSet",
        ),
        (&[&deployment("replicas: 1,"), orphan], &["web-qspq9-0"], "a Deployment adopts no pods"),
        (
            &[&set, &owned("a"), &owned("web-0")],
            &["web-1"],
            "owned pods count, and names are not given twice",
        ),
        (&[&set, orphan], &["web-0", "web-1"], "an orphan is adopted"),
        (&[&with_uid, &owned("a")], &["web-0", "web-1"], "an owner reference without uid"),
        (&[&with_uid, &foreign], &["web-0", "web-1", "web-2"], "the same name, but another uid"),
        (&[&set.replace("replicas: 3", "replicas: 0"), &owned("a")], &[], "a pod too many stays"),
    ];
    for (texts, expected, why) in cases {
        let text = documents(&[&[n.as_str()], *texts].concat());
        assert_eq!(waiting(&text), *expected, "{why}");
    }
}

#[test]
fn a_template_can_name_the_node() {
    let world =
        world(&documents(&[&node("n1", "", ""), &workload("Deployment", "web", "", "", "nodeName: n1,")]));
    assert!(world.waiting.is_empty());
    assert_eq!(pod(&world, "web-qspq9-0").node.as_deref(), Some("n1"));
}
