//! What a pod needs attached, by driver.

use std::cell::RefCell;

use berth_model::Str;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::cluster::storage::attachable::{
    Attachable, CsiNodePresence, attachables_of_new_pod, attachables_of_placed_pod,
};
use crate::cluster::{Attached, Cluster, FoundVolumes, VolumeNumbers};
use crate::ids::PodRow;
use crate::plugin::view::PodView;
use crate::verdict::{Code, Reason, Rejection};

/// The volumes that the pod needs attached.
pub(super) struct Asks<'a> {
    pub(super) drivers: SmallVec<[DriverAsk; 1]>,
    /// Drivers that must run on the node, and what is said where one does not; sorted by name.
    pub(super) required: Vec<(&'a str, Rejection)>,
}

/// Distinct volumes of one driver.
pub(super) struct DriverAsk {
    pub(super) name: Str,
    pub(super) driver: u32,
    pub(super) volumes: SmallVec<[Attached; 2]>,
}

impl<'a> Asks<'a> {
    pub(super) fn of(
        pod: PodView<'a>,
        csi_node: CsiNodePresence,
        numbering: &Numbering<'_>,
    ) -> Result<Self, Rejection> {
        let found = attachables_of_new_pod(&pod.entry().pod, pod.cluster.storage(), csi_node)?;
        let mut asks = Self { drivers: SmallVec::new(), required: Vec::new() };
        for volume in found {
            asks.required.extend(required(pod, &volume));
            asks.add(volume, numbering);
        }
        asks.required.sort_by_key(|(name, _)| *name);
        Ok(asks)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.drivers.is_empty()
    }

    fn add(&mut self, volume: Attachable, numbering: &Numbering<'_>) {
        let name = volume.driver.clone();
        let volume = numbering.number(volume);
        match self.drivers.iter_mut().find(|ask| ask.name == name) {
            Some(ask) if ask.volumes.contains(&volume) => {}
            Some(ask) => ask.volumes.push(volume),
            None => {
                let volumes = smallvec::smallvec![volume];
                self.drivers.push(DriverAsk { name, driver: volume.driver, volumes });
            }
        }
    }
}

fn required<'a>(pod: PodView<'a>, volume: &Attachable) -> Option<(&'a str, Rejection)> {
    let driver = pod.cluster.storage().csi_drivers.get(&volume.driver).filter(|d| d.required_on_node)?;
    let text = format!("{} CSI driver is not installed on the node", driver.name);
    Some((&driver.name, Rejection::new(Code::Unschedulable, Reason::from(text))))
}

/// Numbers of volumes: those that placed pods have, and any others that come up.
pub(super) struct Numbering<'a> {
    known: &'a VolumeNumbers,
    new: RefCell<NewNumbers>,
}

/// New numbers are counted from above, known ones from below: they never meet.
#[derive(Default)]
struct NewNumbers {
    volumes: FxHashMap<Attachable, u32>,
    drivers: Vec<Str>,
}

impl<'a> Numbering<'a> {
    pub(super) fn new(known: &'a VolumeNumbers) -> Self {
        Self { known, new: RefCell::default() }
    }

    /// The volumes of a pod that is taken as placed.
    pub(super) fn of_pod(&self, pod: PodRow, cluster: &Cluster) -> FoundVolumes {
        let found = attachables_of_placed_pod(&cluster.pods().entry(pod).pod, cluster.storage())?;
        Ok(found.into_iter().map(|volume| self.number(volume)).collect())
    }

    fn number(&self, volume: Attachable) -> Attached {
        if let Some(number) = self.known.find(&volume) {
            return number;
        }
        let mut new = self.new.borrow_mut();
        let driver = self.known.driver(&volume.driver).unwrap_or_else(|| new.driver(&volume.driver));
        let next = u32::MAX - new.volumes.len() as u32;
        Attached { driver, volume: *new.volumes.entry(volume).or_insert(next) }
    }
}

impl NewNumbers {
    fn driver(&mut self, name: &Str) -> u32 {
        let at = self.drivers.iter().position(|known| known == name).unwrap_or_else(|| {
            self.drivers.push(name.clone());
            self.drivers.len() - 1
        });
        u32::MAX - at as u32
    }
}
