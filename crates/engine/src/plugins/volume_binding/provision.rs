//! Whether a class can make a volume for a claim that can be reached from a node.

use berth_model::volume::{Claim, StorageClass};

use crate::cluster::storage::topology::NodeMatcher;
use crate::cluster::{Capacity, ClassVolumes, Cluster};
use crate::ids::NodeRow;

const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";

/// Where a class can make a volume for a claim.
pub(super) enum Provision<'a> {
    /// The class makes no volumes.
    Never,
    /// The class makes volumes.
    Where { cluster: &'a Cluster, topologies: NodeMatcher, room: Room<'a> },
}

/// What limits the size of a new volume.
pub(super) enum Room<'a> {
    /// Nothing that is known.
    Unknown,
    /// Capacity that the driver publishes must hold this many bytes.
    Published { size: i64, offer: Option<&'a ClassVolumes> },
}

/// Why no volume can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Impossible {
    /// By the class.
    ByClass,
    /// For lack of room.
    NoRoom,
}

impl<'a> Provision<'a> {
    pub(super) fn new(claim: &Claim, class: &StorageClass, cluster: &'a Cluster) -> Self {
        if class.provisioner.is_empty() || &*class.provisioner == NO_PROVISIONER {
            return Self::Never;
        }
        let driver = cluster.storage().csi_drivers.get(&class.provisioner);
        let published = driver.is_some_and(|d| d.storage_capacity) && !claim.request.is_zero();
        Self::Where {
            cluster,
            topologies: NodeMatcher::of_topologies(&class.allowed_topologies, cluster),
            room: if published {
                Room::Published { size: claim.request.value(), offer: cluster.available_volumes(&class.name) }
            } else {
                Room::Unknown
            },
        }
    }

    /// Whether a volume can be made for every node.
    pub(super) fn is_everywhere(&self) -> bool {
        matches!(self, Self::Where { topologies, room: Room::Unknown, .. } if topologies.is_everywhere())
    }

    /// Whether no published capacity is looked at.
    pub(super) fn is_unlimited(&self) -> bool {
        matches!(self, Self::Never | Self::Where { room: Room::Unknown, .. })
    }

    /// The capacity that the volume would come from, in bytes, where it is published.
    pub(super) fn check(&self, row: NodeRow) -> Result<Option<i64>, Impossible> {
        let Self::Where { cluster, topologies, room } = self else { return Err(Impossible::ByClass) };
        if !topologies.includes(row, cluster) {
            return Err(Impossible::ByClass);
        }
        let Room::Published { size, offer } = room else { return Ok(None) };
        let large_enough = |capacity: &Capacity| capacity.largest_volume >= *size;
        let found = offer.and_then(|o| o.capacities.first(row, cluster, |_| false, large_enough));
        found.map(|capacity| Some(capacity.bytes)).ok_or(Impossible::NoRoom)
    }
}
