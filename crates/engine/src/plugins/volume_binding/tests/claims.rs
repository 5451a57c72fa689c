//! Which claims keep a pod waiting, and from where bound ones are reached.

use super::*;
use crate::storage_fixture::ephemeral_volume;
use berth_model::volume::{Disk, VolumeSource};

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
