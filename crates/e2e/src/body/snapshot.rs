//! What `berth simulate` and `berth explain` say of a snapshot is what the scheduler then does.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::placement::priority_class;
use crate::client::eventually;
use crate::object::{node_of_cpu, pod_of_class, pod_of_cpu, with};
use crate::scheduler::program;
use crate::stage::Stage;

/// Stands in an environment variable, which nobody who simulates needs.
const SECRET: &str = "correct-horse-battery-staple";

pub(super) fn foretells(stage: &mut Stage) -> Result<()> {
    stage.nobody_schedules();
    priority_class(&stage.api, "urgent", 1000)?;
    let nodes: Vec<Value> =
        (0..5).map(|i| node_of_cpu(&format!("node-{i}"), &format!("{}", i + 1))).collect();
    stage.nodes(&nodes)?;
    // The scheduler takes the pods that it finds at its start in the order of the list, which is by name; the simulation
    // takes them by creation time, in seconds. Names in the order of creation make the two orders one.
    for i in 0..20 {
        let name = format!("pod-{i:02}");
        let cpu = format!("{}m", 100 + 150 * (i % 7));
        stage.pod(&if i % 4 == 0 {
            pod_of_class(&name, &cpu, "urgent")
        } else {
            with_secret(pod_of_cpu(&name, &cpu))
        })?;
    }
    stage.pod(&pod_of_cpu("too-large", "6"))?;

    let file = stage.plane.folder.join("snapshot.json");
    let kubeconfig = stage.plane.scheduler_kubeconfig();
    berth(stage, &["snapshot", "--kubeconfig", path(&kubeconfig)?, "--output", path(&file)?])?;
    let text = std::fs::read_to_string(&file)?;
    ensure!(
        text.contains("too-large") && !text.contains(SECRET),
        "a snapshot holds what is nobody's business"
    );
    let told: Value = serde_json::from_str(&berth(stage, &["simulate", "-f", path(&file)?, "-o", "json"])?)?;
    let explained = berth(
        stage,
        &["explain", &format!("{}/too-large", stage.namespace()), "--kubeconfig", path(&kubeconfig)?],
    )?;
    ensure!(explained.contains("Insufficient cpu"), "{explained}");

    stage.schedule()?;
    let message = told["pending"][0]["message"].as_str().context("no pod waits in the simulation")?;
    stage.waits_saying("too-large", message)?;
    let foretold: BTreeMap<&str, &str> = told["placements"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|placement| Some((placement["name"].as_str()?, placement["node"].as_str()?)))
        .collect();
    ensure!(foretold.len() == 20, "{} of 20 pods are placed in the simulation", foretold.len());
    for (pod, node) in foretold {
        let placed = stage.placed(pod)?;
        ensure!(placed == node, "{pod} is on {placed}, the simulation said {node}");
    }
    eventually("the placed pods are explained", || {
        let pod = format!("{}/pod-01", stage.namespace());
        let said = berth(stage, &["explain", &pod, "--kubeconfig", path(&kubeconfig)?])?;
        Ok(said.contains("node-").then_some(()))
    })
}

fn with_secret(pod: Value) -> Value {
    let requests = pod["spec"]["containers"][0]["resources"].clone();
    let container = json!({
        "name": "main", "image": "pause", "resources": requests, "env": [{"name": "PASSWORD", "value": SECRET}],
    });
    with(pod, json!({"spec": {"containers": [container]}}))
}

fn path(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is no text")
}

/// Runs berth and gives what it prints.
fn berth(stage: &Stage, args: &[&str]) -> Result<String> {
    let answer = Command::new(program(stage.kind)?).args(args).output()?;
    let complaint = String::from_utf8_lossy(&answer.stderr).into_owned();
    ensure!(answer.status.code().is_some_and(|code| code < 2), "berth {args:?}: {complaint}");
    Ok(String::from_utf8_lossy(&answer.stdout).into_owned())
}
