//! Nomination and preemption.

use super::super::fixture::{World, failure};
use crate::action::Request;
use crate::input::{Answer, FailureKind, Input};
use crate::report::Report;
use berth_model::object::Kind;

/// A node that is full of a pod of low priority, and a pod of high priority that has just preempted it.
fn preempted() -> World {
    let mut world = World::with(|settings| settings.flush_millis = None);
    world.node("n", 4);
    world.bound("low", 4, "n");
    world.pod_with("high", 4, r#""priority":9,"#, "");
    world.run();
    world
}

fn evictions(world: &World) -> usize {
    world.actions.iter().filter(|action| matches!(action.request, Request::Evict { .. })).count()
}

/// #72124: The next cycle does not see the nomination, and another pod takes the room.
/// Here: a pod is nominated within its attempt; the next attempt counts it.
#[test]
fn issue_72124() {
    let mut world = preempted();
    world.delete(Kind::Pod, "low");
    world.pod("other", 1);
    let requests = world.run();
    assert!(requests.contains(&"bind high to n".to_owned()), "{requests:?}");
    assert!(requests.iter().any(|text| text.starts_with("other Unschedulable")), "{requests:?}");
}

/// #70622: A late update restores a nomination that has ended (also PR #70898).
/// Here: an update that carries an older nomination does not undo the newer one; it is written again.
#[test]
fn issue_70622() {
    let mut world = preempted();
    world.pod_with("high", 4, r#""priority":9,"#, "");
    world.pod("other", 1);
    assert!(world.run()[0].starts_with("other Unschedulable"), "still nominated");
}

/// #85447: A pod is deleted while it is nominated, and its room is lost.
/// Here: the nomination ends with the pod, and pods that wait for the room are requeued.
#[test]
fn issue_85447() {
    let mut world = preempted();
    world.delete(Kind::Pod, "low");
    world.delete(Kind::Pod, "high");
    world.pod("other", 4);
    assert_eq!(world.run(), ["bind other to n"]);
}

/// #86942: The nomination in memory differs from that in the status, and room is held for no pod (also #109236).
/// Here: a status is sent until its write succeeds, one write at a time, the newest last.
#[test]
fn issue_86942() {
    let mut world = World::new();
    world.node("n", 4);
    world.bound("low", 4, "n");
    world.pod_with("high", 4, r#""priority":9,"#, "");
    while world.flow.attempt(world.now) {}
    let actions: Vec<_> = world.flow.drain_actions().collect();
    let status = actions.iter().find(|a| matches!(a.request, Request::SetStatus { .. })).unwrap();
    world.take(Input::Reply(status.ticket, failure(FailureKind::Refused)));
    world.wait(1_000);
    assert!(world.run().iter().any(|text| text.starts_with("high") && text.ends_with("nominated to \"n\"")));
}

/// #106780: The nomination is never cleared if the pod does not fit any more (also PR #106816).
/// Here: an attempt that finds no victims clears it, in memory and in the status.
#[test]
fn issue_106780() {
    let mut world = preempted();
    world.delete(Kind::Pod, "low");
    world.node("n", 2); // it has become smaller
    world.wait(60_000);
    world.pod_with(
        "high",
        4,
        r#""priority":9,"tolerations":[{"operator":"Exists"}],"#,
        r#""nominatedNodeName":"n","#,
    );
    let requests = world.run();
    assert!(
        requests.iter().any(|text| text.starts_with("high") && text.ends_with("nominated to \"\"")),
        "{requests:?}"
    );
}

/// #126644: The condition of the victim cannot be written, and preemption fails without a message.
/// Here: a warning is reported, and the preemptor is tried again at once.
#[test]
fn issue_126644() {
    let mut world = preempted();
    let ticket = world.ticket(|request| matches!(request, Request::Evict { .. }));
    world.take(Input::Reply(ticket, failure(FailureKind::Refused)));
    world.run();
    assert!(
        world
            .reports
            .iter()
            .any(|report| matches!(report, Report::Warning(text) if text.contains("cannot evict pod")))
    );
    assert_eq!(evictions(&world), 2, "the eviction is requested again");
}

/// #93505: Pods are evicted from a node on which the preemptor can never run.
/// Here: a node is a candidate only if the pod passes all filters there without the victims.
#[test]
fn issue_93505() {
    let mut world = World::new();
    world.node_with("n", 4, r#","labels":{"disk":"hdd"}"#);
    world.bound("low", 4, "n");
    world.pod_with("high", 4, r#""priority":9,"nodeSelector":{"disk":"ssd"},"#, "");
    world.run();
    assert_eq!(evictions(&world), 0);
}

/// #130429: With two schedulers the preemptor is never bound, and thousands of pods are evicted.
/// Here: while a victim is terminating no other victim is chosen, and its room is reserved for the preemptor.
#[test]
fn issue_130429() {
    let mut world = preempted();
    for round in 0..20 {
        world.wait(20_000);
        world.pod_with(
            "high",
            4,
            &format!(r#""priority":9,"tolerations":[{{"key":"k{round}","operator":"Exists"}}],"#),
            r#""nominatedNodeName":"n","#,
        );
        world.run();
    }
    assert_eq!(evictions(&world), 1);
}

/// #134217: Preemption that waits for the API server sends dozens of deletions and retries without end (also #134249,
/// PRs
/// #134245, #134294, #134400).
/// Here: a victim counts as terminating from the time when its eviction is sent, unless the eviction fails.
#[test]
fn issue_134217() {
    let mut world = preempted();
    world.pod_with("second", 4, r#""priority":9,"#, "");
    world.wait(20_000);
    world.run();
    world.node("n", 5);
    world.run();
    assert_eq!(evictions(&world), 1);
    let ticket = world.ticket(|request| matches!(request, Request::Evict { .. }));
    world.take(Input::Reply(ticket, Ok(Answer::Done)));
    world.delete(Kind::Pod, "low");
    assert!(world.run().contains(&"bind high to n".to_owned()));
}
