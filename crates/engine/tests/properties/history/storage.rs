//! Storage objects that come, change and go.

use berth_engine::cluster::{Cluster, Storage};
use berth_model::Str;
use berth_model::labels::Labels;
use berth_model::quantity::Quantity;
use berth_model::selector::{LabelSelector, NodeSelector, NodeSelectorTerm, Operator, Requirement};
use berth_model::volume::{
    AccessMode, Attachment, Claim, ClaimRef, CsiDriver, CsiNode, CsiNodeDriver, Disk, StorageCapacity,
    StorageClass, Volume, VolumeSource,
};
use proptest::prelude::*;

use super::happening::{Happening, home};
use super::shape::ZONE;

const DRIVER: &str = "csi.example";
const CLASSES: [&str; 3] = ["local", "made", "at-once"];

/// A change of storage; numbers are names.
#[derive(Clone, Debug)]
pub(crate) enum StorageStep {
    Claim { number: usize, class: usize, volume: Option<usize>, single: bool },
    RemoveClaim(usize),
    Volume { number: usize, zone: usize, how: usize },
    RemoveVolume(usize),
    Class { number: usize, zone: Option<usize> },
    RemoveClass(usize),
    CsiNode { node: usize, limit: Option<i64>, migrated: bool },
    RemoveCsiNode(usize),
    CsiDriver { publishes: bool, required: bool },
    RemoveCsiDriver,
    Capacity { number: usize, zone: usize, bytes: i64 },
    RemoveCapacity(usize),
    Attachment { number: usize, node: usize, volume: usize },
    RemoveAttachment(usize),
}

impl StorageStep {
    pub(super) fn any() -> impl Strategy<Value = Self> {
        let (four, three, node) = (0usize..4, 0usize..3, 0usize..8);
        prop_oneof![
            4 => (four.clone(), three.clone(), proptest::option::of(four.clone()), proptest::bool::weighted(0.2))
                .prop_map(|(number, class, volume, single)| Self::Claim { number, class, volume, single }),
            1 => four.clone().prop_map(Self::RemoveClaim),
            4 => (four.clone(), three.clone(), 0usize..6)
                .prop_map(|(number, zone, how)| Self::Volume { number, zone, how }),
            1 => four.clone().prop_map(Self::RemoveVolume),
            2 => (three.clone(), proptest::option::of(three.clone()))
                .prop_map(|(number, zone)| Self::Class { number, zone }),
            1 => three.clone().prop_map(Self::RemoveClass),
            3 => (node.clone(), proptest::option::of(0i64..3), any::<bool>())
                .prop_map(|(node, limit, migrated)| Self::CsiNode { node, limit, migrated }),
            1 => node.clone().prop_map(Self::RemoveCsiNode),
            1 => any::<(bool, bool)>().prop_map(|(publishes, required)| Self::CsiDriver { publishes, required }),
            1 => Just(Self::RemoveCsiDriver),
            2 => (four.clone(), three, 0i64..4)
                .prop_map(|(number, zone, bytes)| Self::Capacity { number, zone, bytes }),
            1 => four.clone().prop_map(Self::RemoveCapacity),
            2 => (four.clone(), node, four.clone())
                .prop_map(|(number, node, volume)| Self::Attachment { number, node, volume }),
            1 => four.prop_map(Self::RemoveAttachment),
        ]
    }

    /// Makes the change, and tells what happened.
    pub(super) fn take(&self, cluster: &mut Cluster) -> Happening {
        match *self {
            Self::Claim { number, class, volume, single } => {
                let name = named("c", number);
                let old = cluster.storage().claim(home(), &name).cloned();
                cluster.upsert_claim(claim(name.clone(), class, volume, single));
                Happening::Claim(name, old)
            }
            Self::RemoveClaim(number) => {
                let name = named("c", number);
                let old = cluster.storage().claim(home(), &name).cloned();
                cluster.remove_claim(home(), &name);
                Happening::Claim(name, old)
            }
            Self::Volume { number, zone, how } => {
                let name = named("v", number);
                let old = cluster.storage().volumes.get(&name).cloned();
                cluster.upsert_volume(volume(name.clone(), zone, how));
                Happening::Volume(name, old)
            }
            Self::RemoveVolume(number) => {
                let name = named("v", number);
                let old = cluster.storage().volumes.get(&name).cloned();
                cluster.remove_volume(&name);
                Happening::Volume(name, old)
            }
            Self::Class { number, zone } => {
                cluster.upsert_class(class(number, zone));
                Happening::Class(CLASSES[number].into())
            }
            Self::RemoveClass(number) => {
                cluster.remove_class(CLASSES[number]);
                Happening::Class(CLASSES[number].into())
            }
            Self::Capacity { number, zone, bytes } => {
                let new = capacity(number, zone, bytes);
                let key = (new.namespace.clone(), new.name.clone());
                let old = cluster.storage().capacities.get(&key).cloned();
                cluster.upsert_capacity(new);
                Happening::Capacity(key.1, old)
            }
            Self::RemoveCapacity(number) => {
                let name = named("room", number);
                let old = cluster.storage().capacities.get(&(home().clone(), name.clone())).cloned();
                cluster.remove_capacity(home(), &name);
                Happening::Capacity(name, old)
            }
            _ => self.take_of_csi(cluster),
        }
    }

    fn take_of_csi(&self, cluster: &mut Cluster) -> Happening {
        match *self {
            Self::CsiNode { node, limit, migrated } => {
                let drivers = [DRIVER, "ebs.csi.aws.com"].map(|name| CsiNodeDriver {
                    name: name.into(),
                    limit,
                    topology_keys: Vec::new(),
                });
                let migrated_plugins =
                    if migrated { vec!["kubernetes.io/gce-pd".into()] } else { Vec::new() };
                cluster.upsert_csi_node(CsiNode {
                    node: named("n", node),
                    drivers: drivers.into(),
                    migrated_plugins,
                });
                Happening::CsiNode(named("n", node))
            }
            Self::RemoveCsiNode(node) => {
                cluster.remove_csi_node(&named("n", node));
                Happening::CsiNode(named("n", node))
            }
            Self::CsiDriver { publishes, required } => {
                let driver = CsiDriver {
                    name: DRIVER.into(),
                    storage_capacity: publishes,
                    required_on_node: required,
                };
                cluster.upsert_csi_driver(driver);
                Happening::CsiDriver(DRIVER.into())
            }
            Self::Attachment { number, node, volume } => {
                let name = named("a", number);
                let old = cluster.storage().attachments.get(&name).cloned();
                cluster.upsert_attachment(Attachment {
                    name,
                    node: named("n", node),
                    driver: DRIVER.into(),
                    volume: Some(named("v", volume)),
                    inline: None,
                });
                Happening::Attachment(old)
            }
            Self::RemoveAttachment(number) => {
                let name = named("a", number);
                let old = cluster.storage().attachments.get(&name).cloned();
                cluster.remove_attachment(&name);
                Happening::Attachment(old)
            }
            _ => {
                cluster.remove_csi_driver(DRIVER);
                Happening::CsiDriver(DRIVER.into())
            }
        }
    }
}

/// The claims and volumes that are not what they were.
pub(super) fn differences(before: &Storage, after: &Storage) -> Vec<Happening> {
    let claims = after.claims.iter().filter(|(key, claim)| before.claims.get(*key) != Some(*claim));
    let claims = claims.map(|(key, _)| Happening::Claim(key.1.clone(), before.claims.get(key).cloned()));
    let volumes = after.volumes.iter().filter(|(name, volume)| before.volumes.get(*name) != Some(*volume));
    let volumes = volumes.map(|(name, _)| Happening::Volume(name.clone(), before.volumes.get(name).cloned()));
    claims.chain(volumes).collect()
}

/// Storage to begin with.
pub(super) fn begin(cluster: &mut Cluster) {
    for number in 0..3 {
        cluster.upsert_class(class(number, None));
        let volume_of_zone = (number == 2).then_some(2);
        cluster.upsert_claim(claim(named("c", number), number, volume_of_zone, number == 0));
        cluster.upsert_volume(volume(named("v", number), number, if number == 2 { 2 } else { 0 }));
    }
}

fn named(kind: &str, number: usize) -> Str {
    format!("{kind}{number}").into()
}

fn claim(name: Str, class: usize, volume: Option<usize>, single: bool) -> Claim {
    let done: Option<(Str, Str)> = volume.map(|_| ("pv.kubernetes.io/bind-completed".into(), "yes".into()));
    Claim {
        namespace: home().clone(),
        uid: name.clone(),
        name,
        annotations: done.into_iter().collect(),
        storage_class: Some(CLASSES[class].into()),
        volume: volume.map(|number| named("v", number)),
        access_modes: if single { vec![AccessMode::ReadWriteOncePod] } else { Vec::new() },
        request: Quantity::from_units(2),
        ..Claim::default()
    }
}

fn zonal(zone: usize) -> NodeSelector {
    let values = vec![format!("z{zone}").into()];
    let requirement = Requirement { key: ZONE.into(), operator: Operator::In, values };
    NodeSelector { terms: vec![NodeSelectorTerm { expressions: vec![requirement], fields: Vec::new() }] }
}

/// A volume that is free, reserved, a disk of a zone by label alone, of another class, too small, or going.
fn volume(name: Str, zone: usize, how: usize) -> Volume {
    let source = VolumeSource::Csi { driver: DRIVER.into(), handle: name.clone() };
    let mut volume = Volume {
        name,
        storage_class: "local".into(),
        capacity: Quantity::from_units(3),
        node_affinity: Some(zonal(zone)),
        access_modes: vec![AccessMode::ReadWriteOncePod],
        available: true,
        source,
        ..Volume::default()
    };
    match how {
        1 => {
            volume.claim =
                Some(ClaimRef { namespace: home().clone(), name: "c0".into(), uid: Str::default() });
        }
        2 => {
            volume.node_affinity = None;
            volume.labels = Labels::from_iter([(ZONE, format!("z{zone}").as_str())]);
            volume.source =
                VolumeSource::Disk(Disk::GcePersistentDisk { name: "disk".into(), read_only: false });
        }
        3 => volume.storage_class = "made".into(),
        4 => volume.capacity = Quantity::from_units(1),
        5 => volume.terminating = true,
        _ => {}
    }
    volume
}

fn class(number: usize, zone: Option<usize>) -> StorageClass {
    let topology = zone.map(|zone| vec![(Str::from(ZONE), vec![format!("z{zone}").into()])]);
    StorageClass {
        name: CLASSES[number].into(),
        provisioner: if number == 0 { "kubernetes.io/no-provisioner".into() } else { DRIVER.into() },
        waits_for_consumer: number != 2,
        allowed_topologies: topology.into_iter().collect(),
        ..StorageClass::default()
    }
}

fn capacity(number: usize, zone: usize, bytes: i64) -> StorageCapacity {
    let zone = format!("z{zone}");
    StorageCapacity {
        namespace: home().clone(),
        name: named("room", number),
        storage_class: CLASSES[1].into(),
        topology: Some(LabelSelector::from_labels(&Labels::from_iter([(ZONE, zone.as_str())]))),
        capacity: Some(Quantity::from_units(bytes)),
        maximum_volume_size: None,
    }
}
