//! PreBind: pods wait until their volumes are bound.

use super::fixture::{World, failure};
use crate::action::Request;
use crate::input::{Answer, FailureKind, Input};
use crate::report::Report;
use crate::settings::Settings;
use berth_engine::profile::Profile;

const CLASS: &str = r#"{"apiVersion":"storage.k8s.io/v1","kind":"StorageClass","metadata":{"name":"late"},"provisioner":"PROVISIONER","volumeBindingMode":"WaitForFirstConsumer"}"#;
const POD: &str = r#""volumes":[{"name":"v","persistentVolumeClaim":{"claimName":"data"}}],"#;

/// `annotations` and `spec` must end with a comma.
fn claim(annotations: &str, spec: &str) -> String {
    format!(
        r#"{{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{{"name":"data","namespace":"default","uid":"claim-uid","annotations":{{{annotations}"x":"y"}}}},"spec":{{{spec}"storageClassName":"late","accessModes":["ReadWriteOnce"],"resources":{{"requests":{{"storage":"1Gi"}}}}}}}}"#
    )
}

fn volume(claim_ref: &str) -> String {
    format!(
        r#"{{"apiVersion":"v1","kind":"PersistentVolume","metadata":{{"name":"pv"}},"spec":{{{claim_ref}"storageClassName":"late","capacity":{{"storage":"1Gi"}},"accessModes":["ReadWriteOnce"],"csi":{{"driver":"d","volumeHandle":"h"}}}},"status":{{"phase":"Available"}}}}"#
    )
}

const CLAIM_REF: &str = r#""claimRef":{"namespace":"default","name":"data","uid":"claim-uid"},"#;
const SELECTED: &str = r#""volume.kubernetes.io/selected-node":"n","#;
const COMPLETED: &str = r#""pv.kubernetes.io/bind-completed":"yes","#;

fn world(provisioner: &str) -> World {
    world_with(provisioner, |_| {})
}

fn world_with(provisioner: &str, change: impl FnOnce(&mut Settings)) -> World {
    let mut world = World::with(change);
    world.node("n", 4);
    world.apply(&CLASS.replace("PROVISIONER", provisioner));
    world.apply(&claim("", ""));
    world
}

fn answer_volume(world: &mut World, outcome: Result<Answer, crate::Failure>) {
    let ticket = world.ticket(|request| matches!(request, Request::Write(_)));
    world.take(Input::Reply(ticket, outcome));
}

#[test]
fn a_pod_waits_until_its_claim_is_bound_to_the_reserved_volume() {
    let mut world = world("kubernetes.io/no-provisioner");
    world.apply(&volume(""));
    world.pod_with("a", 1, POD, "");
    assert_eq!(world.run(), ["a nominated to \"n\"", "bind volume pv to claim data"]);
    answer_volume(&mut world, Ok(Answer::Done));
    world.apply(&volume("")); // an old version
    assert_eq!(world.run(), [""; 0]);
    world.apply(&volume(CLAIM_REF));
    world.apply(&claim(COMPLETED, r#""volumeName":"pv","#));
    assert_eq!(world.run(), ["bind a to n"]);
}

#[test]
fn a_pod_waits_until_its_volume_is_provisioned() {
    let mut world = world("example.com/disks");
    world.pod_with("a", 1, POD, "");
    assert_eq!(world.run(), ["a nominated to \"n\"", "select n for claim data"]);
    answer_volume(&mut world, Ok(Answer::Done));
    world.apply(&claim(SELECTED, ""));
    assert_eq!(world.run(), [""; 0]);
    world.apply(&volume(CLAIM_REF));
    world.apply(&claim(&format!("{SELECTED}{COMPLETED}"), r#""volumeName":"pv","#));
    assert_eq!(world.run(), ["bind a to n"]);
}

#[test]
fn a_pod_is_tried_again_if_provisioning_fails() {
    let mut world = world("example.com/disks");
    world.pod_with("a", 1, POD, "");
    world.run();
    answer_volume(&mut world, Ok(Answer::Done));
    world.apply(&claim(SELECTED, ""));
    world.apply(&claim("", ""));
    let requests = world.run();
    assert!(requests[0].contains("binding volumes: provisioning failed for PVC \"data\""), "{requests:?}");
    world.wait(1_000);
    assert!(world.run().contains(&"select n for claim data".to_owned()));
}

#[test]
fn a_volume_is_free_again_if_its_write_fails() {
    let mut world = world("kubernetes.io/no-provisioner");
    world.apply(&volume(""));
    world.pod_with("a", 1, POD, "");
    world.run();
    answer_volume(&mut world, failure(FailureKind::Conflict));
    assert!(
        world.run()[0]
            .contains("SchedulerError: running PreBind plugin \"VolumeBinding\": binding volumes: no")
    );
    assert!(world.flow.scheduler().cluster().storage().volumes["pv"].claim.is_none());
    world.wait(1_000);
    assert!(world.run().contains(&"bind volume pv to claim data".to_owned()));
}

#[test]
fn a_volume_whose_binding_is_delivered_after_pre_bind_stays_bound() {
    let mut world = world("kubernetes.io/no-provisioner");
    world.apply(&volume(""));
    world.pod_with("a", 1, POD, "");
    world.run();
    answer_volume(&mut world, Ok(Answer::Done));
    world.apply(&claim(COMPLETED, r#""volumeName":"pv","#));
    assert_eq!(world.run(), ["bind a to n"]);
    world.apply(&volume("")); // an old version
    assert!(world.flow.scheduler().cluster().storage().volumes["pv"].claim.is_some(), "still assumed");
    world.apply(&volume(CLAIM_REF));
    let ticket = world.ticket(|request| matches!(request, Request::Bind { .. }));
    world.take(Input::Reply(ticket, failure(FailureKind::Refused)));
    assert!(world.flow.scheduler().cluster().storage().volumes["pv"].claim.is_some(), "it is no assumption");
}

#[test]
fn pre_bind_fails_after_its_timeout() {
    let mut world = world("example.com/disks");
    world.pod_with("a", 1, POD, "");
    world.run();
    answer_volume(&mut world, Ok(Answer::Done));
    assert_eq!(world.flow.next_timer(), Some(world.now.millis + 600_000));
    world.wait(600_000);
    assert!(world.run()[0].contains("binding volumes: timed out waiting for the condition"));
}

#[test]
fn each_profile_has_its_own_timeout_of_pre_bind() {
    let mut world = world_with("example.com/disks", |settings| {
        let impatient = Profile { bind_timeout_millis: 5_000, ..Profile::standard("impatient") };
        settings.profiles.push(impatient);
    });
    world.pod_with("a", 1, &format!(r#""schedulerName":"impatient",{POD}"#), "");
    world.run();
    answer_volume(&mut world, Ok(Answer::Done));
    assert_eq!(world.flow.next_timer(), Some(world.now.millis + 5_000));
    world.wait(4_999);
    assert_eq!(world.run(), [""; 0]);
    world.wait(1);
    assert!(world.run()[0].contains("binding volumes: timed out waiting for the condition"));
}

#[test]
fn a_foreign_binding_to_the_same_node_releases_reservations() {
    let mut world = world("kubernetes.io/no-provisioner");
    world.apply(&volume(""));
    world.pod_with("a", 1, POD, "");
    assert_eq!(world.run(), ["a nominated to \"n\"", "bind volume pv to claim data"]);
    world.pod_with("a", 1, &format!(r#""nodeName":"n",{POD}"#), "");
    answer_volume(&mut world, failure(FailureKind::Refused));
    assert!(world.flow.scheduler().cluster().storage().volumes["pv"].claim.is_none());
    assert!(
        !world.reports.iter().any(|report| matches!(report, Report::Bound { .. })),
        "another scheduler bound it"
    );
}

#[test]
fn a_late_write_of_an_earlier_attempt_is_believed_once_the_claim_is_bound() {
    let mut world = world("example.com/volumes");
    world.pod_with("a", 1, POD, "");
    world.run();
    answer_volume(&mut world, Ok(Answer::Done));
    // The watch skips the version with this scheduler's node: a write of an earlier attempt came after it.
    const OTHER: &str =
        r#""volume.kubernetes.io/selected-node":"other","pv.kubernetes.io/bind-completed":"yes","#;
    world.apply(&volume(CLAIM_REF));
    world.apply(&claim(OTHER, r#""volumeName":"pv","#));
    world.run();
    let storage = world.flow.scheduler().cluster().storage();
    let known = storage.claim(&"default".into(), &"data".into()).unwrap();
    assert_eq!(
        known.annotations.get("volume.kubernetes.io/selected-node").map(|node| &**node),
        Some("other")
    );
}
