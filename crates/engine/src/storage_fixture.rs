//! Test fixtures for storage: claims, volumes, classes and CSI objects with everything usual filled in.

use berth_model::selector::{NodeSelector, NodeSelectorTerm, Operator, Requirement};
use berth_model::volume::{
    Claim, CsiNode, CsiNodeDriver, Disk, PodVolume, PodVolumeSource, StorageClass, Volume, VolumeSource,
};

use crate::fixture::World;

/// A pod's volume that names a claim.
pub(crate) fn claim_volume(name: &str, claim: &str) -> PodVolume {
    PodVolume { name: name.into(), source: PodVolumeSource::Claim { name: claim.into(), read_only: false } }
}

/// A pod's volume on a disk.
pub(crate) fn disk_volume(name: &str, disk: Disk) -> PodVolume {
    PodVolume { name: name.into(), source: PodVolumeSource::Disk(disk) }
}

/// A volume that is made for the pod.
pub(crate) fn ephemeral_volume(name: &str) -> PodVolume {
    PodVolume { name: name.into(), source: PodVolumeSource::Ephemeral }
}

/// The nodes that have one of the values of a label.
pub(crate) fn nodes_with(key: &str, values: &[&str]) -> Option<NodeSelector> {
    let values = values.iter().map(|v| (*v).into()).collect();
    let requirement = Requirement { key: key.into(), operator: Operator::In, values };
    let term = NodeSelectorTerm { expressions: vec![requirement], fields: Vec::new() };
    Some(NodeSelector { terms: vec![term] })
}

impl World {
    /// Adds an unbound claim of the namespace `default` without class, then lets `change` have its way.
    pub(crate) fn claim(&mut self, name: &str, change: impl FnOnce(&mut Claim)) {
        let mut claim = Claim {
            namespace: "default".into(),
            name: name.into(),
            uid: format!("uid-{name}").into(),
            ..Claim::default()
        };
        change(&mut claim);
        self.cluster.upsert_claim(claim);
    }

    /// Adds a claim that is bound to a volume.
    pub(crate) fn bound_claim(&mut self, name: &str, volume: &str) {
        self.claim(name, |claim| {
            claim.volume = Some(volume.into());
            claim.annotations.insert("pv.kubernetes.io/bind-completed".into(), "yes".into());
        });
    }

    /// Adds an available volume of the CSI driver `csi.example`, then lets `change` have its way.
    pub(crate) fn volume(&mut self, name: &str, change: impl FnOnce(&mut Volume)) {
        let source = VolumeSource::Csi { driver: "csi.example".into(), handle: name.into() };
        let mut volume = Volume { name: name.into(), available: true, source, ..Volume::default() };
        change(&mut volume);
        self.cluster.upsert_volume(volume);
    }

    /// Adds a class that waits for the first consumer, then lets `change` have its way.
    pub(crate) fn class(&mut self, name: &str, provisioner: &str, change: impl FnOnce(&mut StorageClass)) {
        let mut class = StorageClass {
            name: name.into(),
            provisioner: provisioner.into(),
            waits_for_consumer: true,
            ..StorageClass::default()
        };
        change(&mut class);
        self.cluster.upsert_class(class);
    }

    /// Says which drivers run on a node, with their limits.
    pub(crate) fn csi_node(&mut self, node: &str, drivers: &[(&str, Option<i64>)]) {
        let driver = |&(name, limit): &(&str, _)| CsiNodeDriver {
            name: name.into(),
            limit,
            topology_keys: Vec::new(),
        };
        let drivers = drivers.iter().map(driver).collect();
        let csi_node = CsiNode { node: node.into(), drivers, ..CsiNode::default() };
        self.cluster.upsert_csi_node(csi_node);
    }
}
