//! The volumes of a pod that CSI drivers attach.
//!
//! Upstream: `nodevolumelimits/csi.go` (`filterAttachableVolumes`).

use berth_model::Str;
use berth_model::pod::{Pod, PodSpec};
use berth_model::volume::{Claim, Disk, PodVolume, PodVolumeSource, VolumeSource};
use smallvec::SmallVec;

use crate::cluster::Storage;
use crate::cluster::storage::claims::{NamedClaim, not_found};
use crate::cluster::storage::csi_migration::{self, Migration, Provisioner};
use crate::verdict::{Code, Rejection};

/// A volume as its driver knows it. Equal ones are attached once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Attachable {
    /// The driver.
    pub driver: Str,
    /// Which of its volumes.
    pub handle: Handle,
}

/// What tells the volumes of a driver apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Handle {
    /// The driver's handle.
    Volume(Str),
    /// Not made or not bound yet: the claim's namespace and name.
    Claim(Str, Str),
}

/// Whether the node has a CSINode object. Without it in-tree disks count for no driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CsiNodePresence {
    /// It has none.
    Absent,
    /// It has one.
    Present,
}

/// The volumes of a pod, in their order.
pub(crate) type Attachables = SmallVec<[Attachable; 2]>;

/// Whether a pod can have such volumes at all.
pub(crate) fn has_attachables(spec: &PodSpec) -> bool {
    spec.volumes.iter().any(|volume| match &volume.source {
        PodVolumeSource::Claim { .. } | PodVolumeSource::Ephemeral => true,
        PodVolumeSource::Disk(disk) => Migration::of(disk).is_some(),
        _ => false,
    })
}

/// What a pod that is to be placed needs attached.
///
/// # Errors
/// A claim is not there or not the pod's, or a disk's id makes no sense.
pub(crate) fn attachables_of_new_pod(
    pod: &Pod,
    storage: &Storage,
    csi_node: CsiNodePresence,
) -> Result<Attachables, Rejection> {
    let missing = |claim: &NamedClaim| {
        let text =
            format!("looking up PVC {}/{}: {}", pod.spec.namespace, claim.name, not_found(&claim.name));
        Some(Rejection::new(Code::UnschedulableAndUnresolvable, text.into()))
    };
    collect(pod, storage, csi_node, missing)
}

/// What a pod on a node with a CSINode has attached. Claims that are gone do not count.
///
/// # Errors
/// A claim is not the pod's, or a disk's id makes no sense.
pub(crate) fn attachables_of_placed_pod(pod: &Pod, storage: &Storage) -> Result<Attachables, Rejection> {
    collect(pod, storage, CsiNodePresence::Present, |_| None)
}

fn collect(
    pod: &Pod,
    storage: &Storage,
    csi_node: CsiNodePresence,
    missing: impl Fn(&NamedClaim) -> Option<Rejection>,
) -> Result<Attachables, Rejection> {
    let error = |text: String| Rejection::new(Code::Error, text.into());
    let mut found = Attachables::new();
    for volume in &pod.spec.volumes {
        let Some(named) = NamedClaim::of(volume, pod) else {
            found.extend(inline(volume, csi_node).map_err(error)?);
            continue;
        };
        if named.name.is_empty() {
            return Err(error("PersistentVolumeClaim had no name".into()));
        }
        let Some(claim) = storage.claim(&pod.spec.namespace, &named.name) else {
            if let Some(rejection) = missing(&named) {
                return Err(rejection);
            }
            continue;
        };
        if let Some(text) = named.foreign(claim, pod) {
            return Err(error(text));
        }
        found.extend(of_claim(claim, storage, csi_node));
    }
    Ok(found)
}

fn inline(volume: &PodVolume, csi_node: CsiNodePresence) -> Result<Option<Attachable>, String> {
    let PodVolumeSource::Disk(disk) = &volume.source else { return Ok(None) };
    let Some(migration) = migrated(disk, csi_node) else { return Ok(None) };
    let handle = csi_migration::inline_handle(disk)
        .map_err(|why| format!("converting volume({}) from inline to csi: {why}", volume.name))?;
    Ok(Some(attachable(migration.driver, handle)))
}

fn migrated(disk: &Disk, csi_node: CsiNodePresence) -> Option<Migration> {
    Migration::of(disk).filter(|_| csi_node == CsiNodePresence::Present)
}

fn attachable(driver: &str, handle: Str) -> Attachable {
    Attachable { driver: driver.into(), handle: Handle::Volume(handle) }
}

fn of_claim(claim: &Claim, storage: &Storage, csi_node: CsiNodePresence) -> Option<Attachable> {
    let Some(volume) = claim.volume.as_ref().and_then(|name| storage.volumes.get(name)) else {
        return of_unbound(claim, storage, csi_node);
    };
    let found = match &volume.source {
        VolumeSource::Csi { driver, handle } => {
            Attachable { driver: driver.clone(), handle: Handle::Volume(handle.clone()) }
        }
        VolumeSource::Disk(disk) => {
            let driver = migrated(disk, csi_node)?.driver;
            attachable(driver, csi_migration::volume_handle(volume, disk).ok()?)
        }
        VolumeSource::Other => return None,
    };
    let named = match &found.handle {
        Handle::Volume(handle) => !found.driver.is_empty() && !handle.is_empty(),
        Handle::Claim(..) => true,
    };
    named.then_some(found)
}

/// A claim that waits for its volume will have one of the class's provisioner.
fn of_unbound(claim: &Claim, storage: &Storage, csi_node: CsiNodePresence) -> Option<Attachable> {
    let class = storage.classes.get(claim.storage_class.as_ref().filter(|c| !c.is_empty())?)?;
    let driver = match Provisioner::of(&class.provisioner) {
        Provisioner::Driver("") | Provisioner::LeftAlone => return None,
        Provisioner::Driver(_) => class.provisioner.clone(),
        Provisioner::Migrated(migration) if csi_node == CsiNodePresence::Present => migration.driver.into(),
        Provisioner::Migrated(_) => return None,
    };
    Some(Attachable { driver, handle: Handle::Claim(claim.namespace.clone(), claim.name.clone()) })
}
