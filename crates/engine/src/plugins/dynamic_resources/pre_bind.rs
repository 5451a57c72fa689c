//! Whether the devices of a pod are allocated and ready.
//!
//! Upstream: plugins/dynamicresources (`bindClaim`, `isClaimReadyForBinding`).

use berth_model::Str;
use berth_model::device::{Allocation, ResourceClaim};

use crate::cluster::{Cluster, has_same_devices};
use crate::effect::{DeviceReservation, Effect, NewDeviceClaim};
use crate::plugin::PreBind;

pub(super) fn pre_bind(cluster: &Cluster, effect: &Effect) -> PreBind {
    match effect {
        Effect::ReserveDevices(wanted) => reserved(cluster, wanted),
        Effect::MakeDeviceClaim(made) => self::made(cluster, made),
        Effect::BindVolume { .. } | Effect::ProvisionVolume { .. } => PreBind::Ready,
    }
}

fn made(cluster: &Cluster, made: &NewDeviceClaim) -> PreBind {
    match cluster.devices().claim(&made.claim.namespace, &made.claim.name) {
        Some(claim) if made.is(claim) => reserved(cluster, &made.reservation(&claim.uid)),
        _ => PreBind::Failed("the claim for extended resources is gone".to_owned()),
    }
}

/// The claim must be there with its devices, for the pod.
fn reserved(cluster: &Cluster, wanted: &DeviceReservation) -> PreBind {
    let name = &wanted.claim;
    let Some(claim) = cluster.devices().claim(&wanted.namespace, name) else {
        return PreBind::Failed(format!("resourceclaim \"{name}\" not found"));
    };
    let is_own = claim.reserved_for.iter().any(|consumer| consumer.uid == wanted.consumer.uid);
    let is_wanted =
        |found: &Allocation| wanted.allocation.as_ref().is_none_or(|wanted| has_same_devices(found, wanted));
    match &claim.allocation {
        Some(allocation) if is_own && is_wanted(allocation) => ready(claim, allocation),
        _ => PreBind::Failed(format!("resourceclaim \"{name}\" is not reserved for the pod any more")),
    }
}

/// The drivers must say that the devices are ready.
fn ready(claim: &ResourceClaim, allocation: &Allocation) -> PreBind {
    for device in allocation.results.iter().filter(|device| !device.binding_conditions.is_empty()) {
        let status = claim
            .devices
            .iter()
            .find(|status| status.device == device.device && status.share_id == device.share_id);
        let is_true = |name: &Str| status.is_some_and(|status| status.true_conditions.contains(name));
        if device.binding_failure_conditions.iter().any(is_true) {
            return PreBind::Failed(format!("device binding failed: claim={}", claim.name));
        }
        if !device.binding_conditions.iter().all(is_true) {
            return PreBind::Waiting;
        }
    }
    PreBind::Ready
}
