use super::super::tests::{on, prefer, spread, taint, web, webs, zones};
use super::super::{Defaulting, PodTopologySpread};
use crate::fixture::{World, filter, labels, state};
use crate::ids::PodRow;
use crate::plugin::view::{Delta, NodeView};
use berth_model::affinity::SpreadConstraint;
use berth_model::selector::LabelSelector;
use expect_test::expect;

fn check(world: &World, pod: PodRow) -> String {
    filter(&PodTopologySpread::default(), world, pod)
}

/// The nodes that take the pod, in the order of their names.
fn takers(world: &World, pod: PodRow) -> String {
    let answers = check(world, pod);
    let fits = |line: &'_ str| line.strip_suffix(": fits").map(str::to_owned);
    answers.lines().filter_map(fits).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_domain_may_exceed_the_emptiest_by_the_skew_and_a_node_without_the_label_is_rejected_for_good() {
    let mut world = zones();
    webs(&mut world, &[("a1", 1), ("a2", 1), ("b1", 1), ("bare", 3)]);
    let pod = web(&mut world, &[spread("zone", 1)]);
    expect![[r#"
        a1: Unschedulable: node(s) didn't match pod topology spread constraints
        a2: Unschedulable: node(s) didn't match pod topology spread constraints
        b1: fits
        bare: UnschedulableAndUnresolvable: node(s) didn't match pod topology spread constraints (missing required label)
    "#]]
    .assert_eq(&check(&world, pod));
    let tolerant = web(&mut world, &[spread("zone", 2)]);
    assert_eq!(takers(&world, tolerant), "a1 a2 b1");
}

#[test]
fn constraints_are_asked_in_their_order_and_preferences_not_at_all() {
    let mut world = zones();
    webs(&mut world, &[("bare", 2)]);
    let pod = web(&mut world, &[spread("kubernetes.io/hostname", 1), spread("zone", 1)]);
    // The bare node takes no part in either count, and its own count is zero then.
    expect![[r#"
        a1: fits
        a2: fits
        b1: fits
        bare: UnschedulableAndUnresolvable: node(s) didn't match pod topology spread constraints (missing required label)
    "#]]
    .assert_eq(&check(&world, pod));
    let preferring = web(&mut world, &[prefer("zone", 1)]);
    expect!["every node fits\n"].assert_eq(&check(&world, preferring));
}

#[test]
fn which_pods_count() {
    type Change = fn(&mut SpreadConstraint);
    let cases: &[(&str, Change, &str)] = &[
        ("the two in zone b", |_| {}, "a1 a2"),
        ("none: there is no selector", |c| c.selector = None, "a1 a2 b1"),
        ("none: the selector is empty", |c| c.selector = Some(LabelSelector::default()), "a1 a2 b1"),
        ("those with the pod's own track", |c| c.match_label_keys = vec!["track".into()], "a1 a2 b1"),
        ("the pod has no such label", |c| c.match_label_keys = vec!["color".into()], "a1 a2"),
        (
            "those with the pod's own app, by the key alone",
            |c| {
                c.selector = Some(LabelSelector::default());
                c.match_label_keys = vec!["app".into()];
            },
            "a1 a2",
        ),
        (
            "no selector, so no keys either",
            |c| {
                c.selector = None;
                c.match_label_keys = vec!["app".into()];
            },
            "a1 a2 b1",
        ),
    ];
    for (what, change, expected) in cases {
        let mut world = zones();
        webs(&mut world, &[("b1", 2)]);
        on(&mut world, "db", "a1", |_, _| {});
        on(&mut world, "web", "a1", |pod, _| pod.terminating = true);
        on(&mut world, "web", "a1", |_, spec| spec.namespace = "other".into());
        let mut constraint = spread("zone", 1);
        change(&mut constraint);
        let pod = on(&mut world, "web", "", |_, spec| {
            spec.labels = labels(&[("app", "web"), ("track", "canary")]);
            spec.spread = vec![constraint];
        });
        assert_eq!(takers(&world, pod), *expected, "{what}");
    }
}

#[test]
fn a_pod_that_its_own_selector_leaves_out_does_not_add_to_the_skew() {
    let mut world = zones();
    webs(&mut world, &[("a1", 1)]);
    let pod = on(&mut world, "db", "", |_, spec| spec.spread = vec![spread("zone", 1)]);
    assert_eq!(takers(&world, pod), "a1 a2 b1");
    let counted = web(&mut world, &[spread("zone", 1)]);
    assert_eq!(takers(&world, counted), "b1");
}

#[test]
fn with_too_few_domains_the_emptiest_counts_as_zero() {
    let mut world = zones();
    webs(&mut world, &[("a1", 1), ("b1", 1)]);
    for (min_domains, expected) in [(None, "a1 a2 b1"), (Some(2), "a1 a2 b1"), (Some(3), "")] {
        let pod = web(&mut world, &[SpreadConstraint { min_domains, ..spread("zone", 1) }]);
        assert_eq!(takers(&world, pod), expected, "{min_domains:?}");
    }
}

#[test]
fn nodes_that_the_pod_cannot_use_are_left_out_of_the_count_where_the_constraint_says_so() {
    // Node b1 is empty. As long as it counts, zone a is too full.
    for (affinity, taints, selected, tainted, expected) in [
        (true, false, false, false, "b1"),
        (true, false, true, false, "a1 a2 b1"),
        (false, false, true, false, "b1"),
        (true, false, false, true, "b1"),
        (true, true, false, true, "a1 a2 b1"),
    ] {
        let mut world = zones();
        if tainted {
            world.node("b1", |node| {
                node.labels.insert("zone".into(), "b".into());
                node.taints = vec![taint("dedicated")];
            });
        }
        webs(&mut world, &[("a1", 1)]);
        let honor = SpreadConstraint {
            honor_node_affinity: affinity,
            honor_node_taints: taints,
            ..spread("zone", 1)
        };
        let pod = on(&mut world, "web", "", |_, spec| {
            spec.spread = vec![honor];
            if selected {
                spec.node_selector = labels(&[("zone", "a")]);
            }
        });
        assert_eq!(takers(&world, pod), expected, "{affinity} {taints} {selected} {tainted}");
    }
}

#[test]
fn listed_defaults_decide_for_pods_without_constraints_that_a_service_selects() {
    let mut world = zones();
    webs(&mut world, &[("a1", 1)]);
    let plugin = PodTopologySpread { defaulting: Defaulting::List(vec![spread("zone", 1)]) };
    let pod = web(&mut world, &[]);
    expect!["every node fits\n"].assert_eq(&filter(&plugin, &world, pod));
    super::super::constraint::tests::service(&mut world, "web", Some(&[("app", "web")]));
    expect![[r#"
        a1: Unschedulable: node(s) didn't match pod topology spread constraints
        a2: Unschedulable: node(s) didn't match pod topology spread constraints
        b1: fits
        bare: UnschedulableAndUnresolvable: node(s) didn't match pod topology spread constraints (missing required label)
    "#]]
    .assert_eq(&filter(&plugin, &world, pod));
    expect!["every node fits\n"].assert_eq(&check(&world, pod));
}

/// Whether node a1 takes the pod without one of its pods and with a waiting one.
fn fits_with(world: &World, pod: PodRow, removed: Option<PodRow>, added: Option<PodRow>) -> bool {
    let plugin = PodTopologySpread::default();
    let state = state(&plugin, world, pod);
    let mut delta = Delta::default();
    removed.into_iter().for_each(|row| delta.remove(row, &world.cluster));
    added.into_iter().for_each(|row| delta.add(row, &world.cluster));
    let node = world.cluster.nodes().find("a1").unwrap();
    state.check(NodeView::with_delta(&world.cluster, node, &delta)).is_none()
}

#[test]
fn hypotheticals_count_pods_that_the_count_had_left_out_as_upstream_does() {
    let mut world = zones();
    webs(&mut world, &[("a1", 2), ("b1", 1)]);
    let leaving = on(&mut world, "web", "a1", |pod, _| pod.terminating = true);
    let pod = web(&mut world, &[spread("zone", 1)]);
    assert!(!fits_with(&world, pod, None, None));
    assert!(fits_with(&world, pod, Some(leaving), None));

    let all = SpreadConstraint { selector: Some(LabelSelector::default()), ..spread("zone", 1) };
    let pod = web(&mut world, &[all]);
    let coming = on(&mut world, "db", "", |_, _| {});
    assert!(fits_with(&world, pod, None, None));
    assert!(!fits_with(&world, pod, None, Some(coming)));
    assert!(fits_with(&world, pod, Some(leaving), Some(coming)));
}
