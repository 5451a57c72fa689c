//! Which existing volume a claim would take on a node.
//!
//! Upstream: component-helpers `storage/volume/pv_helpers.go` (`FindMatchingVolume`).

use berth_model::Str;
use berth_model::quantity::Quantity;
use berth_model::volume::{Claim, Volume};

use crate::cluster::storage::topology::NodeMatcher;
use crate::cluster::{ClassVolumes, Cluster, FreeVolume};
use crate::ids::NodeRow;

use super::bound::reach;

/// The volumes that a claim could take.
pub(super) struct Candidates<'a> {
    claim: &'a Claim,
    cluster: &'a Cluster,
    offer: Option<&'a ClassVolumes>,
    /// Volumes that are reserved for the claim: the first of them is taken or none.
    reserved: Vec<(&'a Volume, NodeMatcher)>,
}

/// A volume of the claim's class that it would take.
#[derive(Clone, Copy)]
pub(super) struct Chosen<'a> {
    pub(super) name: &'a Str,
    pub(super) capacity: Quantity,
}

impl<'a> Candidates<'a> {
    pub(super) fn new(claim: &'a Claim, cluster: &'a Cluster) -> Self {
        let offer = cluster.available_volumes(claim.storage_class.as_deref().unwrap_or_default());
        let names = offer.map_or(&[][..], |offer| offer.reserved_for(&claim.namespace, &claim.name));
        let volumes = names.iter().filter_map(|name| cluster.storage().volumes.get(name));
        let reserved = volumes.filter(|volume| is_reserved_for(volume, claim) && could_hold(volume, claim));
        let reserved = reserved.map(|volume| (volume, reach(volume, cluster))).collect();
        Self { claim, cluster, offer, reserved }
    }

    /// Whether there is no volume for the claim on any node.
    pub(super) fn are_none(&self) -> bool {
        self.reserved.is_empty() && self.offer.is_none_or(|offer| offer.free.is_empty())
    }

    /// The volume for the claim on a node, given those that other claims of the pod take there.
    pub(super) fn find(&self, row: NodeRow, taken: impl Fn(&str) -> bool) -> Option<Chosen<'a>> {
        if let Some((volume, reach)) = self.reserved.iter().find(|(volume, _)| !taken(&volume.name)) {
            let chosen = Chosen { name: &volume.name, capacity: volume.capacity };
            return reach.includes(row, self.cluster).then_some(chosen);
        }
        let is_small = |volume: &FreeVolume| volume.capacity < self.claim.request;
        let accept = |volume: &FreeVolume| self.accepts(volume) && !taken(&volume.name);
        let found = self.offer?.free.first(row, self.cluster, is_small, accept)?;
        Some(Chosen { name: &found.name, capacity: found.capacity })
    }

    fn accepts(&self, volume: &FreeVolume) -> bool {
        let claim = self.claim;
        volume.block == claim.block
            && *volume.attributes_class == *claim.attributes_class.as_deref().unwrap_or_default()
            && claim.access_modes.iter().all(|mode| volume.access_modes.contains(mode))
            && claim.selector.as_ref().is_none_or(|selector| {
                let object = self.cluster.storage().volumes.get(&volume.name);
                object.is_some_and(|v| selector.matches(&v.labels))
            })
    }
}

fn could_hold(volume: &Volume, claim: &Claim) -> bool {
    volume.capacity >= claim.request
        && volume.block == claim.block
        && volume.attributes_class.as_deref().unwrap_or_default()
            == claim.attributes_class.as_deref().unwrap_or_default()
        && !volume.terminating
}

fn is_reserved_for(volume: &Volume, claim: &Claim) -> bool {
    volume.claim.as_ref().is_some_and(|reference| {
        reference.name == claim.name
            && reference.namespace == claim.namespace
            && (reference.uid.is_empty() || reference.uid == claim.uid)
    })
}
