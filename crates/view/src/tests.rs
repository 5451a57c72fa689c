//! The documents about small clusters.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use berth_engine::cluster::Cluster;
use berth_engine::profile::Profile;
use berth_engine::scheduler::Scheduler;
use berth_sim::explain::explain;
use berth_sim::run::{Options, Outcome, Run};
use berth_sim::usage::Measured;
use berth_sim::world::World;
use berth_wire::Loader;
use serde_json::{Value, json};

use crate::{After, ClusterState, Difference, PodExplanation, PodList};

const OPTIONS: Options = Options { preemption: false, all_schedulers: false, verify: true };

fn world(texts: &[&str]) -> World {
    let mut loader = Loader::new();
    loader.read("in", texts.join("\n---\n").as_bytes());
    World::admitted(loader.finish().unwrap().0, None).unwrap()
}

/// The cluster after a run.
fn after(texts: &[&str]) -> (Cluster, Outcome, Measured) {
    let world = world(texts);
    let mut scheduler = Scheduler::new(world.cluster, vec![Profile::standard("default-scheduler")]);
    let outcome = Run::new(&mut scheduler, &world.waiting, OPTIONS).finish(|_| {}).unwrap();
    (scheduler.into_cluster(), outcome, world.measured)
}

fn node(name: &str, cpu: &str, spec: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Node, metadata: {{name: {name}, labels: {{pool: {name}}}}}, spec: {{{spec}}}, status: \
         {{allocatable: {{cpu: '{cpu}', memory: 8Gi, pods: '9'}}}}}}"
    )
}

fn pod(name: &str, cpu: &str, node: &str) -> String {
    let node = if node.is_empty() { String::new() } else { format!("nodeName: {node}, ") };
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, uid: {name}}}, spec: {{{node}containers: [{{name: c, image: \
         i, resources: {{requests: {{cpu: '{cpu}'}}}}}}]}}}}"
    )
}

#[test]
fn the_fates_of_pods_are_told_apart() {
    let [n1, n2, small] = [node("n1", "4", ""), node("n2", "4", ""), node("n2", "1", "")];
    let before = [
        n1.clone(),
        n2,
        pod("moves", "1", "n1"),
        pod("stays", "1", "n1"),
        pod("waits", "4", ""),
        pod("gone", "1", "n1"),
        pod("big", "9", ""),
    ];
    let with = [
        n1,
        small,
        pod("moves", "1", "n2"),
        pod("stays", "1", "n1"),
        pod("waits", "4", ""),
        pod("big", "1", ""),
        pod("new", "9", ""),
    ];
    let (old, new) =
        (after(&before.each_ref().map(String::as_str)), after(&with.each_ref().map(String::as_str)));
    let document = Difference::new(
        "berth simulate".to_owned(),
        "greedy".to_owned(),
        After { cluster: &old.0, outcome: &old.1 },
        After { cluster: &new.0, outcome: &new.1 },
        Vec::new(),
    );
    let document = serde_json::to_value(&document).unwrap();
    let fates: Vec<Value> = document["pods"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pod| json!([pod["name"], pod["fate"], pod["from"], pod["to"], pod["message"].is_string()]))
        .collect();
    let expected = [
        json!(["new", "waits", null, null, true]),
        json!(["waits", "waits", "n2", null, true]),
        json!(["big", "comesIn", null, "n1", false]),
        json!(["moves", "moves", "n1", "n2", false]),
        json!(["gone", "gone", "n1", null, false]),
    ];
    assert_eq!(fates, expected);
    assert_eq!((&document["before"]["pending"], &document["after"]["pending"]), (&json!(1), &json!(2)));
}

#[test]
fn nodes_have_their_labels_states_and_measurements() {
    let taints = "taints: [{key: node.kubernetes.io/not-ready, effect: NoExecute}, {key: slow, value: disk, effect: PreferNoSchedule}]";
    let metrics = "{apiVersion: metrics.k8s.io/v1beta1, kind: NodeMetrics, metadata: {name: n1}, timestamp: \
                   '1970-01-01T00:00:10Z', usage: {cpu: 1500m, memory: 2Ki}}";
    let (cluster, outcome, measured) =
        after(&[&node("n1", "4", taints), &node("n2", "4", "unschedulable: true"), metrics]);
    let document = ClusterState::new("greedy".to_owned(), &cluster, &outcome, &measured);
    let document = serde_json::to_value(&document).unwrap();
    let [n1, n2] = [&document["nodes"][0], &document["nodes"][1]];
    assert_eq!(n1["labels"], json!({"pool": "n1"}));
    assert_eq!((&n1["notReady"], &n1["softTaints"]), (&json!(true), &json!(["slow=disk:PreferNoSchedule"])));
    assert_eq!(n1["measured"], json!({"cpu": "1.5", "memory": "2048"}));
    assert_eq!(
        (&n2["notReady"], &n2["unschedulable"], &n2["measured"]),
        (&Value::Null, &json!(true), &Value::Null)
    );
}

#[test]
fn pods_of_one_workload_with_equal_requests_are_a_group() {
    let replicas = "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: web}, spec: {replicas: 3, selector: {matchLabels: \
                    {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: i, resources: \
                    {requests: {cpu: '2'}}}]}}}}";
    let (cluster, outcome, _) = after(&[&node("n1", "4", ""), &pod("lone", "1", "n1"), replicas]);
    let document = serde_json::to_value(PodList::new(&cluster, &outcome)).unwrap();
    let groups: Vec<Value> = document["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| {
            json!([
                group["workload"]["name"],
                group["requests"]["cpu"],
                group["pods"].as_array().unwrap().len()
            ])
        })
        .collect();
    assert_eq!(groups, [json!([null, "1", 1]), json!(["web", "2", 3])]);
    let pods = &document["groups"][1]["pods"];
    assert_eq!((&pods[0]["node"], pods[0]["score"].is_i64()), (&json!("n1"), true));
    assert_eq!((&pods[1]["node"], pods[1]["message"].is_string()), (&Value::Null, true));
}

#[test]
fn an_explanation_is_cut_and_says_what_it_leaves_out() {
    let texts = [
        node("n1", "1", ""),
        node("n2", "1", ""),
        node("n3", "1", "unschedulable: true"),
        pod("big", "9", ""),
    ];
    let world = world(&texts.each_ref().map(String::as_str));
    let mut scheduler = Scheduler::new(world.cluster, vec![Profile::standard("default-scheduler")]);
    let explanation = explain(&mut scheduler, world.waiting[0], "greedy".to_owned(), OPTIONS);
    let cut = PodExplanation::new(explanation, 1);
    assert_eq!((cut.explanation.nodes.len(), cut.nodes_left_out, cut.feasible_nodes), (1, 2, 0));
    let rejected: Vec<_> =
        cut.rejected_nodes.iter().map(|one| (&*one.plugin, &*one.reason, one.nodes)).collect();
    let expected =
        [("NodeResourcesFit", "Insufficient cpu", 2), ("NodeUnschedulable", "node(s) were unschedulable", 1)];
    assert_eq!(rejected, expected);
}
