//! The claims on devices of a pod that was just placed.

use berth_devices::extended::RequestMapping;
use berth_engine::cluster::Cluster;
use berth_engine::effect::{Effect, NewDeviceClaim};
use berth_engine::scheduler::Reserved;
use berth_model::UnixSeconds;
use berth_model::device::{AllocationMode, Ask, DeviceRequest, ResourceClaim};
use serde_json::{Value, json};

use super::shown;
use crate::scenario::Answer;

/// When upstream's answers were recorded, about: 2026-11-15. Binding conditions of claims that are older than ten
/// minutes have timed out.
pub const RECORDED: UnixSeconds = 1_794_700_800;

/// What stands for the random part of names that the API server generates.
pub const SUFFIX: &str = "-xxxxx";

/// Writes what was reserved with the placement into the answer.
pub fn describe(answer: &mut Answer, cluster: &Cluster, reserved: &[Reserved]) {
    for Reserved { effect, .. } in reserved {
        match effect {
            Effect::ReserveDevices(wanted) => {
                let Some(claim) = cluster.devices().claim(&wanted.namespace, &wanted.claim) else { continue };
                let mut shown = described(claim);
                if wanted.allocation.is_some() {
                    shown["new"] = true.into();
                }
                answer.allocations.push(shown);
            }
            Effect::MakeDeviceClaim(made) => answer.extended_resource_claim = Some(special(made)),
            Effect::BindVolume { .. } | Effect::ProvisionVolume { .. } => {}
        }
    }
}

fn described(claim: &ResourceClaim) -> Value {
    let mut shown = match &claim.allocation {
        Some(allocation) => shown::allocation(claim, allocation),
        None => json!({}),
    };
    shown["reservedFor"] = claim.reserved_for.iter().map(|consumer| Value::from(&*consumer.name)).collect();
    shown
}

fn special(made: &NewDeviceClaim) -> Value {
    let mut shown = described(&made.claim);
    // The last part of the name follows from the pod's uid here, and is random upstream.
    let name = made.claim.name.rsplit_once('-').map_or(&*made.claim.name, |(name, _)| name);
    shown["claim"] = format!("{}/{name}{SUFFIX}", made.claim.namespace).into();
    shown["requests"] = made.claim.spec.requests.iter().map(request).collect();
    shown["mappings"] = made.mappings.iter().map(mapping).collect();
    shown
}

fn request(request: &DeviceRequest) -> Value {
    let Ask::Exactly(one) = &request.ask else { return json!({ "name": &*request.name }) };
    let AllocationMode::Count(count) = one.mode else { return json!({ "name": &*request.name }) };
    let exactly = json!({ "deviceClassName": &*one.class, "allocationMode": "ExactCount", "count": count });
    json!({ "name": &*request.name, "exactly": exactly })
}

fn mapping(mapping: &RequestMapping) -> Value {
    json!({
        "containerName": &*mapping.container,
        "resourceName": &*mapping.resource,
        "requestName": &*mapping.request,
    })
}
