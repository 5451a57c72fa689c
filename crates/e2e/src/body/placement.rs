//! Pods get nodes that fit, by priority, and no node gets more than it has.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::client::{Client, eventually};
use crate::object::{node, node_of_cpu, pod, pod_of_class, with};
use crate::stage::Stage;

pub(super) fn plain(stage: &mut Stage) -> Result<()> {
    stage.schedule()?;
    stage.nodes(&[node("first"), node("second"), node_of_cpu("tiny", "50m")])?;
    stage.seen(3)?;
    let pods: Vec<Value> = (0..20).map(|i| pod(&format!("pod-{i}"))).collect();
    stage.api.create_all(&stage.core("pods"), &pods)?;
    let used = all_placed(stage, pods.len())?;
    ensure!(!used.contains(&"tiny".to_owned()), "a pod of 100m is on a node of 50m");
    // Spread by usage: two equal nodes get equally many.
    let on_first = used.iter().filter(|name| *name == "first").count();
    ensure!(on_first == 10, "{on_first} of 20 equal pods are on the first of two equal nodes");
    Ok(())
}

pub(super) fn by_priority(stage: &mut Stage) -> Result<()> {
    stage.nobody_schedules();
    stage.nodes(&[node_of_cpu("only", "2")])?;
    for (name, value) in [("low", 10), ("middle", 20), ("high", 30)] {
        priority_class(&stage.api, name, value)?;
    }
    let with_class = |name: &str, class: &str| {
        with(pod_of_class(name, "1", class), json!({"spec": {"preemptionPolicy": null}}))
    };
    for (name, class) in [("a", "low"), ("b", "high"), ("c", "middle"), ("d", "high"), ("e", "low")] {
        stage.pod(&with_class(name, class))?;
    }
    stage.schedule()?;
    for pod in ["b", "d"] {
        ensure!(stage.placed(pod)? == "only");
    }
    // Had a lower one come first, it would be preempted, and so be gone.
    for pod in ["a", "c", "e"] {
        let said = stage.waits(pod)?;
        ensure!(said.reason == "Unschedulable", "{pod}: {said:?}");
    }
    Ok(())
}

/// Makes a priority class.
///
/// # Errors
/// The server refuses.
pub(super) fn priority_class(api: &Client, name: &str, value: i32) -> Result<()> {
    priority_class_with(api, name, value, json!({}))
}

/// Makes a priority class with more than a value, and waits until the server gives pods its priority: it keeps classes
/// in a cache of its own, which may also hold the last body's class of that name.
///
/// # Errors
/// The server refuses.
pub(super) fn priority_class_with(api: &Client, name: &str, value: i32, more: Value) -> Result<()> {
    let class = with(json!({"metadata": {"name": name}, "value": value}), more);
    api.create("/apis/scheduling.k8s.io/v1/priorityclasses", &class)?;
    eventually("the server knows the priority class", || {
        let answer =
            api.create("/api/v1/namespaces/default/pods?dryRun=All", &pod_of_class("probe", "1", name));
        Ok(answer.ok().filter(|pod| pod["spec"]["priority"] == value).map(|_| ()))
    })
}

/// Waits until the namespace has so many pods and each has a node; gives the nodes' names.
///
/// # Errors
/// Some get none in time.
pub(super) fn all_placed(stage: &Stage, count: usize) -> Result<Vec<String>> {
    eventually(&format!("{count} pods have nodes"), || {
        let used = nodes_in_use(stage)?;
        Ok((used.len() == count).then_some(used))
    })
}

/// The node of each pod that has one.
///
/// # Errors
/// The server is not there.
pub(super) fn nodes_in_use(stage: &Stage) -> Result<Vec<String>> {
    let pods = stage.api.list(&stage.core("pods"))?;
    Ok(pods.iter().filter_map(|pod| pod["spec"]["nodeName"].as_str().map(str::to_owned)).collect())
}
