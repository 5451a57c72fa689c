//! Pods with claims on devices; the test plays the driver and the controller of claims.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::fault::{refuse, refuse_no_more};
use crate::client::eventually;
use crate::object::{node, pod, with};
use crate::stage::Stage;

const GROUP: &str = "resource.k8s.io/v1";
const CLASSES: &str = "/apis/resource.k8s.io/v1/deviceclasses";
const SLICES: &str = "/apis/resource.k8s.io/v1/resourceslices";
const RULES: &str = "/apis/resource.k8s.io/v1/devicetaintrules";

/// A claim gets a device and a consumer before its pod is bound. A pod without a free device waits until one is given
/// back.
pub(super) fn claimed(stage: &mut Stage) -> Result<()> {
    begin(stage, &[("small-node", "small"), ("large-node", "large")])?;
    create_claim(stage, "large", exactly("large"))?;
    stage.pod(&pod_with("first", "large"))?;
    ensure!(stage.placed("first")? == "large-node");
    let claim = allocated(stage, "large")?;
    let result = &claim["status"]["allocation"]["devices"]["results"][0];
    ensure!(result["pool"] == "large-node" && result["device"] == "gpu", "{result}");
    ensure!(claim["status"]["reservedFor"][0]["name"] == "first", "{}", claim["status"]);
    ensure!(claim["metadata"]["finalizers"][0] == "resource.kubernetes.io/delete-protection", "{claim}");
    // A shared claim keeps its pods together.
    stage.pod(&pod_with("second", "large"))?;
    ensure!(stage.placed("second")? == "large-node");
    eventually("the claim has two consumers", || {
        let claim = stage.api.get(&claim_path(stage, "large"))?.unwrap_or_default();
        Ok((claim["status"]["reservedFor"].as_array().map(Vec::len) == Some(2)).then_some(()))
    })?;
    create_claim(stage, "also-large", exactly("large"))?;
    stage.pod(&pod_with("third", "also-large"))?;
    stage.waits_saying("third", "0/2 nodes are available: 2 cannot allocate all claims.")?;
    stage.api.delete(&stage.core("pods/first"))?;
    stage.api.delete(&stage.core("pods/second"))?;
    give_back(stage, "large")?;
    ensure!(stage.placed("third")? == "large-node");
    end(stage)
}

/// A claim of a template is made by a controller, after the pod.
pub(super) fn made_later(stage: &mut Stage) -> Result<()> {
    begin(stage, &[("host", "any")])?;
    let claims = json!([{"name": "gpu", "resourceClaimTemplateName": "template"}]);
    stage.pod(&with(pod("pod"), json!({"spec": {"resourceClaims": claims}})))?;
    let uid = stage.look("pod")?.unwrap_or_default()["metadata"]["uid"].clone();
    let owner = json!([{"apiVersion": "v1", "kind": "Pod", "name": "pod", "uid": uid, "controller": true}]);
    let made = with(claim("pod-gpu", exactly("any")), json!({"metadata": {"ownerReferences": owner}}));
    stage.api.create(&stage.group(GROUP, "resourceclaims"), &made)?;
    let statuses = json!([{"name": "gpu", "resourceClaimName": "pod-gpu"}]);
    let status = json!({"status": {"resourceClaimStatuses": statuses}});
    stage.api.patch(&stage.core("pods/pod/status"), &status)?;
    ensure!(stage.placed("pod")? == "host");
    allocated(stage, "pod-gpu")?;
    end(stage)
}

/// The first alternative that some node can serve is taken.
pub(super) fn prioritized(stage: &mut Stage) -> Result<()> {
    begin(stage, &[("small-node", "small"), ("large-node", "large")])?;
    let alternative = |name: &str, model: &str| json!({"name": name, "deviceClassName": "gpu.example.com", "selectors": [{"cel": {"expression": of_model(model)}}]});
    let request = json!({"name": "gpu", "firstAvailable": [alternative("best", "large"), alternative("good", "small")]});
    for (name, expected, node) in [("one", "gpu/best", "large-node"), ("two", "gpu/good", "small-node")] {
        create_claim(stage, name, request.clone())?;
        stage.pod(&pod_with(name, name))?;
        ensure!(stage.placed(name)? == node, "{name}");
        let claim = allocated(stage, name)?;
        let result = &claim["status"]["allocation"]["devices"]["results"][0];
        ensure!(result["request"] == expected, "{result}");
    }
    end(stage)
}

/// A rule taints devices; a pod waits until the rule is gone.
pub(super) fn tainted(stage: &mut Stage) -> Result<()> {
    begin(stage, &[("host", "any")])?;
    let rule = json!({"metadata": {"name": "broken"}, "spec": {
        "deviceSelector": {"driver": "gpu.example.com"},
        "taint": {"key": "example.com/broken", "effect": "NoSchedule"}}});
    stage.api.create(RULES, &rule)?;
    create_claim(stage, "gpu", exactly("any"))?;
    stage.pod(&pod_with("pod", "gpu"))?;
    stage.waits_saying("pod", "0/1 nodes are available: 1 cannot allocate all claims.")?;
    stage.api.delete(&format!("{RULES}/broken"))?;
    ensure!(stage.placed("pod")? == "host");
    end(stage)
}

/// A class serves an extended resource: the scheduler makes the claim.
pub(super) fn extended(stage: &mut Stage) -> Result<()> {
    begin(stage, &[("host", "any")])?;
    let class = format!("{CLASSES}/gpu.example.com");
    stage.api.patch(&class, &json!({"spec": {"extendedResourceName": "example.com/gpu"}}))?;
    let amount = json!({"cpu": "100m", "example.com/gpu": "1"});
    let containers = json!([{"name": "main", "image": "pause", "resources": {"requests": amount, "limits": {"example.com/gpu": "1"}}}]);
    stage.pod(&with(pod("pod"), json!({"spec": {"containers": containers}})))?;
    ensure!(stage.placed("pod")? == "host");
    let made = eventually("the pod says which claim was made for it", || {
        let pod = stage.look("pod")?.unwrap_or_default();
        let name = pod["status"]["extendedResourceClaimStatus"]["resourceClaimName"].as_str();
        Ok(name.map(str::to_owned))
    })?;
    allocated(stage, &made)?;
    end(stage)
}

/// The API server refuses to write devices into a claim: the pod is tried again, and the device is not lost.
pub(super) fn write_refused(stage: &mut Stage) -> Result<()> {
    begin(stage, &[("host", "any")])?;
    let rule = json!({"apiGroups": ["resource.k8s.io"], "apiVersions": ["v1"], "operations": ["UPDATE"],
        "resources": ["resourceclaims/status"]});
    refuse(stage, "no-devices", &rule, "false", "no devices today")?;
    create_claim(stage, "gpu", exactly("any"))?;
    eventually("the policy is enforced", || {
        let code = stage
            .api
            .patch(&format!("{}/status", claim_path(stage, "gpu")), &json!({"status": {"devices": []}}));
        Ok(code.is_err().then_some(()))
    })?;
    stage.pod(&pod_with("pod", "gpu"))?;
    let said = stage.waits("pod")?;
    ensure!(said.reason == "SchedulerError" && said.message.contains("no devices today"), "{said:?}");
    refuse_no_more(stage, "no-devices")?;
    ensure!(stage.placed("pod")? == "host");
    end(stage)
}

/// A device that must be attached first: the pod is bound once its driver says so. If the driver says that it has
/// failed, the device is given back and another one is taken.
pub(super) fn attached(stage: &mut Stage) -> Result<()> {
    begin(stage, &[("one", "any")])?;
    let device = |name: &str| {
        json!({"name": name, "attributes": {"model": {"string": "any"}}, "bindsToNode": true,
            "bindingConditions": ["example.com/attached"], "bindingFailureConditions": ["example.com/failed"]})
    };
    let slice = json!({"metadata": {"name": "fabric"}, "spec": {"driver": "gpu.example.com", "allNodes": true,
        "pool": {"name": "fabric", "generation": 1, "resourceSliceCount": 1}, "devices": [device("a"), device("b")]}});
    stage.api.delete(&format!("{SLICES}/one"))?;
    stage.api.create(SLICES, &slice)?;
    create_claim(stage, "gpu", exactly("any"))?;
    stage.pod(&pod_with("pod", "gpu"))?;
    let device = chosen(stage)?;
    say(stage, &device, "example.com/failed")?;
    // It may get the same device again: the claim has no state then.
    eventually("the failed device is given back", || {
        let claim = stage.api.get(&claim_path(stage, "gpu"))?.unwrap_or_default();
        Ok(claim["status"]["devices"].is_null().then_some(()))
    })?;
    let device = chosen(stage)?;
    let pod = stage.look("pod")?.unwrap_or_default();
    ensure!(pod["spec"]["nodeName"].is_null(), "the pod is bound before its device is attached");
    say(stage, &device, "example.com/attached")?;
    ensure!(stage.placed("pod")? == "one");
    end(stage)
}

/// The device of claim `gpu`, once it has one.
fn chosen(stage: &Stage) -> Result<String> {
    eventually("the claim has a device", || {
        let claim = stage.api.get(&claim_path(stage, "gpu"))?.unwrap_or_default();
        let device = claim["status"]["allocation"]["devices"]["results"][0]["device"].as_str();
        Ok(device.map(str::to_owned))
    })
}

/// Plays the driver: a condition of the device is true.
fn say(stage: &Stage, device: &str, condition: &str) -> Result<()> {
    let condition = json!({"type": condition, "status": "True", "reason": "Driver", "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z"});
    let devices =
        json!([{"driver": "gpu.example.com", "pool": "fabric", "device": device, "conditions": [condition]}]);
    let path = format!("{}/status", claim_path(stage, "gpu"));
    stage.api.patch(&path, &json!({"status": {"devices": devices}})).map(|_| ())
}

/// Starts the scheduler on nodes that each have one device of this model.
fn begin(stage: &mut Stage, nodes: &[(&str, &str)]) -> Result<()> {
    stage.schedule()?;
    let class = json!({"metadata": {"name": "gpu.example.com"},
        "spec": {"selectors": [{"cel": {"expression": "device.driver == \"gpu.example.com\""}}]}});
    stage.api.create(CLASSES, &class)?;
    for (name, model) in nodes {
        stage.nodes(&[node(name)])?;
        let device = json!({"name": "gpu", "attributes": {"model": {"string": model}}});
        let slice = json!({"metadata": {"name": name}, "spec": {
            "driver": "gpu.example.com", "nodeName": name,
            "pool": {"name": name, "generation": 1, "resourceSliceCount": 1}, "devices": [device]}});
        stage.api.create(SLICES, &slice)?;
    }
    Ok(())
}

/// Takes the protection of all claims away, so that they can be deleted.
fn end(stage: &Stage) -> Result<()> {
    stage.api.delete(&stage.core("pods"))?;
    for claim in stage.api.list(&stage.group(GROUP, "resourceclaims"))? {
        give_back(stage, claim["metadata"]["name"].as_str().unwrap_or_default())?;
    }
    Ok(())
}

/// Plays the controller of claims: it frees a claim that no pod uses.
fn give_back(stage: &Stage, name: &str) -> Result<()> {
    let path = claim_path(stage, name);
    let free = json!({"status": {"allocation": null, "reservedFor": null, "devices": null}});
    stage.api.patch(&format!("{path}/status"), &free)?;
    stage.api.patch(&path, &json!({"metadata": {"finalizers": null}}))?;
    stage.api.delete(&path)
}

fn of_model(model: &str) -> String {
    format!("device.attributes[\"gpu.example.com\"].model == \"{model}\"")
}

/// A request for one device of a model.
fn exactly(model: &str) -> Value {
    let selectors = json!([{"cel": {"expression": of_model(model)}}]);
    json!({"name": "gpu", "exactly": {"deviceClassName": "gpu.example.com", "selectors": selectors}})
}

fn claim(name: &str, request: Value) -> Value {
    json!({"apiVersion": GROUP, "kind": "ResourceClaim", "metadata": {"name": name},
        "spec": {"devices": {"requests": [request]}}})
}

fn create_claim(stage: &Stage, name: &str, request: Value) -> Result<()> {
    stage.api.create(&stage.group(GROUP, "resourceclaims"), &claim(name, request)).map(|_| ())
}

fn claim_path(stage: &Stage, name: &str) -> String {
    stage.group(GROUP, &format!("resourceclaims/{name}"))
}

/// A pod that uses a claim.
fn pod_with(name: &str, claim: &str) -> Value {
    with(pod(name), json!({"spec": {"resourceClaims": [{"name": "gpu", "resourceClaimName": claim}]}}))
}

/// The claim, which has devices.
fn allocated(stage: &Stage, name: &str) -> Result<Value> {
    let claim = stage.api.get(&claim_path(stage, name))?.unwrap_or_default();
    ensure!(claim["status"]["allocation"].is_object(), "claim {name} has no devices: {claim}");
    Ok(claim)
}
