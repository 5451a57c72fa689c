//! Volumes and nodes are chosen together; the test plays the controllers of volumes.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::client::eventually;
use crate::object::{bound_to, claim, node, pod_of_claim, volume, waiting_class, with};
use crate::stage::Stage;

const CLASSES: &str = "/apis/storage.k8s.io/v1/storageclasses";
const VOLUMES: &str = "/api/v1/persistentvolumes";

pub(super) fn provisioned(stage: &mut Stage) -> Result<()> {
    stage.schedule()?;
    stage.nodes(&[node("host")])?;
    stage.api.create(CLASSES, &waiting_class("made-on-demand", "example.com/volumes"))?;
    stage.api.create(&stage.core("persistentvolumeclaims"), &claim("data", "made-on-demand"))?;
    stage.pod(&pod_of_claim("pod", "data"))?;
    let path = stage.core("persistentvolumeclaims/data");
    let chosen = eventually("the claim says for which node its volume is wanted", || {
        let claim = stage.api.get(&path)?.unwrap_or_default();
        let node = &claim["metadata"]["annotations"]["volume.kubernetes.io/selected-node"];
        Ok(node.is_string().then_some(claim))
    })?;
    ensure!(chosen["metadata"]["annotations"]["volume.kubernetes.io/selected-node"] == "host");
    let pod = stage.look("pod")?.unwrap_or_default();
    ensure!(pod["spec"]["nodeName"].is_null(), "the pod has a node before its volume is there");
    let reference = json!({"kind": "PersistentVolumeClaim", "apiVersion": "v1", "namespace": stage.namespace(),
        "name": "data", "uid": chosen["metadata"]["uid"]});
    let made = with(volume("made", "made-on-demand", "host"), json!({"spec": {"claimRef": reference}}));
    stage.api.create(VOLUMES, &made)?;
    bind(stage, "data", "made")?;
    ensure!(stage.placed("pod")? == "host");
    Ok(())
}

pub(super) fn chosen(stage: &mut Stage) -> Result<()> {
    stage.schedule()?;
    stage.nodes(&[node("without"), node("with")])?;
    stage.api.create(CLASSES, &waiting_class("local", "kubernetes.io/no-provisioner"))?;
    stage.api.create(VOLUMES, &volume("disk", "local", "with"))?;
    stage.api.patch(&format!("{VOLUMES}/disk/status"), &json!({"status": {"phase": "Available"}}))?;
    stage.api.create(&stage.core("persistentvolumeclaims"), &claim("data", "local"))?;
    stage.api.create(&stage.core("persistentvolumeclaims"), &claim("second", "local"))?;
    stage.pod(&pod_of_claim("pod", "data"))?;
    let reference = eventually("the volume is given to the claim", || {
        let volume = stage.api.get(&format!("{VOLUMES}/disk"))?.unwrap_or_default();
        let reference = volume["spec"]["claimRef"].clone();
        Ok(reference.is_object().then_some(reference))
    })?;
    ensure!(reference["name"] == "data" && reference["namespace"] == stage.namespace(), "{reference}");
    bind(stage, "data", "disk")?;
    ensure!(stage.placed("pod")? == "with");
    stage.pod(&pod_of_claim("too-many", "second"))?;
    let said = "0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind.";
    stage.waits_saying("too-many", said)?;
    Ok(())
}

pub(super) fn claimed_later(stage: &mut Stage) -> Result<()> {
    stage.schedule()?;
    stage.nodes(&[node("host")])?;
    stage.pod(&pod_of_claim("pod", "late"))?;
    let said = "0/1 nodes are available: persistentvolumeclaim \"late\" not found.";
    stage.waits_saying("pod", said)?;
    stage.api.create(VOLUMES, &volume("disk", "any", "host"))?;
    let late = with(claim("late", "any"), bound_to("disk"));
    stage.api.create(&stage.core("persistentvolumeclaims"), &late)?;
    ensure!(stage.placed("pod")? == "host");
    Ok(())
}

/// Plays the controller that tells a claim of its volume.
fn bind(stage: &Stage, claim: &str, volume: &str) -> Result<()> {
    let path = stage.core(&format!("persistentvolumeclaims/{claim}"));
    stage.api.patch(&path, &bound_to(volume))?;
    stage.api.patch(&format!("{path}/status"), &json!({"status": {"phase": "Bound"}}))?;
    Ok(())
}
