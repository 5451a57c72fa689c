//! Constraints that decide: whether the pod would make a domain too full.

use super::eligible::eligible;
use super::{Constraint, Filter, NodeRow, PodView};
use crate::class::Class;
use crate::cluster::{Cluster, Tally};
use crate::verdict::Rejection;
use crate::view::NodeView;

const TOO_FULL: &str = "node(s) didn't match pod topology spread constraints";
const NO_LABEL: &str = "node(s) didn't match pod topology spread constraints (missing required label)";

/// The constraints that decide, with the pods of each domain counted.
pub(super) struct Skews<'a> {
    class: &'a Class,
    counted: Vec<Counted<'a>>,
}

struct Counted<'a> {
    constraint: Constraint<'a>,
    /// By row: whether pods on the node count.
    eligible: Vec<bool>,
    tally: Tally<'a>,
    /// Whether the pod itself counts, as a number.
    own: i64,
    minima: Minima,
}

/// The two smallest counts of domains that take part.
///
/// A delta changes one domain only, so these two are enough to know the smallest count with it.
struct Minima {
    domains: i64,
    first_domain: usize,
    first: i64,
    second: i64,
}

impl<'a> Skews<'a> {
    pub(super) fn new(pod: PodView<'a>, constraints: Vec<Constraint<'a>>) -> Self {
        let eligible = eligible(pod, &constraints, true);
        let counted = constraints
            .into_iter()
            .zip(eligible)
            .map(|(constraint, eligible)| Counted::new(pod, constraint, eligible))
            .collect();
        Self { class: pod.class, counted }
    }
}

impl<'a> Counted<'a> {
    fn new(pod: PodView<'a>, constraint: Constraint<'a>, eligible: Vec<bool>) -> Self {
        let mut tally = Tally::new(constraint.domains);
        for (_, class, placements) in pod.cluster.pods().classes() {
            if placements.entries().is_empty()
                || class.namespace != pod.class.namespace
                || !constraint.counts(class, pod.cluster)
            {
                continue;
            }
            for place in placements.entries().iter().filter(|place| eligible[place.row.index()]) {
                tally.add(place.row, i64::from(place.pods - place.terminating));
            }
        }
        let own = i64::from(constraint.selects(pod.class, pod.cluster));
        let minima = Minima::new(&tally, &eligible);
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
        let count = self.tally.count(domain) + change;
        let smallest = if self.minima.domains < self.constraint.min_domains {
            0
        } else if change == 0 {
            self.minima.first
        } else {
            self.minima.besides(domain).min(count)
        };
        count + self.own - smallest > self.constraint.max_skew
    }
}

impl Minima {
    fn new(tally: &Tally<'_>, eligible: &[bool]) -> Self {
        // Where there is no domain at all, upstream takes the largest 32-bit number for the smallest count.
        let none = i64::from(i32::MAX);
        let mut minima = Self { domains: 0, first_domain: usize::MAX, first: none, second: none };
        let mut seen = vec![false; tally.domain_count()];
        for (row, _) in (0..).zip(eligible).filter(|(_, takes_part)| **takes_part) {
            let Some(domain) = tally.domain(NodeRow(row)) else { continue };
            if !std::mem::replace(&mut seen[domain], true) {
                minima.take(domain, tally.count(domain));
            }
        }
        minima
    }

    fn take(&mut self, domain: usize, count: i64) {
        self.domains += 1;
        if count < self.first {
            self.second = self.first;
            (self.first_domain, self.first) = (domain, count);
        } else {
            self.second = self.second.min(count);
        }
    }

    /// The smallest count of all other domains.
    fn besides(&self, domain: usize) -> i64 {
        if domain == self.first_domain { self.second } else { self.first }
    }
}

impl Filter for Skews<'_> {
    fn check(&self, node: NodeView<'_>) -> Option<Rejection> {
        for counted in &self.counted {
            let Some(domain) = counted.tally.domain(node.row) else {
                return Some(Rejection::unresolvable(NO_LABEL));
            };
            if counted.is_too_full(domain, counted.change(node, self.class)) {
                return Some(Rejection::unschedulable(TOO_FULL));
            }
        }
        None
    }
}
