//! Which events may help a pod that waits for devices.
//!
//! Upstream: plugins/dynamicresources (`isSchedulableAfterClaimChange`, `EventsToRegister`).

use berth_devices::pod_devices::claims_of;
use berth_model::Str;
use berth_model::device::ResourceClaim;

use crate::plugin::event::ClusterEvent;
use crate::plugin::view::PodView;

pub(super) fn may_help(pod: PodView<'_>, event: &ClusterEvent<'_>) -> bool {
    match *event {
        ClusterEvent::Itself | ClusterEvent::Devices => true,
        ClusterEvent::Node { row, old } => {
            let now = pod.cluster.nodes().object(row);
            old.is_none_or(|old| (&now.labels, &now.allocatable) != (&old.labels, &old.allocatable))
        }
        ClusterEvent::DeviceClaim { namespace, name, old } => claim_may_help(pod, namespace, name, old),
        _ => false,
    }
}

fn claim_may_help(pod: PodView<'_>, namespace: &Str, name: &Str, old: Option<&ResourceClaim>) -> bool {
    let devices = pod.cluster.devices();
    // As long as a claim of the pod is missing, nothing helps.
    let Ok(claims) = claims_of(devices, &pod.entry().pod) else { return false };
    let had_devices = old.is_some_and(|old| old.allocation.is_some());
    // A claim that was made for the pod's extended resources in an earlier attempt keeps it from every node, with devices
    // or without. Upstream looks at claims with devices only.
    let uid = &pod.entry().pod.uid;
    let is_made_for_pod =
        |claim: &ResourceClaim| claim.extended_owner().is_some_and(|owner| owner.uid == *uid);
    let Some(now) = devices.claim(namespace, name) else {
        return had_devices || old.is_some_and(is_made_for_pod);
    };
    let is_used = is_made_for_pod(now)
        || claims.iter().any(|claim| (&claim.namespace, &claim.name) == (namespace, name));
    let status =
        |claim: &ResourceClaim| (claim.allocation.clone(), claim.reserved_for.clone(), claim.devices.clone());
    (had_devices && now.allocation.is_none()) || (is_used && old.is_none_or(|old| status(old) != status(now)))
}
