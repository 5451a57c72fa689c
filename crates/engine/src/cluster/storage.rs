//! Storage objects of the cluster, by name.

mod assume;
pub(crate) mod attachable;
mod attached;
mod attachments;
mod available;
pub(crate) mod claims;
pub(crate) mod csi_migration;
mod fulfil;
pub(super) mod index;
pub mod topology;
mod update;
mod volume_numbers;

use std::collections::BTreeMap;

use berth_model::Str;
use berth_model::volume::{Attachment, Claim, CsiDriver, CsiNode, StorageCapacity, StorageClass, Volume};

pub use assume::Assumed;
pub(crate) use attached::{AttachedVolumes, FoundVolumes, NodeVolumes};
pub(crate) use available::{Capacity, ClassVolumes, FreeVolume};
pub(crate) use volume_numbers::{Attached, VolumeNumbers};

/// Claims, volumes, classes and CSI objects. Few of them matter to a pod, so they are plain ordered maps.
#[derive(Clone, Debug, Default)]
pub struct Storage {
    /// Claims by namespace and name.
    pub claims: BTreeMap<(Str, Str), Claim>,
    /// Volumes by name.
    pub volumes: BTreeMap<Str, Volume>,
    /// Storage classes by name.
    pub classes: BTreeMap<Str, StorageClass>,
    /// What CSI drivers run on a node, by node name.
    pub csi_nodes: BTreeMap<Str, CsiNode>,
    /// CSI drivers by name.
    pub csi_drivers: BTreeMap<Str, CsiDriver>,
    /// Published storage capacities by namespace and name.
    pub capacities: BTreeMap<(Str, Str), StorageCapacity>,
    /// Volume attachments by name.
    pub attachments: BTreeMap<Str, Attachment>,
}

impl Storage {
    /// A claim.
    pub fn claim(&self, namespace: &Str, name: &Str) -> Option<&Claim> {
        self.claims.get(&(namespace.clone(), name.clone()))
    }
}
