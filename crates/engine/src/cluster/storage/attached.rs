//! Which volumes the pods on each node have attached.
//!
//! Found out when a pod first asks for it, kept up to date as pods, claims, volumes and attachments come, change and
//! go, and rebuilt after a change of storage classes.

use std::collections::BTreeMap;

use berth_model::Str;
use berth_model::pod::Pod;
use berth_model::volume::{Attachment, VolumeSource};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::cluster::Cluster;
use crate::cluster::pods::Pods;
use crate::cluster::storage::Storage;
use crate::cluster::storage::attachable::{Attachable, Handle, attachables_of_placed_pod, has_attachables};
use crate::cluster::storage::attachments::Attachments;
use crate::cluster::storage::claims::named_claims;
use crate::cluster::storage::volume_numbers::{Attached, VolumeNumbers};
use crate::ids::{NodeRow, PodRow};
use crate::verdict::Rejection;

/// The volumes of all pods that are on nodes.
#[derive(Clone, Debug, Default)]
pub struct AttachedVolumes {
    numbers: VolumeNumbers,
    /// By pod row.
    pods: Vec<Option<PodVolumes>>,
    /// By node row.
    nodes: Vec<NodeVolumes>,
    users: FxHashMap<(Str, Str), SmallVec<[PodRow; 1]>>,
    /// Pods on nodes whose claims are bound to a volume, by its name.
    by_volume: FxHashMap<Str, SmallVec<[PodRow; 1]>>,
    attachments: Attachments,
    /// By driver: how many nodes have how many of its volumes.
    loads: FxHashMap<u32, BTreeMap<u32, u32>>,
    /// Pods on nodes whose volumes cannot be told.
    unresolved: u32,
}

#[derive(Clone, Debug)]
struct PodVolumes {
    node: NodeRow,
    claims: SmallVec<[(Str, Str); 1]>,
    volumes: SmallVec<[Str; 1]>,
    found: FoundVolumes,
}

/// The volumes of a pod, or why they cannot be told.
pub(crate) type FoundVolumes = Result<SmallVec<[Attached; 2]>, Rejection>;

/// The volumes of the pods on a node.
#[derive(Clone, Debug, Default)]
pub struct NodeVolumes {
    /// Sorted, with the number of uses by pods.
    used: Vec<(Attached, u32)>,
    /// Distinct ones, by driver.
    of_driver: SmallVec<[(u32, u32); 2]>,
    /// Pods whose volumes cannot be told.
    unresolved: u32,
}

impl NodeVolumes {
    /// Whether a pod on the node has the volume.
    pub fn contains(&self, volume: Attached) -> bool {
        self.used.binary_search_by_key(&volume, |&(v, _)| v).is_ok()
    }

    /// How many distinct volumes of a driver the pods have.
    pub fn count(&self, driver: u32) -> u32 {
        self.of_driver.iter().find(|(d, _)| *d == driver).map_or(0, |&(_, count)| count)
    }

    /// Whether there are pods whose volumes cannot be told.
    pub fn has_unresolved(&self) -> bool {
        self.unresolved > 0
    }

    /// Counts a pod's volumes in.
    pub fn add(&mut self, found: &FoundVolumes) {
        let Ok(volumes) = found else {
            self.unresolved += 1;
            return;
        };
        for &volume in volumes {
            match self.used.binary_search_by_key(&volume, |&(v, _)| v) {
                Ok(at) => self.used[at].1 += 1,
                Err(at) => {
                    self.used.insert(at, (volume, 1));
                    match self.of_driver.iter_mut().find(|(d, _)| *d == volume.driver) {
                        Some((_, count)) => *count += 1,
                        None => self.of_driver.push((volume.driver, 1)),
                    }
                }
            }
        }
    }

    /// Counts a pod's volumes out; they must have been counted in.
    pub fn remove(&mut self, found: &FoundVolumes) {
        let Ok(volumes) = found else {
            self.unresolved -= 1;
            return;
        };
        for volume in volumes {
            let Ok(at) = self.used.binary_search_by_key(volume, |&(v, _)| v) else { continue };
            self.used[at].1 -= 1;
            if self.used[at].1 > 0 {
                continue;
            }
            self.used.remove(at);
            if let Some((_, count)) = self.of_driver.iter_mut().find(|(d, _)| *d == volume.driver) {
                *count -= 1;
            }
        }
    }
}

impl AttachedVolumes {
    pub(crate) fn new(cluster: &Cluster) -> Self {
        let (pods, storage) = (cluster.pods(), cluster.storage());
        let mut attached = Self::default();
        for row in pods.rows() {
            let entry = pods.entry(row);
            if let Some(node) = entry.row {
                attached.placed(row, node, &entry.pod, storage);
            }
        }
        for name in storage.attachments.keys() {
            attached.attachment_changed(name, storage);
        }
        attached
    }

    /// The numbers of volumes that pods have or that are attached.
    pub fn numbers(&self) -> &VolumeNumbers {
        &self.numbers
    }

    /// The volumes of a node's pods; `None` where there are none.
    pub fn node(&self, row: NodeRow) -> Option<&NodeVolumes> {
        self.nodes.get(row.index())
    }

    /// The volumes of a pod that is on a node; `None` where it has none.
    pub fn pod(&self, row: PodRow) -> Option<&FoundVolumes> {
        Some(&self.pods.get(row.index())?.as_ref()?.found)
    }

    /// What is attached to a node according to VolumeAttachments, each volume once, sorted.
    pub fn attachments(&self, node: &str) -> impl Iterator<Item = Attached> {
        self.attachments.of(node)
    }

    /// How many distinct volumes of a driver the pods of any node have at most.
    pub fn most(&self, driver: u32) -> u32 {
        self.loads.get(&driver).and_then(|nodes| nodes.last_key_value()).map_or(0, |(&count, _)| count)
    }

    /// How many volumes are attached to any node at most, according to VolumeAttachments.
    pub fn most_attachments(&self) -> usize {
        self.attachments.most()
    }

    /// Whether there are pods on nodes whose volumes cannot be told.
    pub fn has_unresolved(&self) -> bool {
        self.unresolved > 0
    }

    /// Changes the volumes of a node's pods.
    fn change(&mut self, node: NodeRow, change: impl FnOnce(&mut NodeVolumes)) {
        let volumes = &mut self.nodes[node.index()];
        let (before, unresolved) = (volumes.of_driver.clone(), volumes.unresolved);
        change(volumes);
        self.unresolved = self.unresolved + volumes.unresolved - unresolved;
        for (at, &(driver, now)) in volumes.of_driver.iter().enumerate() {
            let was = before.get(at).map_or(0, |&(_, was)| was); // drivers keep their places
            if was == now {
                continue;
            }
            let nodes = self.loads.entry(driver).or_default();
            if let Some(others) = nodes.get_mut(&was) {
                *others -= 1;
                if *others == 0 {
                    nodes.remove(&was);
                }
            }
            if now > 0 {
                *nodes.entry(now).or_default() += 1;
            }
        }
    }

    /// Pods on nodes that use a claim.
    pub fn users(&self, namespace: &Str, claim: &Str) -> &[PodRow] {
        self.users.get(&(namespace.clone(), claim.clone())).map_or(&[], |list| list)
    }

    /// Pods on nodes that use a claim which is bound to the volume.
    pub fn users_of_volume(&self, volume: &Str) -> &[PodRow] {
        self.by_volume.get(volume).map_or(&[], |list| list)
    }

    pub(crate) fn placed(&mut self, row: PodRow, node: NodeRow, pod: &Pod, storage: &Storage) {
        if !has_attachables(&pod.spec) {
            return;
        }
        let found = attachables_of_placed_pod(pod, storage);
        let found = found.map(|list| list.into_iter().map(|v| self.numbers.acquire(v)).collect());
        if self.nodes.len() <= node.index() {
            self.nodes.resize_with(node.index() + 1, NodeVolumes::default);
        }
        self.change(node, |volumes| volumes.add(&found));
        let claims: SmallVec<[(Str, Str); 1]> =
            named_claims(pod).map(|claim| (pod.spec.namespace.clone(), claim.name)).collect();
        let bound = |claim: &(Str, Str)| storage.claims.get(claim)?.volume.clone();
        let volumes: SmallVec<[Str; 1]> = claims.iter().filter_map(bound).collect();
        for claim in &claims {
            self.users.entry(claim.clone()).or_default().push(row);
        }
        for volume in &volumes {
            self.by_volume.entry(volume.clone()).or_default().push(row);
        }
        if self.pods.len() <= row.index() {
            self.pods.resize_with(row.index() + 1, || None);
        }
        self.pods[row.index()] = Some(PodVolumes { node, claims, volumes, found });
    }

    pub(crate) fn displaced(&mut self, row: PodRow) {
        let Some(gone) = self.pods.get_mut(row.index()).and_then(Option::take) else { return };
        self.change(gone.node, |volumes| volumes.remove(&gone.found));
        gone.claims.iter().for_each(|claim| forget(&mut self.users, claim, row));
        gone.volumes.iter().for_each(|volume| forget(&mut self.by_volume, volume, row));
        gone.found.into_iter().flatten().for_each(|volume| self.numbers.release(volume));
    }

    /// A claim has changed: its pods may have other volumes now.
    pub(crate) fn claim_changed(&mut self, namespace: &Str, claim: &Str, pods: &Pods, storage: &Storage) {
        self.look_again(self.users(namespace, claim).to_vec(), pods, storage);
    }

    /// A volume came, went or lies elsewhere now.
    pub(crate) fn volume_changed(&mut self, volume: &Str, pods: &Pods, storage: &Storage) {
        self.look_again(self.users_of_volume(volume).to_vec(), pods, storage);
        let named = |a: &&Attachment| a.volume.as_ref() == Some(volume);
        for attachment in storage.attachments.values().filter(named) {
            self.attachment_changed(&attachment.name, storage);
        }
    }

    /// An attachment came, changed or went.
    pub(crate) fn attachment_changed(&mut self, name: &Str, storage: &Storage) {
        let now = storage.attachments.get(name).filter(|a| !a.driver.is_empty()).and_then(|attachment| {
            let volume = storage.volumes.get(attachment.volume.as_ref()?)?;
            let VolumeSource::Csi { handle, .. } = &volume.source else { return None };
            let handle = Handle::Volume(handle.clone());
            let volume = Attachable { driver: attachment.driver.clone(), handle };
            Some((attachment.node.clone(), self.numbers.acquire(volume)))
        });
        if let Some(before) = self.attachments.set(name, now) {
            self.numbers.release(before);
        }
    }

    fn look_again(&mut self, users: Vec<PodRow>, pods: &Pods, storage: &Storage) {
        for row in users {
            let Some(node) = self.pods[row.index()].as_ref().map(|p| p.node) else { continue };
            self.displaced(row);
            self.placed(row, node, &pods.entry(row).pod, storage);
        }
    }
}

fn forget<K: Clone + Eq + std::hash::Hash>(
    users: &mut FxHashMap<K, SmallVec<[PodRow; 1]>>,
    key: &K,
    row: PodRow,
) {
    if let Some(list) = users.get_mut(key) {
        list.retain(|user| *user != row);
        if list.is_empty() {
            users.remove(key);
        }
    }
}
