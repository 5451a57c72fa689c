//! Claims on devices: their devices stay taken until it is known what became of the write.

use berth_engine::effect::Write;
use berth_model::object::Kind;

use super::fixture::{World, failure};
use crate::{Answer, FailureKind, Input, Request};

/// A pod with a claim on a device, and the device.
fn world_with_device() -> World {
    let mut world = World::new();
    world.node("n1", 4);
    world.apply(
        r#"{"apiVersion":"resource.k8s.io/v1","kind":"DeviceClass","metadata":{"name":"gpu"},
        "spec":{"extendedResourceName":"example.com/gpu"}}"#,
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
fn a_write_that_was_sent_twice_is_known_only_by_an_answer() {
    for watch_is_first in [true, false] {
        let mut world = world_with_device();
        world.pod_with("first", 1, &claiming("first"), "");
        world.run();
        answer_devices(&mut world, failure(FailureKind::Unknown)); // it was carried out
        world.wait(500);
        world.run();
        let ticket = world.ticket(|request| matches!(request, Request::Write(Write::ReserveDevices(_))));
        let lost = Input::Reply(ticket, failure(FailureKind::Unknown));
        if watch_is_first {
            world.apply(&device_claim("first", ALLOCATED)); // by the first request
            world.take(lost);
        } else {
            world.take(lost);
            world.apply(&device_claim("first", ALLOCATED));
        }
        world.delete(Kind::Pod, "first");
        world.apply(&device_claim("first", "")); // the controller frees it, then the second request allocates it again
        world.pod_with("second", 1, &claiming("second"), "");
        let requests = world.run();
        assert!(!requests.iter().any(|request| request.contains("claim second")), "{requests:?}");
    }
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

/// A pod that requests the device as an extended resource.
fn pod_with_resource(world: &mut World, name: &str) {
    world.apply(&format!(
        r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{name}","namespace":"default","uid":"uid-{name}"}},
        "spec":{{"containers":[{{"name":"c","resources":{{"requests":{{"example.com/gpu":"1"}},
        "limits":{{"example.com/gpu":"1"}}}}}}]}},"status":{{"phase":"Pending"}}}}"#
    ));
}

/// Runs attempts. Returns the name of the claim that is made.
fn run_and_make_claim(world: &mut World) -> String {
    let requests = world.run();
    let name = requests.iter().find_map(|request| request.strip_prefix("make claim "));
    name.unwrap_or_else(|| panic!("no claim is made: {requests:?}")).to_owned()
}

/// The claim that is made for a pod, as the API server has it.
fn claim_made_for(pod: &str, name: &str, status: &str) -> String {
    format!(
        r#"{{"apiVersion":"resource.k8s.io/v1","kind":"ResourceClaim","metadata":{{"name":"{name}","namespace":"default",
        "uid":"claim-{pod}","annotations":{{"resource.kubernetes.io/extended-resource-claim":"true"}},"ownerReferences":
        [{{"apiVersion":"v1","kind":"Pod","name":"{pod}","uid":"uid-{pod}","controller":true}}]}},"spec":{{"devices":
        {{"requests":[{{"name":"container-0-request-0","exactly":{{"deviceClassName":"gpu","allocationMode":"ExactCount",
        "count":1}}}}]}}}}{status}}}"#
    )
}

fn answer_new_claim(world: &mut World, outcome: Result<Answer, crate::Failure>) {
    let ticket = world.ticket(|request| matches!(request, Request::Write(Write::MakeDeviceClaim(_))));
    world.take(Input::Reply(ticket, outcome));
}

/// Whether a second pod gets the only device.
fn second_gets_the_device(world: &mut World) -> bool {
    if world.flow.find_pod(&"default".into(), &"second".into()).is_none() {
        world.pod_with("second", 1, &claiming("second"), "");
    }
    world.run().iter().any(|request| request == "reserve devices of claim second")
}

#[test]
fn the_claim_for_extended_resources_keeps_its_device_although_the_watch_delivers_it_without() {
    let mut world = world_with_device();
    pod_with_resource(&mut world, "first");
    let name = run_and_make_claim(&mut world);
    world.apply(&claim_made_for("first", &name, "")); // its status is written next
    assert!(!second_gets_the_device(&mut world));
    answer_new_claim(&mut world, Ok(Answer::Done));
    world.apply(&claim_made_for("first", &name, ALLOCATED));
    assert_eq!(world.run(), ["bind first to n1"]);
}

#[test]
fn the_claim_for_extended_resources_is_made_again_if_the_answer_is_lost() {
    let mut world = world_with_device();
    pod_with_resource(&mut world, "first");
    let name = run_and_make_claim(&mut world);
    answer_new_claim(&mut world, failure(FailureKind::Unknown));
    assert!(!second_gets_the_device(&mut world));
    world.wait(500);
    assert_eq!(run_and_make_claim(&mut world), name);
    answer_new_claim(&mut world, failure(FailureKind::Conflict));
    world.wait(1_000);
    let requests = world.run();
    assert!(requests.iter().any(|request| request.contains("claim")), "the device is free: {requests:?}");
}

#[test]
fn the_device_for_an_extended_resource_stays_taken_after_the_pod_is_deleted_while_the_write_is_in_flight() {
    for (outcome, is_free) in [(Ok(Answer::Done), false), (failure(FailureKind::Gone), true)] {
        let mut world = world_with_device();
        pod_with_resource(&mut world, "first");
        world.run();
        let ticket = world.ticket(|request| matches!(request, Request::Write(Write::MakeDeviceClaim(_))));
        world.delete(Kind::Pod, "first");
        assert!(!second_gets_the_device(&mut world));
        world.take(Input::Reply(ticket, outcome));
        world.wait(1_000);
        assert_eq!(second_gets_the_device(&mut world), is_free);
    }
}

#[test]
fn a_pod_is_tried_again_when_the_claim_that_an_earlier_attempt_made_is_gone() {
    let mut world = world_with_device();
    pod_with_resource(&mut world, "first");
    world.apply(&claim_made_for("first", "left-over", ""));
    let requests = world.run();
    assert!(requests.contains(&"delete claim left-over".to_owned()), "{requests:?}");
    world.delete(Kind::ResourceClaim, "left-over");
    world.wait(1_000);
    run_and_make_claim(&mut world);
}

#[test]
fn a_claim_that_an_earlier_process_makes_late_is_given_up() {
    let mut world = world_with_device();
    world.apply(
        r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"first","namespace":"default","uid":"uid-first"},"spec":
        {"containers":[{"name":"c","resources":{"requests":{"cpu":"5","example.com/gpu":"1"},
        "limits":{"example.com/gpu":"1"}}}]},"status":{"phase":"Pending"}}"#,
    );
    assert!(
        world.run().iter().any(|request| request.starts_with("first Unschedulable")),
        "it needs more CPU"
    );
    world.apply(&claim_made_for("first", "late", ALLOCATED));
    world.wait(1_000);
    let requests = world.run();
    assert!(requests.contains(&"delete claim late".to_owned()), "{requests:?}");
}
