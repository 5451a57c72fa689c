use super::*;
use crate::fixture::{World, filter, state};
use crate::storage_fixture::{claim_volume, disk_volume, ephemeral_volume};
use berth_model::pod::{Pod, PodSpec};
use berth_model::volume::{Attachment, CsiDriver, Disk, PodVolume, PodVolumeSource, VolumeSource};
use expect_test::expect;

const FITS: &str = "n1: fits\n";
const FULL: &str = "n1: Unschedulable: node(s) exceed max volume count\n";

fn ebs(id: &str) -> Disk {
    Disk::AwsElasticBlockStore { id: id.into() }
}

/// A node that attaches `limit` volumes of `csi.example` and of EBS, and bound claims `c1` to `c4` of `csi.example`.
fn world(limit: i64) -> World {
    let mut world = World::default();
    world.node("n1", |_| {});
    world.csi_node("n1", &[("csi.example", Some(limit)), ("ebs.csi.aws.com", Some(limit)), ("free", None)]);
    for n in 1..=4 {
        world.volume(&format!("v{n}"), |_| {});
        world.bound_claim(&format!("c{n}"), &format!("v{n}"));
    }
    world.class("later", "csi.example", |_| {});
    world.class("in-tree", "kubernetes.io/aws-ebs", |_| {});
    world.class("vsphere", "kubernetes.io/vsphere-volume", |_| {});
    world
}

fn claims(names: &[&str]) -> Vec<PodVolume> {
    names.iter().map(|name| claim_volume(name, name)).collect()
}

fn running(world: &mut World, name: &str, volumes: Vec<PodVolume>) {
    world.pod(name, |pod, spec| {
        pod.node = Some("n1".into());
        spec.volumes = volumes;
    });
}

fn check(world: &mut World, volumes: Vec<PodVolume>) -> String {
    let pod = world.pod("p", |_, spec| spec.volumes = volumes);
    let answer = filter(&NodeVolumeLimits, world, pod);
    world.cluster.remove_pod(pod);
    answer
}

#[test]
fn distinct_volumes_of_a_driver_count_up_to_its_limit() {
    type Case<'a> = (&'a str, &'a [&'a str], &'a [&'a str], i64, &'a str);
    let cases: &[Case<'_>] = &[
        ("room for one more", &["c1"], &["c2"], 2, FITS),
        ("no room for one more", &["c1", "c2"], &["c3"], 2, FULL),
        ("no room at all", &[], &["c1"], 0, FULL),
        ("two at once", &["c1"], &["c2", "c3"], 2, FULL),
        ("the same claim twice", &["c1"], &["c2", "c2"], 2, FITS),
        ("a volume that is there already", &["c1", "c2"], &["c2"], 2, FITS),
        ("over the limit, but nothing new", &["c1", "c2", "c3"], &["c1"], 1, FITS),
        ("a claim that is gone does not count", &["gone", "c1"], &["c2"], 2, FITS),
    ];
    for &(what, there, new, limit, expected) in cases {
        let mut world = world(limit);
        running(&mut world, "running", claims(there));
        assert_eq!(check(&mut world, claims(new)), expected, "{what}");
    }
}

#[test]
fn a_claim_without_volume_counts_for_the_provisioner_of_its_class() {
    let mut world = world(1);
    for (name, class) in [("waits", "later"), ("classless", ""), ("unknown", "gone"), ("vsphere", "vsphere")]
    {
        world.claim(name, |claim| claim.storage_class = Some(class.into()));
    }
    world.claim("ebs", |claim| claim.storage_class = Some("in-tree".into()));
    world.claim("lost", |claim| {
        claim.storage_class = Some("later".into());
        claim.volume = Some("no-such-volume".into());
    });
    running(&mut world, "running", vec![claim_volume("a", "c1"), disk_volume("b", ebs("vol-1"))]);
    assert_eq!(check(&mut world, claims(&["waits"])), FULL);
    assert_eq!(check(&mut world, claims(&["lost"])), FULL);
    assert_eq!(check(&mut world, claims(&["ebs"])), FULL);
    assert_eq!(check(&mut world, claims(&["classless", "unknown", "vsphere"])), "every node fits\n");
}

#[test]
fn a_claim_that_is_not_there_rejects_every_node() {
    let mut world = world(1);
    expect![[r#"
        n1: UnschedulableAndUnresolvable: looking up PVC default/gone: persistentvolumeclaim "gone" not found
    "#]]
    .assert_eq(&check(&mut world, claims(&["gone"])));
    expect![[r#"
        n1: Error: PersistentVolumeClaim had no name
    "#]]
    .assert_eq(&check(&mut world, claims(&[""])));
}

#[test]
fn a_claim_made_for_a_pod_counts_for_that_pod_alone() {
    let mut world = world(1);
    let own = |world: &mut World, pod: &str| {
        let name = format!("{pod}-scratch");
        world.claim(&name, |claim| {
            claim.storage_class = Some("later".into());
            claim.controller_uid = Some(pod.into());
        });
    };
    own(&mut world, "p");
    assert_eq!(check(&mut world, vec![ephemeral_volume("scratch")]), FITS);
    own(&mut world, "running");
    running(&mut world, "running", vec![ephemeral_volume("scratch")]);
    assert_eq!(check(&mut world, vec![ephemeral_volume("scratch")]), FULL);
    world.claim("p-scratch", |claim| claim.controller_uid = Some("another".into()));
    expect![[r#"
        n1: Error: PVC default/p-scratch was not created for pod default/p (pod is not owner)
    "#]]
    .assert_eq(&check(&mut world, vec![ephemeral_volume("scratch")]));
}

#[test]
fn in_tree_disks_count_for_the_driver_that_serves_them() {
    let mut world = world(1);
    world.volume("disk", |v| v.source = VolumeSource::Disk(ebs("aws://us-east-1a/vol-1")));
    world.volume("bad", |v| v.source = VolumeSource::Disk(ebs("aws://us-east-1a/1")));
    world.volume("nfs", |v| v.source = VolumeSource::Other);
    for name in ["disk", "bad", "nfs"] {
        world.bound_claim(name, name);
    }
    running(&mut world, "running", vec![disk_volume("d", ebs("vol-1"))]);
    assert_eq!(check(&mut world, vec![disk_volume("d", ebs("vol-2"))]), FULL);
    assert_eq!(check(&mut world, vec![disk_volume("d", ebs("vol-1"))]), FITS);
    assert_eq!(check(&mut world, claims(&["disk"])), FITS);
    assert_eq!(check(&mut world, claims(&["bad", "nfs"])), "every node fits\n");
    let vsphere = Disk::Vsphere { path: "x".into() };
    assert_eq!(check(&mut world, vec![disk_volume("d", vsphere)]), "every node fits\n");
    expect![[r#"
        n1: Error: converting volume(d) from inline to csi: failed to translate Kubernetes ID to EBS Volume ID Invalid format for AWS volume (aws://a/b)
    "#]]
    .assert_eq(&check(&mut world, vec![disk_volume("d", ebs("aws://a/b"))]));
    world.cluster.storage_mut().csi_nodes.clear();
    assert_eq!(check(&mut world, vec![disk_volume("d", ebs("aws://a/b"))]), FITS);
    assert_eq!(check(&mut world, vec![disk_volume("d", ebs("vol-2"))]), FITS);
}

#[test]
fn attachments_count_where_no_pod_on_the_node_has_the_volume() {
    let attach = |world: &mut World, name: &str, change: fn(&mut Attachment)| {
        let mut attachment = Attachment {
            name: name.into(),
            node: "n1".into(),
            driver: "csi.example".into(),
            volume: Some(name.into()),
            inline: None,
        };
        change(&mut attachment);
        world.cluster.storage_mut().attachments.insert(attachment.name.clone(), attachment);
    };
    type Case<'a> = (&'a str, fn(&mut Attachment), &'a str);
    let cases: &[Case<'_>] = &[
        ("of another volume", |_| {}, FULL),
        ("on another node", |a| a.node = "n2".into(), FITS),
        ("of another driver", |a| a.driver = "free".into(), FITS),
        ("of no driver", |a| a.driver = "".into(), FITS),
        ("of an inline volume", |a| a.volume = None, FITS),
        ("of a volume that is gone", |a| a.volume = Some("gone".into()), FITS),
        ("of a volume that a pod there has", |a| a.volume = Some("v1".into()), FITS),
        // As upstream: what the pod brings is counted twice where it is attached already.
        ("of the pod's own volume", |a| a.volume = Some("v2".into()), FULL),
    ];
    for (what, change, expected) in cases {
        let mut world = world(2);
        running(&mut world, "running", claims(&["c1"]));
        attach(&mut world, "v3", *change);
        assert_eq!(check(&mut world, claims(&["c2"])), *expected, "{what}");
    }
}

#[test]
fn a_driver_that_must_be_there_is_missed() {
    let mut world = world(1);
    world.node("n2", |_| {});
    world.node("n3", |_| {});
    world.csi_node("n2", &[("other", None)]);
    let driver = CsiDriver { name: "csi.example".into(), required_on_node: true, ..CsiDriver::default() };
    world.cluster.storage_mut().csi_drivers.insert(driver.name.clone(), driver);
    expect![[r#"
        n1: fits
        n2: Unschedulable: csi.example CSI driver is not installed on the node
        n3: Unschedulable: csi.example CSI driver is not installed on the node
    "#]]
    .assert_eq(&check(&mut world, claims(&["c1"])));
    if let Some(driver) = world.cluster.storage_mut().csi_drivers.get_mut("csi.example") {
        driver.required_on_node = false;
    }
    expect![[r#"
        n1: fits
        n2: fits
        n3: fits
    "#]]
    .assert_eq(&check(&mut world, claims(&["c1"])));
}

#[test]
fn pods_that_would_be_evicted_or_come_are_counted_so() {
    let mut world = world(1);
    running(&mut world, "running", claims(&["c1"]));
    let mut named = |name: &str, claim: &str| {
        world.pod(name, |_: &mut Pod, spec: &mut PodSpec| spec.volumes = claims(&[claim]))
    };
    let (pod, coming) = (named("p", "c2"), named("coming", "c3"));
    let cluster = &world.cluster;
    let row = cluster.nodes().find("n1").unwrap();
    let state = state(&NodeVolumeLimits, &world, pod);
    let mut delta = crate::plugin::view::Delta::default();
    delta.remove(cluster.nodes().pods(row)[0], cluster);
    assert_eq!(state.check(NodeView::with_delta(cluster, row, &delta)), None);
    delta.add(coming, cluster);
    assert!(state.check(NodeView::with_delta(cluster, row, &delta)).is_some());
}

#[test]
fn a_pod_without_such_volumes_is_passed_over() {
    let mut world = world(0);
    let local = PodVolume { name: "v".into(), source: PodVolumeSource::Local };
    let inline =
        PodVolume { name: "w".into(), source: PodVolumeSource::InlineCsi { driver: "csi.example".into() } };
    assert_eq!(check(&mut world, vec![local, inline]), "every node fits\n");
    assert_eq!(check(&mut world, vec![]), "every node fits\n");
}
