//! Two profiles in one process: each pod is placed by the one it names.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::object::{node, pod, with};
use crate::stage::Stage;

pub(super) fn two(stage: &mut Stage) -> Result<()> {
    let packs = json!({"name": "NodeResourcesFit", "args": {
        "scoringStrategy": {"type": "MostAllocated", "resources": [{"name": "cpu", "weight": 1}]},
    }});
    let only_fit = json!({"score": {"disabled": [{"name": "*"}], "enabled": [{"name": "NodeResourcesFit"}]}});
    let config = json!({"profiles": [
        {"schedulerName": "default-scheduler"},
        {"schedulerName": "packer", "plugins": only_fit, "pluginConfig": [packs]},
    ]});
    let _scheduler = stage.schedule_by(&config)?;
    stage.nodes(&[node("empty"), node("used")])?;
    stage.seen(2)?;
    stage.pod(&with(pod("there"), json!({"spec": {"nodeName": "used"}})))?;
    stage.pod(&with(pod("packed"), json!({"spec": {"schedulerName": "packer"}})))?;
    ensure!(stage.placed("packed")? == "used");
    stage.pod(&pod("spread"))?;
    ensure!(stage.placed("spread")? == "empty");
    stage.pod(&with(pod("of-another"), json!({"spec": {"schedulerName": "somebody-else"}})))?;
    stage.pod(&pod("probe"))?;
    stage.placed("probe")?;
    let other = stage.look("of-another")?.unwrap_or_default();
    ensure!(
        other["spec"]["nodeName"].is_null() && other["status"]["conditions"].is_null(),
        "{}",
        other["status"]
    );
    let event = stage.event("packed", "Scheduled")?;
    ensure!(event["reportingController"] == "packer", "{event}");
    Ok(())
}
