//! Which existing volumes waiting claims take.

use super::*;
use berth_model::volume::ClaimRef;

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
