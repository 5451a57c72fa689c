//! Pods that have to go for others.

use super::fixture::{World, failure};
use crate::action::Request;
use crate::input::{FailureKind, Input};
use berth_model::object::Kind;

fn full() -> World {
    let mut world = World::new();
    world.node("n", 4);
    world.bound("low", 4, "n");
    world.pod_with("high", 4, r#""priority":100,"#, "");
    world
}

#[test]
fn a_victim_is_evicted_and_the_preemptor_takes_its_place() {
    let mut world = full();
    let told = world.run();
    assert_eq!(told[0], "evict low");
    let said = "high Unschedulable: 0/1 nodes are available: 1 Insufficient cpu. preemption: found a potential placement \
                for pod on node n, preempting 1 victims";
    assert!(told[1].starts_with(said) && told[1].ends_with("nominated to \"n\""), "{told:?}");
    let preempted = "default/low Preempted: Preempted by pod uid-high on node n";
    assert!(world.events().contains(&preempted.to_owned()));
    world.pod("other", 4);
    assert!(world.run()[0].starts_with("other Unschedulable"), "the room is for the preemptor");
    world.wait(1_000);
    world.delete(Kind::Pod, "low");
    assert_eq!(world.run(), ["bind high to n"]);
}

#[test]
fn a_victim_that_cannot_be_evicted_lets_the_preemptor_look_for_another_way() {
    let mut world = full();
    world.run();
    let ticket = world.ticket(|request| matches!(request, Request::Evict { .. }));
    world.take(Input::Reply(ticket, failure(FailureKind::Refused)));
    assert!(world.run().contains(&"evict low".to_owned()), "it tries again");
}

#[test]
fn a_lower_nominated_pod_loses_its_nomination_and_is_tried_again() {
    let mut world = full();
    world.run();
    world.pod_with("higher", 4, r#""priority":200,"#, "");
    let told = world.run();
    assert!(told.contains(&"high nominated to \"\"".to_owned()), "{told:?}");
    assert!(told.iter().any(|t| t.starts_with("higher") && t.ends_with("nominated to \"n\"")), "{told:?}");
}

#[test]
fn a_nomination_from_before_the_start_counts() {
    let mut world = World::unlisted(|_| {});
    world.pod_with("high", 4, r#""priority":100,"#, r#""nominatedNodeName":"n","#);
    world.pod("low", 4);
    world.node("n", 4);
    for kind in crate::Flow::KINDS {
        world.take(Input::Listed(kind));
    }
    world.take(Input::Leads(true));
    world.delete(Kind::Pod, "nobody");
    assert_eq!(world.run()[0], "bind high to n");
}

#[test]
fn the_nomination_that_a_watch_tells_late_does_not_undo_a_newer_one() {
    let mut world = full();
    world.run();
    // An update from before the nomination was written.
    world.pod_with("high", 4, r#""priority":100,"#, r#""startTime":"2026-01-01T00:00:00Z","#);
    world.wait(1_000);
    world.pod("other", 1);
    assert!(world.run()[0].starts_with("other Unschedulable"), "the node is for the preemptor");
    world.delete(Kind::Pod, "low");
    assert_eq!(world.run()[0], "bind high to n");
}
