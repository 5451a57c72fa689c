//! What users and their tools read: events and conditions, word for word.

use anyhow::{Result, ensure};
use serde_json::json;

use super::placement::priority_class;
use crate::object::{node_of_cpu, pod_of_class, pod_of_cpu};
use crate::stage::Stage;

pub(super) fn texts(stage: &mut Stage) -> Result<()> {
    stage.schedule()?;
    stage.nodes(&[node_of_cpu("only", "2")])?;
    priority_class(&stage.api, "urgent", 1000)?;
    stage.pod(&pod_of_cpu("fits", "1500m"))?;
    stage.placed("fits")?;
    stage.pod(&pod_of_cpu("does-not-fit", "3"))?;
    let message = "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: \
                   1 Preemption is not helpful for scheduling.";
    let condition = stage.waits_saying("does-not-fit", message)?;
    ensure!(condition.reason == "Unschedulable" && condition.message == message, "{condition:?}");
    ensure!(condition.generation == Some(1), "the condition does not say which generation it is about");
    let uid = |name: &str| -> Result<String> {
        Ok(stage.look(name)?.unwrap_or_default()["metadata"]["uid"].as_str().unwrap_or_default().to_owned())
    };
    stage.pod(&pod_of_class("urgent", "1", "urgent"))?;
    let namespace = stage.namespace();
    let expected = [
        ("fits", "Scheduled", "Normal", "Binding", format!("Successfully assigned {namespace}/fits to only")),
        ("does-not-fit", "FailedScheduling", "Warning", "Scheduling", message.to_owned()),
        (
            "fits",
            "Preempted",
            "Normal",
            "Preempting",
            format!("Preempted by pod {} on node only", uid("urgent")?),
        ),
        (
            "urgent",
            "Scheduled",
            "Normal",
            "Binding",
            format!("Successfully assigned {namespace}/urgent to only"),
        ),
    ];
    for (about, reason, kind, action, note) in expected {
        let event = stage.event(about, reason)?;
        let wanted = json!([kind, action, note, "default-scheduler", "Pod", namespace]);
        let got = json!([
            event["type"],
            event["action"],
            event["note"],
            event["reportingController"],
            event["regarding"]["kind"],
            event["regarding"]["namespace"],
        ]);
        ensure!(got == wanted, "event {reason} about {about}: {got}, not {wanted}");
    }
    let preempted = stage.event("fits", "Preempted")?;
    let instance = preempted["reportingInstance"].as_str().unwrap_or_default();
    ensure!(instance.starts_with("default-scheduler-"), "{preempted}");
    ensure!(stage.placed("urgent")? == "only");
    Ok(())
}
