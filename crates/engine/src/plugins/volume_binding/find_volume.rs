//! Which existing volume a claim would take on a node.
//!
//! Upstream: component-helpers `storage/volume/pv_helpers.go` (`FindMatchingVolume`).

use berth_model::volume::{Claim, Volume};

use crate::cluster::Cluster;
use crate::ids::NodeRow;
use crate::reach::{Ranked, Reach};

use super::bound::reach;

/// The volumes that a claim could take.
pub(super) struct Candidates<'a> {
    /// Volumes that are reserved for the claim: the first of them is taken or none.
    reserved: Vec<(&'a Volume, Reach<'a>)>,
    /// Free volumes, the smallest first.
    free: Ranked<'a, &'a Volume>,
}

impl<'a> Candidates<'a> {
    pub(super) fn new(claim: &Claim, cluster: &'a Cluster) -> Self {
        let class = claim.storage_class.as_deref().unwrap_or_default();
        let (mut reserved, mut free) = (Vec::new(), Vec::new());
        let of_class = cluster.storage().volumes.values().filter(|v| &*v.storage_class == class);
        for volume in of_class.filter(|volume| could_hold(volume, claim)) {
            if is_reserved_for(volume, claim) {
                reserved.push((volume, reach(volume, cluster)));
            } else if volume.claim.is_none() && is_free_for(volume, claim) {
                free.push((volume, reach(volume, cluster)));
            }
        }
        free.sort_by_key(|(volume, _)| volume.capacity);
        Self { reserved, free: Ranked::new(free) }
    }

    /// The volume for the claim on a node, given those that other claims of the pod take there.
    pub(super) fn find(&self, row: NodeRow, taken: impl Fn(&Volume) -> bool) -> Option<&'a Volume> {
        if let Some((volume, reach)) = self.reserved.iter().find(|(volume, _)| !taken(volume)) {
            return reach.includes(row).then_some(*volume);
        }
        self.free.first(row, |volume| !taken(volume)).copied()
    }
}

/// What holds of reserved volumes too.
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

fn is_free_for(volume: &Volume, claim: &Claim) -> bool {
    volume.available
        && claim.selector.as_ref().is_none_or(|selector| selector.matches(&volume.labels))
        && claim.access_modes.iter().all(|mode| volume.access_modes.contains(mode))
}
