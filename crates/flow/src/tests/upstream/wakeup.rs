//! Lost wake-ups, stuck pods.

use super::super::fixture::{World, failure};
use crate::SchedulingLoop;
use crate::action::Request;
use crate::input::{Answer, FailureKind, Input};
use berth_model::object::Kind;

/// #72122: An event comes between the attempt and the unschedulable pool, and the pod is stuck.
/// Here: attempts and events are taken one after the other on one thread; nothing can come in between.
#[test]
fn issue_72122() {
    let mut world = World::with(|settings| settings.flush_millis = None);
    world.pod("a", 1);
    assert!(world.flow.attempt(world.now));
    world.node("n", 2); // at once after the attempt, before anything else was done
    assert!(world.run().contains(&"bind a to n".to_owned()));
}

/// #110175: A check before the hints drops events that plugins needed, and pods wait for the flush.
/// Here: the plugins that rejected the pod are asked, and nobody else; there is no check before them.
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

/// #102790: A standby misses that pods came, and they wait for hours after it took over.
/// Here: a standby takes everything in as the leader does, and begins with the whole queue.
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

/// #138316: A pod is made again under its name during a cycle that fails, and its entry in flight is never released.
/// Here: what is in flight belongs to a uid; the reply for the old pod is dropped, and nothing stays behind.
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

/// #139162: A preemptor that is held at the gate while its victims go is left out by the flush, and is stuck.
/// Here: a preemptor waits as any other pod, and is woken by what its plugins say helps; a relist is enough.
#[test]
fn issue_139162() {
    let mut world = World::with(|settings| settings.flush_millis = None);
    world.node("n", 4);
    world.bound("low", 4, "n");
    world.pod_with("high", 4, r#""priority":9,"#, "");
    world.run();
    world.take(Input::Listing(Kind::Pod));
    world.pod_with("high", 4, r#""priority":9,"#, "");
    world.take(Input::Listed(Kind::Pod)); // the victim's deletion was missed
    assert_eq!(world.run(), ["bind high to n"]);
}

/// #140082: The victim's end is told before the preemptor has left the set of those who preempt, and it is stuck.
/// Here: the preemptor waits, with its nomination, before the first eviction is sent.
#[test]
fn issue_140082() {
    let mut world = World::with(|settings| settings.flush_millis = None);
    world.node("n", 4);
    world.bound("low", 4, "n");
    world.pod_with("high", 4, r#""priority":9,"#, "");
    assert!(world.flow.attempt(world.now));
    world.delete(Kind::Pod, "low"); // before the eviction was even sent
    assert!(world.run().contains(&"bind high to n".to_owned()));
}

/// #141694: A second, needless preemption of a victim that is gone parks the preemptor for five minutes.
/// Here: a victim on its way out is not evicted again, and one that is gone counts as evicted.
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

/// #45220: After a restart pods are placed before those that run are known, and nodes are overcommitted.
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
