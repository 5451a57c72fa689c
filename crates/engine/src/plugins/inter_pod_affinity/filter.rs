//! Required terms: which nodes they exclude.

use super::incoming::{Incoming, Tallies};
use super::{Filter, PodView};
use crate::class::{Class, Term};
use crate::cluster::Placement;
use crate::ids::Sym;
use crate::verdict::Rejection;
use crate::view::NodeView;

const NO_COMPANY: &str = "node(s) didn't match pod affinity rules";
const EXCLUDED: &str = "node(s) didn't match pod anti-affinity rules";
const UNWELCOME: &str = "node(s) didn't satisfy existing pods anti-affinity rules";

/// How many pods in each domain matter to the required terms of the pod and of others.
pub(super) struct Rules<'a> {
    incoming: Incoming<'a>,
    /// Pods that satisfy all required affinity terms, for each of the terms' keys.
    company: Tallies<'a>,
    /// The sum of `company` over keys and domains.
    company_total: i64,
    /// The pod satisfies its own required affinity terms, so it may be the first of its kind.
    is_own_company: bool,
    /// Pods that the pod's required anti-affinity selects, once a term.
    excluded: Tallies<'a>,
    /// Pods whose required anti-affinity selects the pod, once a term.
    unwelcoming: Tallies<'a>,
    any_unwelcoming: bool,
}

impl<'a> Rules<'a> {
    pub(super) fn new(pod: PodView<'a>) -> Self {
        let incoming = Incoming::new(pod);
        let mut rules = Self {
            incoming,
            company: Tallies::default(),
            company_total: 0,
            is_own_company: incoming.is_company(pod.class),
            excluded: Tallies::default(),
            unwelcoming: Tallies::default(),
            any_unwelcoming: false,
        };
        for term in &pod.class.affinity {
            rules.company.of(term.topology_key, pod.cluster);
        }
        for term in &pod.class.anti_affinity {
            rules.excluded.of(term.topology_key, pod.cluster);
        }
        for (_, class, placements) in pod.cluster.pods().classes() {
            if !placements.entries().is_empty() {
                rules.count(class, placements.entries());
            }
        }
        rules
    }

    /// Whether no node can be rejected, not even after pods are added: upstream skips the plugin then.
    pub(super) fn is_empty(&self) -> bool {
        let class = self.incoming.class;
        class.affinity.is_empty() && class.anti_affinity.is_empty() && !self.any_unwelcoming
    }

    fn count(&mut self, class: &Class, placements: &[Placement]) {
        let Incoming { cluster, class: own, .. } = self.incoming;
        if self.incoming.is_company(class) {
            for (_, tally) in &mut self.company.0 {
                for place in placements {
                    let counted = tally.add(place.row, i64::from(place.pods));
                    self.company_total += if counted { i64::from(place.pods) } else { 0 };
                }
            }
        }
        for term in own.anti_affinity.iter().filter(|term| self.incoming.wants(term, class)) {
            let tally = self.excluded.of(term.topology_key, cluster);
            for place in placements {
                tally.add(place.row, i64::from(place.pods));
            }
        }
        for term in class.anti_affinity.iter().filter(|term| self.incoming.is_wanted(term)) {
            let tally = self.unwelcoming.of(term.topology_key, cluster);
            for place in placements {
                self.any_unwelcoming |= tally.add(place.row, i64::from(place.pods));
            }
        }
    }

    /// Whether the node lies with company by every term, or the pod may do without.
    fn has_company(&self, node: NodeView<'_>) -> bool {
        let change = node.change(|class| i64::from(self.incoming.is_company(class)));
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

    fn is_excluded(&self, node: NodeView<'_>) -> bool {
        self.excluded.0.iter().any(|(key, tally)| {
            let terms = |class: &Class| {
                let selects = |term: &Term| term.topology_key == *key && self.incoming.wants(term, class);
                count(&self.incoming.class.anti_affinity, selects)
            };
            tally.at(node.row).is_some_and(|count| count + node.change(terms) > 0)
        })
    }

    fn is_unwelcome(&self, node: NodeView<'_>) -> bool {
        let tallied = self.unwelcoming.0.iter().any(|(key, tally)| {
            let terms = |class: &Class| {
                count(&class.anti_affinity, |t| t.topology_key == *key && self.incoming.is_wanted(t))
            };
            tally.at(node.row).is_some_and(|count| count + node.change(terms) > 0)
        });
        let is_new = |key: Sym| self.unwelcoming.0.iter().all(|(k, _)| *k != key);
        tallied
            || node.added().iter().flat_map(|&pod| &node.cluster.pods().class_of(pod).anti_affinity).any(
                |term| {
                    is_new(term.topology_key)
                        && node.label(term.topology_key).is_some()
                        && self.incoming.is_wanted(term)
                },
            )
    }
}

fn count(terms: &[Term], selects: impl Fn(&Term) -> bool) -> i64 {
    terms.iter().filter(|term| selects(term)).count() as i64
}

impl Filter for Rules<'_> {
    fn check(&self, node: NodeView<'_>) -> Option<Rejection> {
        if !self.has_company(node) {
            return Some(Rejection::unresolvable(NO_COMPANY));
        }
        if self.is_excluded(node) {
            return Some(Rejection::unschedulable(EXCLUDED));
        }
        self.is_unwelcome(node).then(|| Rejection::unschedulable(UNWELCOME))
    }
}
