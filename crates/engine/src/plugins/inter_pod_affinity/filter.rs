//! Required terms: which nodes they exclude.

use std::cell::OnceCell;

use super::PodView;
use super::explain::{InTheWay, explain};
use super::incoming::{Incoming, Tallies};
use crate::cluster::{Change, Cluster, Nodes, PodChange, UniformColumns};
use crate::ids::{NodeRow, PodClassId, Sym};
use crate::plugin::detail::Detail;
use crate::plugin::view::NodeView;
use crate::plugin::{
    BatchFilter, CacheScope, CachedFilter, Filter, FilterHints, Partition, PartitionKey, Uniform, Validity,
};
use crate::pod_class::{PodClass, Term};
use crate::verdict::Rejection;

const AFFINITY_NOT_MATCHED: &str = "node(s) didn't match pod affinity rules";
const ANTI_AFFINITY_NOT_MATCHED: &str = "node(s) didn't match pod anti-affinity rules";
const EXISTING_ANTI_AFFINITY_NOT_SATISFIED: &str = "node(s) didn't satisfy existing pods anti-affinity rules";

/// How many pods in each domain matter to the required terms of the pod and of others.
#[derive(Debug)]
pub(super) struct AffinityFilter {
    pub(super) class: PodClassId,
    /// Pods that satisfy all required affinity terms, for each of the terms' keys.
    affinity_counts: Tallies,
    /// The sum of `affinity_counts` over keys and domains.
    affinity_total: i64,
    /// The pod satisfies its own required affinity terms, so it may be the first of its kind.
    matches_itself: bool,
    /// Pods that the pod's required anti-affinity selects, once a term.
    anti_affinity_counts: Tallies,
    /// Pods whose required anti-affinity selects the pod, once a term.
    existing_anti_affinity: Tallies,
    /// The sum of `existing_anti_affinity` over keys and domains.
    existing_anti_affinity_total: i64,
    has_terms: bool,
    /// The pods that are in the way, once an explanation asks for them.
    pub(super) in_the_way: OnceCell<InTheWay>,
}

impl AffinityFilter {
    pub(super) fn new(pod: PodView<'_>) -> Self {
        let class = pod.class_id();
        let mut rules = Self {
            class,
            affinity_counts: Tallies::default(),
            affinity_total: 0,
            matches_itself: Incoming::new(pod.cluster, class).matches_affinity(pod.class),
            anti_affinity_counts: Tallies::default(),
            existing_anti_affinity: Tallies::default(),
            existing_anti_affinity_total: 0,
            has_terms: !pod.class.affinity.is_empty() || !pod.class.anti_affinity.is_empty(),
            in_the_way: OnceCell::new(),
        };
        let nodes = pod.cluster.nodes();
        for term in &pod.class.affinity {
            rules.affinity_counts.of(term.topology_key, nodes);
        }
        for term in &pod.class.anti_affinity {
            rules.anti_affinity_counts.of(term.topology_key, nodes);
        }
        let pods = pod.cluster.pods();
        let terms = pod.class.affinity.iter().chain(&pod.class.anti_affinity);
        let concerned = pods.class_index().excluding(terms, &pod.class.labels);
        for (_, class, placements) in pods.placed(&concerned) {
            let pods = placements.entries().iter().map(|place| (place.row, i64::from(place.pods)));
            rules.count(pod.cluster, class, pods);
        }
        rules
    }

    /// How many pods that satisfy the pod's affinity are in a node's domain of a label.
    pub(super) fn affinity_count(&self, key: Sym, row: NodeRow) -> i64 {
        let tally = self.affinity_counts.0.iter().find(|(other, _)| *other == key);
        tally.and_then(|(_, tally)| tally.at(row)).unwrap_or(0)
    }

    /// Counts pods of a class, given by node and number.
    fn count(
        &mut self,
        cluster: &Cluster,
        class: &PodClass,
        pods: impl Iterator<Item = (NodeRow, i64)> + Clone,
    ) {
        let (incoming, nodes) = (Incoming::new(cluster, self.class), cluster.nodes());
        if incoming.matches_affinity(class) {
            for (_, tally) in &mut self.affinity_counts.0 {
                for (row, count) in pods.clone() {
                    let counted = tally.add(row, count);
                    self.affinity_total += if counted { count } else { 0 };
                }
            }
        }
        for term in incoming.class.anti_affinity.iter().filter(|term| incoming.selects(term, class)) {
            let tally = self.anti_affinity_counts.of(term.topology_key, nodes);
            for (row, count) in pods.clone() {
                tally.add(row, count);
            }
        }
        for term in class.anti_affinity.iter().filter(|term| incoming.is_selected_by(term)) {
            let tally = self.existing_anti_affinity.of(term.topology_key, nodes);
            for (row, count) in pods.clone() {
                let counted = tally.add(row, count);
                self.existing_anti_affinity_total += if counted { count } else { 0 };
            }
        }
    }

    /// Whether the node lies with company by every term, or the pod may do without.
    fn satisfies_affinity(&self, node: NodeView<'_>, incoming: Incoming<'_>) -> bool {
        let change = node.change(|class| i64::from(incoming.matches_affinity(class)));
        let mut everywhere = true;
        for (_, tally) in &self.affinity_counts.0 {
            match tally.at(node.row) {
                Some(count) => everywhere &= count + change > 0,
                None => return false,
            }
        }
        let total = self.affinity_total + change * self.affinity_counts.0.len() as i64;
        everywhere || (total == 0 && self.matches_itself)
    }

    fn violates_anti_affinity(&self, node: NodeView<'_>, incoming: Incoming<'_>) -> bool {
        self.anti_affinity_counts.0.iter().any(|(key, tally)| {
            let terms = |class: &PodClass| {
                let selects = |term: &Term| term.topology_key == *key && incoming.selects(term, class);
                count(&incoming.class.anti_affinity, selects)
            };
            tally.at(node.row).is_some_and(|count| count + node.change(terms) > 0)
        })
    }

    fn violates_existing_anti_affinity(&self, node: NodeView<'_>, incoming: Incoming<'_>) -> bool {
        let tallied = self.existing_anti_affinity.0.iter().any(|(key, tally)| {
            let terms = |class: &PodClass| {
                count(&class.anti_affinity, |t| t.topology_key == *key && incoming.is_selected_by(t))
            };
            tally.at(node.row).is_some_and(|count| count + node.change(terms) > 0)
        });
        let is_new = |key: Sym| self.existing_anti_affinity.0.iter().all(|(k, _)| *k != key);
        let added = node.added().iter().flat_map(|&pod| &node.cluster.pods().class_of(pod).anti_affinity);
        let mut added = added.filter(|term| is_new(term.topology_key));
        tallied || added.any(|t| node.label(t.topology_key).is_some() && incoming.is_selected_by(t))
    }
}

fn count(terms: &[Term], selects: impl Fn(&Term) -> bool) -> i64 {
    terms.iter().filter(|term| selects(term)).count() as i64
}

impl Filter for AffinityFilter {
    fn check(&self, node: NodeView<'_>) -> Option<Rejection> {
        let incoming = Incoming::new(node.cluster, self.class);
        if !self.satisfies_affinity(node, incoming) {
            return Some(Rejection::unresolvable(AFFINITY_NOT_MATCHED));
        }
        if self.violates_anti_affinity(node, incoming) {
            return Some(Rejection::unschedulable(ANTI_AFFINITY_NOT_MATCHED));
        }
        self.violates_existing_anti_affinity(node, incoming)
            .then(|| Rejection::unschedulable(EXISTING_ANTI_AFFINITY_NOT_SATISFIED))
    }

    fn explain(&self, node: NodeView<'_>, details: &mut Vec<Detail>) {
        explain(self, node.cluster, node.row, details);
    }

    fn hints(&self) -> FilterHints<'_> {
        FilterHints {
            batch: Some(self),
            uniform: Some(self),
            accepts_all: self.is_skipped(),
            never_errs: true,
            ..FilterHints::default()
        }
    }
}

impl BatchFilter for AffinityFilter {
    fn retain(&self, _cluster: &Cluster, rows: &mut Vec<NodeRow>) -> bool {
        let crowded =
            |tallies: &Tallies, row| tallies.0.iter().any(|(_, t)| t.at(row).is_some_and(|n| n > 0));
        let first = self.affinity_total == 0 && self.matches_itself;
        let satisfies_affinity = |row| {
            let mut counts = self.affinity_counts.0.iter().map(|(_, tally)| tally.at(row));
            counts.all(|count| count.is_some_and(|count| first || count > 0))
        };
        rows.retain(|&row| {
            satisfies_affinity(row)
                && !crowded(&self.anti_affinity_counts, row)
                && !crowded(&self.existing_anti_affinity, row)
        });
        true
    }
}

impl Uniform for AffinityFilter {
    fn is_uniform(&self, columns: &UniformColumns) -> bool {
        [&self.affinity_counts, &self.anti_affinity_counts, &self.existing_anti_affinity]
            .iter()
            .all(|tallies| tallies.are_uniform(columns))
    }
}

impl CachedFilter for AffinityFilter {
    fn scope(&self) -> CacheScope<'_> {
        CacheScope::Domains(self)
    }

    fn is_skipped(&self) -> bool {
        !self.has_terms && self.existing_anti_affinity_total == 0
    }

    fn apply_change(&mut self, cluster: &Cluster, change: Change) -> Validity {
        self.in_the_way = OnceCell::new();
        let keys = self.existing_anti_affinity.0.len();
        if let Change::Pod(PodChange { row, class, pods, .. }) = change {
            self.count(cluster, cluster.pods().class(class), std::iter::once((row, i64::from(pods))));
        }
        let nodes = cluster.nodes();
        // A new topology key tells nodes apart that were alike before.
        Validity::valid_if(
            !change.invalidates_all()
                && keys == self.existing_anti_affinity.0.len()
                && (!change.invalidates_nodes()
                    || [
                        &mut self.affinity_counts,
                        &mut self.anti_affinity_counts,
                        &mut self.existing_anti_affinity,
                    ]
                    .into_iter()
                    .all(|t| t.apply_change(change, nodes))),
        )
    }
}

impl Partition for AffinityFilter {
    fn partition_key(&self, cluster: &Cluster, row: NodeRow, key: &mut PartitionKey) {
        let nodes: &Nodes = cluster.nodes();
        for (_, tally) in self
            .affinity_counts
            .0
            .iter()
            .chain(&self.anti_affinity_counts.0)
            .chain(&self.existing_anti_affinity.0)
        {
            tally.partition_key(row, nodes, key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::InterPodAffinity;
    use super::super::tests::{anywhere, near, on, zones};
    use crate::fixture::{World, filter, labels};
    use berth_model::affinity::PodAffinityTerm;
    use berth_model::selector::{LabelSelector, Operator, Requirement};
    use berth_model::workload::Namespace;
    use expect_test::expect;

    fn check(world: &World, pod: crate::ids::PodRow) -> String {
        filter(&InterPodAffinity::default(), world, pod)
    }

    #[test]
    fn a_pod_goes_where_its_company_is_and_evicting_does_not_bring_company() {
        let mut world = zones();
        on(&mut world, "db", "a1", |_| {});
        let pod = on(&mut world, "web", "", |spec| spec.pod_affinity.required = vec![near("zone", "db")]);
        expect![[r#"
            a1: fits
            a2: fits
            b1: UnschedulableAndUnresolvable: node(s) didn't match pod affinity rules
            bare: UnschedulableAndUnresolvable: node(s) didn't match pod affinity rules
        "#]]
        .assert_eq(&check(&world, pod));
    }

    #[test]
    fn one_pod_must_satisfy_all_terms_at_once_and_is_counted_in_the_domain_of_each() {
        let mut world = zones();
        on(&mut world, "db", "a1", |_| {});
        on(&mut world, "cache", "a1", |_| {});
        let both = vec![near("zone", "db"), near("zone", "cache")];
        let torn = on(&mut world, "torn", "", |spec| spec.pod_affinity.required = both);
        let two_keys = vec![near("zone", "db"), near("kubernetes.io/hostname", "db")];
        let close = on(&mut world, "close", "", |spec| spec.pod_affinity.required = two_keys);
        expect![[r#"
            a1: UnschedulableAndUnresolvable: node(s) didn't match pod affinity rules
            a2: UnschedulableAndUnresolvable: node(s) didn't match pod affinity rules
            b1: UnschedulableAndUnresolvable: node(s) didn't match pod affinity rules
            bare: UnschedulableAndUnresolvable: node(s) didn't match pod affinity rules
        "#]]
        .assert_eq(&check(&world, torn));
        expect![[r#"
            a1: fits
            a2: UnschedulableAndUnresolvable: node(s) didn't match pod affinity rules
            b1: UnschedulableAndUnresolvable: node(s) didn't match pod affinity rules
            bare: UnschedulableAndUnresolvable: node(s) didn't match pod affinity rules
        "#]]
        .assert_eq(&check(&world, close));
    }

    #[test]
    fn the_first_of_its_kind_may_go_wherever_the_label_is_until_one_is_there() {
        let mut world = zones();
        let own_kind =
            |spec: &mut berth_model::pod::PodSpec| spec.pod_affinity.required = vec![near("zone", "web")];
        let pod = on(&mut world, "web", "", own_kind);
        let anywhere_with_a_zone = expect![[r#"
            a1: fits
            a2: fits
            b1: fits
            bare: UnschedulableAndUnresolvable: node(s) didn't match pod affinity rules
        "#]];
        anywhere_with_a_zone.assert_eq(&check(&world, pod));
        // A pod of the kind that is in no domain does not count as the first.
        on(&mut world, "web", "bare", own_kind);
        anywhere_with_a_zone.assert_eq(&check(&world, pod));
        on(&mut world, "web", "b1", own_kind);
        expect![[r#"
            a1: UnschedulableAndUnresolvable: node(s) didn't match pod affinity rules
            a2: UnschedulableAndUnresolvable: node(s) didn't match pod affinity rules
            b1: fits
            bare: UnschedulableAndUnresolvable: node(s) didn't match pod affinity rules
        "#]]
        .assert_eq(&check(&world, pod));
    }

    #[test]
    fn a_pod_keeps_away_from_those_it_excludes_and_those_that_exclude_it() {
        let mut world = zones();
        on(&mut world, "noisy", "a1", |_| {});
        on(&mut world, "shy", "b1", |spec| spec.pod_anti_affinity.required = vec![near("zone", "web")]);
        let plain = on(&mut world, "web", "", |_| {});
        let picky = on(&mut world, "web", "", |spec| {
            let hostname = "kubernetes.io/hostname";
            spec.pod_anti_affinity.required = vec![near(hostname, "noisy"), near("zone", "shy")];
        });
        expect![[r#"
            a1: fits
            a2: fits
            b1: Unschedulable: node(s) didn't satisfy existing pods anti-affinity rules
            bare: fits
        "#]]
        .assert_eq(&check(&world, plain));
        expect![[r#"
            a1: Unschedulable: node(s) didn't match pod anti-affinity rules
            a2: fits
            b1: Unschedulable: node(s) didn't match pod anti-affinity rules
            bare: fits
        "#]]
        .assert_eq(&check(&world, picky));
    }

    #[test]
    fn without_terms_on_either_side_nothing_is_asked() {
        let mut world = zones();
        on(&mut world, "shy", "bare", |spec| spec.pod_anti_affinity.required = vec![near("zone", "web")]);
        on(&mut world, "shy", "a1", |spec| spec.pod_anti_affinity.required = vec![near("zone", "db")]);
        let pod = on(&mut world, "web", "", |_| {});
        expect!["every node fits\n"].assert_eq(&check(&world, pod));
    }

    /// A term on `app=x` with these namespaces and, as a selector, requirements on the namespace label `team`.
    fn in_namespaces(names: &[&str], selector: Option<&[(Operator, &str)]>) -> PodAffinityTerm {
        let requirement = |(operator, value): &(Operator, &str)| Requirement {
            key: "team".into(),
            operator: *operator,
            values: if value.is_empty() { vec![] } else { vec![(*value).into()] },
        };
        let requirements =
            |list: &[_]| LabelSelector { requirements: list.iter().map(requirement).collect() };
        PodAffinityTerm {
            namespaces: names.iter().map(|n| (*n).into()).collect(),
            namespace_selector: selector.map(requirements),
            ..near("zone", "x")
        }
    }

    #[test]
    fn a_term_looks_into_the_namespaces_that_it_names_or_selects() {
        use Operator::*;
        // Whether the other pod's namespace is selected: that of the running pod by the pod's term; and where the
        // running pod has the term, that of the pod.
        let cases: &[(PodAffinityTerm, &str, bool, bool)] = &[
            (in_namespaces(&[], None), "default", true, true),
            (in_namespaces(&[], None), "red", false, false),
            (in_namespaces(&["red"], None), "red", true, true),
            (in_namespaces(&["red"], None), "default", false, false),
            (in_namespaces(&[], Some(&[(In, "a")])), "red", true, true),
            (in_namespaces(&[], Some(&[(In, "b")])), "red", false, false),
            (in_namespaces(&[], Some(&[])), "red", true, true),
            (in_namespaces(&[], Some(&[])), "unknown", true, true),
            (in_namespaces(&["unknown"], Some(&[(In, "a")])), "unknown", true, true),
            (in_namespaces(&[], Some(&[(DoesNotExist, "")])), "red", false, false),
            (in_namespaces(&[], Some(&[(DoesNotExist, "")])), "unknown", false, true),
            (in_namespaces(&[], Some(&[(NotIn, "a")])), "unknown", false, true),
        ];
        for (term, namespace, outgoing, incoming) in cases {
            let mut world = zones();
            world
                .cluster
                .upsert_namespace(&Namespace { name: "red".into(), labels: labels(&[("team", "a")]) });
            on(&mut world, "x", "a1", |spec| spec.namespace = (*namespace).into());
            let pod = on(&mut world, "web", "", |spec| spec.pod_anti_affinity.required = vec![term.clone()]);
            assert_eq!(
                check(&world, pod).contains("pod anti-affinity"),
                *outgoing,
                "{term:?} at {namespace}"
            );

            let mut world = zones();
            world
                .cluster
                .upsert_namespace(&Namespace { name: "red".into(), labels: labels(&[("team", "a")]) });
            on(&mut world, "shy", "a1", |spec| spec.pod_anti_affinity.required = vec![term.clone()]);
            let pod = on(&mut world, "x", "", |spec| spec.namespace = (*namespace).into());
            assert_eq!(check(&world, pod).contains("existing pods"), *incoming, "{term:?} from {namespace}");
        }
    }

    #[test]
    fn a_term_without_a_selector_selects_no_pod_and_one_with_an_empty_selector_selects_all() {
        let mut world = zones();
        on(&mut world, "x", "a1", |_| {});
        let no_pod = PodAffinityTerm { selector: None, ..near("zone", "x") };
        let no_pod = on(&mut world, "web", "", |spec| spec.pod_anti_affinity.required = vec![no_pod]);
        let everybody =
            on(&mut world, "web", "", |spec| spec.pod_anti_affinity.required = vec![anywhere("zone")]);
        expect![[r#"
            a1: fits
            a2: fits
            b1: fits
            bare: fits
        "#]]
        .assert_eq(&check(&world, no_pod));
        expect![[r#"
            a1: Unschedulable: node(s) didn't match pod anti-affinity rules
            a2: Unschedulable: node(s) didn't match pod anti-affinity rules
            b1: fits
            bare: fits
        "#]]
        .assert_eq(&check(&world, everybody));
    }
}
