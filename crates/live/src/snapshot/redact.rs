//! What of an object may leave a cluster: what decides about scheduling, and nothing else.
//!
//! Fields that may stay are named; a field that nobody thought of is left out.

use serde_json::{Map, Value};

/// Annotations that decide.
const ANNOTATIONS: &[&str] = &[
    "berth.dev/disk-utilization",
    "berth.dev/network-utilization",
    "berth.dev/utilization-time",
    "deployment.kubernetes.io/revision",
    "pv.kubernetes.io/bind-completed",
    "pv.kubernetes.io/bound-by-controller",
    "storage.alpha.kubernetes.io/migrated-plugins",
    "storageclass.beta.kubernetes.io/is-default-class",
    "storageclass.kubernetes.io/is-default-class",
    "volume.beta.kubernetes.io/storage-class",
    "volume.kubernetes.io/selected-node",
];

const METADATA: &[&str] = &[
    "annotations",
    "creationTimestamp",
    "deletionTimestamp",
    "generation",
    "labels",
    "name",
    "namespace",
    "ownerReferences",
    "uid",
];

const POD_SPEC: &[&str] = &[
    "affinity",
    "containers",
    "hostNetwork",
    "hostUsers",
    "initContainers",
    "nodeName",
    "nodeSelector",
    "os",
    "overhead",
    "preemptionPolicy",
    "priority",
    "priorityClassName",
    "resourceClaims",
    "resources",
    "restartPolicy",
    "runtimeClassName",
    "schedulerName",
    "schedulingGates",
    "tolerations",
    "topologySpreadConstraints",
    "volumes",
];

const CONTAINER: &[&str] =
    &["image", "name", "ports", "resources", "restartPolicy", "restartPolicyRules", "volumeMounts"];

/// Volumes of these kinds decide, and with them these of their fields.
const VOLUMES: &[(&str, &[&str])] = &[
    ("awsElasticBlockStore", &["volumeID", "partition", "readOnly", "fsType"]),
    ("azureDisk", &["diskName", "diskURI", "kind", "readOnly", "cachingMode", "fsType"]),
    ("cinder", &["volumeID", "readOnly", "fsType"]),
    ("csi", &["driver", "volumeHandle", "readOnly"]),
    ("gcePersistentDisk", &["pdName", "partition", "readOnly", "fsType"]),
    ("iscsi", &["targetPortal", "iqn", "lun", "readOnly", "portals", "initiatorName"]),
    ("local", &["path"]),
    ("persistentVolumeClaim", &["claimName", "readOnly"]),
    ("portworxVolume", &["volumeID", "readOnly", "fsType"]),
    ("rbd", &["monitors", "image", "pool", "readOnly", "fsType"]),
    ("vsphereVolume", &["volumePath", "fsType", "storagePolicyName", "storagePolicyID"]),
];

/// Leaves out of an object what does not decide.
pub(super) fn redact(kind: &str, object: &mut Value, annotations: &[String]) {
    let Some(fields) = object.as_object_mut() else { return };
    at(fields, "metadata", |metadata| redact_metadata(metadata, annotations));
    match kind {
        "Pod" => {
            at(fields, "spec", |spec| redact_pod(spec, annotations));
            at(fields, "status", redact_status);
            keep(fields, &["metadata", "spec", "status"]);
        }
        "Node" => {
            at(fields, "spec", |spec| keep(spec, &["taints", "unschedulable"]));
            at(fields, "status", redact_node_status);
            keep(fields, &["metadata", "spec", "status"]);
        }
        "Service" => {
            at(fields, "spec", |spec| keep(spec, &["selector"]));
            keep(fields, &["metadata", "spec"]);
        }
        "ReplicationController" | "ReplicaSet" | "StatefulSet" => {
            at(fields, "spec", |spec| redact_workload(spec, annotations));
        }
        "PersistentVolume" => {
            at(fields, "spec", redact_volume);
            keep(fields, &["metadata", "spec", "status"]);
        }
        "StorageClass" => keep(
            fields,
            &[
                "allowedTopologies",
                "metadata",
                "provisioner",
                "reclaimPolicy",
                "volumeBindingMode",
                "allowVolumeExpansion",
            ],
        ),
        "VolumeAttachment" => {
            at(fields, "spec", |spec| {
                at(spec, "source", |source| at(source, "inlineVolumeSpec", redact_volume));
            });
            keep(fields, &["metadata", "spec"]);
        }
        "Namespace" => keep(fields, &["metadata"]),
        // Claims, budgets, drivers and their capacities, priority classes, measurements: all of them decide.
        _ => {}
    }
}

fn keep(fields: &mut Map<String, Value>, names: &[&str]) {
    fields.retain(|name, _| names.contains(&name.as_str()));
}

fn at(fields: &mut Map<String, Value>, name: &str, change: impl FnOnce(&mut Map<String, Value>)) {
    if let Some(Value::Object(inner)) = fields.get_mut(name) {
        change(inner);
    }
}

fn each(fields: &mut Map<String, Value>, name: &str, change: impl Fn(&mut Map<String, Value>)) {
    if let Some(Value::Array(items)) = fields.get_mut(name) {
        items.iter_mut().filter_map(Value::as_object_mut).for_each(change);
    }
}

fn redact_metadata(metadata: &mut Map<String, Value>, annotations: &[String]) {
    keep(metadata, METADATA);
    at(metadata, "annotations", |found| {
        found.retain(|key, _| {
            ANNOTATIONS.contains(&key.as_str()) || annotations.iter().any(|kept| kept == key)
        });
    });
}

fn redact_pod(spec: &mut Map<String, Value>, annotations: &[String]) {
    keep(spec, POD_SPEC);
    for containers in ["containers", "initContainers"] {
        each(spec, containers, |container| {
            keep(container, CONTAINER);
            each(container, "volumeMounts", |mount| keep(mount, &["bindMountOptions", "mountPath", "name"]));
        });
    }
    each(spec, "volumes", |volume| {
        at(volume, "ephemeral", |ephemeral| {
            at(ephemeral, "volumeClaimTemplate", |claim| redact_claim(claim, annotations));
        });
        redact_sources(volume, &["ephemeral", "image", "name"]);
        if volume.len() < 2 {
            // A volume must be of some kind.
            volume.insert("emptyDir".to_owned(), Value::Object(Map::new()));
        }
    });
}

fn redact_claim(claim: &mut Map<String, Value>, annotations: &[String]) {
    at(claim, "metadata", |metadata| redact_metadata(metadata, annotations));
    keep(claim, &["apiVersion", "kind", "metadata", "spec"]);
}

/// Keeps the volume sources that decide, and the fields of other names.
fn redact_sources(fields: &mut Map<String, Value>, others: &[&str]) {
    fields.retain(|name, source| match VOLUMES.iter().find(|(volume, _)| volume == name) {
        Some((_, kept)) => {
            source.as_object_mut().into_iter().for_each(|source| keep(source, kept));
            true
        }
        None => others.contains(&name.as_str()),
    });
}

fn redact_volume(spec: &mut Map<String, Value>) {
    redact_sources(
        spec,
        &[
            "accessModes",
            "capacity",
            "claimRef",
            "nodeAffinity",
            "persistentVolumeReclaimPolicy",
            "storageClassName",
            "volumeAttributesClassName",
            "volumeMode",
        ],
    );
}

fn redact_status(status: &mut Map<String, Value>) {
    keep(
        status,
        &[
            "allocatedResources",
            "conditions",
            "containerStatuses",
            "initContainerStatuses",
            "nominatedNodeName",
            "phase",
            "resources",
            "startTime",
        ],
    );
    each(status, "conditions", |condition| {
        // What others say of a pod may be anything; this is what a scheduler said.
        let is_ours = condition.get("type").is_some_and(|kind| kind == "PodScheduled");
        let kept = if is_ours {
            &["message", "reason", "status", "type"][..]
        } else {
            &["reason", "status", "type"]
        };
        keep(condition, kept);
    });
    for statuses in ["containerStatuses", "initContainerStatuses"] {
        each(status, statuses, |container| keep(container, &["allocatedResources", "name", "resources"]));
    }
}

fn redact_node_status(status: &mut Map<String, Value>) {
    keep(
        status,
        &[
            "allocatable",
            "capacity",
            "conditions",
            "declaredFeatures",
            "features",
            "images",
            "runtimeHandlers",
            "volumesAttached",
            "volumesInUse",
        ],
    );
    each(status, "conditions", |condition| keep(condition, &["reason", "status", "type"]));
}

fn redact_workload(spec: &mut Map<String, Value>, annotations: &[String]) {
    keep(
        spec,
        &[
            "minReadySeconds",
            "ordinals",
            "podManagementPolicy",
            "replicas",
            "selector",
            "serviceName",
            "template",
            "volumeClaimTemplates",
        ],
    );
    at(spec, "template", |template| {
        at(template, "metadata", |metadata| redact_metadata(metadata, annotations));
        at(template, "spec", |spec| redact_pod(spec, annotations));
        keep(template, &["metadata", "spec"]);
    });
    each(spec, "volumeClaimTemplates", |claim| redact_claim(claim, annotations));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(kind: &str, mut object: Value, expected: &Value) {
        redact(kind, &mut object, &["example.com/weight".to_owned()]);
        assert_eq!(object, *expected);
    }

    #[test]
    fn of_a_pod_nothing_stays_that_could_be_secret() {
        let pod = json!({
            "metadata": {"name": "a", "managedFields": [{}], "resourceVersion": "7",
                "annotations": {"token": "s3cret", "example.com/weight": "3"}},
            "spec": {
                "serviceAccountName": "s3cret", "imagePullSecrets": [{"name": "s3cret"}], "hostAliases": ["s3cret"],
                "nodeSelector": {"secret": "label"},
                "containers": [{"name": "c", "image": "i", "env": [{"name": "P", "value": "s3cret"}],
                    "envFrom": [{"secretRef": {"name": "s3cret"}}], "command": ["s3cret"], "args": ["s3cret"],
                    "livenessProbe": {"exec": {"command": ["s3cret"]}}, "resources": {"requests": {"cpu": "1"}},
                    "volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "s3cret"}]}],
                "volumes": [
                    {"name": "v", "secret": {"secretName": "s3cret"}},
                    {"name": "w", "csi": {"driver": "d", "volumeAttributes": {"key": "s3cret"}}},
                    {"name": "x", "persistentVolumeClaim": {"claimName": "data"}},
                    {"name": "y", "ephemeral": {"volumeClaimTemplate": {"metadata": {"annotations": {"a": "s3cret"}},
                        "spec": {"accessModes": ["ReadWriteOnce"]}}}},
                ],
            },
            "status": {"phase": "Pending", "podIP": "10.0.0.1", "message": "s3cret",
                "conditions": [{"type": "Ready", "status": "False", "message": "s3cret"}]},
        });
        let expected = json!({
            "metadata": {"name": "a", "annotations": {"example.com/weight": "3"}},
            "spec": {
                "nodeSelector": {"secret": "label"},
                "containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "1"}},
                    "volumeMounts": [{"name": "v", "mountPath": "/v"}]}],
                "volumes": [
                    {"name": "v", "emptyDir": {}},
                    {"name": "w", "csi": {"driver": "d"}},
                    {"name": "x", "persistentVolumeClaim": {"claimName": "data"}},
                    {"name": "y", "ephemeral": {"volumeClaimTemplate": {"metadata": {"annotations": {}},
                        "spec": {"accessModes": ["ReadWriteOnce"]}}}},
                ],
            },
            "status": {"phase": "Pending", "conditions": [{"type": "Ready", "status": "False"}]},
        });
        check("Pod", pod, &expected);
    }

    #[test]
    fn of_other_kinds_what_decides_stays() {
        check(
            "PersistentVolume",
            json!({"spec": {"capacity": {"storage": "1Gi"}, "csi": {"driver": "d", "volumeHandle": "h",
                "nodeStageSecretRef": {"name": "s3cret"}, "volumeAttributes": {"k": "s3cret"}}, "mountOptions": ["s3cret"]}}),
            &json!({"spec": {"capacity": {"storage": "1Gi"}, "csi": {"driver": "d", "volumeHandle": "h"}}}),
        );
        check(
            "StorageClass",
            json!({"provisioner": "p", "parameters": {"secretName": "s3cret"}, "mountOptions": ["s3cret"]}),
            &json!({"provisioner": "p"}),
        );
        check(
            "ReplicaSet",
            json!({"spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "c", "env": ["s3cret"]}]}}},
                "status": {"replicas": 1}}),
            &json!({"spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "c"}]}}},
                "status": {"replicas": 1}}),
        );
        check(
            "Node",
            json!({"spec": {"providerID": "s3cret", "unschedulable": true}, "status": {"addresses": ["s3cret"],
                "images": [{"names": ["i"], "sizeBytes": 5}]}}),
            &json!({"spec": {"unschedulable": true}, "status": {"images": [{"names": ["i"], "sizeBytes": 5}]}}),
        );
        check(
            "PersistentVolumeClaim",
            json!({"spec": {"volumeName": "v"}}),
            &json!({"spec": {"volumeName": "v"}}),
        );
    }
}
