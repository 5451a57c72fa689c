//! Required terms: which nodes they exclude.

use super::PodView;
use super::incoming::{Incoming, Tallies};
use crate::class::{Class, Term};
use crate::cluster::{Change, Cluster, Nodes, PodChange, UniformColumns};
use crate::ids::{ClassId, NodeRow, Sym};
use crate::plugin::{
    BatchFilter, CacheScope, CachedFilter, Filter, FilterHints, Partition, PartitionKey, Uniform, Validity,
};
use crate::verdict::Rejection;
use crate::view::NodeView;

const NO_COMPANY: &str = "node(s) didn't match pod affinity rules";
const EXCLUDED: &str = "node(s) didn't match pod anti-affinity rules";
const UNWELCOME: &str = "node(s) didn't satisfy existing pods anti-affinity rules";

/// How many pods in each domain matter to the required terms of the pod and of others.
#[derive(Debug)]
pub(super) struct Rules {
    class: ClassId,
    /// Pods that satisfy all required affinity terms, for each of the terms' keys.
    company: Tallies,
    /// The sum of `company` over keys and domains.
    company_total: i64,
    /// The pod satisfies its own required affinity terms, so it may be the first of its kind.
    is_own_company: bool,
    /// Pods that the pod's required anti-affinity selects, once a term.
    excluded: Tallies,
    /// Pods whose required anti-affinity selects the pod, once a term.
    unwelcoming: Tallies,
    /// The sum of `unwelcoming` over keys and domains.
    unwelcoming_total: i64,
    has_terms: bool,
}

impl Rules {
    pub(super) fn new(pod: PodView<'_>) -> Self {
        let class = pod.class_id();
        let mut rules = Self {
            class,
            company: Tallies::default(),
            company_total: 0,
            is_own_company: Incoming::new(pod.cluster, class).is_company(pod.class),
            excluded: Tallies::default(),
            unwelcoming: Tallies::default(),
            unwelcoming_total: 0,
            has_terms: !pod.class.affinity.is_empty() || !pod.class.anti_affinity.is_empty(),
        };
        let nodes = pod.cluster.nodes();
        for term in &pod.class.affinity {
            rules.company.of(term.topology_key, nodes);
        }
        for term in &pod.class.anti_affinity {
            rules.excluded.of(term.topology_key, nodes);
        }
        let pods = pod.cluster.pods();
        let terms = pod.class.affinity.iter().chain(&pod.class.anti_affinity);
        let concerned = pods.roster().excluding(terms, &pod.class.labels);
        for (_, class, placements) in pods.placed(&concerned) {
            let pods = placements.entries().iter().map(|place| (place.row, i64::from(place.pods)));
            rules.count(pod.cluster, class, pods);
        }
        rules
    }

    /// Counts pods of a class, given by node and number.
    fn count(
        &mut self,
        cluster: &Cluster,
        class: &Class,
        pods: impl Iterator<Item = (NodeRow, i64)> + Clone,
    ) {
        let (incoming, nodes) = (Incoming::new(cluster, self.class), cluster.nodes());
        if incoming.is_company(class) {
            for (_, tally) in &mut self.company.0 {
                for (row, count) in pods.clone() {
                    let counted = tally.add(row, count);
                    self.company_total += if counted { count } else { 0 };
                }
            }
        }
        for term in incoming.class.anti_affinity.iter().filter(|term| incoming.wants(term, class)) {
            let tally = self.excluded.of(term.topology_key, nodes);
            for (row, count) in pods.clone() {
                tally.add(row, count);
            }
        }
        for term in class.anti_affinity.iter().filter(|term| incoming.is_wanted(term)) {
            let tally = self.unwelcoming.of(term.topology_key, nodes);
            for (row, count) in pods.clone() {
                let counted = tally.add(row, count);
                self.unwelcoming_total += if counted { count } else { 0 };
            }
        }
    }

    /// Whether the node lies with company by every term, or the pod may do without.
    fn has_company(&self, node: NodeView<'_>, incoming: Incoming<'_>) -> bool {
        let change = node.change(|class| i64::from(incoming.is_company(class)));
        let mut everywhere = true;
        for (_, tally) in &self.company.0 {
            match tally.at(node.row) {
                Some(count) => everywhere &= count + change > 0,
                None => return false,
            }
        }
        let total = self.company_total + change * self.company.0.len() as i64;
        everywhere || (total == 0 && self.is_own_company)
    }

    fn is_excluded(&self, node: NodeView<'_>, incoming: Incoming<'_>) -> bool {
        self.excluded.0.iter().any(|(key, tally)| {
            let terms = |class: &Class| {
                let selects = |term: &Term| term.topology_key == *key && incoming.wants(term, class);
                count(&incoming.class.anti_affinity, selects)
            };
            tally.at(node.row).is_some_and(|count| count + node.change(terms) > 0)
        })
    }

    fn is_unwelcome(&self, node: NodeView<'_>, incoming: Incoming<'_>) -> bool {
        let tallied = self.unwelcoming.0.iter().any(|(key, tally)| {
            let terms = |class: &Class| {
                count(&class.anti_affinity, |t| t.topology_key == *key && incoming.is_wanted(t))
            };
            tally.at(node.row).is_some_and(|count| count + node.change(terms) > 0)
        });
        let is_new = |key: Sym| self.unwelcoming.0.iter().all(|(k, _)| *k != key);
        let added = node.added().iter().flat_map(|&pod| &node.cluster.pods().class_of(pod).anti_affinity);
        let mut added = added.filter(|term| is_new(term.topology_key));
        tallied || added.any(|t| node.label(t.topology_key).is_some() && incoming.is_wanted(t))
    }
}

fn count(terms: &[Term], selects: impl Fn(&Term) -> bool) -> i64 {
    terms.iter().filter(|term| selects(term)).count() as i64
}

impl Filter for Rules {
    fn check(&self, node: NodeView<'_>) -> Option<Rejection> {
        let incoming = Incoming::new(node.cluster, self.class);
        if !self.has_company(node, incoming) {
            return Some(Rejection::unresolvable(NO_COMPANY));
        }
        if self.is_excluded(node, incoming) {
            return Some(Rejection::unschedulable(EXCLUDED));
        }
        self.is_unwelcome(node, incoming).then(|| Rejection::unschedulable(UNWELCOME))
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

impl BatchFilter for Rules {
    fn retain(&self, _cluster: &Cluster, rows: &mut Vec<NodeRow>) -> bool {
        let crowded =
            |tallies: &Tallies, row| tallies.0.iter().any(|(_, t)| t.at(row).is_some_and(|n| n > 0));
        let first = self.company_total == 0 && self.is_own_company;
        let has_company = |row| {
            let mut counts = self.company.0.iter().map(|(_, tally)| tally.at(row));
            counts.all(|count| count.is_some_and(|count| first || count > 0))
        };
        rows.retain(|&row| {
            has_company(row) && !crowded(&self.excluded, row) && !crowded(&self.unwelcoming, row)
        });
        true
    }
}

impl Uniform for Rules {
    fn is_uniform(&self, columns: &UniformColumns) -> bool {
        [&self.company, &self.excluded, &self.unwelcoming].iter().all(|tallies| tallies.are_uniform(columns))
    }
}

impl CachedFilter for Rules {
    fn scope(&self) -> CacheScope<'_> {
        CacheScope::Domains(self)
    }

    fn is_skipped(&self) -> bool {
        !self.has_terms && self.unwelcoming_total == 0
    }

    fn apply_change(&mut self, cluster: &Cluster, change: Change) -> Validity {
        let keys = self.unwelcoming.0.len();
        if let Change::Pod(PodChange { row, class, pods, .. }) = change {
            self.count(cluster, cluster.pods().class(class), std::iter::once((row, i64::from(pods))));
        }
        let nodes = cluster.nodes();
        // A new topology key tells nodes apart that were alike before.
        Validity::valid_if(
            !change.invalidates_all()
                && keys == self.unwelcoming.0.len()
                && (!change.invalidates_nodes()
                    || [&mut self.company, &mut self.excluded, &mut self.unwelcoming]
                        .into_iter()
                        .all(|t| t.apply_change(change, nodes))),
        )
    }
}

impl Partition for Rules {
    fn partition_key(&self, cluster: &Cluster, row: NodeRow, key: &mut PartitionKey) {
        let nodes: &Nodes = cluster.nodes();
        for (_, tally) in self.company.0.iter().chain(&self.excluded.0).chain(&self.unwelcoming.0) {
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
        let nobody = PodAffinityTerm { selector: None, ..near("zone", "x") };
        let nobody = on(&mut world, "web", "", |spec| spec.pod_anti_affinity.required = vec![nobody]);
        let everybody =
            on(&mut world, "web", "", |spec| spec.pod_anti_affinity.required = vec![anywhere("zone")]);
        expect![[r#"
            a1: fits
            a2: fits
            b1: fits
            bare: fits
        "#]]
        .assert_eq(&check(&world, nobody));
        expect![[r#"
            a1: Unschedulable: node(s) didn't match pod anti-affinity rules
            a2: Unschedulable: node(s) didn't match pod anti-affinity rules
            b1: fits
            bare: fits
        "#]]
        .assert_eq(&check(&world, everybody));
    }
}
