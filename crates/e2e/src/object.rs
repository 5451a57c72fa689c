//! Objects as the tests make them: small, valid, and changed by what a test says.

use serde_json::{Map, Value, json};

/// A node that is ready and offers 4 CPUs, 32 Gi of memory and room for 110 pods, alone in a zone of its name.
pub fn node(name: &str) -> Value {
    let size = json!({"cpu": "4", "memory": "32Gi", "pods": "110"});
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": name}},
        "status": {"capacity": size, "allocatable": size, "conditions": [{"type": "Ready", "status": "True"}]},
    })
}

/// A node that offers so much CPU.
pub fn node_of_cpu(name: &str, cpu: &str) -> Value {
    with(node(name), json!({"status": {"allocatable": {"cpu": cpu}, "capacity": {"cpu": cpu}}}))
}

/// A pod that asks for a tenth of a CPU and ends at once when it is deleted, for there is no kubelet to wait for.
pub fn pod(name: &str) -> Value {
    pod_of_cpu(name, "100m")
}

/// A pod that asks for so much CPU.
pub fn pod_of_cpu(name: &str, cpu: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "main", "image": "pause", "resources": {"requests": {"cpu": cpu}}}],
        },
    })
}

/// A pod that asks for `cpu` and has a priority class.
pub fn pod_of_class(name: &str, cpu: &str, class: &str) -> Value {
    with(pod_of_cpu(name, cpu), json!({"spec": {"priorityClassName": class}}))
}

/// A pod with one volume, from a claim.
pub fn pod_of_claim(name: &str, claim: &str) -> Value {
    let volumes = json!([{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]);
    with(pod(name), json!({"spec": {"volumes": volumes}}))
}

/// A storage class whose volumes are chosen together with the first pod's node.
pub fn waiting_class(name: &str, provisioner: &str) -> Value {
    json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name},
        "provisioner": provisioner, "volumeBindingMode": "WaitForFirstConsumer",
    })
}

/// A claim of 1 Gi.
pub fn claim(name: &str, class: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name},
        "spec": {
            "storageClassName": class, "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    })
}

/// A volume of 1 Gi that only the node `on` reaches.
pub fn volume(name: &str, class: &str, on: &str) -> Value {
    let hosts = json!([{"key": "kubernetes.io/hostname", "operator": "In", "values": [on]}]);
    json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
        "spec": {
            "storageClassName": class, "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain", "local": {"path": "/data"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": hosts}]}},
        },
    })
}

/// What the controller of volumes writes into a claim that has got its volume.
pub fn bound_to(volume: &str) -> Value {
    json!({
        "metadata": {"annotations": {"pv.kubernetes.io/bind-completed": "yes"}},
        "spec": {"volumeName": volume},
    })
}

/// `object` with what `change` says: maps are merged, all else is replaced.
pub fn with(object: Value, change: Value) -> Value {
    match (object, change) {
        (Value::Object(mut object), Value::Object(change)) => {
            merge(&mut object, change);
            Value::Object(object)
        }
        (_, change) => change,
    }
}

fn merge(object: &mut Map<String, Value>, change: Map<String, Value>) {
    for (key, value) in change {
        let old = object.remove(&key).unwrap_or_default();
        object.insert(key, with(old, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_merged_and_all_else_is_replaced() {
        let merged = with(json!({"a": {"b": 1, "c": [1]}}), json!({"a": {"c": [2], "d": {}}, "e": null}));
        assert_eq!(merged, json!({"a": {"b": 1, "c": [2], "d": {}}, "e": null}));
    }
}
