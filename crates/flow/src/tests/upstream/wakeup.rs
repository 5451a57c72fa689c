//! Missed requeues, stuck pods.

use super::super::fixture::{World, failure};
use crate::SchedulingLoop;
use crate::action::Request;
use crate::input::{Answer, FailureKind, Input};
use berth_model::object::Kind;

/// #72122: An event comes between the attempt and the unschedulable pool, and the pod is stuck.
/// Here: one thread takes attempts and events one after the other; no event can come in between.
#[test]
fn issue_72122() {
    let mut world = World::with(|settings| settings.flush_millis = None);
    world.pod("a", 1);
    assert!(world.flow.attempt(world.now));
    world.node("n", 2); // directly after the attempt
    assert!(world.run().contains(&"bind a to n".to_owned()));
}

/// #110175: A check before the queueing hints drops events that plugins need, and pods wait for the flush.
/// Here: only the plugins that rejected the pod decide; there is no check before them.
#[test]
fn issue_110175() {
    let mut world = World::with(|settings| settings.flush_millis = None);
    world.node_with("full", 1, r#","labels":{"disk":"ssd"}"#);
    world.bound("b", 1, "full");
    world.node("n", 4);
    world.pod_with("a", 1, r#""nodeSelector":{"disk":"ssd"},"#, "");
    assert!(world.run()[0].starts_with("a Unschedulable"));
    world.node_with("n", 4, r#","labels":{"disk":"ssd"}"#);
    assert_eq!(world.run(), ["bind a to n"]);
}

/// #102790: A standby misses new pods, and they wait for hours after it has taken over.
/// Here: a standby takes the same inputs as the leader, and starts with the whole queue.
#[test]
fn issue_102790() {
    let mut world = World::new();
    world.take(Input::Leads(false));
    world.node("n", 4);
    world.pod("a", 1);
    assert_eq!(world.run(), [""; 0]);
    world.take(Input::Leads(true));
    assert_eq!(world.run(), ["bind a to n"]);
}

/// #138316: A pod is created again under its name during a cycle that fails, and its entry in flight is never released.
/// Here: what is in flight belongs to a uid; the reply for the old pod is ignored, and nothing is left over.
#[test]
fn issue_138316() {
    let mut world = World::new();
    world.node("n", 4);
    world.pod("a", 1);
    world.run();
    world.pod_of("a", "again", 1, "", "");
    let first = world.actions[0].ticket;
    world.take(Input::Reply(first, failure(FailureKind::Conflict)));
    assert_eq!(world.run(), ["bind a to n"]);
    world.answer_bind(Ok(Answer::Done));
    assert_eq!((world.flow.in_flight(), world.flow.assumed()), (0, 1));
}

/// #139162: A preemptor that is gated while its victims terminate is skipped by the flush, and is stuck.
/// Here: a preemptor waits as any other pod, and its plugins' hints requeue it; a new listing is enough.
#[test]
fn issue_139162() {
    let mut world = World::with(|settings| settings.flush_millis = None);
    world.node("n", 4);
    world.bound("low", 4, "n");
    world.pod_with("high", 4, r#""priority":9,"#, "");
    world.run();
    world.take(Input::Listing(Kind::Pod));
    world.pod_with("high", 4, r#""priority":9,"#, "");
    world.take(Input::Listed(Kind::Pod)); // the deletion of the victim was missed
    assert_eq!(world.run(), ["bind high to n"]);
}

/// #140082: The deletion of the victim is delivered before the preemptor has left the set of preempting pods, and it is
/// stuck.
/// Here: the preemptor is unschedulable and nominated before the first eviction is sent.
#[test]
fn issue_140082() {
    let mut world = World::with(|settings| settings.flush_millis = None);
    world.node("n", 4);
    world.bound("low", 4, "n");
    world.pod_with("high", 4, r#""priority":9,"#, "");
    assert!(world.flow.attempt(world.now));
    world.delete(Kind::Pod, "low"); // before the eviction is sent
    assert!(world.run().contains(&"bind high to n".to_owned()));
}

/// #141694: A second, needless preemption of a deleted victim makes the preemptor wait for five minutes.
/// Here: a terminating victim is not evicted again, and a deleted victim counts as evicted.
#[test]
fn issue_141694() {
    let mut world = World::with(|settings| settings.flush_millis = None);
    world.node("n", 4);
    world.bound("low", 4, "n");
    world.pod_with("high", 4, r#""priority":9,"#, "");
    world.run();
    world.delete(Kind::Pod, "low");
    let ticket = world.ticket(|request| matches!(request, Request::Evict { .. }));
    world.take(Input::Reply(ticket, failure(FailureKind::Gone)));
    assert_eq!(world.run(), ["bind high to n"]);
}

/// #45220: After a restart pods are placed before running pods are known, and nodes are overcommitted.
/// Here: nothing is decided before every kind was listed.
#[test]
fn issue_45220() {
    let mut world = World::unlisted(|_| {});
    world.take(Input::Leads(true));
    world.node("n", 4);
    world.pod("a", 4);
    for kind in SchedulingLoop::KINDS.into_iter().filter(|kind| *kind != Kind::Pod) {
        world.take(Input::Listed(kind));
    }
    assert_eq!(world.run(), [""; 0]);
    world.bound("b", 4, "n");
    world.take(Input::Listed(Kind::Pod));
    assert!(world.run()[0].starts_with("a Unschedulable"));
}
