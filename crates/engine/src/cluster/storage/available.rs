//! What each storage class has to offer: free volumes, volumes that are reserved for claims, published capacity.
//!
//! Found out when a pod first asks for it, kept up to date as volumes and capacities come, change and go, and found out
//! again after a change of nodes.

use std::collections::BTreeMap;

use berth_model::Str;
use berth_model::quantity::Quantity;
use berth_model::volume::{AccessMode, StorageCapacity, Volume};
use rustc_hash::FxHashMap;

use crate::cluster::Cluster;
use crate::cluster::storage::topology::{NodeMatcher, TopologyIndex};

/// The offers of all classes.
#[derive(Clone, Debug, Default)]
pub(crate) struct AvailableVolumes {
    by_class: FxHashMap<Str, ClassVolumes>,
}

/// What a class has to offer.
#[derive(Clone, Debug, Default)]
pub struct ClassVolumes {
    /// Volumes that any claim may take, the smallest first.
    pub free: TopologyIndex<FreeVolume>,
    /// Capacity for new volumes, by name.
    pub capacities: TopologyIndex<Capacity>,
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

impl ClassVolumes {
    /// Volumes that name the claim, by name.
    pub fn reserved_for(&self, namespace: &Str, claim: &Str) -> &[Str] {
        self.reserved.get(&(namespace.clone(), claim.clone())).map_or(&[], |list| list)
    }
}

impl AvailableVolumes {
    pub(crate) fn new(cluster: &Cluster) -> Self {
        let storage = cluster.storage();
        let mut available = Self::default();
        let mut free: BTreeMap<&Str, Vec<&Volume>> = BTreeMap::new();
        for volume in storage.volumes.values() {
            if volume.claim.is_some() {
                available.add_reserved(volume);
            } else if is_free(volume) {
                free.entry(&volume.storage_class).or_default().push(volume);
            }
        }
        for (class, volumes) in free {
            available.of_class(class).free = ranked(volumes.into_iter(), cluster);
        }
        let mut capacities: BTreeMap<&Str, Vec<&StorageCapacity>> = BTreeMap::new();
        for capacity in storage.capacities.values() {
            capacities.entry(&capacity.storage_class).or_default().push(capacity);
        }
        for (class, list) in capacities {
            available.of_class(class).capacities = published(list.into_iter(), cluster);
        }
        available
    }

    pub(crate) fn get(&self, class: &str) -> Option<&ClassVolumes> {
        self.by_class.get(class)
    }

    /// A volume came, changed or went; the cluster has its new state.
    pub(crate) fn volume_changed(
        &mut self,
        before: Option<&Volume>,
        after: Option<&Volume>,
        cluster: &Cluster,
    ) {
        if let (Some(before), Some(after)) = (before, after)
            && are_alike(before, after)
        {
            return;
        }
        if let Some(before) = before {
            self.forget(before);
        }
        match after {
            Some(after) if after.claim.is_some() => self.add_reserved(after),
            Some(after) if is_free(after) => {
                // Its place among the others depends on its size and name.
                let class = &after.storage_class;
                let volumes = cluster.storage().volumes.values();
                let free = volumes.filter(|v| v.storage_class == *class && v.claim.is_none() && is_free(v));
                self.of_class(class).free = ranked(free, cluster);
            }
            _ => {}
        }
    }

    /// Capacity of a class was published, changed or withdrawn; the cluster has its new state.
    pub(crate) fn capacity_changed(&mut self, class: &Str, cluster: &Cluster) {
        let capacities = cluster.storage().capacities.values().filter(|c| c.storage_class == *class);
        self.of_class(class).capacities = published(capacities, cluster);
    }

    fn forget(&mut self, volume: &Volume) {
        let offer = self.of_class(&volume.storage_class);
        match &volume.claim {
            None if is_free(volume) => offer.free.remove(|free| free.name == volume.name),
            None => {}
            Some(claim) => {
                let key = (claim.namespace.clone(), claim.name.clone());
                if let Some(list) = offer.reserved.get_mut(&key) {
                    list.retain(|name| *name != volume.name);
                    if list.is_empty() {
                        offer.reserved.remove(&key);
                    }
                }
            }
        }
    }

    /// Takes note of a volume that names a claim.
    fn add_reserved(&mut self, volume: &Volume) {
        let Some(claim) = &volume.claim else { return };
        let key = (claim.namespace.clone(), claim.name.clone());
        let list = self.of_class(&volume.storage_class).reserved.entry(key).or_default();
        if let Err(at) = list.binary_search(&volume.name) {
            list.insert(at, volume.name.clone());
        }
    }

    fn of_class(&mut self, class: &Str) -> &mut ClassVolumes {
        self.by_class.entry(class.clone()).or_default()
    }
}

/// Whether any claim may take a volume that names none.
fn is_free(volume: &Volume) -> bool {
    volume.available && !volume.terminating
}

/// Whether two states of a volume are the same to a search for a volume.
fn are_alike(before: &Volume, after: &Volume) -> bool {
    let reserved = |v: &Volume| v.claim.as_ref().map(|c| (c.namespace.clone(), c.name.clone()));
    before.storage_class == after.storage_class
        && reserved(before) == reserved(after)
        && (after.claim.is_some() || (!is_free(before) && !is_free(after)) || looks_alike(before, after))
}

/// Whether two states of a volume that names no claim are free alike.
fn looks_alike(before: &Volume, after: &Volume) -> bool {
    is_free(before) == is_free(after)
        && before.capacity == after.capacity
        && before.access_modes == after.access_modes
        && before.block == after.block
        && before.attributes_class == after.attributes_class
        && before.node_affinity == after.node_affinity
}

fn ranked<'v>(volumes: impl Iterator<Item = &'v Volume>, cluster: &Cluster) -> TopologyIndex<FreeVolume> {
    let reach = |v: &Volume| v.node_affinity.as_ref().map(|a| NodeMatcher::of_affinity(a, cluster));
    let mut list: Vec<_> =
        volumes.map(|v| (FreeVolume::of(v), reach(v).unwrap_or(NodeMatcher::everywhere()))).collect();
    list.sort_by_key(|(volume, _)| volume.capacity);
    TopologyIndex::new(list, cluster)
}

fn published<'c>(
    capacities: impl Iterator<Item = &'c StorageCapacity>,
    cluster: &Cluster,
) -> TopologyIndex<Capacity> {
    let known = capacities.filter_map(|capacity| {
        Some((Capacity::of(capacity)?, NodeMatcher::of_labels(capacity.topology.as_ref()?, cluster)))
    });
    TopologyIndex::new(known.collect(), cluster)
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
