//! Nodes that are refused for a pod's volumes, in upstream's words.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::object::{bound_to, claim, node, pod_of_claim, volume, with};
use crate::stage::Stage;

pub(super) fn claims(stage: &mut Stage) -> Result<()> {
    stage.schedule()?;
    stage.nodes(&[node("near")])?;
    let class = json!({"metadata": {"name": "now"}, "provisioner": "example.com/volumes"});
    stage.api.create("/apis/storage.k8s.io/v1/storageclasses", &class)?;
    // Nobody provisions here, so a claim that does not wait for a pod stays unbound.
    stage.api.create(&stage.core("persistentvolumeclaims"), &claim("unbound", "now"))?;
    stage.api.create("/api/v1/persistentvolumes", &volume("far-away", "now", "far"))?;
    let bound = with(claim("bound", "now"), bound_to("far-away"));
    stage.api.create(&stage.core("persistentvolumeclaims"), &bound)?;
    // What follows differs where the claim itself is at fault: upstream adds "not found", the error of a plugin that is
    // asked before it was prepared; Berth adds what preemption can do.
    for (claim, said) in [
        ("bound", "0/1 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity."),
        ("unbound", "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."),
        ("absent", "0/1 nodes are available: persistentvolumeclaim \"absent\" not found."),
    ] {
        let name = format!("with-{claim}");
        stage.pod(&pod_of_claim(&name, claim))?;
        stage.waits_saying(&name, said)?;
    }
    stage.nodes(&[node("far")])?;
    ensure!(stage.placed("with-bound")? == "far");
    Ok(())
}

pub(super) fn shared(stage: &mut Stage) -> Result<()> {
    stage.schedule()?;
    stage.nodes(&[node("host")])?;
    let driver = json!({"name": "csi.example.com", "nodeID": "host", "allocatable": {"count": 1}});
    let limits = json!({"metadata": {"name": "host"}, "spec": {"drivers": [driver]}});
    stage.api.create("/apis/storage.k8s.io/v1/csinodes", &limits)?;
    let zone = |zone: &str| json!({"metadata": {"labels": {"topology.kubernetes.io/zone": zone}}});
    let once = json!({"spec": {"accessModes": ["ReadWriteOncePod"]}});
    let csi = |name: &str| {
        // No node affinity, and another kind of volume than the local one that stands there otherwise.
        let source = json!({"driver": "csi.example.com", "volumeHandle": name});
        let mut volume = with(volume(name, "made", "host"), json!({"spec": {"csi": source}}));
        if let Some(spec) = volume["spec"].as_object_mut() {
            spec.remove("local");
            spec.remove("nodeAffinity");
        }
        volume
    };
    bound(stage, "elsewhere", with(csi("elsewhere"), zone("another")), json!({}))?;
    bound(stage, "first", with(csi("first"), once.clone()), once)?;
    bound(stage, "second", csi("second"), json!({}))?;
    stage.seen(1)?;
    stage.pod(&pod_of_claim("zone", "elsewhere"))?;
    stage.waits_saying("zone", "0/1 nodes are available: 1 node(s) had no available volume zone.")?;
    stage.pod(&pod_of_claim("uses-first", "first"))?;
    ensure!(stage.placed("uses-first")? == "host");
    for (name, claim, said) in [
        (
            "once",
            "first",
            "1 node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by \
             another pod.",
        ),
        ("limit", "second", "1 node(s) exceed max volume count."),
    ] {
        stage.pod(&pod_of_claim(name, claim))?;
        stage.waits_saying(name, &format!("0/1 nodes are available: {said}"))?;
    }
    // Both wait for the same pod to go.
    stage.api.delete(&stage.core("pods/once"))?;
    stage.api.delete(&stage.core("pods/uses-first"))?;
    ensure!(stage.placed("limit")? == "host");
    Ok(())
}

/// A volume and its claim, bound to each other.
fn bound(stage: &Stage, name: &str, volume: Value, change: Value) -> Result<()> {
    stage.api.create("/api/v1/persistentvolumes", &volume)?;
    let claim = with(with(claim(name, "made"), bound_to(name)), change);
    stage.api.create(&stage.core("persistentvolumeclaims"), &claim).map(|_| ())
}
