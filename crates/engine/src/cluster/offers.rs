//! What each storage class has to offer: free volumes, volumes that are reserved for claims, published capacity.
//!
//! Found out when a pod first asks for it, kept up to date while volumes are taken one by one, and found out anew after
//! any other change of storage or of nodes.

use std::collections::BTreeMap;

use berth_model::Str;
use berth_model::quantity::Quantity;
use berth_model::volume::{AccessMode, StorageCapacity, Volume};
use rustc_hash::FxHashMap;

use crate::cluster::Cluster;
use crate::reach::{Ranked, Reach};

/// The offers of all classes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Offers {
    by_class: FxHashMap<Str, Offer>,
}

/// What a class has to offer.
#[derive(Clone, Debug, Default)]
pub struct Offer {
    /// Volumes that any claim may take, the smallest first.
    pub free: Ranked<FreeVolume>,
    /// Capacity for new volumes, by name.
    pub capacities: Ranked<Capacity>,
    /// Volumes that name a claim, by the claim's namespace and name.
    reserved: BTreeMap<(Str, Str), Vec<Str>>,
}

/// A volume that any claim may take, and what the claim must agree with.
#[derive(Clone, Debug)]
pub struct FreeVolume {
    /// Its name.
    pub name: Str,
    /// Its size.
    pub capacity: Quantity,
    /// How it may be used.
    pub access_modes: Vec<AccessMode>,
    /// Raw blocks instead of a file system.
    pub block: bool,
    /// Its attributes class; empty where it has none.
    pub attributes_class: Str,
}

/// Published capacity for new volumes.
#[derive(Clone, Copy, Debug)]
pub struct Capacity {
    /// The size of the largest volume that can be made, in bytes.
    pub largest_volume: i64,
    /// All there is, in bytes.
    pub bytes: i64,
}

impl Offer {
    /// Volumes that name the claim, by name.
    pub fn reserved_for(&self, namespace: &Str, claim: &Str) -> &[Str] {
        self.reserved.get(&(namespace.clone(), claim.clone())).map_or(&[], |list| list)
    }
}

impl Offers {
    pub(crate) fn new(cluster: &Cluster) -> Self {
        let storage = cluster.storage();
        let mut offers = Self::default();
        let mut free: BTreeMap<&Str, Vec<(FreeVolume, Reach)>> = BTreeMap::new();
        for volume in storage.volumes.values() {
            if volume.claim.is_some() {
                offers.add_reserved(volume);
            } else if volume.available && !volume.terminating {
                let reach = volume.node_affinity.as_ref();
                let reach = reach.map_or(Reach::everywhere(), |a| Reach::of_affinity(a, cluster));
                free.entry(&volume.storage_class).or_default().push((FreeVolume::of(volume), reach));
            }
        }
        for (class, mut list) in free {
            list.sort_by_key(|(volume, _)| volume.capacity);
            offers.of_class(class).free = Ranked::new(list, cluster);
        }
        let mut capacities: BTreeMap<&Str, Vec<(Capacity, Reach)>> = BTreeMap::new();
        for capacity in storage.capacities.values() {
            let Some(published) = Capacity::of(capacity) else { continue };
            let Some(topology) = &capacity.topology else { continue };
            let reach = Reach::of_labels(topology, cluster);
            capacities.entry(&capacity.storage_class).or_default().push((published, reach));
        }
        for (class, list) in capacities {
            offers.of_class(class).capacities = Ranked::new(list, cluster);
        }
        offers
    }

    pub(crate) fn get(&self, class: &str) -> Option<&Offer> {
        self.by_class.get(class)
    }

    /// A volume that named no claim, or another one, names one now.
    pub(crate) fn reserve(&mut self, before: &Volume, after: &Volume) {
        let offer = self.of_class(&before.storage_class);
        offer.free.remove(|free| free.name == before.name);
        if let Some(claim) = &before.claim
            && let Some(list) = offer.reserved.get_mut(&(claim.namespace.clone(), claim.name.clone()))
        {
            list.retain(|name| *name != before.name);
        }
        self.add_reserved(after);
    }

    /// Takes note of a volume that names a claim.
    pub(crate) fn add_reserved(&mut self, volume: &Volume) {
        let Some(claim) = &volume.claim else { return };
        let key = (claim.namespace.clone(), claim.name.clone());
        let list = self.of_class(&volume.storage_class).reserved.entry(key).or_default();
        if let Err(at) = list.binary_search(&volume.name) {
            list.insert(at, volume.name.clone());
        }
    }

    fn of_class(&mut self, class: &Str) -> &mut Offer {
        self.by_class.entry(class.clone()).or_default()
    }
}

impl FreeVolume {
    fn of(volume: &Volume) -> Self {
        Self {
            name: volume.name.clone(),
            capacity: volume.capacity,
            access_modes: volume.access_modes.clone(),
            block: volume.block,
            attributes_class: volume.attributes_class.clone().unwrap_or_default(),
        }
    }
}

impl Capacity {
    /// `None` where nothing is published.
    fn of(capacity: &StorageCapacity) -> Option<Self> {
        let largest = capacity.maximum_volume_size.or(capacity.capacity)?;
        Some(Self { largest_volume: largest.value(), bytes: capacity.capacity.map_or(0, Quantity::value) })
    }
}
