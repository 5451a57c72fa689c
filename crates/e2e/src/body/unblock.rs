//! A pod that waits gets its node as soon as what it waits for happens.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::object::{node, node_of_cpu, pod, pod_of_cpu, with};
use crate::stage::Stage;

pub(super) fn gates(stage: &mut Stage) -> Result<()> {
    stage.schedule()?;
    stage.nodes(&[node("open")])?;
    let gates = json!([{"name": "example.com/quota"}, {"name": "example.com/licence"}]);
    stage.pod(&with(pod("gated"), json!({"spec": {"schedulingGates": gates}})))?;
    let said = stage.waits("gated")?;
    ensure!(said.reason == "SchedulingGated", "{said:?}");
    ensure!(said.message == "Scheduling is blocked due to non-empty scheduling gates", "{said:?}");
    let path = stage.core("pods/gated");
    stage.api.patch(&path, &json!({"spec": {"schedulingGates": [{"name": "example.com/licence"}]}}))?;
    stage.pod(&pod("probe"))?;
    stage.placed("probe")?;
    ensure!(stage.waits("gated")?.reason == "SchedulingGated", "one of two gates is enough to wait");
    stage.api.patch(&path, &json!({"spec": {"schedulingGates": []}}))?;
    ensure!(stage.placed("gated")? == "open");
    Ok(())
}

pub(super) fn node_added(stage: &mut Stage) -> Result<()> {
    unblocks(stage, &[], &pod("pod"), "no nodes available to schedule pods", |stage| {
        stage.nodes(&[node("new")])
    })
}

pub(super) fn label_changed(stage: &mut Stage) -> Result<()> {
    let wants = with(pod("pod"), json!({"spec": {"nodeSelector": {"disk": "ssd"}}}));
    let said = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.";
    unblocks(stage, &[node("new")], &wants, said, |stage| {
        stage.api.patch("/api/v1/nodes/new", &json!({"metadata": {"labels": {"disk": "ssd"}}})).map(|_| ())
    })
}

pub(super) fn taint_removed(stage: &mut Stage) -> Result<()> {
    let taints = json!([{"key": "example.com/setup", "effect": "NoSchedule"}]);
    let tainted = with(node("new"), json!({"spec": {"taints": taints}}));
    let said = "0/1 nodes are available: 1 node(s) had untolerated taint(s).";
    unblocks(stage, &[tainted], &pod("pod"), said, |stage| {
        stage.api.patch("/api/v1/nodes/new", &json!({"spec": {"taints": null}})).map(|_| ())
    })
}

pub(super) fn uncordoned(stage: &mut Stage) -> Result<()> {
    let cordoned = with(node("new"), json!({"spec": {"unschedulable": true}}));
    let said = "0/1 nodes are available: 1 node(s) were unschedulable.";
    unblocks(stage, &[cordoned], &pod("pod"), said, |stage| {
        stage.api.patch("/api/v1/nodes/new", &json!({"spec": {"unschedulable": null}})).map(|_| ())
    })
}

pub(super) fn toleration_added(stage: &mut Stage) -> Result<()> {
    let taints = json!([{"key": "example.com/setup", "effect": "NoSchedule"}]);
    let tainted = with(node("new"), json!({"spec": {"taints": taints}}));
    let said = "0/1 nodes are available: 1 node(s) had untolerated taint(s).";
    unblocks(stage, &[tainted], &pod("pod"), said, |stage| {
        let path = stage.core("pods/pod");
        // Tolerations can only be added, and the server has added some of its own.
        let mut all = stage.look("pod")?.unwrap_or_default()["spec"]["tolerations"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        all.push(json!({"key": "example.com/setup", "operator": "Exists"}));
        stage.api.patch(&path, &json!({"spec": {"tolerations": all}})).map(|_| ())
    })
}

pub(super) fn pod_deleted(stage: &mut Stage) -> Result<()> {
    let in_the_way = with(pod_of_cpu("in-the-way", "3"), json!({"spec": {"nodeName": "new"}}));
    stage.pod(&in_the_way)?;
    let said = "0/1 nodes are available: 1 Insufficient cpu.";
    unblocks(stage, &[node_of_cpu("new", "4")], &pod_of_cpu("pod", "2"), said, |stage| {
        stage.api.delete(&stage.core("pods/in-the-way"))
    })
}

pub(super) fn friend_arrives(stage: &mut Stage) -> Result<()> {
    let near = json!({"spec": {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "friend"}}},
    ]}}}});
    let said = "0/1 nodes are available: 1 node(s) didn't match pod affinity rules.";
    unblocks(stage, &[node("new")], &with(pod("pod"), near), said, |stage| stage.pod(&pod("friend")))
}

/// The pod `pod` waits, saying why, until `happens`; then it gets the node `new`.
fn unblocks(
    stage: &mut Stage,
    nodes: &[Value],
    pod: &Value,
    said: &str,
    happens: impl FnOnce(&Stage) -> Result<()>,
) -> Result<()> {
    stage.schedule()?;
    stage.nodes(nodes)?;
    stage.pod(pod)?;
    let condition = stage.waits_saying("pod", said)?;
    ensure!(condition.reason == "Unschedulable", "{condition:?}");
    happens(stage)?;
    ensure!(stage.placed("pod")? == "new");
    Ok(())
}
