//! The API server refuses, or is away for a while.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::placement::all_placed;
use crate::client::eventually;
use crate::object::{node_of_cpu, pod, pod_of_cpu, with};
use crate::stage::Stage;

const POLICIES: &str = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
const POLICY_BINDINGS: &str = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings";

pub(super) fn binding_refused(stage: &mut Stage) -> Result<()> {
    stage.schedule()?;
    stage.nodes(&[node_of_cpu("sealed", "4")])?;
    stage.seen(1)?;
    seal(stage)?;
    // More than half of the node: were the place not given back, it would not fit a second time.
    stage.pod(&pod_of_cpu("pod", "3"))?;
    let said = stage.waits("pod")?;
    ensure!(said.reason == "SchedulerError" && said.message.contains("the node is sealed"), "{said:?}");
    let event = stage.event("pod", "FailedScheduling")?;
    ensure!(event["note"].as_str().is_some_and(|note| note.contains("the node is sealed")), "{event}");
    // It is tried again and again, and told once: upstream's events count for as long as the pod itself stays as it is.
    eventually("the event is counted", || {
        let events = stage.api.list(&stage.group("events.k8s.io/v1", "events"))?;
        let counted = |e: &Value| e["regarding"]["name"] == "pod" && e["series"]["count"].as_i64() >= Some(2);
        Ok(events.iter().any(counted).then_some(()))
    })?;
    refuse_no_more(stage, "sealed")?;
    ensure!(stage.placed("pod")? == "sealed");
    Ok(())
}

pub(super) fn server_restarts(stage: &mut Stage) -> Result<()> {
    stage.schedule()?;
    stage.nodes(&[node_of_cpu("before", "50")])?;
    let pods: Vec<Value> = (0..100).map(|i| pod(&format!("pod-{i}"))).collect();
    stage.api.create_all(&stage.core("pods"), &pods[..50])?;
    stage.plane.restart_server()?;
    // What happens while the scheduler's watches are not back yet must not be missed.
    stage.nodes(&[with(node_of_cpu("after", "50"), json!({"metadata": {"labels": {"new": "yes"}}}))])?;
    stage.api.delete("/api/v1/nodes/before")?;
    stage.api.create_all(&stage.core("pods"), &pods[50..])?;
    all_placed(stage, pods.len())?;
    stage.pod(&with(pod("probe"), json!({"spec": {"nodeSelector": {"new": "yes"}}})))?;
    ensure!(stage.placed("probe")? == "after");
    stage.seen(1)?;
    stage.scheduler()?.process.alive()
}

/// The API server refuses to bind pods to the node `sealed`.
fn seal(stage: &Stage) -> Result<()> {
    let rule = json!({"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods/binding"]});
    refuse(stage, "sealed", &rule, "object.target.name != 'sealed'", "the node is sealed")?;
    // The server takes a moment to heed its own policy.
    stage.pod(&with(pod("probe"), json!({"spec": {"schedulerName": "nobody"}})))?;
    eventually("the policy is in force", || {
        let binding = json!({"metadata": {"name": "probe"}, "target": {"kind": "Node", "name": "sealed"}});
        let answer = stage.api.create(&format!("{}?dryRun=All", stage.core("pods/probe/binding")), &binding);
        Ok(answer.is_err().then_some(()))
    })
}

/// The API server refuses the requests of a rule unless an expression holds. It takes a moment until it does so.
pub(super) fn refuse(stage: &Stage, name: &str, rule: &Value, unless: &str, message: &str) -> Result<()> {
    let policy = json!({
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": unless, "message": message}],
        },
    });
    stage.api.create(POLICIES, &policy)?;
    let binding =
        json!({"metadata": {"name": name}, "spec": {"policyName": name, "validationActions": ["Deny"]}});
    stage.api.create(POLICY_BINDINGS, &binding).map(|_| ())
}

/// Ends what [`refuse`] began.
pub(super) fn refuse_no_more(stage: &Stage, name: &str) -> Result<()> {
    stage.api.delete(&format!("{POLICY_BINDINGS}/{name}"))?;
    stage.api.delete(&format!("{POLICIES}/{name}"))
}
