//! PreBind: pods wait until their volumes are bound.

use super::fixture::{World, failure};
use berth_engine::effect::Write;

use crate::action::Request;
use crate::input::{Answer, FailureKind, Input};
use crate::report::Report;
use crate::settings::Settings;
use berth_engine::profile::Profile;
use berth_model::object::Kind;

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

/// A pod with a claim on a device, and the device.
fn world_with_device() -> World {
    let mut world = World::new();
    world.node("n1", 4);
    world.apply(
        r#"{"apiVersion":"resource.k8s.io/v1","kind":"DeviceClass","metadata":{"name":"gpu"},"spec":{}}"#,
    );
    world.apply(
        r#"{"apiVersion":"resource.k8s.io/v1","kind":"ResourceSlice","metadata":{"name":"s"},"spec":{"driver":"d",
        "nodeName":"n1","pool":{"name":"n1","generation":1,"resourceSliceCount":1},"devices":[{"name":"gpu"}]}}"#,
    );
    for name in ["first", "second"] {
        world.apply(&device_claim(name, ""));
    }
    world
}

/// The status of the first claim with the device.
const ALLOCATED: &str = r#","status":{"allocation":{"devices":{"results":[{"request":"gpu","driver":"d","pool":"n1","device":"gpu"}]}},
    "reservedFor":[{"resource":"pods","name":"first","uid":"uid-first"}]}"#;

/// `status` must begin with a comma.
fn device_claim(name: &str, status: &str) -> String {
    format!(
        r#"{{"apiVersion":"resource.k8s.io/v1","kind":"ResourceClaim","metadata":{{"name":"{name}","namespace":"default",
        "uid":"claim-{name}"}},"spec":{{"devices":{{"requests":[{{"name":"gpu","exactly":{{"deviceClassName":"gpu",
        "allocationMode":"ExactCount","count":1}}}}]}}}}{status}}}"#
    )
}

fn claiming(claim: &str) -> String {
    format!(r#""resourceClaims":[{{"name":"gpu","resourceClaimName":"{claim}"}}],"#)
}

fn answer_devices(world: &mut World, outcome: Result<Answer, crate::Failure>) {
    let ticket = world.ticket(|request| matches!(request, Request::Write(Write::ReserveDevices(_))));
    world.take(Input::Reply(ticket, outcome));
}

#[test]
fn a_device_stays_taken_while_it_is_not_known_whether_it_was_written() {
    let mut world = world_with_device();
    world.pod_with("first", 1, &claiming("first"), "");
    world.run();
    answer_devices(&mut world, failure(FailureKind::Unknown));
    world.pod_with("second", 1, &claiming("second"), "");
    let requests = world.run();
    assert!(!requests.iter().any(|request| request.contains("claim second")), "{requests:?}");
    world.wait(500);
    let requests = world.run();
    assert!(requests.iter().any(|request| request.contains("claim first")), "it is sent again: {requests:?}");
    answer_devices(&mut world, failure(FailureKind::Refused));
    world.wait(1_000);
    assert!(world.run().iter().any(|request| request.contains("claim first")), "a refusal does not tell");
    answer_devices(&mut world, Ok(Answer::Done));
    assert!(!world.run().iter().any(|request| request.contains("claim first")), "it is known now");
}

#[test]
fn a_device_is_free_again_if_its_first_write_is_refused() {
    let mut world = world_with_device();
    world.pod_with("first", 1, &claiming("first"), "");
    world.run();
    answer_devices(&mut world, failure(FailureKind::Refused));
    world.pod_with("second", 1, &claiming("second"), "");
    let requests = world.run();
    assert!(requests.iter().any(|request| request.contains("claim second")), "{requests:?}");
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

#[test]
fn a_device_stays_taken_after_its_pod_is_deleted_while_the_write_is_in_flight() {
    for (outcome, is_free) in [(Ok(Answer::Done), false), (failure(FailureKind::Refused), true)] {
        let mut world = world_with_device();
        world.pod_with("first", 1, &claiming("first"), "");
        world.run();
        let ticket = world.ticket(|request| matches!(request, Request::Write(Write::ReserveDevices(_))));
        world.delete(Kind::Pod, "first");
        world.pod_with("second", 1, &claiming("second"), "");
        let requests = world.run();
        assert!(!requests.iter().any(|request| request.contains("claim second")), "{requests:?}");
        world.take(Input::Reply(ticket, outcome));
        world.wait(1_000);
        let requests = world.run();
        assert_eq!(requests.iter().any(|request| request.contains("claim second")), is_free, "{requests:?}");
    }
}

#[test]
fn a_pod_waits_while_the_claim_that_it_shares_is_being_allocated() {
    let mut world = world_with_device();
    world.pod_with("first", 1, &claiming("first"), "");
    world.run();
    world.pod_with("second", 1, &claiming("first"), "");
    let requests = world.run();
    let waits = "second Unschedulable: 0/1 nodes are available: resource claim default/first is in the process of being \
                 allocated.";
    assert!(requests[0].starts_with(waits), "{requests:?}");
    answer_devices(&mut world, Ok(Answer::Done));
    world.wait(1_000);
    let requests = world.run();
    assert!(requests.contains(&"reserve devices of claim first".to_owned()), "{requests:?}");
}

#[test]
fn a_lost_write_that_the_watch_delivers_is_not_sent_again() {
    let mut world = world_with_device();
    world.pod_with("first", 1, &claiming("first"), "");
    world.run();
    answer_devices(&mut world, failure(FailureKind::Unknown));
    world.apply(&device_claim("first", ALLOCATED));
    world.wait(500);
    assert_eq!(world.run(), ["bind first to n1"]);
}

#[test]
fn a_device_stays_taken_while_its_write_is_in_flight_although_another_process_has_written_the_same() {
    let mut world = world_with_device();
    world.pod_with("first", 1, &claiming("first"), "");
    world.run();
    let ticket = world.ticket(|request| matches!(request, Request::Write(Write::ReserveDevices(_))));
    world.apply(&device_claim("first", ALLOCATED));
    world.delete(Kind::Pod, "first");
    world.apply(&device_claim("first", "")); // the controller frees it
    world.pod_with("second", 1, &claiming("second"), "");
    let requests = world.run();
    assert!(!requests.iter().any(|request| request.contains("claim second")), "{requests:?}");
    world.take(Input::Reply(ticket, failure(FailureKind::Refused)));
    world.wait(1_000);
    let requests = world.run();
    assert!(requests.contains(&"reserve devices of claim second".to_owned()), "{requests:?}");
}

#[test]
fn a_device_stays_taken_while_its_write_is_in_flight_although_the_claim_has_another_device() {
    const OTHER: &str = r#","status":{"allocation":{"devices":{"results":[{"request":"gpu","driver":"d","pool":"n1","device":"other"}]}},
        "reservedFor":[{"resource":"pods","name":"first","uid":"uid-first"}]}"#;
    for (outcome, is_free) in [(Ok(Answer::Done), false), (failure(FailureKind::Conflict), true)] {
        let mut world = world_with_device();
        world.pod_with("first", 1, &claiming("first"), "");
        world.run();
        let ticket = world.ticket(|request| matches!(request, Request::Write(Write::ReserveDevices(_))));
        world.apply(&device_claim("first", OTHER)); // a late write of another process
        world.delete(Kind::Pod, "first");
        world.pod_with("second", 1, &claiming("second"), "");
        let requests = world.run();
        assert!(!requests.iter().any(|request| request.contains("claim second")), "{requests:?}");
        world.pod_with("third", 1, &claiming("first"), "");
        let requests = world.run();
        let shares = requests.iter().any(|request| request == "reserve devices of claim first");
        assert!(shares, "the claim is allocated: {requests:?}");
        if !is_free {
            world.delete(Kind::Pod, "third");
            world.apply(&device_claim("first", "")); // the controller frees it
            world.apply(&device_claim("first", ALLOCATED)); // then the write is carried out
        }
        world.take(Input::Reply(ticket, outcome));
        world.wait(1_000);
        let requests = world.run();
        assert_eq!(requests.iter().any(|request| request.contains("claim second")), is_free, "{requests:?}");
    }
}

#[test]
fn a_pod_is_tried_again_if_the_devices_that_it_cannot_use_could_not_be_given_up() {
    let mut world = world_with_device();
    world.node("n2", 4);
    const ELSEWHERE: &str = r#","status":{"allocation":{"devices":{"results":[{"request":"gpu","driver":"d","pool":"n3","device":"gpu"}]},
        "nodeSelector":{"nodeSelectorTerms":[{"matchFields":[{"key":"metadata.name","operator":"In","values":["n3"]}]}]}}}"#;
    world.apply(&device_claim("first", ELSEWHERE));
    world.pod_with("first", 1, &claiming("first"), "");
    let given_up = |requests: &[String]| requests.iter().any(|request| request.contains("clear claim first"));
    let requests = world.run();
    assert!(given_up(&requests), "{requests:?}");
    let ticket = world.ticket(|request| matches!(request, Request::Write(Write::GiveUpDevices { .. })));
    world.take(Input::Reply(ticket, failure(FailureKind::Refused)));
    world.wait(1_000);
    let requests = world.run();
    assert!(given_up(&requests), "{requests:?}");
}
