//! Claims on devices: their devices are written before a pod is bound, and given up if they keep it from every node.
//!
//! Upstream: plugins/dynamicresources (`bindClaim`, `createExtendedResourceClaimInAPI`, `deallocateOrDeletePodClaims`).
//! Patches name the claim's uid, so that no other claim of the same name is changed. The API server refuses to replace
//! the devices of a claim that has some.

use berth_engine::effect::{DeviceReservation, NewDeviceClaim};
use berth_flow::{Failure, FailureKind, PodRef};
use berth_model::device::ResourceClaim;
use berth_model::object::{Kind, Object};
use berth_watch::Metadata;
use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::{Actor, judge, pod_path};
use crate::client::{JSON, STRATEGIC_MERGE};
use crate::message::Message;
use crate::resource::segment;

/// Keeps a claim with devices from being deleted while pods may use it.
const FINALIZER: &str = "resource.kubernetes.io/delete-protection";

impl Actor {
    /// Writes devices into the status of a claim, and reserves it for a pod.
    pub(super) async fn reserve_devices(&self, wanted: &DeviceReservation) -> Result<(), Failure> {
        let uid = &wanted.claim_uid;
        let path = claim_path(&wanted.namespace, &wanted.claim);
        let claim = ResourceClaim {
            allocation: wanted.allocation.clone(),
            reserved_for: vec![wanted.consumer.clone()],
            ..ResourceClaim::default()
        };
        if claim.allocation.is_some() {
            self.patch(&path, &json!({ "metadata": { "uid": uid, "finalizers": [FINALIZER] } })).await?;
        }
        let answer = self.patch_status(&path, uid, &claim).await?;
        // Without an event loop the process is about to end.
        let _ = self.inbox.send(Message::Written(Kind::ResourceClaim, answer));
        Ok(())
    }

    /// Makes the claim for the extended resources of a pod, with its devices, and notes it in the pod's status. A claim
    /// that an earlier request has made, whose answer was lost, is completed. If a step is refused, a claim that was made
    /// now is deleted again; one that is left over is deleted when the pod is tried again.
    pub(super) async fn make_device_claim(&self, made: &NewDeviceClaim) -> Result<(), Failure> {
        let user = made.claim.reserved_for.first().cloned().unwrap_or_default();
        let pod = &PodRef { namespace: made.claim.namespace.clone(), name: user.name, uid: user.uid };
        let claims = claims_path(&made.claim.namespace);
        let answer = self.ask_for(Method::POST, &claims, JSON, bytes(&new_claim(pod, &made.claim))).await;
        self.metrics.claim_requested(answer.is_ok());
        let path = claim_path(&made.claim.namespace, &made.claim.name);
        let (claim, is_new) = match answer {
            Ok(claim) => (claim, true),
            Err(failure) if failure.kind == FailureKind::Conflict => {
                (self.claim_made_for(pod, &path).await.ok_or(failure)?, false)
            }
            Err(failure) => return Err(failure),
        };
        let claim = Metadata::of(&claim);
        let done = self.complete(pod, made, &path, &claim).await;
        if is_new && done.as_ref().is_err_and(|failure| failure.kind != FailureKind::Unknown) {
            // The first failure counts.
            let _ = self.give_up_devices(&made.claim.namespace, &claim.name, &claim.uid, true).await;
        }
        done
    }

    /// The claim at this path, if it was made for the pod and is not being deleted.
    async fn claim_made_for(&self, pod: &PodRef, path: &str) -> Option<Bytes> {
        let answer = self.api.get(path).await;
        let claim = answer.as_ref().ok()?.body.clone();
        judge(answer).ok()?;
        let metadata = serde_json::from_slice::<Value>(&claim).ok()?["metadata"].take();
        let mut owners = metadata["ownerReferences"].as_array()?.iter();
        let is_made_for_pod = owners.any(|owner| owner["uid"] == *pod.uid);
        (is_made_for_pod && metadata["deletionTimestamp"].is_null()).then_some(claim)
    }

    async fn complete(
        &self,
        pod: &PodRef,
        made: &NewDeviceClaim,
        path: &str,
        created: &Metadata<'_>,
    ) -> Result<(), Failure> {
        let metadata = json!({ "metadata": { "uid": created.uid, "finalizers": [FINALIZER] } });
        self.patch(path, &metadata).await?;
        let answer = self.patch_status(path, &created.uid, &made.claim).await?;
        // Without an event loop the process is about to end.
        let _ = self.inbox.send(Message::Written(Kind::ResourceClaim, answer));
        let mappings = made.mappings.iter().map(|mapping| {
            json!({
                "containerName": &*mapping.container,
                "resourceName": &*mapping.resource,
                "requestName": &*mapping.request,
            })
        });
        let status = json!({
            "resourceClaimName": created.name,
            "requestMappings": mappings.collect::<Value>(),
        });
        let body = json!({
            "metadata": { "uid": &*pod.uid },
            "status": { "extendedResourceClaimStatus": status },
        });
        self.patch(&format!("{}/status", pod_path(&pod.namespace, &pod.name)), &body).await
    }

    /// Takes the devices of a claim that no other pod uses, or deletes the claim.
    pub(super) async fn give_up_devices(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        delete: bool,
    ) -> Result<(), Failure> {
        let path = claim_path(namespace, name);
        if !delete {
            let status = json!({ "allocation": null, "devices": null, "reservedFor": null });
            let body = json!({ "metadata": { "uid": uid }, "status": status });
            return self.patch(&format!("{path}/status"), &body).await;
        }
        let finalizers =
            json!({ "metadata": { "uid": uid, "$deleteFromPrimitiveList/finalizers": [FINALIZER] } });
        let done = match self.patch(&path, &finalizers).await {
            Ok(()) => {
                let options = json!({
                    "apiVersion": "v1",
                    "kind": "DeleteOptions",
                    "preconditions": { "uid": uid },
                });
                self.ask(Method::DELETE, &path, JSON, bytes(&options)).await
            }
            failed => failed,
        };
        done.or_else(|failure| if failure.kind == FailureKind::Gone { Ok(()) } else { Err(failure) })
    }

    /// Returns the claim as the API server has it now.
    async fn patch_status(&self, path: &str, uid: &str, claim: &ResourceClaim) -> Result<Bytes, Failure> {
        let written = written(claim);
        let body = json!({ "metadata": { "uid": uid }, "status": written["status"] });
        self.ask_for(Method::PATCH, &format!("{path}/status"), STRATEGIC_MERGE, self::bytes(&body)).await
    }

    async fn patch(&self, path: &str, body: &Value) -> Result<(), Failure> {
        self.ask(Method::PATCH, path, STRATEGIC_MERGE, bytes(body)).await
    }
}

/// The claim as it is written in manifests.
fn written(claim: &ResourceClaim) -> Value {
    let text = berth_wire::encode(&Object::ResourceClaim(Box::new(claim.clone())));
    // What is encoded is JSON.
    serde_json::from_str(&text).unwrap_or_default()
}

/// A new claim for the extended resources of a pod.
fn new_claim(pod: &PodRef, claim: &ResourceClaim) -> Value {
    let written = written(claim);
    let owner = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "name": &*pod.name,
        "uid": &*pod.uid,
        "controller": true,
    });
    json!({
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {
            "namespace": &*claim.namespace,
            "name": &*claim.name,
            "annotations": written["metadata"]["annotations"],
            "ownerReferences": [owner],
        },
        "spec": written["spec"],
    })
}

fn claims_path(namespace: &str) -> String {
    format!("/apis/resource.k8s.io/v1/namespaces/{}/resourceclaims", segment(namespace))
}

fn claim_path(namespace: &str, name: &str) -> String {
    format!("{}/{}", claims_path(namespace), segment(name))
}

fn bytes(body: &Value) -> Vec<u8> {
    body.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use berth_model::device::{AllocatedDevice, Allocation, Consumer, DeviceId};
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_new_claim_names_its_pod_and_leaves_its_status_to_a_second_request() {
        let pod = PodRef { namespace: "shop".into(), name: "cart".into(), uid: "u1".into() };
        let claim = ResourceClaim {
            namespace: "shop".into(),
            name: "cart-extended-resources".into(),
            extended: true,
            ..ResourceClaim::default()
        };
        expect![[r#"{"apiVersion":"resource.k8s.io/v1","kind":"ResourceClaim","metadata":{"annotations":{"resource.kubernetes.io/extended-resource-claim":"true"},"name":"cart-extended-resources","namespace":"shop","ownerReferences":[{"apiVersion":"v1","controller":true,"kind":"Pod","name":"cart","uid":"u1"}]},"spec":{}}"#]]
        .assert_eq(&new_claim(&pod, &claim).to_string());
    }

    #[test]
    fn a_status_has_the_devices_and_the_pod() {
        let device = DeviceId { driver: "d".into(), pool: "p".into(), device: "0".into() };
        let result = AllocatedDevice { request: "gpu".into(), device, ..AllocatedDevice::default() };
        let consumer =
            Consumer { api_group: "".into(), resource: "pods".into(), name: "cart".into(), uid: "u1".into() };
        let claim = ResourceClaim {
            allocation: Some(Allocation {
                results: vec![result],
                timestamp: Some(0),
                ..Allocation::default()
            }),
            reserved_for: vec![consumer],
            ..ResourceClaim::default()
        };
        expect![[r#"{"allocation":{"allocationTimestamp":"1970-01-01T00:00:00Z","devices":{"results":[{"device":"0","driver":"d","pool":"p","request":"gpu"}]}},"reservedFor":[{"name":"cart","resource":"pods","uid":"u1"}]}"#]]
        .assert_eq(&written(&claim)["status"].to_string());
    }
}
