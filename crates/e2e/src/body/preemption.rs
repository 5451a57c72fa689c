//! Pods that matter more take the place of those that matter less, sparing what a budget protects.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::placement::{priority_class, priority_class_with};
use crate::client::eventually;
use crate::object::{node_of_cpu, pod_of_class, pod_of_cpu, with};
use crate::stage::Stage;

pub(super) fn budget(stage: &mut Stage) -> Result<()> {
    stage.schedule()?;
    priority_class(&stage.api, "urgent", 1000)?;
    stage.nodes(&[node_of_cpu("guarded", "1"), node_of_cpu("free", "1")])?;
    let budget = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "budget"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "protected"}}},
    });
    stage.api.create(&stage.group("policy/v1", "poddisruptionbudgets"), &budget)?;
    for (name, on) in [("protected", "guarded"), ("unprotected", "free")] {
        stage.pod(&with(pod_of_cpu(name, "1"), json!({"spec": {"nodeName": on}})))?;
    }
    stage.seen(2)?;
    stage.pod(&pod_of_class("urgent", "1", "urgent"))?;
    ensure!(stage.placed("urgent")? == "free");
    ensure!(stage.look("unprotected")?.is_none(), "the pod in the way is still there");
    ensure!(stage.look("protected")?.is_some(), "a pod that a budget protects was deleted without need");
    Ok(())
}

pub(super) fn nominated(stage: &mut Stage) -> Result<()> {
    stage.schedule()?;
    let urgent = take_place(stage, "1")?;
    // While the victim ends, its place is kept: who matters less does not get it.
    stage.pod(&pod_of_cpu("late", "1"))?;
    ensure!(stage.waits("late")?.reason == "Unschedulable");
    stage.api.delete(&stage.core("pods/victim"))?;
    ensure!(stage.placed("urgent")? == "only", "{urgent}");
    ensure!(stage.look("late")?.context("pod late is gone")?["spec"]["nodeName"].is_null());
    Ok(())
}

pub(super) fn never(stage: &mut Stage) -> Result<()> {
    stage.schedule()?;
    priority_class_with(&stage.api, "polite", 1000, json!({"preemptionPolicy": "Never"}))?;
    stage.nodes(&[node_of_cpu("only", "1")])?;
    stage.pod(&with(pod_of_cpu("there", "1"), json!({"spec": {"nodeName": "only"}})))?;
    stage.pod(&pod_of_class("polite", "1", "polite"))?;
    let said = "0/1 nodes are available: 1 Insufficient cpu. preemption: not eligible due to preemptionPolicy=Never.";
    stage.waits_saying("polite", said)?;
    ensure!(stage.look("there")?.is_some());
    Ok(())
}

pub(super) fn overtaken(stage: &mut Stage) -> Result<()> {
    stage.schedule()?;
    // Besides the victim that is ending, another pod is in the way of the most important one: where nobody is left to
    // be asked to end, upstream does not look at nominations.
    priority_class(&stage.api, "middle", 500)?;
    let middle = with(pod_of_class("middle", "1", "middle"), json!({"spec": {"nodeName": "only"}}));
    stage.pod(&middle)?;
    take_place(stage, "2")?;
    priority_class(&stage.api, "critical", 2000)?;
    stage.pod(&pod_of_class("critical", "2", "critical"))?;
    eventually("the more important pod has the nomination", || {
        let of = |pod: &str| -> Result<Value> {
            Ok(stage.look(pod)?.context("a pod is gone")?["status"]["nominatedNodeName"].clone())
        };
        Ok((of("critical")? == "only" && of("urgent")?.is_null()).then_some(()))
    })?;
    stage.api.delete(&stage.core("pods/victim"))?;
    ensure!(stage.placed("critical")? == "only");
    ensure!(stage.waits("urgent")?.reason == "Unschedulable");
    Ok(())
}

/// Pod `urgent` is nominated to the node `only` of so much CPU, whose pod `victim` takes its time to end; gives
/// `urgent`.
///
/// # Errors
/// It is not nominated, or the victim is not asked to end as it should be.
pub(super) fn take_place(stage: &Stage, cpu: &str) -> Result<Value> {
    priority_class(&stage.api, "urgent", 1000)?;
    stage.nodes(&[node_of_cpu("only", cpu)])?;
    let slow = json!({"spec": {"terminationGracePeriodSeconds": 600, "nodeName": "only"}});
    stage.pod(&with(pod_of_cpu("victim", "1"), slow))?;
    stage.pod(&pod_of_class("urgent", "1", "urgent"))?;
    let urgent = eventually("the pod is nominated", || {
        let pod = stage.look("urgent")?.context("pod urgent is gone")?;
        Ok((pod["status"]["nominatedNodeName"] == "only").then_some(pod))
    })?;
    let said = urgent["status"]["conditions"][0]["message"].as_str().unwrap_or_default();
    let wanted = "0/1 nodes are available: 1 Insufficient cpu. preemption: found a potential placement for pod on node \
                  only, preempting 1 victims";
    ensure!(said == wanted, "says {said:?}, not {wanted:?}");
    let victim = eventually("the victim is asked to end", || {
        let pod = stage.look("victim")?.context("pod victim is gone at once, without its grace")?;
        Ok(pod["metadata"]["deletionTimestamp"].is_string().then_some(pod))
    })?;
    let conditions = victim["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let target = conditions
        .iter()
        .find(|condition| condition["type"] == "DisruptionTarget")
        .with_context(|| format!("the victim has no condition DisruptionTarget: {conditions:?}"))?;
    let wanted = json!([
        "True",
        "PreemptionByScheduler",
        "default-scheduler: preempting to accommodate a higher priority pod"
    ]);
    let got = json!([target["status"], target["reason"], target["message"]]);
    ensure!(got == wanted, "{got}, not {wanted}");
    ensure!(victim["metadata"]["deletionGracePeriodSeconds"] == 600, "the victim does not get its grace");
    Ok(urgent)
}
