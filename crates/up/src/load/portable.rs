//! Makes an object of another cluster creatable here: what belongs to that cluster alone is removed, references to
//! uids are translated.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

/// The labels that name the uid of a Job.
const JOB_UID_LABELS: [&str; 2] = ["controller-uid", "batch.kubernetes.io/controller-uid"];
/// The finalizer of the pods of a Job.
const JOB_FINALIZER: &str = "batch.kubernetes.io/job-tracking";
/// The label of the pods of StatefulSets and DaemonSets.
pub(super) const REVISION: &str = "controller-revision-hash";
/// The image of a container that has none in the snapshot.
const CONTAINER_IMAGE: &str = "simulated";

/// The uids of the other cluster and those of the objects that were created for them; also, for claims, the new uid by
/// [`claim_key`].
pub(super) type Uids = HashMap<String, String>;

/// When an object is created; `None` for those that are not, since controllers and nodes create them.
///
/// Quotas and limits come last: they are for new objects.
pub(super) fn stage(kind: &str) -> Option<u8> {
    Some(match kind {
        "Event" | "Lease" | "Endpoints" | "EndpointSlice" | "ControllerRevision" | "NodeMetrics"
        | "PodMetrics" | "VolumeAttachment" | "CSIStorageCapacity" | "ComponentStatus" => return None,
        "Namespace" | "CustomResourceDefinition" => 0,
        "PriorityClass" | "RuntimeClass" | "StorageClass" | "CSIDriver" | "DeviceClass"
        | "ServiceAccount" => 1,
        "Service" | "PodDisruptionBudget" | "ConfigMap" | "Secret" => 2,
        "Deployment" | "StatefulSet" | "DaemonSet" | "CronJob" | "ReplicationController" => 3,
        "Node" => 5,
        "PersistentVolumeClaim"
        | "CSINode"
        | "ResourceSlice"
        | "ResourceClaim"
        | "ResourceClaimTemplate"
        | "DeviceTaintRule" => 6,
        "PersistentVolume" | "ReplicaSet" | "Job" => 7,
        "Pod" => 8,
        _ => 9,
    })
}

/// Why an object is left out; `None` if it is not.
pub(super) fn left_out(object: &Value) -> Option<&'static str> {
    let phase = object["status"]["phase"].as_str().unwrap_or_default();
    match object["kind"].as_str().unwrap_or_default() {
        _ if !object["metadata"]["deletionTimestamp"].is_null() => Some("it is being deleted"),
        "Pod" if matches!(phase, "Succeeded" | "Failed") => Some("it has ended"),
        "CronJob" if object["spec"]["schedule"].is_null() => Some("it has no schedule"),
        "Service"
            if object["metadata"]["name"] == "kubernetes" && object["metadata"]["namespace"] == "default" =>
        {
            Some("every cluster has its own")
        }
        _ => None,
    }
}

/// The object as it can be created here. `nodes` says whether a node of that name is there.
pub(super) fn portable(mut object: Value, uids: &Uids, nodes: impl Fn(&str) -> bool) -> Value {
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    metadata(&mut object, uids);
    if kind != "Node"
        && let Some(fields) = object.as_object_mut()
    {
        fields.remove("status");
    }
    match kind.as_str() {
        "Pod" => pod(&mut object, nodes),
        "Node" => node(&mut object),
        "Job" if object["spec"]["manualSelector"] != true => job(&mut object),
        "Service" => service(&mut object),
        "PersistentVolume" => volume(&mut object, uids),
        _ => {}
    }
    for path in ["/spec/template/spec", "/spec/jobTemplate/spec/template/spec"] {
        if let Some(spec) = object.pointer_mut(path) {
            containers(spec);
        }
    }
    object
}

fn metadata(object: &mut Value, uids: &Uids) {
    let is_pod = object["kind"] == "Pod";
    let Some(meta) = object["metadata"].as_object_mut() else { return };
    meta.retain(|key, _| {
        matches!(key.as_str(), "name" | "namespace" | "labels" | "annotations" | "ownerReferences")
    });
    if let Some(annotations) = meta.get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        annotations.retain(|key, _| !key.starts_with("kubernetes.io/config."));
    }
    if let Some(labels) = meta.get_mut("labels").and_then(Value::as_object_mut) {
        for value in labels.values_mut() {
            if let Some(new) = value.as_str().and_then(|old| uids.get(old)) {
                *value = json!(new);
            }
        }
    }
    // Without its owner an object would be deleted as garbage.
    let owners = meta.get_mut("ownerReferences").and_then(Value::as_array_mut).map(std::mem::take);
    let known = owners.unwrap_or_default().into_iter().filter_map(|mut owner| {
        owner["uid"] = json!(uids.get(owner["uid"].as_str()?)?);
        Some(owner)
    });
    let known: Vec<Value> = known.collect();
    if is_pod && known.iter().any(|owner| owner["kind"] == "Job") {
        meta.insert("finalizers".to_owned(), json!([JOB_FINALIZER]));
    }
    meta.insert("ownerReferences".to_owned(), Value::Array(known));
}

fn pod(object: &mut Value, nodes: impl Fn(&str) -> bool) {
    let spec = &mut object["spec"];
    containers(spec);
    let Some(fields) = spec.as_object_mut() else { return };
    // Admission computes the priority from the class, and service accounts are not copied.
    for field in
        ["priority", "preemptionPolicy", "serviceAccountName", "serviceAccount", "ephemeralContainers"]
    {
        fields.remove(field);
    }
    if fields.get("nodeName").and_then(Value::as_str).is_some_and(|name| !nodes(name)) {
        fields.remove("nodeName");
    }
}

/// Snapshots do not hold everything that a container must have.
fn containers(spec: &mut Value) {
    for list in ["containers", "initContainers"] {
        for (number, container) in spec[list].as_array_mut().into_iter().flatten().enumerate() {
            if container["image"].as_str().is_none_or(str::is_empty) {
                container["image"] = json!(CONTAINER_IMAGE);
            }
            if container["name"].as_str().is_none_or(str::is_empty) {
                container["name"] = json!(format!("c{number}"));
            }
        }
    }
    if let Some(fields) = spec.as_object_mut()
        && fields.get("initContainers").is_some_and(Value::is_null)
    {
        fields.remove("initContainers");
    }
}

/// Nodes are ready here, so the taints that say otherwise go.
fn node(object: &mut Value) {
    let of_state = |taint: &Value| {
        let key = taint["key"].as_str().unwrap_or_default();
        key.starts_with("node.kubernetes.io/") || key.starts_with("node.cloudprovider.kubernetes.io/")
    };
    if let Some(taints) = object["spec"]["taints"].as_array_mut() {
        taints.retain(|taint| !of_state(taint));
    }
    if let Some(spec) = object["spec"].as_object_mut() {
        spec.retain(|key, _| matches!(key.as_str(), "taints" | "unschedulable"));
    }
}

/// The API server gives a Job a selector by its new uid.
fn job(object: &mut Value) {
    if let Some(spec) = object["spec"].as_object_mut() {
        spec.remove("selector");
    }
    for path in ["/metadata/labels", "/spec/template/metadata/labels"] {
        if let Some(labels) = object.pointer_mut(path).and_then(Value::as_object_mut) {
            labels.retain(|key, _| !JOB_UID_LABELS.contains(&key.as_str()));
        }
    }
}

/// A volume knows its claim by the uid too.
fn volume(object: &mut Value, uids: &Uids) {
    let Some(claim) = object["spec"]["claimRef"].as_object_mut() else { return };
    claim.retain(|key, _| matches!(key.as_str(), "name" | "namespace" | "kind" | "apiVersion"));
    let name = |key: &str| claim.get(key).and_then(Value::as_str).unwrap_or_default();
    if let Some(uid) = uids.get(&claim_key(name("namespace"), name("name"))) {
        claim.insert("uid".to_owned(), json!(uid));
    }
}

/// How [`Uids`] names a claim.
pub(super) fn claim_key(namespace: &str, name: &str) -> String {
    format!("claim {namespace}/{name}")
}

/// Addresses and ports of the other cluster may be taken or out of range.
fn service(object: &mut Value) {
    let Some(spec) = object["spec"].as_object_mut() else { return };
    if spec.get("clusterIP").is_some_and(|ip| ip != "None") {
        spec.remove("clusterIP");
    }
    for field in ["clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort"] {
        spec.remove(field);
    }
    for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        port.as_object_mut().map(|port: &mut Map<String, Value>| port.remove("nodePort"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uids() -> Uids {
        [("old-job".to_owned(), "new-job".to_owned()), (claim_key("a", "c"), "new-claim".to_owned())].into()
    }

    #[test]
    fn a_pod_keeps_its_node_and_gets_the_uid_of_its_new_owner() {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": "p", "namespace": "ns", "uid": "u", "resourceVersion": "5",
                "labels": {"controller-uid": "old-job", "app": "a"},
                "ownerReferences": [
                    {"kind": "Job", "name": "j", "uid": "old-job", "controller": true},
                    {"kind": "Thing", "name": "t", "uid": "unknown"},
                ],
            },
            "spec": {"nodeName": "n1", "priority": 7, "containers": [{"resources": {"requests": {"cpu": "1"}}}]},
            "status": {"phase": "Running"},
        });
        let made = portable(pod.clone(), &uids(), |name| name == "n1");
        let expected = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": "p", "namespace": "ns", "labels": {"controller-uid": "new-job", "app": "a"},
                "finalizers": [JOB_FINALIZER],
                "ownerReferences": [{"kind": "Job", "name": "j", "uid": "new-job", "controller": true}],
            },
            "spec": {
                "nodeName": "n1", "containers":
                    [{"name": "c0", "image": "simulated", "resources": {"requests": {"cpu": "1"}}}],
            },
        });
        assert_eq!(made, expected);
        assert_eq!(portable(pod, &uids(), |_| false)["spec"]["nodeName"], Value::Null);
    }

    #[test]
    fn what_belongs_to_the_other_cluster_is_removed() {
        let cases = [
            (
                json!({"kind": "Job", "metadata": {"name": "j"}, "spec": {
                    "selector": {"matchLabels": {"controller-uid": "u"}},
                    "template": {"metadata": {"labels": {"controller-uid": "u", "job-name": "j"}}, "spec": {}}}}),
                json!({"template": {"metadata": {"labels": {"job-name": "j"}}, "spec": {
                    "containers": null}}}),
            ),
            (
                json!({"kind": "Service", "metadata": {"name": "s"}, "spec": {
                    "clusterIP": "172.20.0.9", "clusterIPs": ["172.20.0.9"], "ports": [{"port": 80, "nodePort": 30080}]}}),
                json!({"ports": [{"port": 80}]}),
            ),
            (
                json!({"kind": "PersistentVolume", "metadata": {"name": "v"}, "spec": {
                    "claimRef": {"namespace": "a", "name": "c", "uid": "u", "resourceVersion": "4"}}}),
                json!({"claimRef": {"namespace": "a", "name": "c", "uid": "new-claim"}}),
            ),
            (
                json!({"kind": "Node", "metadata": {"name": "n"}, "spec": {"providerID": "x", "taints": [
                    {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}, {"key": "gpu", "effect": "NoSchedule"}]}}),
                json!({"taints": [{"key": "gpu", "effect": "NoSchedule"}]}),
            ),
        ];
        for (object, spec) in cases {
            assert_eq!(portable(object.clone(), &uids(), |_| true)["spec"], spec, "{object}");
        }
    }

    #[test]
    fn what_controllers_create_is_left_to_them() {
        assert!(stage("EndpointSlice").is_none());
        assert!(stage("Deployment") < stage("ReplicaSet") && stage("ReplicaSet") < stage("Pod"));
        assert!(stage("Pod") < stage("ResourceQuota"));
        let ended = json!({"kind": "Pod", "metadata": {}, "status": {"phase": "Succeeded"}});
        assert_eq!(left_out(&ended), Some("it has ended"));
    }
}
