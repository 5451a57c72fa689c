//! Claims on devices: what the API server does with the scheduler's writes, and the controller that makes claims from
//! templates, frees the devices of pods that have ended, and deletes the claims that were made for them.
//!
//! Drivers publish nothing by themselves: the slices are those of the input. The slices of a node go with it.
//!
//! Upstream: `pkg/controller/resourceclaim/controller.go`, `pkg/registry/resource/resourceclaim/strategy.go`.

use berth_devices::extended::claim_name;
use berth_engine::effect::{DeviceReservation, NewDeviceClaim, Write};
use berth_flow::{Failure, FailureKind};
use berth_model::Str;
use berth_model::device::{Reach, ResourceClaim, ResourceClaimTemplate};
use berth_model::object::{Kind, Object, ObjectKey};
use berth_model::pod::ClaimSource;

use crate::simulation::Simulation;
use crate::store::refuse;

fn claim_key(namespace: &Str, name: &Str) -> ObjectKey {
    ObjectKey { kind: Kind::ResourceClaim, namespace: namespace.clone(), name: name.clone() }
}

fn not_found<T>(name: &Str) -> Result<T, Failure> {
    refuse(FailureKind::Gone, format!("resourceclaims.resource.k8s.io \"{name}\" not found"))
}

impl Simulation {
    /// Makes the claims of a pod whose templates exist.
    pub(crate) fn make_device_claims(&mut self, id: u32) {
        let Some(record) = self.pods.get(id) else { return };
        let reference = record.reference();
        let manifest = self.store.pod(&record.key);
        let Some(manifest) = manifest.filter(|manifest| !manifest.pod.spec.resource_claims.is_empty()) else {
            return;
        };
        let mut pod = manifest.pod.clone();
        let claims = self.claim_templates.claims_of(&mut pod, "");
        for claim in claims {
            let uid = self.store.new_uid();
            self.store.put(Object::ResourceClaim(Box::new(ResourceClaim { uid, ..claim })));
        }
        let statuses = pod.claim_statuses;
        // It cannot fail: the pod is stored.
        let _ = self.store.change_pod(&reference, |manifest| manifest.pod.claim_statuses = statuses);
    }

    /// A template is applied: pods that wait for it get their claims.
    pub(crate) fn apply_template(&mut self, template: &ResourceClaimTemplate) {
        self.claim_templates.insert(template);
        let namespace = &template.namespace;
        let waits = self
            .pods
            .iter()
            .filter(|(_, record)| record.key.namespace == *namespace && record.node.is_none());
        let waiting: Vec<u32> = waits.map(|(id, _)| id).collect();
        waiting.into_iter().for_each(|id| self.make_device_claims(id));
    }

    /// A write of the scheduler about devices.
    pub(crate) fn write_devices(&mut self, write: Write) -> Result<(), Failure> {
        match write {
            Write::ReserveDevices(wanted) => self.reserve_devices(&wanted),
            Write::MakeDeviceClaim(made) => {
                let uid = self.make_extended_claim(&made);
                self.reserve_devices(&made.reservation(&uid))
            }
            Write::GiveUpDevices { namespace, claim, claim_uid, delete } => {
                let found = self.device_claim(&namespace, &claim).filter(|found| found.uid == claim_uid);
                let Some(mut found) = found else { return not_found(&claim) };
                if delete {
                    self.store.remove(&claim_key(&namespace, &claim));
                } else {
                    found.release(|_| false);
                    self.store.put(Object::ResourceClaim(Box::new(found)));
                }
                Ok(())
            }
            Write::BindVolume { .. } | Write::SelectNode { .. } => Ok(()), // see `volumes`
        }
    }

    fn device_claim(&self, namespace: &Str, name: &Str) -> Option<ResourceClaim> {
        match self.object(&claim_key(namespace, name)) {
            Some(Object::ResourceClaim(claim)) => Some(*claim),
            _ => None,
        }
    }

    fn reserve_devices(&mut self, wanted: &DeviceReservation) -> Result<(), Failure> {
        let found = self.device_claim(&wanted.namespace, &wanted.claim);
        let Some(found) = found.filter(|found| found.uid == wanted.claim_uid) else {
            return not_found(&wanted.claim);
        };
        match wanted.write_into(&found) {
            Ok(after) => {
                self.store.put(Object::ResourceClaim(Box::new(after)));
                Ok(())
            }
            Err(error) => refuse(FailureKind::Conflict, error.message().to_owned()),
        }
    }

    /// Makes the claim for the extended resources of a pod. Returns its uid.
    fn make_extended_claim(&mut self, made: &NewDeviceClaim) -> Str {
        if let Some(found) = self.device_claim(&made.claim.namespace, &made.claim.name) {
            return found.uid;
        }
        let uid = self.store.new_uid();
        self.store.put(Object::ResourceClaim(Box::new(made.created(uid.clone()))));
        uid
    }

    /// A pod has ended or is gone: it uses its claims no more, and those that were made for it are deleted.
    pub(crate) fn release_device_claims(&mut self, pod: &ObjectKey) {
        if self.store.list(Kind::ResourceClaim).next().is_none() {
            return;
        }
        let Some(pod) = self.store.pod(pod).map(|manifest| manifest.pod.clone()) else { return };
        let namespace = &pod.spec.namespace;
        let own = claim_name(&pod.name, &pod.uid);
        let named = pod.spec.resource_claims.iter().filter_map(|entry| match &entry.source {
            ClaimSource::Claim(name) => Some(name),
            ClaimSource::Template(_) | ClaimSource::Unknown => None,
        });
        let made = pod.claim_statuses.iter().filter_map(|status| status.claim.as_ref());
        for name in named.chain(made).chain([&own]) {
            let Some(mut claim) = self.device_claim(namespace, name) else { continue };
            claim.release(|consumer| consumer.uid != pod.uid);
            if claim.is_owned_by(&pod.uid) && claim.reserved_for.is_empty() {
                self.store.remove(&claim_key(namespace, name));
            } else {
                self.store.put(Object::ResourceClaim(Box::new(claim)));
            }
        }
    }

    /// A node is gone, and its slices with it.
    pub(crate) fn remove_slices_of(&mut self, node: &Str) {
        let of_node = |object: &Object| match object {
            Object::ResourceSlice(slice) => matches!(&slice.reach, Reach::Node(name) if name == node),
            _ => false,
        };
        let slices: Vec<ObjectKey> = self
            .store
            .list(Kind::ResourceSlice)
            .filter(|object| of_node(object))
            .map(|object| object.key())
            .collect();
        for slice in slices {
            self.store.remove(&slice);
        }
    }
}
