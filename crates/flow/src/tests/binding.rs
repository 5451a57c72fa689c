//! Bindings: success, failures, lost answers, and other changes meanwhile.

use super::fixture::{World, failure};
use crate::SchedulingLoop;
use crate::input::{Answer, FailureKind, Input};
use crate::report::Report;
use berth_model::object::{Kind, ObjectKey};

#[test]
fn a_pod_is_bound_to_the_node_that_it_fits_on() {
    let mut world = World::new();
    world.node("small", 1);
    world.node("large", 8);
    world.pod("a", 4);
    assert_eq!(world.run(), ["bind a to large"]);
    world.answer_bind(Ok(Answer::Done));
    world.run();
    assert_eq!(world.events(), ["default/a Scheduled: Successfully assigned default/a to large"]);
    assert_eq!(world.flow.assumed(), 1, "until the watch delivers the bound pod");
    world.bound("a", 4, "large");
    assert_eq!((world.flow.assumed(), world.flow.in_flight()), (0, 0));
    assert!(matches!(&world.reports[..], [.., Report::Bound { attempts: 1, .. }]));
}

#[test]
fn nothing_is_decided_before_all_kinds_are_listed_and_it_leads() {
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
fn a_binding_in_flight_takes_room_on_its_node() {
    let mut world = World::new();
    world.node("n", 4);
    world.pod("a", 3);
    world.pod("b", 3);
    let requests = world.run();
    assert_eq!(requests[0], "bind a to n");
    assert!(
        requests[1].starts_with("b Unschedulable: 0/1 nodes are available: 1 Insufficient cpu."),
        "{requests:?}"
    );
}

#[test]
fn a_refused_binding_frees_the_node_and_requeues_other_pods() {
    let mut world = World::new();
    world.node("n", 4);
    world.pod("a", 3);
    world.pod("b", 3);
    world.run();
    world.answer_bind(failure(FailureKind::Refused));
    world.wait(500);
    let requests = world.run();
    assert_eq!(requests[0], "a SchedulerError: running Bind plugin \"DefaultBinder\": no");
    assert_eq!(requests[1], "bind b to n", "b was requeued");
}

#[test]
fn a_binding_without_an_answer_keeps_its_node_and_is_sent_again() {
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
    assert_eq!(world.run(), [""; 0], "it is bound or deleted: the watch will deliver which");
    world.bound("a", 3, "n");
    world.run();
    assert_eq!(world.flow.assumed(), 0);
    let scheduled = world.events().iter().filter(|event| event.contains("Scheduled:")).count();
    assert_eq!(scheduled, 1);
}

#[test]
fn a_pod_deleted_during_its_binding_uses_nothing() {
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
fn a_pod_created_again_under_its_name_is_another_pod() {
    let mut world = World::new();
    world.node("n", 4);
    world.pod("a", 3);
    world.run();
    world.pod_of("a", "another", 4, "", "");
    assert_eq!(world.run(), ["bind a to n"], "the room of the first pod is free");
    assert_eq!(world.flow.assumed(), 1);
}

#[test]
fn a_pod_bound_by_another_scheduler_uses_its_node() {
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
fn an_object_missing_from_a_new_listing_is_deleted() {
    let mut world = World::new();
    world.node("n", 4);
    world.bound("a", 3, "n");
    world.take(Input::Listing(Kind::Pod));
    world.take(Input::Listed(Kind::Pod));
    world.pod("b", 3);
    assert_eq!(world.run(), ["bind b to n"]);
}

#[test]
fn an_unreadable_object_of_a_listing_keeps_its_last_version() {
    let mut world = World::new();
    world.node("n", 4);
    world.bound("a", 3, "n");
    world.take(Input::Listing(Kind::Pod));
    let key = ObjectKey { kind: Kind::Pod, namespace: "default".into(), name: "a".into() };
    world.take(Input::Unreadable { key, uid: "uid-a".into(), problem: "no containers".to_owned() });
    world.take(Input::Listed(Kind::Pod));
    world.pod("b", 3);
    assert!(world.run()[0].starts_with("b Unschedulable"), "a is still on the node");
    let warning = "Pod default/a (uid uid-a) cannot be read and is ignored: no containers";
    let is_expected = |report: &Report| matches!(report, Report::Warning(text) if text == warning);
    assert!(world.reports.iter().any(is_expected), "{:?}", world.reports);
}

#[test]
fn a_finished_pod_uses_nothing() {
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

#[test]
fn a_standby_believes_the_nomination_that_the_watch_delivers() {
    let mut world = World::new();
    world.node("n1", 4);
    world.pod_with("a", 1, r#""resourceClaims":[{"name":"gpu","resourceClaimName":"gpu"}],"#, "");
    let nominated = |world: &World| {
        let row = world.flow.find_pod(&"default".into(), &"a".into()).unwrap();
        world.flow.scheduler().cluster().pods().entry(row).pod.nominated_node.clone()
    };
    const NOMINATED: &str = r#""nominatedNodeName":"n1","#;
    const SPEC: &str = r#""resourceClaims":[{"name":"gpu","resourceClaimName":"gpu"}],"#;
    world.pod_with("a", 1, SPEC, NOMINATED);
    assert_eq!(nominated(&world).as_deref(), Some("n1"));
    world.take(Input::Leads(false));
    assert_eq!(nominated(&world).as_deref(), Some("n1"));
    world.pod_with("a", 1, SPEC, "");
    assert_eq!(nominated(&world), None);
}
