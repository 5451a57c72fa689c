//! Devices are allocated before the pod is bound: in the status of its claims, and in a claim that is made for its
//! extended resources.
//!
//! Upstream: plugins/dynamicresources (`PreBind`, `bindClaim`).

use berth_engine::effect::{DeviceReservation, NewDeviceClaim};
use berth_engine::ids::PodRow;
use berth_engine::plugin::view::PodView;
use berth_engine::plugins::dynamic_resources;
use berth_model::Str;
use berth_model::device::{AllocatedDevice, ResourceClaim};
use berth_model::object::{Kind, ObjectKey};

use crate::action::Request;
use crate::flow::Flow;
use crate::now::Now;
use crate::outbox::{Errand, Purpose};
use crate::volumes::Standing;

/// How a reservation stands: the claim must be there with its devices, for the pod, and its devices must be ready.
pub(crate) fn reserved(claim: Option<&ResourceClaim>, wanted: &DeviceReservation) -> Standing {
    let name = &wanted.claim;
    let Some(claim) = claim else {
        return Standing::Lost(format!("resourceclaim \"{name}\" not found"));
    };
    let is_own = claim.reserved_for.iter().any(|consumer| consumer.uid == wanted.consumer.uid);
    match &claim.allocation {
        Some(allocation) if is_own => ready(claim, &allocation.results),
        _ => Standing::Lost(format!("resourceclaim \"{name}\" is not reserved for the pod any more")),
    }
}

/// Whether the drivers say that the devices are ready.
fn ready(claim: &ResourceClaim, devices: &[AllocatedDevice]) -> Standing {
    for device in devices.iter().filter(|device| !device.binding_conditions.is_empty()) {
        let status = claim
            .devices
            .iter()
            .find(|status| status.device == device.device && status.share_id == device.share_id);
        let is_true = |name: &Str| status.is_some_and(|status| status.true_conditions.contains(name));
        if device.binding_failure_conditions.iter().any(is_true) {
            return Standing::Lost(format!("device binding failed: claim={}", claim.name));
        }
        if !device.binding_conditions.iter().all(is_true) {
            return Standing::Open;
        }
    }
    Standing::Bound
}

/// How the making of a claim stands: it is there.
pub(crate) fn made<'a>(
    mut claims: impl Iterator<Item = &'a ResourceClaim>,
    wanted: &NewDeviceClaim,
) -> Standing {
    let is_it = |claim: &ResourceClaim| claim.extended && claim.owner == wanted.claim.owner;
    match claims.any(is_it) {
        true => Standing::Bound,
        false => Standing::Lost("the claim for extended resources is gone".to_owned()),
    }
}

impl Flow {
    /// A pod fits nowhere: a claim whose devices keep it from every node, and which no other pod uses, is given up (the
    /// first; upstream takes one by chance).
    pub(crate) fn give_up_devices(&mut self, pod: PodRow) {
        let view = PodView::new(self.scheduler.cluster(), pod);
        if !dynamic_resources::has_devices(view) {
            return;
        }
        let profile = self.track(pod).profile;
        let diagnosis = self.scheduler.diagnose(profile, pod);
        let rejected = diagnosis.rejected.iter().map(|(row, verdict)| (*row, &verdict.rejection));
        let Some(remedy) = dynamic_resources::remedy(view, rejected) else { return };
        let Some(claim) = remedy.clears.first().copied().or(remedy.deletes) else { return };
        let request = Request::GiveUpDevices {
            namespace: claim.namespace.clone(),
            claim: claim.name.clone(),
            claim_uid: claim.uid.clone(),
            delete: claim.extended,
        };
        let uid = self.track(pod).pod.uid.clone();
        self.outbox.ask(request, Errand { pod, uid, purpose: Purpose::GiveUp });
    }

    /// The watch told of a claim on devices: pods whose claims are all there now may enter the queue.
    pub(crate) fn look_at_gates(&mut self, now: Now, key: &ObjectKey) {
        if key.kind != Kind::ResourceClaim {
            return;
        }
        for pod in self.queue.gated() {
            let cluster = self.scheduler.cluster();
            if cluster.pods().entry(pod).pod.spec.resource_claims.is_empty() {
                continue;
            }
            let gated = self.is_gated(self.track(pod).profile, pod);
            if let Some(queue) = self.queue.set_gated(pod, gated, now.millis) {
                self.report_queued(queue, "ResourceClaimAdd");
            }
        }
    }
}
