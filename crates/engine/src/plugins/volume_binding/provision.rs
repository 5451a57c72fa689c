//! Whether a class can make a volume for a claim that can be reached from a node.

use berth_model::quantity::Quantity;
use berth_model::volume::{Claim, StorageCapacity, StorageClass};

use crate::cluster::Cluster;
use crate::ids::NodeRow;
use crate::reach::{Ranked, Reach};

const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";

/// Where a class can make a volume for a claim.
pub(super) enum Provision<'a> {
    /// The class makes no volumes.
    Never,
    /// The class makes volumes.
    Where {
        topologies: Reach<'a>,
        /// Published capacities that are large enough; `None` where the driver publishes none.
        capacities: Option<Ranked<'a, i64>>,
    },
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
        Self::Where {
            topologies: Reach::of_topologies(&class.allowed_topologies, cluster),
            capacities: capacities(claim, class, cluster),
        }
    }

    /// The capacity that the volume would come from, in bytes, where it is published.
    pub(super) fn check(&self, row: NodeRow) -> Result<Option<i64>, Impossible> {
        let Self::Where { topologies, capacities } = self else { return Err(Impossible::ByClass) };
        if !topologies.includes(row) {
            return Err(Impossible::ByClass);
        }
        let Some(capacities) = capacities else { return Ok(None) };
        capacities.first(row, |_| true).map(|&bytes| Some(bytes)).ok_or(Impossible::NoRoom)
    }
}

fn capacities<'a>(claim: &Claim, class: &StorageClass, cluster: &'a Cluster) -> Option<Ranked<'a, i64>> {
    let storage = cluster.storage();
    if claim.request.is_zero() || !storage.csi_drivers.get(&class.provisioner)?.storage_capacity {
        return None;
    }
    let size = claim.request.value();
    let large_enough = |c: &&StorageCapacity| {
        c.storage_class == class.name
            && c.maximum_volume_size.or(c.capacity).is_some_and(|limit| limit.value() >= size)
    };
    let reached = |c: &StorageCapacity| {
        let topology = c.topology.as_ref()?;
        Some((c.capacity.map_or(0, Quantity::value), Reach::of_labels(topology, cluster)))
    };
    Some(Ranked::new(storage.capacities.values().filter(large_enough).filter_map(reached).collect()))
}
