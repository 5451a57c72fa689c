//! deploy/manifests: with those rights and that configuration, and nothing more, all goes on.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::leader::elected;
use super::placement::priority_class;
use crate::client::eventually;
use crate::object::{claim, node_of_cpu, pod_of_claim, pod_of_class, pod_of_cpu, waiting_class, with};
use crate::stage::Stage;
use crate::testbed;

pub(super) fn rights(stage: &mut Stage) -> Result<()> {
    for file in ["serviceaccount.yaml", "rbac.yaml"] {
        for object in manifests(file)? {
            stage.api.create(&list_of(&object)?, &object)?;
        }
    }
    let map = manifests("configmap.yaml")?.pop().context("no configuration is deployed")?;
    let text = map["data"]["scheduler.yaml"].as_str().context("no scheduler.yaml is deployed")?;
    let client = json!({"clientConnection": {"kubeconfig": stage.plane.deployed_kubeconfig()}});
    let config = with(with(serde_saphyr::from_str(text)?, elected()), client);
    let mut scheduler = stage.schedule_by(&config)?;
    let ours = |pod: Value| with(pod, json!({"spec": {"schedulerName": "berth"}}));

    // Each of these needs rights of its own: bindings, evictions with their conditions, claims, events.
    stage.nodes(&[node_of_cpu("only", "1")])?;
    priority_class(&stage.api, "urgent", 1000)?;
    stage.pod(&ours(pod_of_cpu("first", "1")))?;
    ensure!(stage.placed("first")? == "only");
    stage.pod(&ours(pod_of_class("urgent", "1", "urgent")))?;
    ensure!(stage.placed("urgent")? == "only");
    ensure!(stage.event("first", "Preempted")?["reportingController"] == "berth");
    stage.nodes(&[node_of_cpu("another", "1")])?;
    stage
        .api
        .create("/apis/storage.k8s.io/v1/storageclasses", &waiting_class("made", "example.com/volumes"))?;
    stage.api.create(&stage.core("persistentvolumeclaims"), &claim("data", "made"))?;
    stage.pod(&ours(pod_of_claim("with-volume", "data")))?;
    eventually("the claim says for which node its volume is wanted", || {
        let claim = stage.api.get(&stage.core("persistentvolumeclaims/data"))?.unwrap_or_default();
        Ok((claim["metadata"]["annotations"]["volume.kubernetes.io/selected-node"] == "another")
            .then_some(()))
    })?;
    let lease = stage.api.get("/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/berth")?;
    ensure!(lease.is_some(), "the lease is not that of the configuration");
    ensure!(
        !scheduler.process.log().contains("forbidden"),
        "a right is missing:\n{}",
        scheduler.process.log()
    );
    scheduler.process.alive()
}

fn manifests(file: &str) -> Result<Vec<Value>> {
    let path = testbed::workspace().join("deploy/manifests").join(file);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_saphyr::from_multiple(&text).with_context(|| format!("{} is no YAML", path.display()))
}

/// Where an object is made.
fn list_of(object: &Value) -> Result<String> {
    let kind = object["kind"].as_str().context("an object without a kind")?;
    let namespace = object["metadata"]["namespace"].as_str();
    let root = match object["apiVersion"].as_str() {
        Some("v1") => "/api/v1".to_owned(),
        group => format!("/apis/{}", group.context("an object without a version")?),
    };
    let namespace = namespace.map(|name| format!("/namespaces/{name}")).unwrap_or_default();
    Ok(format!("{root}{namespace}/{}s", kind.to_lowercase()))
}
