//! Snapshots: the objects of a cluster that a scheduler sees, for simulations elsewhere.
//!
//! An object is decoded and encoded again, so only what Berth reads of it can be in a snapshot: no environment
//! variables, commands, probes or secrets. Annotations are removed, except those that affect scheduling.

use berth_model::labels::Labels;
use berth_model::load::{DISK_UTILIZATION, NETWORK_UTILIZATION, UTILIZATION_TIME};
use berth_model::object::{Kind, Object, Role};
use berth_model::volume::{BIND_COMPLETED, BOUND_BY_CONTROLLER, Claim, SELECTED_NODE};
use berth_watch::Metadata;
use berth_wire::{Decoder, encode_whole};

use crate::client::{Api, ConnectError, Server, UNREACHABLE};
use crate::list;
use crate::resource::Resource;

/// The annotations that affect scheduling and that the decoder keeps as annotations.
const ANNOTATIONS: [&str; 6] = [
    BIND_COMPLETED,
    BOUND_BY_CONTROLLER,
    DISK_UTILIZATION,
    NETWORK_UTILIZATION,
    SELECTED_NODE,
    UTILIZATION_TIME,
];

/// Why a snapshot cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// There is no way to connect to the API server.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A kind cannot be listed.
    #[error("{}", cannot_list(server, kind, why))]
    List {
        /// The host and port of the API server.
        server: String,
        /// The kind.
        kind: &'static str,
        /// The message of the API server, if it sent one.
        why: String,
    },
    /// The result cannot be written, or the operating system refuses something else.
    #[error("{0}")]
    System(#[from] std::io::Error),
}

fn cannot_list(server: &str, kind: &str, why: &str) -> String {
    match why.starts_with(UNREACHABLE) {
        true => why.to_owned(), // it names the server, and the kind does not matter
        false => format!("cannot list {kind} at {server}: {why}"),
    }
}

/// Lists all objects that scheduling depends on, those that make pods among them, and gives each one as JSON to `take`,
/// with the annotations that affect scheduling and those in `annotations`. An object that cannot be read is skipped, as
/// the scheduler ignores it, with a warning to `warn`.
///
/// # Errors
/// If a kind that the scheduler needs cannot be listed, and the errors of `take`. Other kinds are left out with a
/// warning.
pub fn snapshot(
    server: &Server,
    annotations: &[String],
    mut take: impl FnMut(&str) -> std::io::Result<()>,
    mut warn: impl FnMut(&str),
) -> Result<(), SnapshotError> {
    let mut decoder = Decoder::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let api = server.connect().await?;
        for known in Kind::ALL {
            let kind = known.kind;
            let objects = match (list_all(&api, kind).await, known.role) {
                (Ok(objects), _) => objects,
                (Err(why), Role::Watched) => {
                    return Err(SnapshotError::List { server: api.host().to_owned(), kind: known.name, why });
                }
                // Simulations differ without them, so the user must know.
                (Err(why), Role::Offline) => {
                    warn(&format!("cannot list {}, which the snapshot will lack: {why}", known.name));
                    continue;
                }
                // Many clusters have no metrics API.
                (Err(_), Role::Measured) => continue,
            };
            for object in objects {
                match visible(&mut decoder, kind, &object, annotations) {
                    Ok(text) => take(&text)?,
                    Err(problem) => warn(&problem),
                }
            }
        }
        Ok(())
    })
}

async fn list_all(api: &Api, kind: Kind) -> Result<Vec<bytes::Bytes>, String> {
    match kind {
        Kind::NodeMetrics | Kind::PodMetrics => list::at_once(api, Resource::of(kind)).await,
        _ => list::in_pages(api, Resource::of(kind)).await,
    }
}

/// The part of an object that Berth reads.
///
/// # Errors
/// The name and the problems of an object that cannot be read.
fn visible(
    decoder: &mut Decoder,
    kind: Kind,
    object: &[u8],
    annotations: &[String],
) -> Result<String, String> {
    let unreadable = |problem: &str| {
        let key = berth_watch::key(kind, &Metadata::of(object));
        format!("{key} cannot be read and is skipped: {problem}")
    };
    match decoder.object(&String::from_utf8_lossy(object)) {
        Ok(Some(mut object)) => {
            remove_annotations(&mut object, annotations);
            Ok(encode_whole(&object))
        }
        Ok(None) => Err(unreadable("its kind is unknown")),
        Err(problems) => {
            let words: Vec<String> = problems.iter().map(|p| format!("{}: {}", p.field, p.message)).collect();
            Err(unreadable(&words.join("; ")))
        }
    }
}

/// Removes the annotations that do not affect scheduling and that are not in `kept`.
fn remove_annotations(object: &mut Object, kept: &[String]) {
    let reduce = |annotations: &mut Labels| {
        let is_kept = |key: &str| ANNOTATIONS.contains(&key) || kept.iter().any(|kept| kept == key);
        let all = annotations.iter().filter(|(key, _)| is_kept(key));
        *annotations = all.map(|(key, value)| (key.clone(), value.clone())).collect();
    };
    let reduce_all = |claims: &mut Vec<Claim>| claims.iter_mut().for_each(|c| reduce(&mut c.annotations));
    match object {
        Object::Node(node) => reduce(&mut node.annotations),
        Object::Volume(volume) => reduce(&mut volume.annotations),
        Object::Claim(claim) => reduce(&mut claim.annotations),
        Object::Pod(manifest) => reduce_all(&mut manifest.ephemeral_claims),
        Object::Workload(workload) => {
            reduce_all(&mut workload.claim_templates);
            reduce_all(&mut workload.template.spec.ephemeral_claims);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn kind_of(object: &Value) -> Kind {
        let text = |field: &str| object[field].as_str().unwrap();
        Kind::of(text("apiVersion"), text("kind")).unwrap()
    }

    /// What a snapshot has of an object.
    fn kept(object: &Value) -> String {
        let annotations = ["example.com/weight".to_owned()];
        visible(&mut Decoder::new(), kind_of(object), object.to_string().as_bytes(), &annotations).unwrap()
    }

    #[test]
    fn a_snapshot_has_everything_that_affects_scheduling() {
        let labels = json!({"app": "web"});
        let claim = json!({"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": "fast"}});
        let pod_spec = json!({
            "nodeSelector": {"disk": "ssd"}, "priorityClassName": "high", "priority": 5, "hostNetwork": true,
            "tolerations": [{"key": "t", "operator": "Exists"}],
            "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": {"matchLabels": labels}, "matchLabelKeys": ["pod-template-hash"]}],
            "containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "1"}}, "ports": [{"containerPort": 80}]}],
            "volumes": [{"name": "x", "persistentVolumeClaim": {"claimName": "data"}},
                {"name": "y", "ephemeral": {"volumeClaimTemplate": {"metadata": {}, "spec": claim["spec"]}}}],
        });
        let selector = json!({"matchLabels": labels});
        let objects = [
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "shop", "uid": "u", "labels": labels},
                "spec": pod_spec, "status": {"phase": "Pending", "nominatedNodeName": "n",
                    "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1"}]}}),
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n", "labels": {"zone": "a"},
                    "annotations": {"example.com/weight": "3", "berth.dev/disk-utilization": "0.5"}},
                "spec": {"unschedulable": true, "taints": [{"key": "t", "effect": "NoSchedule"}]},
                "status": {"allocatable": {"cpu": "4"}, "images": [{"names": ["i"], "sizeBytes": 5}]}}),
            json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "s", "namespace": "shop", "uid": "us"},
                "spec": {"replicas": 3, "selector": selector, "volumeClaimTemplates": [claim],
                    "template": {"metadata": {"labels": labels}, "spec": pod_spec}}}),
            json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "v",
                    "annotations": {"pv.kubernetes.io/bound-by-controller": "yes"}},
                "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "csi": {"driver": "d", "volumeHandle": "h"}}}),
            json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": "shop",
                    "annotations": {"volume.kubernetes.io/selected-node": "n"}}, "spec": claim["spec"]}),
            json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b", "namespace": "shop"},
                "spec": {"selector": selector}, "status": {"disruptionsAllowed": 2}}),
            json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 5}),
            json!({"apiVersion": "metrics.k8s.io/v1beta1", "kind": "NodeMetrics", "metadata": {"name": "n"},
                "timestamp": "2026-01-02T03:04:05Z", "window": "10s", "usage": {"cpu": "1", "memory": "1Gi"}}),
            json!({"apiVersion": "metrics.k8s.io/v1beta1", "kind": "PodMetrics", "metadata": {"name": "a", "namespace": "shop"},
                "timestamp": "2026-01-02T03:04:05Z", "window": "10s",
                "containers": [{"name": "c", "usage": {"cpu": "5m", "memory": "1Gi"}}]}),
        ];
        for object in objects {
            let decode = |text: &str| Decoder::new().object(text).unwrap().unwrap();
            let text = kept(&object);
            assert_eq!(decode(&text), decode(&object.to_string()), "{text}");
        }
    }

    #[test]
    fn a_snapshot_has_nothing_confidential() {
        let container = json!({"name": "c", "env": [{"name": "P", "value": "s3cret"}], "command": ["s3cret"],
            "envFrom": [{"secretRef": {"name": "s3cret"}}], "args": ["s3cret"],
            "livenessProbe": {"exec": {"command": ["s3cret"]}},
            "volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "s3cret"}]});
        let metadata = json!({"name": "a", "annotations": {"token": "s3cret"}, "managedFields": [{"manager": "s3cret"}]});
        let claim = json!({"metadata": {"annotations": {"a": "s3cret"}}, "spec": {"accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}}}});
        let spec = json!({"serviceAccountName": "s3cret", "imagePullSecrets": [{"name": "s3cret"}], "containers": [container],
            "volumes": [{"name": "v", "secret": {"secretName": "s3cret"}},
                {"name": "w", "csi": {"driver": "d", "volumeAttributes": {"key": "s3cret"}}},
                {"name": "y", "ephemeral": {"volumeClaimTemplate": claim}}]});
        let objects = [
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec,
                "status": {"message": "s3cret", "conditions": [{"type": "Ready", "status": "False", "message": "s3cret"}]}}),
            json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": {"selector": {"matchLabels": {"a": "b"}},
                "template": {"metadata": {"labels": {"a": "b"}, "annotations": {"a": "s3cret"}}, "spec": spec}}}),
            json!({"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {"providerID": "s3cret"},
                "status": {"addresses": [{"type": "Hostname", "address": "s3cret"}]}}),
            json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": {"capacity": {"storage": "1Gi"},
                "accessModes": ["ReadWriteOnce"], "mountOptions": ["s3cret"], "csi": {"driver": "d", "volumeHandle": "h",
                    "nodeStageSecretRef": {"name": "s3cret"}, "volumeAttributes": {"k": "s3cret"}}}}),
            json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": metadata, "provisioner": "p",
                "parameters": {"secretName": "s3cret"}, "mountOptions": ["s3cret"]}),
        ];
        for object in objects {
            let text = kept(&object);
            assert!(!text.contains("s3cret"), "{text}");
        }
    }

    #[test]
    fn an_object_that_cannot_be_read_is_named_with_its_field() {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "shop", "name": "a"},
            "spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "many"}}}]}});
        let problem = visible(&mut Decoder::new(), Kind::Pod, pod.to_string().as_bytes(), &[]).unwrap_err();
        let start = "Pod shop/a cannot be read and is skipped: spec.containers[0].resources.requests";
        assert!(problem.starts_with(start), "{problem}");
    }
}
