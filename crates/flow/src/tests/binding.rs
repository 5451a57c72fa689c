//! From the decision to the binding, and what can come in between.

use super::fixture::{World, failure};
use crate::SchedulingLoop;
use crate::input::{Answer, FailureKind, Input};
use crate::report::Report;
use berth_model::object::Kind;

#[test]
fn a_pod_is_bound_to_the_node_that_it_fits_on_and_everyone_is_told() {
    let mut world = World::new();
    world.node("small", 1);
    world.node("large", 8);
    world.pod("a", 4);
    assert_eq!(world.run(), ["bind a to large"]);
    world.answer_bind(Ok(Answer::Done));
    world.run();
    assert_eq!(world.events(), ["default/a Scheduled: Successfully assigned default/a to large"]);
    assert_eq!(world.flow.assumed(), 1, "until the watch tells");
    world.bound("a", 4, "large");
    assert_eq!((world.flow.assumed(), world.flow.in_flight()), (0, 0));
    assert!(matches!(&world.reports[..], [.., Report::Bound { attempts: 1, .. }]));
}

#[test]
fn nothing_is_decided_before_everything_is_listed_and_this_scheduler_leads() {
    let mut world = World::unlisted(|_| {});
    world.node("n", 8);
    world.pod("a", 1);
    world.take(Input::Leads(true));
    for kind in SchedulingLoop::KINDS {
        assert_eq!(world.run(), [""; 0], "{kind:?} was not listed");
        world.take(Input::Listed(kind));
    }
    world.take(Input::Leads(false));
    assert_eq!(world.run(), [""; 0]);
    world.take(Input::Leads(true));
    assert_eq!(world.run(), ["bind a to n"]);
}

#[test]
fn a_node_that_is_taken_by_a_binding_in_flight_is_not_given_away() {
    let mut world = World::new();
    world.node("n", 4);
    world.pod("a", 3);
    world.pod("b", 3);
    let told = world.run();
    assert_eq!(told[0], "bind a to n");
    assert!(told[1].starts_with("b Unschedulable: 0/1 nodes are available: 1 Insufficient cpu."), "{told:?}");
}

#[test]
fn a_refused_binding_frees_the_node_for_others_and_is_tried_again_after_its_backoff() {
    let mut world = World::new();
    world.node("n", 4);
    world.pod("a", 3);
    world.pod("b", 3);
    world.run();
    world.answer_bind(failure(FailureKind::Refused));
    world.wait(500);
    let told = world.run();
    assert_eq!(told[0], "a SchedulerError: running Bind plugin \"DefaultBinder\": no");
    assert_eq!(told[1], "bind b to n", "b was woken");
}

#[test]
fn a_binding_whose_answer_did_not_come_keeps_its_node_and_is_sent_again() {
    let mut world = World::new();
    world.node("n", 4);
    world.pod("a", 3);
    world.run();
    world.answer_bind(failure(FailureKind::Unknown));
    world.pod("b", 3);
    assert!(world.run()[0].starts_with("b Unschedulable"), "the node may be taken");
    assert_eq!(world.flow.next_timer(), Some(world.now.millis + 500));
    world.wait(500);
    assert_eq!(world.run(), ["bind a to n"]);
    world.answer_bind(failure(FailureKind::Conflict));
    assert_eq!(world.run(), [""; 0], "it was bound after all, or deleted: the watch will tell");
    world.bound("a", 3, "n");
    world.run();
    assert_eq!(world.flow.assumed(), 0);
    let scheduled = world.events().iter().filter(|event| event.contains("Scheduled:")).count();
    assert_eq!(scheduled, 1);
}

#[test]
fn a_pod_that_is_deleted_while_it_is_bound_leaves_no_trace() {
    let mut world = World::new();
    world.node("n", 4);
    world.pod("a", 3);
    world.run();
    world.delete(Kind::Pod, "a");
    world.answer_bind(Ok(Answer::Done));
    world.pod("b", 3);
    assert_eq!(world.run(), ["bind b to n"]);
    assert!(!world.events().iter().any(|event| event.contains("default/a")));
}

#[test]
fn a_pod_that_is_made_again_under_its_name_is_another_pod() {
    let mut world = World::new();
    world.node("n", 4);
    world.pod("a", 3);
    world.run();
    world.pod_of("a", "another", 4, "", "");
    assert_eq!(world.run(), ["bind a to n"], "the first one's room is free");
    assert_eq!(world.flow.assumed(), 1);
}

#[test]
fn a_pod_that_another_scheduler_bound_elsewhere_takes_its_room_there() {
    let mut world = World::new();
    world.node("n", 4);
    world.pod("a", 3);
    world.run();
    world.node_with("m", 4, "");
    world.bound("a", 3, "m");
    world.answer_bind(failure(FailureKind::Conflict));
    world.pod("b", 3);
    assert_eq!(world.run(), ["bind b to n"]);
}

#[test]
fn what_a_new_listing_does_not_name_is_gone() {
    let mut world = World::new();
    world.node("n", 4);
    world.bound("a", 3, "n");
    world.take(Input::Listing(Kind::Pod));
    world.take(Input::Listed(Kind::Pod));
    world.pod("b", 3);
    assert_eq!(world.run(), ["bind b to n"]);
}

#[test]
fn a_pod_that_has_ended_holds_nothing() {
    let mut world = World::new();
    world.node("n", 4);
    world.bound("a", 3, "n");
    world.apply(
        r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"default","uid":"uid-a"},
            "spec":{"nodeName":"n","containers":[{"name":"c"}]},"status":{"phase":"Succeeded"}}"#,
    );
    world.pod("b", 3);
    assert_eq!(world.run(), ["bind b to n"]);
}
