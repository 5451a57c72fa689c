//! Unschedulable and gated pods, and the events that requeue them.

use super::fixture::World;
use crate::report::{Report, Step};
use berth_model::object::Kind;

#[test]
fn an_unschedulable_pod_is_bound_when_a_node_is_added() {
    let mut world = World::new();
    world.pod("a", 1);
    let requests = world.run();
    assert_eq!(requests.len(), 1);
    assert!(requests[0].starts_with("a Unschedulable: no nodes available to schedule pods"), "{requests:?}");
    world.node("n", 4);
    world.wait(1_000);
    assert_eq!(world.run(), ["bind a to n"]);
    assert_eq!(world.events().len(), 1);
}

#[test]
fn the_same_condition_is_not_written_again() {
    let mut world = World::with(|settings| settings.flush_millis = Some(1_000));
    world.node("n", 1);
    world.pod("a", 2);
    assert_eq!(world.run().len(), 1);
    world.wait(1_000);
    assert_eq!(world.run(), [""; 0]);
    assert_eq!(world.events().len(), 2, "the event is recorded again");
}

#[test]
fn a_gated_pod_is_tried_once_its_gates_are_removed() {
    let mut world = World::new();
    world.node("n", 4);
    world.pod_with("a", 1, r#""schedulingGates":[{"name":"example.com/quota"}],"#, "");
    assert_eq!(world.run(), [""; 0]);
    assert_eq!(world.flow.pending().gated, 1);
    world.pod("a", 1);
    assert_eq!(world.run(), ["bind a to n"]);
}

#[test]
fn a_pod_is_requeued_by_an_event_that_may_help_it() {
    for case in ["room", "label", "uncordon", "toleration"] {
        let mut world = World::new();
        world.node_with("n", 4, "");
        world.bound("big", 4, "n");
        let spec = match case {
            "label" => r#""nodeSelector":{"disk":"ssd"},"#,
            _ => "",
        };
        let cpu = u32::from(case == "room");
        if case == "uncordon" {
            world.apply(r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"n"},"spec":{"unschedulable":true},"status":{"allocatable":{"cpu":"4","memory":"8Gi","pods":"110"}}}"#);
        }
        if case == "toleration" {
            world.apply(r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"n"},"spec":{"taints":[{"key":"k","effect":"NoSchedule"}]},"status":{"allocatable":{"cpu":"4","memory":"8Gi","pods":"110"}}}"#);
        }
        world.pod_with("a", cpu, spec, "");
        assert!(world.run()[0].starts_with("a Unschedulable"), "{case}");
        world.wait(5_000);
        match case {
            "room" => world.delete(Kind::Pod, "big"),
            "label" => world.node_with("n", 4, r#","labels":{"disk":"ssd"}"#),
            "uncordon" => world.node("n", 4),
            _ => world.pod_with("a", cpu, r#""tolerations":[{"key":"k","operator":"Exists"}],"#, ""),
        }
        assert_eq!(world.run(), ["bind a to n"], "{case}");
    }
}

#[test]
fn a_terminating_pod_is_not_tried() {
    let mut world = World::new();
    world.node("n", 4);
    world.apply(
        r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"default","uid":"u",
            "deletionTimestamp":"2026-01-01T00:00:00Z"},"spec":{"containers":[{"name":"c"}]}}"#,
    );
    assert_eq!(world.run(), [""; 0]);
    assert_eq!(world.events(), ["default/a FailedScheduling: skip schedule deleting pod: default/a"]);
}

#[test]
fn a_pod_of_another_scheduler_counts_once_it_is_bound() {
    let mut world = World::new();
    world.node("n", 4);
    world.pod_with("a", 3, r#""schedulerName":"other","#, "");
    assert_eq!(world.run(), [""; 0]);
    world.pod_with("a", 3, r#""schedulerName":"other","nodeName":"n","#, "");
    world.pod("b", 3);
    assert!(world.run()[0].starts_with("b Unschedulable"));
}

#[test]
fn an_attempt_reports_its_steps_and_alternatives() {
    for count in [0, 2] {
        let mut world = World::new();
        for (name, cpu) in [("a", 4), ("b", 8), ("c", 2), ("d", 1)] {
            world.node(name, cpu);
        }
        world.pod("pod", 2);
        let mut steps = Vec::new();
        assert!(world.flow.attempt_observed(world.now, count, &mut |step| steps.push(step)));
        let assumed = world.flow.drain_reports().find_map(|report| match report {
            Report::Assumed(_, landing) => Some(landing),
            _ => None,
        });
        let landing = assumed.unwrap();
        assert_eq!(&*landing.node, "b");
        match landing.alternatives {
            None => assert_eq!((count, steps.as_slice()), (0, [Step::Decision, Step::Reserve].as_slice())),
            Some(alternatives) => {
                assert_eq!(steps, [Step::Decision, Step::Comparison, Step::Reserve]);
                assert_eq!(alternatives.feasible, 3);
                let names: Vec<&str> = alternatives.next.iter().map(|(name, _)| &**name).collect();
                assert_eq!(names, ["a", "c"]);
                assert!(alternatives.next.iter().all(|(_, score)| *score <= landing.score));
            }
        }
    }
}

/// A pod with a label, on `node` unless that is empty; `refuses_web`: with a required anti-affinity to web pods on its
/// node.
fn labelled(name: &str, app: &str, node: &str, refuses_web: bool) -> String {
    let affinity = r#""affinity":{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{
        "topologyKey":"kubernetes.io/hostname","labelSelector":{"matchLabels":{"app":"web"}}}]}},"#;
    let affinity = if refuses_web { affinity } else { "" };
    format!(
        r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{name}","namespace":"default","uid":"uid-{name}","labels":{{"app":"{app}"}}}},
            "spec":{{"nodeName":"{node}",{affinity}"containers":[{{"name":"c"}}]}},"status":{{"phase":"Pending"}}}}"#
    )
}

#[test]
fn new_labels_of_a_pod_in_binding_requeue_other_pods() {
    // In the second case the watch delivers the labels and the binding in one event.
    for node in ["", "n"] {
        let mut world = World::new();
        world.node_with("n", 4, r#","labels":{"kubernetes.io/hostname":"n"}"#);
        world.apply(&labelled("a", "web", "", false));
        assert_eq!(world.run(), ["bind a to n"]);
        world.apply(&labelled("b", "db", "", true));
        assert!(world.run()[0].contains("didn't match pod anti-affinity rules"));
        world.wait(1_000);
        world.apply(&labelled("a", "db", node, false));
        assert_eq!(world.run(), ["bind b to n"]);
    }
}
