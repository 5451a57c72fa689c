//! Required terms: which nodes they exclude.

use super::incoming::{Incoming, Tallies};
use super::{Filter, PodView};
use crate::class::{Class, Term};
use crate::cluster::{Change, Cluster, Nodes, PodChange};
use crate::ids::{ClassId, NodeRow, Sym};
use crate::plugin::Key;
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
        for (_, class, placements) in pod.cluster.pods().classes() {
            if !placements.entries().is_empty() {
                let pods = placements.entries().iter().map(|place| (place.row, i64::from(place.pods)));
                rules.count(pod.cluster, class, pods);
            }
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
                    let counted = tally.add(row, count, nodes);
                    self.company_total += if counted { count } else { 0 };
                }
            }
        }
        for term in incoming.class.anti_affinity.iter().filter(|term| incoming.wants(term, class)) {
            let tally = self.excluded.of(term.topology_key, nodes);
            for (row, count) in pods.clone() {
                tally.add(row, count, nodes);
            }
        }
        for term in class.anti_affinity.iter().filter(|term| incoming.is_wanted(term)) {
            let tally = self.unwelcoming.of(term.topology_key, nodes);
            for (row, count) in pods.clone() {
                let counted = tally.add(row, count, nodes);
                self.unwelcoming_total += if counted { count } else { 0 };
            }
        }
    }

    /// Whether the node lies with company by every term, or the pod may do without.
    fn has_company(&self, node: NodeView<'_>, incoming: Incoming<'_>) -> bool {
        let change = node.change(|class| i64::from(incoming.is_company(class)));
        let mut everywhere = true;
        for (_, tally) in &self.company.0 {
            match tally.at(node.row, node.cluster.nodes()) {
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
            tally.at(node.row, node.cluster.nodes()).is_some_and(|count| count + node.change(terms) > 0)
        })
    }

    fn is_unwelcome(&self, node: NodeView<'_>, incoming: Incoming<'_>) -> bool {
        let tallied = self.unwelcoming.0.iter().any(|(key, tally)| {
            let terms = |class: &Class| {
                count(&class.anti_affinity, |t| t.topology_key == *key && incoming.is_wanted(t))
            };
            tally.at(node.row, node.cluster.nodes()).is_some_and(|count| count + node.change(terms) > 0)
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

    fn is_idle(&self) -> bool {
        !self.has_terms && self.unwelcoming_total == 0
    }

    fn follow(&mut self, cluster: &Cluster, change: Change) -> bool {
        if let Change::Pod(PodChange { row, class, pods, .. }) = change {
            self.count(cluster, cluster.pods().class(class), std::iter::once((row, i64::from(pods))));
        }
        change.is_of_pods()
    }

    fn key(&self, cluster: &Cluster, row: NodeRow, key: &mut Key) {
        let nodes: &Nodes = cluster.nodes();
        for (_, tally) in self.company.0.iter().chain(&self.excluded.0).chain(&self.unwelcoming.0) {
            tally.key(row, nodes, key);
        }
    }
}
