//! The cache differs from the API server.

use super::super::fixture::{World, failure};
use crate::action::Request;
use crate::input::{Answer, FailureKind, Input};
use berth_model::object::Kind;

/// #26043: A pod whose binding failed is queued again while it is still assumed, and is assumed twice (also #5336).
/// Here: the assumed pod is forgotten before it is queued, in one step.
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
/// Here: a binding is sent again only if its answer was lost, to the same node, and only one is in flight.
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
        assert_eq!(world.run(), [""; 0], "it is in flight");
    }
    world.answer_bind(failure(FailureKind::Unknown));
    world.wait(60_000);
    assert_eq!(world.run(), first, "to the same node");
}

/// #55587: A pod is deleted while the API server restarts. The watch does not deliver that, and its room is lost until
/// a
/// restart (also #31977).
/// Here: a new listing shows that the pod is deleted.
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

/// #63262: A node is deleted and created again under its name, and decisions use the old node.
/// Here: a changed node replaces the old one; no generation numbers can collide.
#[test]
fn issue_63262() {
    let mut world = World::new();
    world.node("n", 8);
    world.delete(Kind::Node, "n");
    world.node("n", 1);
    world.pod("a", 4);
    assert!(world.run()[0].starts_with("a Unschedulable"));
}

/// #95124: A node is deleted before its pods, and the structures that hold nodes disagree (also PR #86919).
/// Here: its pods stay known as bound to a node that does not exist, and count again if the node comes back.
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
    assert!(!world.run().iter().any(|text| text.starts_with("bind")), "b is still on it");
    world.delete(Kind::Pod, "b");
    world.wait(10_000);
    assert_eq!(world.run(), ["bind a to n"]);
}

/// #106102: A deletion is missed, a pod that is "assumed to A" is "added to B", and the process exits.
/// Here: the state of the API server is taken over; the room on the other node is free again.
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
/// Here: the counts of every topology domain are updated with each pod that is added or removed.
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

/// #42433: The kubelet rejects a pod that the scheduler placed, and controllers create it again without end (also
/// #86986,
/// #98928).
/// Here: requests are counted as upstream counts them now (golden corpus); a rejected pod uses nothing.
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
/// Here: a scheduler that does not lead decides nothing and sends nothing, neither lost bindings nor those in PreBind.
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
    assert_eq!(world.flow.next_timer(), None, "there is no timer");
}

/// #125491: An autoscaler removes the node between the decision and the binding.
/// Here: the answer to the binding is accepted; the pod is bound to a node that does not exist, and uses no other node.
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

/// karpenter-provider-aws#984: Bindings regularly fail with "already assigned".
/// Here: after a lost answer this means that the first binding succeeded; otherwise the room is free again, and the
/// watch decides.
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
