mod claims;
mod existing;
mod provisioned;
mod scored;

use super::*;
use crate::fixture::{World, filter, labels};
use crate::storage_fixture::{claim_volume, nodes_with};
use berth_model::labels::Labels;
use berth_model::quantity::Quantity;
use berth_model::selector::LabelSelector;
use berth_model::volume::{AccessMode, Claim, CsiDriver, StorageCapacity, Volume};
use expect_test::{Expect, expect};

fn world() -> World {
    let mut world = World::default();
    for (name, zone) in [("n1", "a"), ("n2", "b"), ("n3", "b")] {
        world.node(name, |n| n.labels = labels(&[("zone", zone), ("host", name)]));
    }
    world.class("later", "csi.example", |_| {});
    world.class("local", "kubernetes.io/no-provisioner", |_| {});
    world.class("now", "csi.example", |class| class.waits_for_consumer = false);
    world
}

fn of_class(world: &mut World, name: &str, class: &str, change: impl FnOnce(&mut Claim)) {
    world.claim(name, |claim| {
        claim.storage_class = Some(class.into());
        claim.access_modes = vec![AccessMode::ReadWriteOnce];
        claim.request = Quantity::from_units(10);
        change(claim);
    });
}

fn local(world: &mut World, name: &str, host: &str, size: i64, change: impl FnOnce(&mut Volume)) {
    world.volume(name, |volume| {
        volume.storage_class = "local".into();
        volume.capacity = Quantity::from_units(size);
        volume.access_modes = vec![AccessMode::ReadWriteOnce];
        volume.node_affinity = nodes_with("host", &[host]);
        change(volume);
    });
}

fn pod(world: &mut World, claims: &[&str]) -> crate::ids::PodRow {
    world.pod("p", |_, spec| spec.volumes = claims.iter().map(|c| claim_volume(c, c)).collect())
}

fn check(world: &mut World, claims: &[&str], expected: Expect) {
    let pod = pod(world, claims);
    expected.assert_eq(&filter(&VolumeBinding::default(), world, pod));
}

/// What reserving comes to on a node: claims with their volumes, or `+` for a new one.
fn reserved(world: &mut World, claims: &[&str], node: &str) -> String {
    let pod = pod(world, claims);
    let row = world.cluster.nodes().find(node).unwrap();
    let effects = VolumeBinding::default().reserve(PodView::new(&world.cluster, pod), row);
    let text = |effect: &Effect| match effect {
        Effect::BindVolume { volume, claim, .. } => format!("{claim}={volume}"),
        Effect::ProvisionVolume { claim, .. } => format!("{claim}+"),
        Effect::ReserveDevices(_) | Effect::MakeDeviceClaim(_) => String::new(),
    };
    effects.iter().map(text).collect::<Vec<_>>().join(" ")
}

fn capacity(world: &mut World, name: &str, zone: Option<&str>, bytes: i64, largest: Option<i64>) {
    let topology = zone.map(|zone| LabelSelector::from_labels(&Labels::from_iter([("zone", zone)])));
    let capacity = StorageCapacity {
        namespace: "kube-system".into(),
        name: name.into(),
        storage_class: "later".into(),
        topology,
        capacity: Some(Quantity::from_units(bytes)),
        maximum_volume_size: largest.map(Quantity::from_units),
    };
    let key = (capacity.namespace.clone(), capacity.name.clone());
    world.cluster.storage_mut().capacities.insert(key, capacity);
}

fn publishes_capacity(world: &mut World) {
    let driver = CsiDriver { name: "csi.example".into(), storage_capacity: true, ..CsiDriver::default() };
    world.cluster.storage_mut().csi_drivers.insert(driver.name.clone(), driver);
}
