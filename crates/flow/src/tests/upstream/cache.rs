//! What is believed is not what is true.

use super::super::fixture::{World, failure};
use crate::action::Request;
use crate::input::{Answer, FailureKind, Input};
use berth_model::object::Kind;

/// #26043: A pod whose binding failed is queued again while it is still assumed, and assumed twice (also #5336).
/// Here: what was assumed is taken back before the pod is queued, in one step.
#[test]
fn issue_26043() {
    let mut world = World::new();
    world.node("n", 1);
    world.pod("a", 1);
    world.run();
    world.answer_bind(failure(FailureKind::Refused));
    assert_eq!((world.flow.assumed(), world.flow.pending().backoff), (0, 1));
    world.wait(1_000);
    assert!(world.run().contains(&"bind a to n".to_owned()));
    assert_eq!(world.flow.assumed(), 1);
}

/// #1139: A binding is sent twice.
/// Here: a binding is sent again only after its answer was lost, to the same node, and never while one is on its way.
#[test]
fn issue_1139() {
    let mut world = World::new();
    world.node("n", 4);
    world.node("m", 4);
    world.pod("a", 1);
    let first = world.run();
    for _ in 0..3 {
        world.pod("a", 1);
        world.wait(60_000);
        assert_eq!(world.run(), [""; 0], "it is on its way");
    }
    world.answer_bind(failure(FailureKind::Unknown));
    world.wait(60_000);
    assert_eq!(world.run(), first, "to the same node");
}

/// #55587: A pod is deleted while the API server restarts, nobody tells, and its room is lost until a restart (also
/// #31977).
/// Here: a new listing says who is gone.
#[test]
fn issue_55587() {
    let mut world = World::new();
    world.node("n", 1);
    world.bound("b", 1, "n");
    world.pod("a", 1);
    world.run();
    world.take(Input::Listing(Kind::Pod));
    world.pod("a", 1);
    world.take(Input::Listed(Kind::Pod));
    assert_eq!(world.run(), ["bind a to n"]);
}

/// #63262: A node is deleted and made again under its name, and decisions are made by the old one.
/// Here: a node that changed is replaced; there are no generations that could collide.
#[test]
fn issue_63262() {
    let mut world = World::new();
    world.node("n", 8);
    world.delete(Kind::Node, "n");
    world.node("n", 1);
    world.pod("a", 4);
    assert!(world.run()[0].starts_with("a Unschedulable"));
}

/// #95124: A node goes before its pods, and the structures that hold nodes disagree (also PR #86919).
/// Here: its pods stay known, bound to a node that is not there, and count again when it comes back.
#[test]
fn issue_95124() {
    let mut world = World::new();
    world.node("n", 4);
    world.bound("b", 4, "n");
    world.delete(Kind::Node, "n");
    world.pod("a", 4);
    assert!(world.run()[0].starts_with("a Unschedulable"));
    world.node("n", 4);
    world.wait(10_000);
    assert!(!world.run().iter().any(|told| told.starts_with("bind")), "b is still on it");
    world.delete(Kind::Pod, "b");
    world.wait(10_000);
    assert_eq!(world.run(), ["bind a to n"]);
}

/// #106102: A deletion is missed, a pod "assumed to A" is "added to B", and the process ends itself.
/// Here: what the API server says is taken over; the room on the other node is free again.
#[test]
fn issue_106102() {
    let mut world = World::new();
    world.node("n", 4);
    world.pod("a", 4);
    world.run();
    world.node("m", 4);
    world.bound("a", 4, "m");
    world.pod("b", 4);
    assert_eq!(world.run(), ["bind b to n"]);
}

/// #120512: The state of anti-affinity is stale until a restart.
/// Here: the counts of every topology domain follow each pod that comes and goes.
#[test]
fn issue_120512() {
    let mut world = World::with(|settings| settings.flush_millis = None);
    let zone = r#","labels":{"zone":"z"}"#;
    world.node_with("n", 4, zone);
    let apart = r#""affinity":{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":"zone","labelSelector":{}}]}},"#;
    world.pod_with("b", 1, &format!(r#"{apart}"nodeName":"n","#), "");
    world.pod("a", 1);
    assert!(world.run()[0].contains("didn't satisfy existing pods anti-affinity rules"));
    world.delete(Kind::Pod, "b");
    assert_eq!(world.run(), ["bind a to n"]);
}

/// #42433: The node's agent rejects a pod that the scheduler placed, and controllers make it again forever (also #86986,
/// #98928).
/// Here: requests are counted as upstream counts them now (golden corpus); a pod that was rejected holds nothing.
#[test]
fn issue_42433() {
    let mut world = World::new();
    world.node("n", 1);
    world.bound("b", 1, "n");
    world.apply(
        r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"b","namespace":"default","uid":"uid-b"},"spec":{
            "nodeName":"n","containers":[{"name":"c"}]},"status":{"phase":"Failed","reason":"OutOfcpu"}}"#,
    );
    world.pod("a", 1);
    assert_eq!(world.run(), ["bind a to n"]);
}

/// #60469: Nodes are overcommitted, perhaps by several schedulers that are active at once (also #136782).
/// Here: who does not lead decides nothing and sends nothing, also what was lost or is being prepared.
#[test]
fn issue_60469() {
    let mut world = World::new();
    world.node("n", 4);
    world.pod("a", 1);
    world.run();
    world.answer_bind(failure(FailureKind::Unknown));
    world.take(Input::Leads(false));
    world.pod("b", 1);
    world.wait(600_000);
    assert_eq!(world.run(), [""; 0]);
    assert_eq!(world.flow.next_timer(), None, "and it does not spin");
}

/// #125491: An autoscaler removes the node between the decision and the binding.
/// Here: the binding's answer is taken as it is; the pod is bound to a node that is gone, and takes no room elsewhere.
#[test]
fn issue_125491() {
    let mut world = World::new();
    world.node("n", 4);
    world.pod("a", 1);
    world.run();
    world.delete(Kind::Node, "n");
    world.answer_bind(Ok(Answer::Done));
    world.bound("a", 1, "n");
    assert_eq!(world.run(), [""; 0]);
    assert_eq!(world.flow.assumed(), 0);
    world.delete(Kind::Pod, "a");
    assert_eq!(world.flow.count(Kind::Pod), 0);
}

/// karpenter-provider-aws#984: "already assigned" comes back from a binding as a matter of course.
/// Here: after a lost answer it means that the first one was done; else the room is free again, and the watch tells.
#[test]
fn karpenter_984() {
    let mut world = World::new();
    world.node("n", 1);
    world.pod("a", 1);
    world.run();
    world.node("m", 1);
    world.answer_bind(failure(FailureKind::Conflict));
    world.bound("a", 1, "m");
    world.pod("b", 1);
    assert_eq!(world.run().last().unwrap(), "bind b to n");
    assert!(
        !world.actions.iter().any(
            |a| matches!(&a.request, Request::Bind { pod, node } if &*pod.name == "a" && &**node == "m")
        )
    );
}
