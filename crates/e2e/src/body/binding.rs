//! Things vanish between the decision and the binding; nothing may get lost, stay reserved or be counted twice.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::placement::{all_placed, nodes_in_use};
use crate::object::{node_of_cpu, pod, pod_of_cpu};
use crate::stage::Stage;

pub(super) fn pods_deleted(stage: &mut Stage) -> Result<()> {
    stage.schedule()?;
    stage.nodes(&[node_of_cpu("one", "5"), node_of_cpu("two", "5")])?;
    // Each wave fills both nodes; half of it is deleted at once, while bindings are in flight, half after that. A place
    // that stayed reserved would leave a pod of the next wave without a node.
    for wave in 0..3 {
        let pods: Vec<Value> = (0..100).map(|i| pod(&format!("pod-{wave}-{i}"))).collect();
        stage.api.create_all(&stage.core("pods"), &pods)?;
        for i in 0..50 {
            stage.api.delete(&stage.core(&format!("pods/pod-{wave}-{i}")))?;
        }
        all_placed(stage, 50).with_context(|| format!("wave {wave}"))?;
        stage.api.delete(&stage.core("pods"))?;
    }
    for name in ["whole-one", "whole-two"] {
        stage.pod(&pod_of_cpu(name, "5"))?;
    }
    ensure!(stage.placed("whole-one")? != stage.placed("whole-two")?);
    Ok(())
}

pub(super) fn node_deleted(stage: &mut Stage) -> Result<()> {
    stage.schedule()?;
    let nodes: Vec<Value> = ["a", "b", "c", "gone"].map(|name| node_of_cpu(name, "100")).to_vec();
    stage.nodes(&nodes)?;
    let pods: Vec<Value> = (0..200).map(|i| pod(&format!("pod-{i}"))).collect();
    stage.api.create_all(&stage.core("pods"), &pods[..100])?;
    stage.api.delete("/api/v1/nodes/gone")?;
    stage.api.create_all(&stage.core("pods"), &pods[100..])?;
    all_placed(stage, pods.len())?;
    // All that is decided from now on leaves the lost node out.
    stage.pod(&pod_of_cpu("too-large", "101"))?;
    stage.waits_saying("too-large", "0/3 nodes are available: 3 Insufficient cpu.")?;
    let on_gone = |stage: &Stage| -> Result<usize> {
        Ok(nodes_in_use(stage)?.iter().filter(|node| *node == "gone").count())
    };
    let before = on_gone(stage)?;
    let more: Vec<Value> = (0..50).map(|i| pod(&format!("more-{i}"))).collect();
    stage.api.create_all(&stage.core("pods"), &more)?;
    all_placed(stage, pods.len() + more.len())?;
    ensure!(on_gone(stage)? == before, "pods go to a node that is gone");
    Ok(())
}
