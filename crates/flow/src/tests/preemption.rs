//! Preemption and nominations.

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
fn a_victim_is_evicted_and_the_preemptor_is_bound() {
    let mut world = full();
    let requests = world.run();
    assert_eq!(requests[0], "evict low");
    let said = "high Unschedulable: 0/1 nodes are available: 1 Insufficient cpu. preemption: found a potential placement \
                for pod on node n, preempting 1 victims";
    assert!(requests[1].starts_with(said) && requests[1].ends_with("nominated to \"n\""), "{requests:?}");
    let preempted = "default/low Preempted: Preempted by pod uid-high on node n";
    assert!(world.events().contains(&preempted.to_owned()));
    world.pod("other", 4);
    assert!(world.run()[0].starts_with("other Unschedulable"), "the room is the preemptor's");
    world.wait(1_000);
    world.delete(Kind::Pod, "low");
    assert_eq!(world.run(), ["bind high to n"]);
}

#[test]
fn a_failed_eviction_requeues_the_preemptor() {
    let mut world = full();
    world.run();
    let ticket = world.ticket(|request| matches!(request, Request::Evict { .. }));
    world.take(Input::Reply(ticket, failure(FailureKind::Refused)));
    assert!(world.run().contains(&"evict low".to_owned()), "the preemptor evicts it again");
}

#[test]
fn a_nominated_pod_of_lower_priority_loses_its_nomination() {
    let mut world = full();
    world.run();
    world.pod_with("higher", 4, r#""priority":200,"#, "");
    let requests = world.run();
    assert!(requests.contains(&"high nominated to \"\"".to_owned()), "{requests:?}");
    assert!(
        requests.iter().any(|text| text.starts_with("higher") && text.ends_with("nominated to \"n\"")),
        "{requests:?}"
    );
}

#[test]
fn new_labels_of_a_nominated_pod_requeue_other_pods() {
    let pod = |app: &str, anti_affinity: &str| {
        format!(
            r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{app}","namespace":"default","uid":"uid-{app}",
                "labels":{{"app":"APP"}}}},"spec":{{"priority":100,{anti_affinity}"containers":[{{"name":"c",
                "resources":{{"requests":{{"cpu":"CPU"}}}}}}]}},"status":{{"phase":"Pending"NOMINATED}}}}"#
        )
    };
    let nominated = |label: &str| {
        let manifest = pod("first", "").replace("APP", label).replace("CPU", "4");
        manifest.replace("NOMINATED", r#","nominatedNodeName":"n""#)
    };
    let refuses_web = r#""affinity":{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{
        "topologyKey":"kubernetes.io/hostname","labelSelector":{"matchLabels":{"app":"web"}}}]}},"#;
    let mut world = World::new();
    world.node_with("n", 4, r#","labels":{"kubernetes.io/hostname":"n"}"#);
    world.bound("low", 4, "n");
    world.apply(&nominated("web"));
    assert!(world.run()[0].starts_with("evict low"));
    world
        .apply(&pod("second", refuses_web).replace("APP", "db").replace("CPU", "0").replace("NOMINATED", ""));
    assert!(world.run()[0].contains("didn't match pod anti-affinity rules"));
    world.wait(1_000);
    world.apply(&nominated("db"));
    assert!(world.run().contains(&"bind second to n".to_owned()));
}

#[test]
fn a_nomination_from_before_the_start_holds() {
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
    // The watch delivers a version from before the nomination was written. It could also be newer: the nomination is
    // cleared.
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
fn a_victim_stays_terminating_if_the_watch_is_late() {
    // The eviction is requested after the binding, before the watch delivers either.
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

#[test]
fn a_victim_that_is_gone_stays_terminating_until_the_watch_delivers_it() {
    let mut world = full();
    assert_eq!(world.run()[0], "evict low");
    let ticket = world.ticket(|request| matches!(request, Request::Evict { .. }));
    world.take(Input::Reply(ticket, failure(FailureKind::Gone)));
    world.bound("low", 4, "n"); // an update from before the deletion
    let low = world.flow.find_pod(&"default".into(), &"low".into()).unwrap();
    assert!(world.flow.scheduler().cluster().pods().entry(low).pod.terminating);
    world.delete(Kind::Pod, "low");
    world.wait(1_000);
    assert_eq!(world.run(), ["bind high to n"]);
}

#[test]
fn a_victim_that_somebody_else_deletes_is_terminating_whatever_comes_of_the_eviction() {
    let mut world = full();
    assert_eq!(world.run()[0], "evict low");
    // Seed 96185440: a user deletes the pod before the API server refuses the eviction.
    world.apply(
        r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"low","namespace":"default","uid":"uid-low",
            "deletionTimestamp":"2026-01-01T00:00:00Z"},"spec":{"nodeName":"n",
            "containers":[{"name":"c","resources":{"requests":{"cpu":"4"}}}]}}"#,
    );
    let ticket = world.ticket(|request| matches!(request, Request::Evict { .. }));
    world.take(Input::Reply(ticket, failure(FailureKind::Refused)));
    let low = world.flow.find_pod(&"default".into(), &"low".into()).unwrap();
    let pod = &world.flow.scheduler().cluster().pods().entry(low).pod;
    assert_eq!((pod.terminating, pod.preempted), (true, false));
    assert!(!world.run().iter().any(|request| request.starts_with("evict")), "it goes by itself");
}

fn high_nominated_to(node: &str) -> String {
    format!(r#""nominatedNodeName":"{node}","#)
}

#[test]
fn a_foreign_nomination_counts_while_a_condition_is_written() {
    let mut world = World::new();
    world.node("n", 4);
    world.bound("same", 4, "n");
    world.pod_with("high", 4, "", "");
    while world.flow.attempt(world.now) {}
    let actions: Vec<_> = world.flow.drain_actions().collect();
    world.pod_with("high", 4, "", &high_nominated_to("n")); // a late write of an earlier process
    for action in actions {
        if matches!(action.request, Request::SetStatus { .. }) {
            world.take(Input::Reply(action.ticket, Ok(Answer::Done)));
        }
    }
    world.wait(1_000);
    let requests = world.run();
    assert!(
        requests.iter().any(|text| text.ends_with("nominated to \"\"")),
        "the nomination does not hold: {requests:?}"
    );
}

#[test]
fn a_foreign_nomination_during_a_nomination_is_overwritten() {
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
    assert_eq!(world.run(), [""; 0], "the watch delivers what was written");
}

#[test]
fn a_victim_whose_binding_and_eviction_fail_is_requeued() {
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
