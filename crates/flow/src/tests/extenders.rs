//! Extenders that filter, score, bind and choose victims.

use std::collections::BTreeMap;

use super::fixture::{World, failure};
use crate::action::{Call, Request};
use crate::input::{Answer, FailureKind, Input, NodeVictims};
use crate::settings::Extender;

fn extender() -> Extender {
    Extender {
        name: "example".into(),
        filters: false,
        weight: None,
        preempts: false,
        binds: false,
        managed_resources: Vec::new(),
        ignorable: false,
    }
}

fn world(extenders: &[Extender]) -> World {
    let mut world = World::with(|settings| settings.extenders = extenders.to_vec());
    for name in ["n1", "n2", "n3"] {
        world.node(name, 4);
    }
    world.pod("a", 1);
    world
}

/// The user labels pod `a` with `app=web`.
fn label_as_web(world: &mut World) {
    world.apply(
        r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"default","uid":"uid-a",
        "generation":1,"labels":{"app":"web"}},"spec":{"containers":[{"name":"c","resources":{"requests":{"cpu":"1"}}}]},
        "status":{"phase":"Pending"}}"#,
    );
}

fn reply(world: &mut World, outcome: Result<Answer, crate::Failure>) {
    let ticket = world.ticket(|request| matches!(request, Request::Extend { .. }));
    world.take(Input::Reply(ticket, outcome));
}

fn filtered(nodes: &[&str], failed: &[(&str, &str)]) -> Result<Answer, crate::Failure> {
    let failed = failed.iter().map(|(node, why)| ((*node).into(), (*why).to_owned()));
    Ok(Answer::Filtered {
        nodes: nodes.iter().map(|&node| node.into()).collect(),
        failed: failed.collect(),
        unresolvable: BTreeMap::new(),
    })
}

#[test]
fn a_pod_is_bound_to_a_node_that_all_extenders_accept() {
    let filters = Extender { filters: true, ..extender() };
    let mut world = world(&[filters.clone(), filters]);
    assert_eq!(world.run().len(), 1);
    reply(&mut world, filtered(&["n2", "n3"], &[("n1", "no")]));
    let requests = world.run();
    assert!(
        requests[0].starts_with("extender 1: Filter") && requests[0].contains(r#"nodes: ["n2", "n3"]"#),
        "{requests:?}"
    );
    reply(&mut world, filtered(&["n3"], &[]));
    assert_eq!(world.run(), ["bind a to n3"]);
}

#[test]
fn an_extenders_scores_count_ten_times_their_weight() {
    let mut world = world(&[Extender { weight: Some(3), ..extender() }]);
    world.run();
    reply(&mut world, Ok(Answer::Scores(vec![("n1".into(), 0), ("n2".into(), 10), ("n3".into(), 9)])));
    assert_eq!(world.run(), ["bind a to n2"]);
}

#[test]
fn a_pod_refused_by_extenders_has_their_message() {
    let mut world = world(&[Extender { filters: true, ..extender() }]);
    world.run();
    reply(&mut world, filtered(&[], &[("n1", "full"), ("n2", "full"), ("n3", "broken")]));
    let requests = world.run();
    assert!(requests[0].contains("0/3 nodes are available: 1 broken, 2 full."), "{requests:?}");
}

#[test]
fn an_extenders_failure_fails_the_attempt_unless_it_is_ignorable() {
    let mut strict = world(&[Extender { filters: true, ..extender() }]);
    strict.run();
    reply(&mut strict, failure(FailureKind::Unknown));
    assert!(strict.run()[0].starts_with("a SchedulerError: no"));
    let mut lenient = world(&[Extender { filters: true, ignorable: true, ..extender() }]);
    lenient.run();
    reply(&mut lenient, failure(FailureKind::Unknown));
    assert_eq!(lenient.run(), ["bind a to n3"]);
}

#[test]
fn a_slow_extender_delays_only_the_pods_that_need_it() {
    let managed = Extender { filters: true, managed_resources: vec!["example.com/gpu".into()], ..extender() };
    let mut world = world(&[managed]);
    world.apply(
        r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"g","namespace":"default","uid":"g"},"spec":{"priority":9,
            "containers":[{"name":"c","resources":{"limits":{"example.com/gpu":"0"}}}]}}"#,
    );
    let requests = world.run();
    assert!(requests[0].starts_with("extender 0: Filter"), "{requests:?}");
    assert_eq!(requests[1], "bind a to n3");
}

#[test]
fn an_extender_that_binds_is_called() {
    let mut world = world(&[Extender { binds: true, ..extender() }]);
    let requests = world.run();
    assert!(requests[0].starts_with("extender 0: Bind"), "{requests:?}");
    reply(&mut world, Ok(Answer::Done));
    world.run();
    assert_eq!(world.events(), ["default/a Scheduled: Successfully assigned default/a to n3"]);
}

#[test]
fn extenders_choose_among_the_candidates_for_preemption() {
    let mut world = world(&[Extender { preempts: true, ..extender() }]);
    for (pod, node) in [("low1", "n1"), ("low2", "n2"), ("low3", "n3")] {
        world.bound(pod, 4, node);
    }
    world.pod_with("high", 4, r#""priority":100,"#, "");
    let asked = world.run();
    assert!(asked.iter().any(|text| text.starts_with("extender 0: Preempt")), "{asked:?}");
    let Some(Request::Extend { call: Call::Preempt { candidates, .. }, .. }) = world
        .actions
        .iter()
        .map(|a| &a.request)
        .rfind(|r| matches!(r, Request::Extend { call: Call::Preempt { .. }, .. }))
    else {
        panic!("the extender is called about victims");
    };
    let left: Vec<NodeVictims> = candidates.iter().filter(|c| &*c.node == "n2").cloned().collect();
    reply(&mut world, Ok(Answer::Victims(left)));
    assert_eq!(world.run()[0], "evict low2");
}

#[test]
fn an_attempt_that_waits_for_an_extender_ends_with_the_lease() {
    let mut world = world(&[Extender { filters: true, ..extender() }]);
    world.bound("low", 4, "n1");
    world.pod_with("high", 4, r#""priority":100,"#, "");
    world.run();
    let ticket = world.ticket(|request| matches!(request, Request::Extend { .. }));
    world.take(Input::Leads(false));
    world.take(Input::Reply(ticket, filtered(&[], &[("n1", "no"), ("n2", "no"), ("n3", "no")])));
    assert_eq!(world.run(), [""; 0], "nothing is decided without the lease");
    assert_eq!(world.flow.pending().backoff, 2);
}

#[test]
fn a_reply_to_an_earlier_attempt_has_no_effect() {
    let mut world = world(&[Extender { filters: true, ..extender() }]);
    world.run();
    let late = world.ticket(|request| matches!(request, Request::Extend { .. }));
    world.take(Input::Leads(false));
    world.take(Input::Leads(true));
    world.wait(2_000);
    assert_eq!(world.run().len(), 1, "the extender is called again");
    world.take(Input::Reply(late, filtered(&["n3"], &[])));
    assert_eq!(world.run(), [""; 0]);
    reply(&mut world, filtered(&["n2"], &[]));
    assert_eq!(world.run(), ["bind a to n2"]);
}

#[test]
fn a_node_that_fills_up_while_extenders_are_asked_is_not_chosen() {
    let mut world = world(&[Extender { filters: true, ..extender() }]);
    world.run();
    world.bound("big", 4, "n2");
    reply(&mut world, filtered(&["n2", "n3"], &[]));
    assert_eq!(world.run(), ["bind a to n3"]);
}

#[test]
fn a_pod_that_changes_while_extenders_are_asked_is_not_put_where_its_new_labels_do_not_fit() {
    let mut world = world(&[Extender { filters: true, ..extender() }]);
    world.node_with("n2", 4, r#","labels":{"kubernetes.io/hostname":"n2"}"#);
    let loner = r#""affinity":{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[
        {"topologyKey":"kubernetes.io/hostname","labelSelector":{"matchLabels":{"app":"web"}}}]}},"nodeName":"n2","#;
    world.pod_with("loner", 1, loner, "");
    world.run();
    label_as_web(&mut world);
    reply(&mut world, filtered(&["n2"], &[("n1", "no"), ("n3", "no")]));
    let requests = world.run();
    assert!(!requests.iter().any(|request| request.starts_with("bind")), "{requests:?}");
}

#[test]
fn a_pod_that_changes_while_all_nodes_are_refused_is_tried_again() {
    let mut world = world(&[Extender { filters: true, ..extender() }]);
    world.run();
    label_as_web(&mut world);
    reply(&mut world, filtered(&[], &[("n1", "no"), ("n2", "no"), ("n3", "no")]));
    world.wait(2_000);
    let requests = world.run();
    assert!(
        requests.iter().any(|r| r.starts_with("extender 0: Filter")),
        "it waits for no event: {requests:?}"
    );
}

#[test]
fn nothing_is_evicted_if_the_node_has_shrunk_while_extenders_are_asked_about_victims() {
    let mut world = world(&[Extender { preempts: true, ..extender() }]);
    for (pod, node) in [("low1", "n1"), ("low2", "n2"), ("low3", "n3")] {
        world.bound(pod, 4, node);
    }
    world.pod_with("high", 4, r#""priority":100,"#, "");
    world.run();
    let asked = world.actions.iter().rev().find_map(|action| match &action.request {
        Request::Extend { call: Call::Preempt { candidates, .. }, .. } => Some(candidates.clone()),
        _ => None,
    });
    let left: Vec<NodeVictims> = asked.unwrap_or_default().into_iter().filter(|c| &*c.node == "n2").collect();
    world.node("n2", 2);
    reply(&mut world, Ok(Answer::Victims(left)));
    assert!(!world.run().iter().any(|request| request.starts_with("evict")), "it would be in vain");
}
