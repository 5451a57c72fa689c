//! The scheduler may die at any moment: who follows goes on from what the API server knows.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::placement::{nodes_in_use, priority_class};
use super::preemption::take_place;
use crate::client::{eventually, within};
use crate::object::{node_of_cpu, pod, pod_of_class, with};
use crate::scheduler::{Kind, Scheduler};
use crate::stage::Stage;

/// How many pods are in the flow; `$BERTH_E2E_PODS` says otherwise.
const PODS: usize = 300;

const NODES: usize = 10;

pub(super) fn killed(stage: &mut Stage) -> Result<()> {
    let count = room_for_all(stage)?;
    let mut first = stage.schedule_by(&json!({}))?;
    fill(stage, count)?;
    some_placed(stage, count / 5)?;
    first.process.kill()?;
    let left = count - nodes_in_use(stage)?.len();
    let _second = Scheduler::start_as(stage.kind, stage.plane, &json!({}), "second")?;
    once_each(stage, count).with_context(|| format!("{left} pods were left when the scheduler was killed"))
}

/// Twenty schedulers in a row, each killed at a moment by chance, while the pods keep coming.
pub(super) fn killed_often(stage: &mut Stage) -> Result<()> {
    const TIMES: usize = 20;
    let count = room_for_all(stage)?;
    stage.nobody_schedules();
    let each = count / TIMES;
    let mut chance: u64 = 0x5eed;
    for time in 0..TIMES {
        let last = if time + 1 == TIMES { count } else { (time + 1) * each };
        let pods: Vec<Value> = (time * each..last).map(|i| pod(&format!("pod-{i}"))).collect();
        let mut scheduler =
            Scheduler::start_as(stage.kind, stage.plane, &json!({}), &format!("mortal-{time}"))?;
        stage.api.create_all(&stage.core("pods"), &pods)?;
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        std::thread::sleep(Duration::from_millis(50 + (chance >> 40) % 500));
        scheduler.process.kill()?;
    }
    let _last = Scheduler::start_as(stage.kind, stage.plane, &json!({}), "last")?;
    once_each(stage, count)
}

pub(super) fn terminated(stage: &mut Stage) -> Result<()> {
    let count = room_for_all(stage)?;
    let mut first = stage.schedule_by(&json!({}))?;
    fill(stage, count)?;
    some_placed(stage, count / 5)?;
    first.process.terminate()?;
    let status = first.process.ended(Duration::from_secs(30))?;
    // Upstream's calls this a failure where no leader is elected.
    let well = status.success() || (stage.kind == Kind::Upstream && status.code() == Some(1));
    ensure!(well, "asked to end, it ended with {status}");
    let _second = Scheduler::start_as(stage.kind, stage.plane, &json!({}), "second")?;
    once_each(stage, count)
}

pub(super) fn nominated(stage: &mut Stage) -> Result<()> {
    let mut first = stage.schedule_by(&json!({}))?;
    take_place(stage, "1")?;
    first.process.kill()?;
    priority_class(&stage.api, "middle", 500)?;
    let _second = Scheduler::start_as(stage.kind, stage.plane, &json!({}), "second")?;
    // Its place is kept by the next scheduler too.
    stage.pod(&pod_of_class("late", "1", "middle"))?;
    ensure!(stage.waits("late")?.reason == "Unschedulable");
    stage.api.delete(&stage.core("pods/victim"))?;
    ensure!(stage.placed("urgent")? == "only");
    Ok(())
}

/// Nodes on which exactly the pods of a flow find room; says how many pods that is.
///
/// # Errors
/// The server refuses.
pub(super) fn room_for_all(stage: &Stage) -> Result<usize> {
    let asked = std::env::var("BERTH_E2E_PODS").ok().and_then(|text| text.parse().ok()).unwrap_or(PODS);
    let each = asked.div_ceil(NODES);
    let size = json!({"cpu": format!("{}m", 100 * each), "pods": each.to_string(), "memory": "32Gi"});
    let nodes: Vec<Value> = (0..NODES)
        .map(|i| {
            let node = node_of_cpu(&format!("node-{i}"), "1");
            with(node, json!({"status": {"allocatable": size, "capacity": size}}))
        })
        .collect();
    stage.nodes(&nodes)?;
    Ok(each * NODES)
}

/// Makes the pods of a flow.
///
/// # Errors
/// The server refuses.
pub(super) fn fill(stage: &Stage, count: usize) -> Result<()> {
    let pods: Vec<Value> = (0..count).map(|i| pod(&format!("pod-{i}"))).collect();
    stage.api.create_all(&stage.core("pods"), &pods)
}

/// Waits until at least so many pods have nodes.
///
/// # Errors
/// They get none in time.
pub(super) fn some_placed(stage: &Stage, count: usize) -> Result<()> {
    eventually(
        &format!("{count} pods have nodes"),
        || Ok((nodes_in_use(stage)?.len() >= count).then_some(())),
    )
}

/// Waits until all pods have nodes, and sees that each node has exactly those that it has room for.
///
/// # Errors
/// A pod has no node in time, or a node has too many.
pub(super) fn once_each(stage: &Stage, count: usize) -> Result<()> {
    let used = within(Duration::from_secs(120), &format!("{count} pods have nodes"), || {
        let used = nodes_in_use(stage)?;
        Ok((used.len() == count).then_some(used))
    })?;
    for i in 0..NODES {
        let name = format!("node-{i}");
        let on_it = used.iter().filter(|node| **node == name).count();
        ensure!(on_it == count / NODES, "{on_it} pods are on {name}, which has room for {}", count / NODES);
    }
    Ok(())
}
