//! Whether the volumes of a pod are bound, so that the pod can be bound.
//!
//! Upstream: plugins/volumebinding/binder.go (`checkBindings`).

use berth_model::Str;
use berth_model::volume::{BIND_COMPLETED, Claim, SELECTED_NODE, Volume};

use crate::cluster::Cluster;
use crate::cluster::storage::topology::NodeMatcher;
use crate::effect::Effect;
use crate::plugin::PreBind;

/// Whether an effect is true, so that a pod that is assumed on the node can use the volume.
pub(super) fn pre_bind(cluster: &Cluster, effect: &Effect, node: &Str) -> PreBind {
    let storage = cluster.storage();
    let (Effect::BindVolume { namespace, claim: name, .. }
    | Effect::ProvisionVolume { namespace, claim: name, .. }) = effect
    else {
        return PreBind::Ready;
    };
    let Some(claim) = storage.claim(namespace, name) else {
        return PreBind::Failed(format!("persistentvolumeclaim \"{name}\" not found"));
    };
    match effect {
        Effect::ReserveDevices(_) | Effect::MakeDeviceClaim(_) => PreBind::Ready,
        Effect::BindVolume { volume, .. } => {
            let Some(found) = storage.volumes.get(volume) else {
                return PreBind::Failed(format!("persistentvolume \"{volume}\" not found"));
            };
            if found.claim.as_ref().is_none_or(|reference| reference.uid.is_empty()) {
                return PreBind::Failed(format!("ClaimRef got reset for pv {volume:?}"));
            }
            is_usable(cluster, claim, found, node)
        }
        Effect::ProvisionVolume { .. } => {
            if claim.annotations.get(SELECTED_NODE) != Some(node) {
                return PreBind::Failed(format!("provisioning failed for PVC {name:?}"));
            }
            match claim.volume.as_ref().and_then(|volume| storage.volumes.get(volume)) {
                None => PreBind::Waiting,
                Some(volume) => is_usable(cluster, claim, volume, node),
            }
        }
    }
}

/// Whether the claim is bound to the volume completely. The node must reach the volume.
fn is_usable(cluster: &Cluster, claim: &Claim, volume: &Volume, node: &Str) -> PreBind {
    if let Some(affinity) = &volume.node_affinity {
        let row = cluster.nodes().find(node);
        if !row.is_some_and(|row| NodeMatcher::of_affinity(affinity, cluster).includes(row, cluster)) {
            return PreBind::Failed(format!(
                "pv {:?} node affinity doesn't match node {node:?}: no matching NodeSelectorTerms",
                volume.name
            ));
        }
    }
    match claim.volume.is_some() && claim.annotations.contains_key(BIND_COMPLETED) {
        true => PreBind::Ready,
        false => PreBind::Waiting,
    }
}
