//! Pods that have to go for others.

use super::fixture::{World, failure};
use crate::action::Request;
use crate::input::{Answer, FailureKind, Input};
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
    for kind in crate::SchedulingLoop::KINDS {
        world.take(Input::Listed(kind));
    }
    world.take(Input::Leads(true));
    world.delete(Kind::Pod, "nobody");
    assert_eq!(world.run()[0], "bind high to n");
}

#[test]
fn a_nomination_that_an_old_version_lacks_is_written_again() {
    let mut world = full();
    world.run();
    // The watch delivers a version from before the nomination was written. It could also be newer: the nomination is cleared.
    world.pod_with("high", 4, r#""priority":100,"#, r#""startTime":"2026-01-01T00:00:00Z","#);
    world.wait(1_000);
    world.pod("other", 1);
    let requests = world.run();
    assert_eq!(requests[0], "high nominated to \"n\"");
    assert!(requests[1].starts_with("other Unschedulable"), "the node is for the preemptor");
    world.wait(2_000);
    world.delete(Kind::Pod, "low");
    assert_eq!(world.run()[0], "bind high to n");
}

#[test]
fn a_victim_stays_marked_as_terminating_when_the_watch_tells_late_that_it_is_bound() {
    // Its eviction is requested after its binding, before the watch tells of either.
    let mut world = World::new();
    world.node("n", 4);
    world.pod("low", 4);
    assert_eq!(world.run(), ["bind low to n"]);
    world.answer_bind(Ok(Answer::Done));
    world.pod_with("high", 4, r#""priority":100,"#, "");
    assert_eq!(world.run()[0], "evict low");
    let terminating = |world: &World| {
        let cluster = world.flow.scheduler().cluster();
        cluster.pods().entry(world.flow.find_pod(&"default".into(), &"low".into()).unwrap()).pod.terminating
    };
    assert!(terminating(&world));
    world.pod("low", 4);
    assert!(terminating(&world), "an update from before the binding");
    world.bound("low", 4, "n");
    assert!(terminating(&world), "an update from before the eviction");
    let ticket = world.ticket(|request| matches!(request, Request::Evict { .. }));
    world.take(Input::Reply(ticket, failure(FailureKind::Refused)));
    assert!(!terminating(&world), "the eviction was refused");
}

fn high_nominated_to(node: &str) -> String {
    format!(r#""nominatedNodeName":"{node}","#)
}

#[test]
fn a_nomination_by_another_process_counts_while_a_condition_is_being_written() {
    let mut world = World::new();
    world.node("n", 4);
    world.bound("same", 4, "n");
    world.pod_with("high", 4, "", "");
    while world.flow.attempt(world.now) {}
    let actions: Vec<_> = world.flow.drain_actions().collect();
    world.pod_with("high", 4, "", &high_nominated_to("n")); // a write of an earlier process arrives late
    for action in actions {
        if matches!(action.request, Request::SetStatus { .. }) {
            world.take(Input::Reply(action.ticket, Ok(Answer::Done)));
        }
    }
    world.wait(1_000);
    let told = world.run();
    assert!(told.iter().any(|t| t.ends_with("nominated to \"\"")), "the nomination is void: {told:?}");
}

#[test]
fn a_nomination_by_another_process_during_a_write_of_one_is_overwritten() {
    let mut world = full();
    world.node("m", 1);
    while world.flow.attempt(world.now) {}
    let actions: Vec<_> = world.flow.drain_actions().collect();
    let write = actions.iter().find(|a| matches!(a.request, Request::SetStatus { .. })).unwrap();
    // Whether it was written before or after ours is unknown.
    world.pod_with("high", 4, r#""priority":100,"#, &high_nominated_to("m"));
    world.take(Input::Reply(write.ticket, Ok(Answer::Done)));
    assert_eq!(world.run(), ["high nominated to \"n\""]);
    world.pod_with("high", 4, r#""priority":100,"#, &high_nominated_to("n"));
    assert_eq!(world.run(), [""; 0], "the watch tells the same now");
}

#[test]
fn a_victim_whose_binding_and_eviction_both_fail_is_tried_again() {
    let mut world = World::new();
    world.node("n", 4);
    world.pod("low", 4);
    assert_eq!(world.run(), ["bind low to n"]);
    world.pod_with("high", 4, r#""priority":100,"#, "");
    assert_eq!(world.run()[0], "evict low");
    world.answer_bind(failure(FailureKind::Refused));
    world.wait(2_000);
    world.run();
    assert_eq!(world.flow.place_of(&"default".into(), &"low".into()), None, "it is terminating");
    let ticket = world.ticket(|request| matches!(request, Request::Evict { .. }));
    world.take(Input::Reply(ticket, failure(FailureKind::Refused)));
    assert_eq!(world.flow.place_of(&"default".into(), &"low".into()), Some("active"));
}
