//! The objects of a simulated node: the Node and its Lease.

use berth_cluster::Millis;
use serde_json::{Value, json};

use super::status::{micro_time, time};
use super::view::Meta;

/// The annotation of the nodes that `berth up` simulates.
pub const SIMULATED: &str = "berth.dev/simulated-node";
/// The annotation of a simulated node that does not send heartbeats and does nothing about its pods.
pub const FAILED: &str = "berth.dev/failed-node";

/// The namespace of the leases of nodes.
pub(crate) const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";

/// What a node without a manifest of its own offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// CPUs, as a quantity.
    pub cpu: String,
    /// Memory, as a quantity.
    pub memory: String,
    /// How many pods.
    pub pods: u32,
}

impl Default for Shape {
    fn default() -> Self {
        Self { cpu: "8".to_owned(), memory: "32Gi".to_owned(), pods: 110 }
    }
}

/// A new node. Nodes are spread over three zones in turn.
pub fn new(name: &str, index: usize, shape: &Shape) -> Value {
    let zone = ["zone-a", "zone-b", "zone-c"][index % 3];
    let size = json!({
        "cpu": shape.cpu, "memory": shape.memory, "pods": shape.pods.to_string(), "ephemeral-storage": "100Gi",
    });
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "topology.kubernetes.io/region": "region-1",
                "topology.kubernetes.io/zone": zone,
                "node.kubernetes.io/instance-type": "simulated",
            },
        },
        "status": {"capacity": size, "allocatable": size},
    })
}

/// Completes the manifest of a node so that it can be created as a simulated node that is ready: the annotation, the
/// labels that a kubelet sets, conditions, addresses. What the manifest says about those stays, except its conditions.
pub fn complete(mut node: Value, index: usize, version: &str, now: Millis) -> Value {
    let name = node["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    node["apiVersion"] = json!("v1");
    node["kind"] = json!("Node");
    if let Some(meta) = node["metadata"].as_object_mut() {
        for field in
            ["uid", "resourceVersion", "creationTimestamp", "managedFields", "generation", "ownerReferences"]
        {
            meta.remove(field);
        }
    }
    node["metadata"]["annotations"][SIMULATED] = json!("true");
    for (label, value) in [
        ("kubernetes.io/hostname", name.as_str()),
        ("kubernetes.io/os", "linux"),
        ("kubernetes.io/arch", "amd64"),
    ] {
        let labels = &mut node["metadata"]["labels"];
        if labels[label].is_null() {
            labels[label] = json!(value);
        }
    }
    // The node lifecycle controller would add these.
    for name in ["os", "arch"] {
        let labels = &mut node["metadata"]["labels"];
        labels[format!("beta.kubernetes.io/{name}")] = labels[format!("kubernetes.io/{name}")].clone();
    }
    let status = &mut node["status"];
    if status["allocatable"].is_null() {
        status["allocatable"] = status["capacity"].clone();
    }
    if status["capacity"].is_null() {
        status["capacity"] = status["allocatable"].clone();
    }
    status["addresses"] = json!([
        {"type": "InternalIP", "address": address(index)}, {"type": "Hostname", "address": name},
    ]);
    status["nodeInfo"] = info(&name, version);
    status["conditions"] = conditions(now, now);
    node
}

/// The conditions of a healthy node, and the time of its heartbeat.
pub(crate) fn conditions(since: Millis, now: Millis) -> Value {
    let all = [
        ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("Ready", "True", "KubeletReady", "the simulated node is ready"),
    ];
    let each = all.iter().map(|(name, status, reason, message)| {
        json!({
            "type": name, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": time(now), "lastTransitionTime": time(since),
        })
    });
    each.collect()
}

/// The lease of a node, which the node owns.
pub(crate) fn lease(node: &Meta, seconds: u64, now: Millis) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {
            "name": node.name,
            "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": node.name, "uid": node.uid}],
        },
        "spec": {
            "holderIdentity": node.name, "leaseDurationSeconds": seconds, "renewTime": micro_time(now),
        },
    })
}

fn info(name: &str, version: &str) -> Value {
    json!({
        "architecture": "amd64", "operatingSystem": "linux", "osImage": "simulated by berth up",
        "kernelVersion": "", "kubeletVersion": version, "kubeProxyVersion": "",
        "containerRuntimeVersion": "berth://simulated", "bootID": "", "machineID": name, "systemUUID": name,
    })
}

/// An address of 100.64.0.0/10, which no network routes.
fn address(index: usize) -> String {
    let number = index % (1 << 22) + 1;
    format!("100.{}.{}.{}", 64 + (number >> 16), (number >> 8) & 255, number & 255)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_of_another_cluster_becomes_a_simulated_node() {
        let old = json!({
            "metadata": {
                "name": "db-1", "uid": "u", "resourceVersion": "7",
                "labels": {"kubernetes.io/arch": "arm64"}, "annotations": {"a": "b"},
            },
            "spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]},
            "status": {"allocatable": {"cpu": "3"}, "conditions": [{"type": "Ready", "status": "Unknown"}]},
        });
        let node = complete(old, 70_000, "v1.37.2", 0);
        assert_eq!(node["metadata"]["annotations"], json!({"a": "b", SIMULATED: "true"}));
        assert_eq!(node["metadata"]["labels"]["kubernetes.io/arch"], "arm64");
        assert_eq!(node["metadata"]["labels"]["beta.kubernetes.io/arch"], "arm64");
        assert_eq!(node["metadata"]["labels"]["kubernetes.io/hostname"], "db-1");
        assert_eq!(node["metadata"]["uid"], Value::Null);
        assert_eq!(node["spec"]["taints"][0]["key"], "k");
        assert_eq!(node["status"]["capacity"], json!({"cpu": "3"}));
        assert_eq!(node["status"]["conditions"][3]["status"], "True");
        assert_eq!(node["status"]["addresses"][0]["address"], "100.65.17.113");
    }
}
