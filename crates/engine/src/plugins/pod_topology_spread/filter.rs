//! Constraints that decide: whether the pod would make a domain too full.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::constraint::default_selector;
use super::eligible::{Eligibility, eligible};
use super::{Constraint, Filter, PodView};
use crate::class::Class;
use crate::cluster::{Change, Cluster, Nodes, PodChange, Tally};
use crate::ids::{ClassId, NodeRow};
use crate::matcher::Matcher;
use crate::plugin::Key;
use crate::verdict::Rejection;
use crate::view::NodeView;

const TOO_FULL: &str = "node(s) didn't match pod topology spread constraints";
const NO_LABEL: &str = "node(s) didn't match pod topology spread constraints (missing required label)";

/// The constraints that decide, with the pods of each domain counted.
#[derive(Debug)]
pub(super) struct Skews {
    class: ClassId,
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
        let default_selector = default_selector(pod.class, pod.cluster);
        Self { class: pod.class_id(), default_selector, counted }
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

    fn is_idle(&self) -> bool {
        self.counted.is_empty()
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
            Change::Owners(namespace) => {
                namespace != own.namespace || self.default_selector == default_selector(own, cluster)
            }
            Change::Nominated(_) | Change::Storage => true,
            Change::NodeRemoved(_) | Change::Elsewhere => false,
        }
    }

    fn key(&self, cluster: &Cluster, row: NodeRow, key: &mut Key) {
        for counted in &self.counted {
            counted.tally.key(row, cluster.nodes(), key);
        }
    }
}
