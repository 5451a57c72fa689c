//! Constraints that decide: whether the pod would make a domain too full.

use std::collections::BTreeMap;

use super::eligible::{Eligibility, eligible};
use super::{Constraint, Filter, PodView};
use crate::class::Class;
use crate::cluster::{Change, Cluster, Nodes, PodChange, Tally};
use crate::ids::{ClassId, NodeRow};
use crate::plugin::Key;
use crate::verdict::Rejection;
use crate::view::NodeView;

const TOO_FULL: &str = "node(s) didn't match pod topology spread constraints";
const NO_LABEL: &str = "node(s) didn't match pod topology spread constraints (missing required label)";

/// The constraints that decide, with the pods of each domain counted.
#[derive(Debug)]
pub(super) struct Skews {
    class: ClassId,
    counted: Vec<Counted>,
}

#[derive(Debug)]
struct Counted {
    constraint: Constraint,
    /// By row: whether pods on the node count.
    eligible: Vec<bool>,
    tally: Tally,
    /// Whether the pod itself counts, as a number.
    own: i64,
    minima: Minima,
}

/// How many of the domains that take part have which count.
#[derive(Debug, Default)]
struct Minima {
    domains: i64,
    by_count: BTreeMap<i64, u32>,
    /// By domain: whether it takes part.
    taking_part: Vec<bool>,
}

impl Skews {
    pub(super) fn new(pod: PodView<'_>, constraints: Vec<Constraint>) -> Self {
        let eligible = eligible(pod, &constraints, true);
        let counted = constraints
            .into_iter()
            .zip(eligible)
            .map(|(constraint, eligible)| Counted::new(pod, constraint, eligible))
            .collect();
        Self { class: pod.class_id(), counted }
    }
}

impl Counted {
    fn new(pod: PodView<'_>, constraint: Constraint, eligible: Vec<bool>) -> Self {
        let nodes = pod.cluster.nodes();
        let mut tally = Tally::new(constraint.topology_key, nodes);
        let pods = pod.cluster.pods();
        for (_, class, placements) in pods.placed(pods.roster().in_namespace(pod.class.namespace)) {
            if !constraint.counts(class, pod.cluster) {
                continue;
            }
            for place in placements.entries().iter().filter(|place| eligible[place.row.index()]) {
                tally.add(place.row, i64::from(place.pods - place.terminating), nodes);
            }
        }
        let own = i64::from(constraint.selects(pod.class, pod.cluster));
        let minima = Minima::new(&tally, &eligible, nodes);
        Self { constraint, eligible, tally, own, minima }
    }

    /// What a delta on a node adds to the count of its domain.
    fn change(&self, node: NodeView<'_>, own: &Class) -> i64 {
        if !self.eligible[node.row.index()] {
            return 0;
        }
        let counts = |class: &Class, cluster: &Cluster| {
            class.namespace == own.namespace && self.constraint.selects(class, cluster)
        };
        node.change(|class| i64::from(counts(class, node.cluster)))
    }

    fn is_too_full(&self, domain: usize, change: i64) -> bool {
        let before = self.tally.count(domain);
        let count = before + change;
        let smallest = if self.minima.domains < self.constraint.min_domains {
            0
        } else if change == 0 {
            self.minima.smallest()
        } else {
            self.minima.besides(before).min(count)
        };
        count + self.own - smallest > self.constraint.max_skew
    }

    /// Takes a node that came or changed into account. `false`: the counts are void.
    fn follow_node(&mut self, row: NodeRow, takes_part: bool, is_new: bool, nodes: &Nodes) -> bool {
        if !self.tally.follow(nodes) {
            return false;
        }
        self.eligible.resize(nodes.row_count(), false);
        if is_new && takes_part {
            self.eligible[row.index()] = true;
            self.minima.include(row, &self.tally, nodes);
        }
        self.eligible[row.index()] == takes_part
    }

    fn follow(&mut self, cluster: &Cluster, own: &Class, change: PodChange) {
        let class = cluster.pods().class(change.class);
        let pods = i64::from(change.pods - change.terminating);
        if pods == 0
            || !self.eligible[change.row.index()]
            || class.namespace != own.namespace
            || !self.constraint.counts(class, cluster)
        {
            return;
        }
        if let Some(domain) = self.tally.domain(change.row, cluster.nodes()) {
            let before = self.tally.count(domain);
            self.tally.add_to(domain, pods);
            self.minima.recount(before, before + pods);
        }
    }
}

/// Where there is no domain at all, upstream takes the largest 32-bit number for the smallest count.
const NO_DOMAIN: i64 = i32::MAX as i64;

impl Minima {
    fn new(tally: &Tally, eligible: &[bool], nodes: &Nodes) -> Self {
        let mut minima = Self::default();
        for (row, _) in (0..).zip(eligible).filter(|(_, takes_part)| **takes_part) {
            minima.include(NodeRow(row), tally, nodes);
        }
        minima
    }

    /// The domain of a node that takes part takes part.
    fn include(&mut self, row: NodeRow, tally: &Tally, nodes: &Nodes) {
        let Some(domain) = tally.domain(row, nodes) else { return };
        self.taking_part.resize(tally.domain_count(), false);
        if !std::mem::replace(&mut self.taking_part[domain], true) {
            self.domains += 1;
            *self.by_count.entry(tally.count(domain)).or_default() += 1;
        }
    }

    fn smallest(&self) -> i64 {
        self.by_count.first_key_value().map_or(NO_DOMAIN, |(&count, _)| count)
    }

    /// The smallest count of all other domains, given the count of this one.
    fn besides(&self, count: i64) -> i64 {
        let others = self.by_count.iter().find(|&(&c, &domains)| c != count || domains > 1);
        others.map_or(NO_DOMAIN, |(&c, _)| c)
    }

    /// A domain that takes part has another count.
    fn recount(&mut self, before: i64, after: i64) {
        if let Some(domains) = self.by_count.get_mut(&before) {
            *domains -= 1;
            if *domains == 0 {
                self.by_count.remove(&before);
            }
        }
        *self.by_count.entry(after).or_default() += 1;
    }
}

impl Filter for Skews {
    fn check(&self, node: NodeView<'_>) -> Option<Rejection> {
        let own = node.cluster.pods().class(self.class);
        for counted in &self.counted {
            let Some(domain) = counted.tally.domain(node.row, node.cluster.nodes()) else {
                return Some(Rejection::unresolvable(NO_LABEL));
            };
            if counted.is_too_full(domain, counted.change(node, own)) {
                return Some(Rejection::unschedulable(TOO_FULL));
            }
        }
        None
    }

    fn follow(&mut self, cluster: &Cluster, change: Change) -> bool {
        let own = cluster.pods().class(self.class);
        match change {
            Change::Pod(change) => {
                for counted in &mut self.counted {
                    counted.follow(cluster, own, change);
                }
                true
            }
            Change::NodeAdded(row) | Change::NodeChanged(row) => {
                let is_new = matches!(change, Change::NodeAdded(_));
                let rule = Eligibility::new(cluster, own, self.counted.iter().map(|c| &c.constraint), true);
                let takes_part: Vec<bool> =
                    self.counted.iter().map(|c| rule.of(row, &c.constraint)).collect();
                let mut counted = self.counted.iter_mut().zip(takes_part);
                counted.all(|(c, takes_part)| c.follow_node(row, takes_part, is_new, cluster.nodes()))
            }
            Change::Nominated(_) => true,
            Change::NodeRemoved(_) | Change::Elsewhere => false,
        }
    }

    fn key(&self, cluster: &Cluster, row: NodeRow, key: &mut Key) {
        for counted in &self.counted {
            counted.tally.key(row, cluster.nodes(), key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{on, prefer, spread, taint, web, webs, zones};
    use super::super::{Defaulting, PodTopologySpread};
    use crate::fixture::{World, filter, labels};
    use crate::ids::PodRow;
    use crate::plugin::{Plugin, Prepared};
    use crate::view::{Delta, NodeView, PodView};
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
        let Prepared::Ready(state) = plugin.prepare_filter(PodView::new(&world.cluster, pod)) else {
            panic!("a pod with constraints is asked about")
        };
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
}
