//! Constraints that decide: whether the pod would make a domain too full.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::constraint::default_selector;
use super::eligible::{NodeChange, eligible};
use super::{Constraint, PodView};
use crate::cluster::{Change, Cluster, Nodes, PodChange, Tally, UniformColumns};
use crate::ids::{NodeRow, PodClassId};
use crate::plugin::detail::Detail;
use crate::plugin::view::NodeView;
use crate::plugin::{
    CacheScope, CachedFilter, Filter, FilterHints, Partition, PartitionKey, Uniform, Validity,
};
use crate::pod_class::PodClass;
use crate::pod_class::matcher::Matcher;
use crate::verdict::Rejection;

const TOO_FULL: &str = "node(s) didn't match pod topology spread constraints";
const NO_LABEL: &str = "node(s) didn't match pod topology spread constraints (missing required label)";

/// The constraints that decide, with the pods of each domain counted.
#[derive(Debug)]
pub(super) struct SpreadFilter {
    class: PodClassId,
    /// Of the services and the controller, where the pods have no constraints of their own.
    default_selector: Option<Matcher>,
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
    /// By domain: how many of its nodes take part.
    taking_part: Vec<u32>,
}

impl SpreadFilter {
    pub(super) fn new(pod: PodView<'_>, constraints: Vec<Constraint>) -> Self {
        let eligible = eligible(pod, &constraints, true);
        let counted = constraints
            .into_iter()
            .zip(eligible)
            .map(|(constraint, eligible)| Counted::new(pod, constraint, eligible))
            .collect();
        let default_selector = default_selector(pod.class, pod.cluster);
        Self { class: pod.class_id(), default_selector, counted }
    }
}

impl Counted {
    fn new(pod: PodView<'_>, constraint: Constraint, eligible: Vec<bool>) -> Self {
        let nodes = pod.cluster.nodes();
        let mut tally = Tally::new(constraint.topology_key, nodes);
        let pods = pod.cluster.pods();
        for (_, class, placements) in pods.placed(&constraint.countable(pod)) {
            if class.namespace != pod.class.namespace || !constraint.counts(class, pod.cluster) {
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
    fn change(&self, node: NodeView<'_>, own: &PodClass) -> i64 {
        if !self.eligible[node.row.index()] {
            return 0;
        }
        let counts = |class: &PodClass, cluster: &Cluster| {
            class.namespace == own.namespace && self.constraint.selects(class, cluster)
        };
        node.change(|class| i64::from(counts(class, node.cluster)))
    }

    /// The smallest count of all domains, given what the count of one of them changes by.
    fn smallest(&self, domain: usize, change: i64) -> i64 {
        let before = self.tally.count(domain);
        let count = before + change;
        if self.minima.domains < self.constraint.min_domains {
            0
        } else if change == 0 {
            self.minima.smallest()
        } else {
            self.minima.besides(before).min(count)
        }
    }

    fn is_too_full(&self, domain: usize, change: i64) -> bool {
        let count = self.tally.count(domain) + change;
        count + self.own - self.smallest(domain, change) > self.constraint.max_skew
    }

    /// Takes a change of a node into account. `false`: the counts are void.
    fn apply_node_change(&mut self, change: Change, takes_part: bool, nodes: &Nodes) -> bool {
        self.eligible.resize(nodes.row_count(), false);
        if let Change::NodeRemoved(row) = change
            && std::mem::replace(&mut self.eligible[row.index()], false)
        {
            self.minima.exclude(row, &self.tally);
        }
        if !self.tally.apply_change(change, nodes) {
            return false;
        }
        match change {
            Change::NodeAdded(row) if takes_part => {
                self.eligible[row.index()] = true;
                self.minima.include(row, &self.tally);
                true
            }
            Change::NodeChanged(row) => self.eligible[row.index()] == takes_part,
            _ => true,
        }
    }

    fn apply_pod_change(&mut self, cluster: &Cluster, own: &PodClass, change: PodChange) {
        let class = cluster.pods().class(change.class);
        let pods = i64::from(change.pods - change.terminating);
        if pods == 0
            || !self.eligible[change.row.index()]
            || class.namespace != own.namespace
            || !self.constraint.counts(class, cluster)
        {
            return;
        }
        if let Some(domain) = self.tally.domain(change.row) {
            let before = self.tally.count(domain);
            self.tally.add_to(domain, pods);
            self.minima.recount(before, before + pods);
        }
    }
}

/// Where there is no domain at all, upstream takes the largest 32-bit number for the smallest count.
const NO_DOMAIN: i64 = i32::MAX as i64;

impl Minima {
    fn new(tally: &Tally, eligible: &[bool]) -> Self {
        let mut minima = Self { taking_part: vec![0; tally.domain_count()], ..Self::default() };
        for (row, _) in (0..).zip(eligible).filter(|(_, takes_part)| **takes_part) {
            if let Some(domain) = tally.domain(NodeRow(row)) {
                minima.taking_part[domain] += 1;
            }
        }
        for (domain, _) in minima.taking_part.iter().enumerate().filter(|(_, nodes)| **nodes > 0) {
            minima.domains += 1;
            *minima.by_count.entry(tally.count(domain)).or_default() += 1;
        }
        minima
    }

    /// The domain of a node that takes part takes part.
    fn include(&mut self, row: NodeRow, tally: &Tally) {
        let Some(domain) = tally.domain(row) else { return };
        self.taking_part.resize(tally.domain_count(), 0);
        self.taking_part[domain] += 1;
        if self.taking_part[domain] == 1 {
            self.domains += 1;
            *self.by_count.entry(tally.count(domain)).or_default() += 1;
        }
    }

    /// A node that took part goes; without any other one its domain takes part no more.
    fn exclude(&mut self, row: NodeRow, tally: &Tally) {
        let Some(domain) = tally.domain(row) else { return };
        self.taking_part[domain] -= 1;
        if self.taking_part[domain] == 0 {
            self.domains -= 1;
            self.uncount(tally.count(domain));
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
        self.uncount(before);
        *self.by_count.entry(after).or_default() += 1;
    }

    fn uncount(&mut self, count: i64) {
        if let Some(domains) = self.by_count.get_mut(&count) {
            *domains -= 1;
            if *domains == 0 {
                self.by_count.remove(&count);
            }
        }
    }
}

impl Filter for SpreadFilter {
    fn check(&self, node: NodeView<'_>) -> Option<Rejection> {
        let own = node.cluster.pods().class(self.class);
        for counted in &self.counted {
            let Some(domain) = counted.tally.domain(node.row) else {
                return Some(Rejection::unresolvable(NO_LABEL));
            };
            if counted.is_too_full(domain, counted.change(node, own)) {
                return Some(Rejection::unschedulable(TOO_FULL));
            }
        }
        None
    }

    fn explain(&self, node: NodeView<'_>, details: &mut Vec<Detail>) {
        let own = node.cluster.pods().class(self.class);
        for counted in &self.counted {
            let key = counted.constraint.topology_key;
            let (Some(domain), Some(value)) = (counted.tally.domain(node.row), node.label(key)) else {
                return details.push(Detail::MissingLabel(key));
            };
            let change = counted.change(node, own);
            if counted.is_too_full(domain, change) {
                return details.push(Detail::Spread {
                    domain: (key, value),
                    pods: counted.tally.count(domain) + change + counted.own,
                    smallest: counted.smallest(domain, change),
                    max_skew: counted.constraint.max_skew,
                });
            }
        }
    }

    fn hints(&self) -> FilterHints<'_> {
        FilterHints {
            uniform: Some(self),
            accepts_all: self.is_skipped(),
            never_errs: true,
            ..FilterHints::default()
        }
    }
}

impl Uniform for SpreadFilter {
    fn is_uniform(&self, columns: &UniformColumns) -> bool {
        self.counted.iter().all(|counted| counted.tally.is_uniform(columns))
    }
}

impl CachedFilter for SpreadFilter {
    fn scope(&self) -> CacheScope<'_> {
        CacheScope::Domains(self)
    }

    fn is_skipped(&self) -> bool {
        self.counted.is_empty()
    }

    fn apply_change(&mut self, cluster: &Cluster, change: Change) -> Validity {
        let own = cluster.pods().class(self.class);
        Validity::valid_if(match change {
            Change::Pod(change) => {
                for counted in &mut self.counted {
                    counted.apply_pod_change(cluster, own, change);
                }
                true
            }
            Change::NodeAdded(row) | Change::NodeChanged(row) | Change::NodeRemoved(row) => {
                let constraints = self.counted.iter().map(|c| &c.constraint);
                match NodeChange::of(change, row, (cluster, own), constraints, true) {
                    NodeChange::Anew => false,
                    NodeChange::Nothing => true,
                    NodeChange::Parts(parts) => {
                        let mut counted = self.counted.iter_mut().zip(parts);
                        counted
                            .all(|(c, takes_part)| c.apply_node_change(change, takes_part, cluster.nodes()))
                    }
                }
            }
            Change::Owners(namespace) => {
                namespace != own.namespace || self.default_selector == default_selector(own, cluster)
            }
            Change::Nominated(_) | Change::Load(_) | Change::Storage | Change::Devices(_) => true,
            Change::Elsewhere => false,
        })
    }
}

impl Partition for SpreadFilter {
    fn partition_key(&self, cluster: &Cluster, row: NodeRow, key: &mut PartitionKey) {
        for counted in &self.counted {
            counted.tally.partition_key(row, cluster.nodes(), key);
        }
    }
}
