//! Where new volumes are made for waiting claims.

use super::*;

const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

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
    assert_eq!(fits(&mut world, "data"), "", "capacity without a topology is reached from no node");
}
