//! Which volumes of the pod's drivers are on each node already.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;

use berth_model::Str;
use berth_model::volume::{PodVolumeSource, VolumeSource};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::cluster::Cluster;
use crate::ids::{NodeRow, PodRow};
use crate::verdict::Rejection;
use crate::view::NodeView;

use super::Attached;
use super::attachable::{Attachable, Attachables, Handle, attachables_of_placed_pod};

/// The volumes of some drivers, numbered, with what is known of the pods and nodes that have them.
///
/// Pods of a class have the same claims, so what they attach is found out once a class, when a node asks for it. Volumes
/// that are made for a single pod are the exception.
pub(super) struct Usage<'a> {
    cluster: &'a Cluster,
    drivers: Vec<Str>,
    numbers: RefCell<FxHashMap<Attachable, u32>>,
    by_class: Vec<OnceCell<Result<SmallVec<[Attached; 2]>, Rejection>>>,
    attachments: OnceCell<BTreeMap<NodeRow, Vec<Attached>>>,
}

impl<'a> Usage<'a> {
    pub(super) fn new(cluster: &'a Cluster) -> Self {
        Self {
            cluster,
            drivers: Vec::new(),
            numbers: RefCell::default(),
            by_class: vec![OnceCell::new(); cluster.pods().class_count()],
            attachments: OnceCell::new(),
        }
    }

    /// Numbers a volume of the new pod. Its driver is watched from now on.
    pub(super) fn number_new(&mut self, volume: Attachable) -> Attached {
        if !self.drivers.contains(&volume.driver) {
            self.drivers.push(volume.driver.clone());
        }
        let driver = self.drivers.iter().zip(0u32..).find(|(d, _)| **d == volume.driver);
        Attached { driver: driver.map_or(0, |(_, id)| id), volume: self.number(volume) }
    }

    /// The watched drivers.
    pub(super) fn drivers(&self) -> impl Iterator<Item = (u32, &Str)> {
        (0u32..).zip(&self.drivers)
    }

    fn number(&self, volume: Attachable) -> u32 {
        let mut numbers = self.numbers.borrow_mut();
        let next = numbers.len() as u32;
        *numbers.entry(volume).or_insert(next)
    }

    fn number_watched(&self, volume: Attachable) -> Option<Attached> {
        let (driver, _) = self.drivers().find(|(_, name)| **name == volume.driver)?;
        Some(Attached { driver, volume: self.number(volume) })
    }

    /// The distinct volumes of the pods on a node, sorted.
    pub(super) fn of_pods(&self, node: NodeView<'_>) -> Result<SmallVec<[Attached; 16]>, Rejection> {
        let mut used = SmallVec::new();
        for pod in node.pods() {
            let class = self.cluster.pods().entry(pod).class;
            if self.cluster.pods().class(class).spec.volumes.is_empty() {
                continue;
            }
            if self.has_own_volumes(pod) {
                used.extend(self.find(pod)?);
                continue;
            }
            match self.by_class[class.index()].get_or_init(|| self.find(pod)) {
                Ok(volumes) => used.extend_from_slice(volumes),
                Err(rejection) => return Err(rejection.clone()),
            }
        }
        used.sort_unstable();
        used.dedup();
        Ok(used)
    }

    fn has_own_volumes(&self, pod: PodRow) -> bool {
        let volumes = &self.cluster.pods().class_of(pod).spec.volumes;
        volumes.iter().any(|v| v.source == PodVolumeSource::Ephemeral)
    }

    fn find(&self, pod: PodRow) -> Result<SmallVec<[Attached; 2]>, Rejection> {
        let pod = &self.cluster.pods().entry(pod).pod;
        let found: Attachables = attachables_of_placed_pod(pod, self.cluster.storage())?;
        Ok(found.into_iter().filter_map(|volume| self.number_watched(volume)).collect())
    }

    /// The distinct volumes that are attached to a node according to its VolumeAttachments, sorted.
    pub(super) fn attached(&self, row: NodeRow) -> &[Attached] {
        let by_node = self.attachments.get_or_init(|| self.find_attachments());
        by_node.get(&row).map_or(&[], |list| list)
    }

    fn find_attachments(&self) -> BTreeMap<NodeRow, Vec<Attached>> {
        let storage = self.cluster.storage();
        let mut by_node: BTreeMap<NodeRow, Vec<Attached>> = BTreeMap::new();
        for attachment in storage.attachments.values().filter(|a| self.drivers.contains(&a.driver)) {
            let volume = attachment.volume.as_ref().and_then(|name| storage.volumes.get(name));
            let Some(VolumeSource::Csi { handle, .. }) = volume.map(|v| &v.source) else { continue };
            let Some(row) = self.cluster.nodes().find(&attachment.node) else { continue };
            let volume =
                Attachable { driver: attachment.driver.clone(), handle: Handle::Volume(handle.clone()) };
            by_node.entry(row).or_default().extend(self.number_watched(volume));
        }
        for list in by_node.values_mut() {
            list.sort_unstable();
            list.dedup();
        }
        by_node
    }
}
