use super::*;
use crate::fixture::{World, filter, labels, score};
use crate::storage_fixture::{claim_volume, ephemeral_volume, nodes_with};
use berth_model::labels::Labels;
use berth_model::quantity::Quantity;
use berth_model::selector::LabelSelector;
use berth_model::volume::{
    AccessMode, Claim, ClaimRef, CsiDriver, Disk, StorageCapacity, Volume, VolumeSource,
};
use expect_test::{Expect, expect};

const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

/// Three nodes in zones a, b and b; classes `later` (CSI), `local` (no provisioner) and `now` (immediate).
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
    };
    effects.iter().map(text).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_claim_that_is_unfit_for_use_rejects_the_pod() {
    let mut world = world();
    of_class(&mut world, "immediate", "now", |_| {});
    of_class(&mut world, "unknown-class", "gone", |_| {});
    of_class(&mut world, "prebound", "later", |claim| claim.volume = Some("pv".into()));
    of_class(&mut world, "going", "later", |claim| claim.terminating = true);
    of_class(&mut world, "lost", "later", |claim| {
        claim.lost = true;
        claim.volume = Some("pv".into());
    });
    check(&mut world, &[], expect!["every node fits\n"]);
    check(
        &mut world,
        &["missing"],
        expect![[r#"
        pod: UnschedulableAndUnresolvable: persistentvolumeclaim "missing" not found
    "#]],
    );
    check(
        &mut world,
        &["lost"],
        expect![[r#"
        pod: UnschedulableAndUnresolvable: persistentvolumeclaim "lost" bound to non-existent persistentvolume "pv"
    "#]],
    );
    check(
        &mut world,
        &["going"],
        expect![[r#"
        pod: UnschedulableAndUnresolvable: persistentvolumeclaim "going" is being deleted
    "#]],
    );
    for claim in ["immediate", "unknown-class", "prebound"] {
        check(
            &mut world,
            &[claim],
            expect![[r#"
            pod: UnschedulableAndUnresolvable: pod has unbound immediate PersistentVolumeClaims
        "#]],
        );
    }
}

#[test]
fn a_claim_made_for_the_pod_must_be_there_and_be_owned_by_it() {
    let mut world = world();
    let check = |world: &mut World, expected: Expect| {
        let pod = world.pod("p", |_, spec| spec.volumes.push(ephemeral_volume("scratch")));
        expected.assert_eq(&filter(&VolumeBinding::default(), world, pod));
    };
    check(
        &mut world,
        expect![[r#"
        pod: UnschedulableAndUnresolvable: waiting for ephemeral volume controller to create the persistentvolumeclaim "p-scratch"
    "#]],
    );
    of_class(&mut world, "p-scratch", "later", |_| {});
    check(
        &mut world,
        expect![[r#"
        pod: UnschedulableAndUnresolvable: PVC default/p-scratch was not created for pod default/p (pod is not owner)
    "#]],
    );
    of_class(&mut world, "p-scratch", "later", |claim| claim.controller_uid = Some("p".into()));
    check(
        &mut world,
        expect![[r#"
        n1: fits
        n2: fits
        n3: fits
    "#]],
    );
}

#[test]
fn bound_volumes_must_be_reached_and_the_first_that_is_amiss_is_named() {
    let mut world = world();
    world.volume("anywhere", |_| {});
    world.volume("zonal", |volume| volume.node_affinity = nodes_with("zone", &["a"]));
    for (claim, volume) in [("anywhere", "anywhere"), ("zonal", "zonal"), ("void", "no-such-volume")] {
        world.bound_claim(claim, volume);
    }
    check(&mut world, &["anywhere"], expect!["every node fits\n"]);
    check(
        &mut world,
        &["anywhere", "zonal"],
        expect![[r#"
        n1: fits
        n2: UnschedulableAndUnresolvable: node(s) didn't match PersistentVolume's node affinity
        n3: UnschedulableAndUnresolvable: node(s) didn't match PersistentVolume's node affinity
    "#]],
    );
    check(
        &mut world,
        &["zonal", "void"],
        expect![[r#"
        n1: UnschedulableAndUnresolvable: node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)
        n2: UnschedulableAndUnresolvable: node(s) didn't match PersistentVolume's node affinity
        n3: UnschedulableAndUnresolvable: node(s) didn't match PersistentVolume's node affinity
    "#]],
    );
}

#[test]
fn an_in_tree_disk_is_seen_by_the_drivers_zone_where_its_plugin_is_migrated() {
    let mut world = world();
    let zones = [("n1", "zone"), ("n2", "topology.ebs.csi.aws.com/zone"), ("n3", "zone")];
    for (name, key) in zones {
        world.node(name, |n| n.labels = labels(&[("topology.kubernetes.io/zone", "a"), (key, "a")]));
    }
    let disk = |id: &str| VolumeSource::Disk(Disk::AwsElasticBlockStore { id: id.into() });
    world.volume("disk", |volume| {
        volume.source = disk("vol-1");
        volume.node_affinity = nodes_with("topology.kubernetes.io/zone", &["a"]);
    });
    world.volume("bad", |volume| volume.source = disk("aws://x"));
    world.bound_claim("disk", "disk");
    world.bound_claim("bad", "bad");
    for node in ["n2", "n3"] {
        world.csi_node(node, &[]);
        if let Some(csi_node) = world.cluster.storage_mut().csi_nodes.get_mut(node) {
            csi_node.migrated_plugins = vec!["kubernetes.io/aws-ebs".into()];
        }
    }
    check(
        &mut world,
        &["disk"],
        expect![[r#"
        n1: fits
        n2: fits
        n3: UnschedulableAndUnresolvable: node(s) didn't match PersistentVolume's node affinity
    "#]],
    );
    check(
        &mut world,
        &["bad"],
        expect![[r#"
        n1: fits
        n2: Error: could not translate pv: failed to translate Kubernetes ID to EBS Volume ID Invalid format for AWS volume (aws://x)
        n3: Error: could not translate pv: failed to translate Kubernetes ID to EBS Volume ID Invalid format for AWS volume (aws://x)
    "#]],
    );
}

#[test]
fn a_waiting_claim_takes_the_smallest_volume_that_it_can_have() {
    type Change = fn(&mut Volume);
    let reserve = |name: &str, uid: &str| {
        Some(ClaimRef { namespace: "default".into(), name: name.into(), uid: uid.into() })
    };
    let cases: &[(&str, Change, bool)] = &[
        ("as it is", |_| {}, true),
        ("too small", |v| v.capacity = Quantity::from_units(9), false),
        ("not available", |v| v.available = false, false),
        ("going away", |v| v.terminating = true, false),
        ("for raw blocks", |v| v.block = true, false),
        ("other access modes", |v| v.access_modes = vec![AccessMode::ReadOnlyMany], false),
        ("more access modes", |v| v.access_modes.push(AccessMode::ReadWriteMany), true),
        ("another class", |v| v.storage_class = "later".into(), false),
        ("another attributes class", |v| v.attributes_class = Some("gold".into()), false),
        ("an empty attributes class", |v| v.attributes_class = Some("".into()), true),
        ("on another node", |v| v.node_affinity = nodes_with("host", &["n2"]), false),
        ("on any node", |v| v.node_affinity = None, true),
    ];
    for &(what, change, taken) in cases {
        let mut world = world();
        of_class(&mut world, "data", "local", |_| {});
        local(&mut world, "large", "n1", 20, |_| {});
        local(&mut world, "small", "n1", 10, change);
        let expected = if taken { "data=small" } else { "data=large" };
        assert_eq!(reserved(&mut world, &["data"], "n1"), expected, "{what}");
    }
    let reservations = [
        ("for it", reserve("data", ""), "data=large"),
        ("for it, by uid", reserve("data", "uid-data"), "data=large"),
        ("for a claim that was", reserve("data", "another"), "data=small"),
        ("for another claim", reserve("other", ""), "data=small"),
    ];
    for (what, reservation, expected) in reservations {
        let mut world = world();
        of_class(&mut world, "data", "local", |_| {});
        local(&mut world, "small", "n1", 10, |_| {});
        local(&mut world, "large", "n1", 20, |v| {
            v.claim = reservation;
            v.available = false;
        });
        assert_eq!(reserved(&mut world, &["data"], "n1"), expected, "reserved {what}");
    }
}

#[test]
fn a_volume_that_is_reserved_for_the_claim_elsewhere_leaves_the_node_without() {
    let mut world = world();
    of_class(&mut world, "data", "local", |_| {});
    local(&mut world, "free", "n1", 10, |_| {});
    local(&mut world, "reserved", "n2", 10, |v| {
        v.claim = Some(ClaimRef { namespace: "default".into(), name: "data".into(), uid: "".into() });
    });
    check(
        &mut world,
        &["data"],
        expect![[r#"
        n1: UnschedulableAndUnresolvable: node(s) didn't find available persistent volumes to bind
        n2: fits
        n3: UnschedulableAndUnresolvable: node(s) didn't find available persistent volumes to bind
    "#]],
    );
}

#[test]
fn claims_of_a_pod_take_different_volumes_the_smallest_claim_first() {
    let mut world = world();
    of_class(&mut world, "big", "local", |claim| claim.request = Quantity::from_units(20));
    of_class(&mut world, "small", "local", |_| {});
    local(&mut world, "v1", "n1", 20, |_| {});
    local(&mut world, "v2", "n1", 15, |_| {});
    local(&mut world, "v3", "n2", 20, |_| {});
    assert_eq!(reserved(&mut world, &["big", "small"], "n1"), "small=v2 big=v1");
    check(
        &mut world,
        &["big", "small"],
        expect![[r#"
        n1: fits
        n2: UnschedulableAndUnresolvable: node(s) didn't find available persistent volumes to bind
        n3: UnschedulableAndUnresolvable: node(s) didn't find available persistent volumes to bind
    "#]],
    );
}

#[test]
fn a_claim_may_choose_volumes_by_label() {
    let mut world = world();
    let tier = |value: &str| Labels::from_iter([("tier", value)]);
    of_class(&mut world, "data", "local", |claim| {
        claim.selector = Some(LabelSelector::from_labels(&tier("gold")))
    });
    local(&mut world, "v1", "n1", 10, |v| v.labels = tier("tin"));
    local(&mut world, "v2", "n1", 20, |v| v.labels = tier("gold"));
    assert_eq!(reserved(&mut world, &["data"], "n1"), "data=v2");
}

#[test]
fn what_finds_no_volume_is_provisioned_where_the_class_can() {
    let mut world = world();
    world.class("zonal", "csi.example", |class| {
        class.allowed_topologies = vec![vec![("zone".into(), vec!["b".into()])]];
    });
    of_class(&mut world, "any", "later", |_| {});
    of_class(&mut world, "zonal", "zonal", |_| {});
    assert_eq!(reserved(&mut world, &["any", "zonal"], "n2"), "any+ zonal+");
    assert_eq!(reserved(&mut world, &["any", "zonal"], "n1"), "");
    check(
        &mut world,
        &["any", "zonal"],
        expect![[r#"
        n1: UnschedulableAndUnresolvable: node(s) didn't find available persistent volumes to bind
        n2: fits
        n3: fits
    "#]],
    );
}

#[test]
fn a_claim_that_is_being_provisioned_stays_on_its_node() {
    let mut world = world();
    let on = |world: &mut World, name: &str, node: &str| {
        of_class(world, name, "later", |c| c.annotations.insert(SELECTED_NODE.into(), node.into()));
    };
    on(&mut world, "data", "n2");
    on(&mut world, "logs", "n3");
    on(&mut world, "gone", "n9");
    world.volume("zonal", |volume| volume.node_affinity = nodes_with("zone", &["a"]));
    world.bound_claim("bound", "zonal");
    check(
        &mut world,
        &["data"],
        expect![[r#"
        n1: UnschedulableAndUnresolvable: node(s) didn't find available persistent volumes to bind
        n2: fits
        n3: UnschedulableAndUnresolvable: node(s) didn't find available persistent volumes to bind
    "#]],
    );
    assert_eq!(reserved(&mut world, &["data"], "n2"), "data+");
    assert_eq!(reserved(&mut world, &["data", "data"], "n2"), "data+ data+");
    for claims in [["data", "logs"], ["gone", "gone"]] {
        for node in ["n1", "n2", "n3"] {
            assert_eq!(reserved(&mut world, &claims, node), "");
        }
    }
    check(
        &mut world,
        &["bound", "data"],
        expect![[r#"
        n1: UnschedulableAndUnresolvable: node(s) didn't find available persistent volumes to bind
        n2: UnschedulableAndUnresolvable: node(s) didn't match PersistentVolume's node affinity
        n3: UnschedulableAndUnresolvable: node(s) didn't match PersistentVolume's node affinity, node(s) didn't find available persistent volumes to bind
    "#]],
    );
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

#[test]
fn published_capacity_must_be_large_enough_and_in_reach() {
    let mut world = world();
    of_class(&mut world, "data", "later", |_| {});
    of_class(&mut world, "unsized", "later", |claim| claim.request = Quantity::ZERO);
    capacity(&mut world, "a", Some("a"), 9, None);
    capacity(&mut world, "b", Some("b"), 10, None);
    check(
        &mut world,
        &["data"],
        expect![[r#"
        n1: fits
        n2: fits
        n3: fits
    "#]],
    );
    publishes_capacity(&mut world);
    check(
        &mut world,
        &["data"],
        expect![[r#"
        n1: UnschedulableAndUnresolvable: node(s) did not have enough free storage
        n2: fits
        n3: fits
    "#]],
    );
    let fits = |world: &mut World, claim: &str| {
        let pod = pod(world, &[claim]);
        let answer = filter(&VolumeBinding::default(), world, pod);
        answer.lines().filter_map(|line| line.strip_suffix(": fits")).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(fits(&mut world, "unsized"), "n1 n2 n3");
    capacity(&mut world, "b", Some("b"), 100, Some(9));
    assert_eq!(fits(&mut world, "data"), "", "the largest volume is smaller");
    capacity(&mut world, "b", Some("b"), 1, Some(10));
    assert_eq!(fits(&mut world, "data"), "n2 n3", "the largest volume alone decides");
    capacity(&mut world, "b", None, 100, None);
    assert_eq!(fits(&mut world, "data"), "", "capacity without a topology is in nobody's reach");
}

#[test]
fn emptier_storage_scores_higher() {
    let mut world = world();
    of_class(&mut world, "data", "local", |_| {});
    of_class(&mut world, "more", "later", |_| {});
    local(&mut world, "v1", "n1", 10, |_| {});
    local(&mut world, "v2", "n2", 40, |_| {});
    capacity(&mut world, "a", Some("a"), 20, None);
    capacity(&mut world, "b", Some("b"), 100, None);
    publishes_capacity(&mut world);
    let mut check = |claims: &[&str], expected: Expect| {
        let pod = pod(&mut world, claims);
        expected.assert_eq(&score(&VolumeBinding::default(), &world, pod));
    };
    check(&[], expect!["n1: 0, n2: 0, n3: 0"]);
    check(&["data"], expect!["n1: 0, n2: 75, n3: 0"]);
    check(&["more"], expect!["n1: 50, n2: 90, n3: 90"]);
    check(&["more", "more"], expect!["n1: 0, n2: 80, n3: 80"]);
    // Where a volume is taken, new ones do not count.
    check(&["data", "more"], expect!["n1: 0, n2: 75, n3: 0"]);
}

#[test]
fn the_administrators_curve_decides_the_score() {
    let mut world = world();
    of_class(&mut world, "data", "local", |_| {});
    local(&mut world, "v1", "n1", 10, |_| {});
    local(&mut world, "v2", "n2", 40, |_| {});
    let pod = pod(&mut world, &["data"]);
    let shape = [(0, 0), (50, 8), (100, 10)].map(|(utilization, score)| ShapePoint { utilization, score });
    let plugin = VolumeBinding { shape: shape.into(), ..VolumeBinding::default() };
    assert_eq!(score(&plugin, &world, pod), "n1: 100, n2: 40, n3: 0");
}

#[test]
fn a_later_pod_sees_what_an_earlier_one_took() {
    let mut world = world();
    of_class(&mut world, "first", "local", |_| {});
    of_class(&mut world, "second", "local", |_| {});
    local(&mut world, "v1", "n1", 10, |_| {});
    local(&mut world, "v2", "n2", 10, |_| {});
    let first = pod(&mut world, &["first"]);
    let row = world.cluster.nodes().find("n1").unwrap();
    for effect in VolumeBinding::default().reserve(PodView::new(&world.cluster, first), row) {
        world.cluster.apply(&effect);
    }
    check(
        &mut world,
        &["second"],
        expect![[r#"
        n1: UnschedulableAndUnresolvable: node(s) didn't find available persistent volumes to bind
        n2: fits
        n3: UnschedulableAndUnresolvable: node(s) didn't find available persistent volumes to bind
    "#]],
    );
    check(
        &mut world,
        &["first"],
        expect![[r#"
        n1: fits
        n2: UnschedulableAndUnresolvable: node(s) didn't find available persistent volumes to bind
        n3: UnschedulableAndUnresolvable: node(s) didn't find available persistent volumes to bind
    "#]],
    );
}
