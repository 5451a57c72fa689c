//! Every filter once: a node that it refuses, in upstream's words, and one that it lets pass.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::object::{node, node_of_cpu, pod, pod_of_cpu, with};
use crate::stage::Stage;

/// One filter's case.
struct Case {
    name: &'static str,
    /// The node that is refused.
    bad: Value,
    /// What stands on it.
    there: Option<Value>,
    /// The node that passes.
    good: Value,
    pod: Value,
    /// What is said where there is only the bad node, up to the words on preemption.
    said: &'static str,
}

pub(super) fn every(stage: &mut Stage) -> Result<()> {
    stage.schedule()?;
    for case in by_node().into_iter().chain(by_pod()) {
        check(stage, &case).with_context(|| format!("case {}", case.name))?;
    }
    Ok(())
}

fn check(stage: &Stage, case: &Case) -> Result<()> {
    let named = |name: &str, pod: &Value| with(pod.clone(), json!({"metadata": {"name": name}}));
    stage.nodes(std::slice::from_ref(&case.bad))?;
    if let Some(pod) = &case.there {
        let there = with(pod.clone(), json!({"spec": {"nodeName": "bad"}}));
        stage.pod(&named("there", &there))?;
    }
    stage.pod(&named("refused", &case.pod))?;
    let condition = stage.waits_saying("refused", &format!("0/1 nodes are available: {}.", case.said))?;
    ensure!(condition.reason == "Unschedulable", "{condition:?}");
    stage.api.delete(&stage.core("pods/refused"))?;
    stage.nodes(std::slice::from_ref(&case.good))?;
    stage.pod(&named("passes", &case.pod))?;
    ensure!(stage.placed("passes")? == "good");
    stage.api.delete(&stage.core("pods"))?;
    stage.api.delete("/api/v1/nodes")
}

/// What the node itself is.
fn by_node() -> Vec<Case> {
    let case = |name, bad, good, pod, said| Case { name, bad, there: None, good, pod, said };
    let labelled = |name, disk| with(node(name), json!({"metadata": {"labels": {"disk": disk}}}));
    let gpus = |count| json!({"status": {"allocatable": {"example.com/gpu": count}, "capacity": {"example.com/gpu": count}}});
    let asks_gpu = json!({"spec": {"containers": [
        {"name": "main", "image": "pause", "resources": {"limits": {"example.com/gpu": "2"}}},
    ]}});
    let in_zone = json!({"spec": {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": [{"matchExpressions": [{"key": "disk", "operator": "NotIn", "values": ["disc"]}]}],
    }}}}});
    let tainted = json!({"spec": {"taints": [{"key": "dedicated", "value": "db", "effect": "NoSchedule"}]}});
    vec![
        case("cpu", node_of_cpu("bad", "1"), node("good"), pod_of_cpu("pod", "2"), "1 Insufficient cpu"),
        case(
            "extended resource",
            with(node("bad"), gpus("1")),
            with(node("good"), gpus("2")),
            with(pod("pod"), asks_gpu),
            "1 Insufficient example.com/gpu",
        ),
        case(
            "node selector",
            labelled("bad", "disc"),
            labelled("good", "ssd"),
            with(pod("pod"), json!({"spec": {"nodeSelector": {"disk": "ssd"}}})),
            "1 node(s) didn't match Pod's node affinity/selector",
        ),
        case(
            "node affinity",
            labelled("bad", "disc"),
            labelled("good", "ssd"),
            with(pod("pod"), in_zone),
            "1 node(s) didn't match Pod's node affinity/selector",
        ),
        case(
            "taint",
            with(node("bad"), tainted),
            node("good"),
            pod("pod"),
            "1 node(s) had untolerated taint(s)",
        ),
        case(
            "unschedulable",
            with(node("bad"), json!({"spec": {"unschedulable": true}})),
            node("good"),
            pod("pod"),
            "1 node(s) were unschedulable",
        ),
    ]
}

/// What stands on the node.
fn by_pod() -> Vec<Case> {
    let case = |name, pod: Value, said| Case {
        name,
        bad: node("bad"),
        there: Some(pod.clone()),
        good: node("good"),
        pod,
        said,
    };
    let port = json!({"spec": {"containers": [
        {"name": "main", "image": "pause", "ports": [{"containerPort": 80, "hostPort": 8080}]},
    ]}});
    let itself = json!({"matchLabels": {"app": "pod"}});
    let alone = json!({"spec": {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "kubernetes.io/hostname", "labelSelector": itself},
    ]}}}});
    let spread = json!({"spec": {"topologySpreadConstraints": [{
        "maxSkew": 1, "minDomains": 2, "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "DoNotSchedule", "labelSelector": itself,
    }]}});
    vec![
        case("port", with(pod("pod"), port), "1 node(s) didn't have free ports for the requested pod ports"),
        case("anti-affinity", with(pod("pod"), alone), "1 node(s) didn't match pod anti-affinity rules"),
        case("spread", with(pod("pod"), spread), "1 node(s) didn't match pod topology spread constraints"),
    ]
}
