//! The storage of the simulated nodes: what the provisioner and the attacher of a CSI driver do.
//!
//! A claim for whose class kube-controller-manager has no provisioner of its own gets a volume, in the zone of the node
//! that the scheduler has selected. Volumes are attached at once. A volume that is released is deleted if its class
//! says so.
//!
//! Upstream: `sig-storage-lib-external-provisioner` (`shouldProvision`, `shouldDelete`), `external-attacher`.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::api::{Api, Change, MERGE_PATCH};
use crate::nodes::{Meta, Object, Seen, follow};

/// The annotation of the volumes that were made here.
pub const SIMULATED: &str = "berth.dev/simulated-volume";
/// The annotation by which the volume controller asks a provisioner for a volume.
const ASKED: &str = "volume.kubernetes.io/storage-provisioner";
/// The annotation with the node that the scheduler has selected.
const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
/// The label of a node's zone.
const ZONE: &str = "topology.kubernetes.io/zone";
/// Provisioners with this prefix are within kube-controller-manager.
const WITHIN: &str = "kubernetes.io/";
/// How many times a request is tried.
const TRIES: usize = 10;
/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// A claim.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Claim {
    metadata: Meta,
    spec: ClaimSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ClaimSpec {
    storage_class_name: String,
    volume_name: String,
    volume_mode: Option<String>,
    access_modes: Vec<String>,
    resources: Resources,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Resources {
    requests: BTreeMap<String, String>,
}

/// A volume.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Volume {
    metadata: Meta,
    spec: VolumeSpec,
    status: Status,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct VolumeSpec {
    persistent_volume_reclaim_policy: String,
}

/// An attachment of a volume to a node.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Attachment {
    metadata: Meta,
    status: Status,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    phase: String,
    attached: bool,
}

impl Object for Claim {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

impl Object for Volume {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

impl Object for Attachment {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

/// Provisions, attaches and deletes volumes until the task is dropped.
pub async fn run(api: Api) {
    let (to_claims, mut claims) = mpsc::channel(256);
    let (to_volumes, mut volumes) = mpsc::channel(256);
    let (to_attachments, mut attachments) = mpsc::channel(256);
    let mut tasks = JoinSet::new();
    let client = api.client();
    tasks.spawn(follow::<Claim>(client.clone(), "/api/v1/persistentvolumeclaims", to_claims));
    tasks.spawn(follow::<Volume>(client.clone(), "/api/v1/persistentvolumes", to_volumes));
    let path = "/apis/storage.k8s.io/v1/volumeattachments";
    tasks.spawn(follow::<Attachment>(client.clone(), path, to_attachments));
    loop {
        tokio::select! {
            Some(seen) = claims.recv() => {
                for claim in present(seen).into_iter().filter(is_asked_for) {
                    tasks.spawn(provision(api.clone(), claim));
                }
            }
            Some(seen) = volumes.recv() => {
                for volume in present(seen).into_iter().filter(is_to_be_deleted) {
                    let path = format!("/api/v1/persistentvolumes/{}", volume.metadata.name);
                    tasks.spawn(insist(api.clone(), Change::delete(path, None)));
                }
            }
            Some(seen) = attachments.recv() => {
                for attachment in present(seen).into_iter().filter(|one| !one.status.attached) {
                    tasks.spawn(insist(api.clone(), attach(path, &attachment.metadata.name)));
                }
            }
            Some(_) = tasks.join_next() => {}
        }
    }
}

fn present<T>(seen: Seen<T>) -> Vec<T> {
    match seen {
        Seen::All(all) => all,
        Seen::Is(one) => vec![one],
        Seen::Gone(_) => Vec::new(),
    }
}

/// Whether the volume controller asks a provisioner outside of it for a volume.
fn is_asked_for(claim: &Claim) -> bool {
    let meta = &claim.metadata;
    claim.spec.volume_name.is_empty()
        && meta.deletion_timestamp.is_none()
        && meta.annotations.get(ASKED).is_some_and(|provisioner| !provisioner.starts_with(WITHIN))
}

fn is_to_be_deleted(volume: &Volume) -> bool {
    volume.status.phase == "Released"
        && volume.spec.persistent_volume_reclaim_policy == "Delete"
        && volume.metadata.deletion_timestamp.is_none()
        && volume.metadata.annotations.contains_key(SIMULATED)
}

async fn provision(api: Api, claim: Claim) {
    let class = format!("/apis/storage.k8s.io/v1/storageclasses/{}", claim.spec.storage_class_name);
    let class = api.get(&class).await.ok().flatten().unwrap_or_default();
    let zone = match claim.metadata.annotations.get(SELECTED_NODE) {
        None => None,
        Some(node) => {
            let node = api.get(&format!("/api/v1/nodes/{node}")).await.ok().flatten().unwrap_or_default();
            node["metadata"]["labels"][ZONE].as_str().map(str::to_owned)
        }
    };
    let policy = class["reclaimPolicy"].as_str().unwrap_or("Delete");
    let object = volume(&claim, policy, zone.as_deref());
    insist(api, Change::create("/api/v1/persistentvolumes", object)).await;
}

/// The volume for a claim.
fn volume(claim: &Claim, policy: &str, zone: Option<&str>) -> Value {
    let (meta, spec) = (&claim.metadata, &claim.spec);
    let provisioner = meta.annotations.get(ASKED).map(String::as_str).unwrap_or_default();
    let name = format!("pvc-{}", meta.uid);
    let mut object = json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {
            "name": name,
            "annotations": {"pv.kubernetes.io/provisioned-by": provisioner, SIMULATED: "true"},
        },
        "spec": {
            "capacity": {"storage": spec.resources.requests.get("storage")},
            "accessModes": spec.access_modes, "volumeMode": spec.volume_mode,
            "storageClassName": spec.storage_class_name, "persistentVolumeReclaimPolicy": policy,
            "claimRef": {
                "apiVersion": "v1", "kind": "PersistentVolumeClaim",
                "namespace": meta.namespace, "name": meta.name, "uid": meta.uid,
            },
            "csi": {"driver": provisioner, "volumeHandle": name},
        },
    });
    if let Some(zone) = zone {
        let terms = json!([{"matchExpressions": [{"key": ZONE, "operator": "In", "values": [zone]}]}]);
        object["spec"]["nodeAffinity"] = json!({"required": {"nodeSelectorTerms": terms}});
    }
    object
}

fn attach(list: &str, name: &str) -> Change {
    let path = format!("{list}/{name}/status");
    Change {
        method: Method::PATCH,
        path,
        content_type: MERGE_PATCH,
        body: json!({"status": {"attached": true}}),
    }
}

/// Sends a change until the API server takes it, or it is superfluous.
async fn insist(api: Api, change: Change) {
    for _ in 0..TRIES {
        match api.send(&change).await {
            Ok(_) => return,
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => return,
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(annotations: Value) -> Claim {
        let object = json!({
            "metadata": {"name": "data", "namespace": "db", "uid": "u1", "annotations": annotations},
            "spec": {"storageClassName": "fast", "accessModes": ["ReadWriteOnce"],
                     "resources": {"requests": {"storage": "5Gi"}}},
        });
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn a_claim_gets_a_volume_only_from_a_provisioner_outside() {
        assert!(is_asked_for(&claim(json!({ASKED: "disks.example.com"}))));
        assert!(!is_asked_for(&claim(json!({ASKED: "kubernetes.io/host-path"}))));
        assert!(!is_asked_for(&claim(json!({}))));
        let mut bound = claim(json!({ASKED: "disks.example.com"}));
        bound.spec.volume_name = "v".to_owned();
        assert!(!is_asked_for(&bound));
    }

    #[test]
    fn a_volume_is_bound_to_its_claim_and_zone() {
        let made = volume(&claim(json!({ASKED: "disks.example.com"})), "Retain", Some("a"));
        assert_eq!(made["metadata"]["name"], "pvc-u1");
        let spec = &made["spec"];
        assert_eq!(spec["claimRef"]["uid"], "u1");
        assert_eq!(spec["csi"]["driver"], "disks.example.com");
        assert_eq!(spec["persistentVolumeReclaimPolicy"], "Retain");
        assert_eq!(spec["capacity"]["storage"], "5Gi");
        let term = &spec["nodeAffinity"]["required"]["nodeSelectorTerms"][0]["matchExpressions"][0];
        assert_eq!(term["values"], json!(["a"]));
    }
}
