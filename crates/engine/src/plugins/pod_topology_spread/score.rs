//! Constraints that prefer: how full each node's domains are.

use super::eligible::eligible;
use super::{Constraint, PodView, Score};
use crate::class::Class;
use crate::cluster::{Change, Cluster, Nodes, PodChange, Tally};
use crate::ids::{ClassId, NodeRow};
use crate::plugin::{Group, Key, MAX_SCORE};

/// The raw score of nodes that lack a label and therefore end up with zero.
const UNSCORED: i64 = -1;

/// The constraints that prefer, with the pods of each domain counted.
#[derive(Debug)]
pub(super) struct Evenness {
    class: ClassId,
    counted: Vec<Counted>,
    /// Whether a node must have the labels of all constraints to be scored.
    all_labels: bool,
}

#[derive(Debug)]
struct Counted {
    constraint: Constraint,
    /// By row: whether pods on the node count.
    eligible: Vec<bool>,
    /// The domain of nodes that have the label with an empty value; those without the label are in it too.
    blank: Option<usize>,
    /// Gives the domain of a node, and where `by_node` does not hold the number of its pods.
    tally: Tally,
    /// By row: the number of pods on the node itself, where the domains are the nodes.
    by_node: Vec<i64>,
}

impl Evenness {
    pub(super) fn new(pod: PodView<'_>, constraints: Vec<Constraint>, all_labels: bool) -> Self {
        let eligible = eligible(pod, &constraints, all_labels);
        let counted = constraints
            .into_iter()
            .zip(eligible)
            .map(|(constraint, eligible)| Counted::new(pod, constraint, eligible))
            .collect();
        Self { class: pod.class_id(), counted, all_labels }
    }

    fn is_scored(&self, row: NodeRow, nodes: &Nodes) -> bool {
        !self.all_labels || self.counted.iter().all(|c| c.tally.domain(row, nodes).is_some())
    }

    /// What a pod counts for each constraint: the more domains, the more.
    ///
    /// Scores are rounded to integers, so the last digit of the logarithm does not show.
    fn weights(&self, feasible: &[Group], nodes: &Nodes) -> Vec<f64> {
        let scored: Vec<Group> =
            feasible.iter().copied().filter(|group| self.is_scored(group.row, nodes)).collect();
        let size = |counted: &Counted| match counted.constraint.by_node {
            true => scored.iter().map(|group| group.nodes).sum(),
            false => counted.distinct(&scored, nodes),
        };
        self.counted.iter().map(|counted| ((size(counted) + 2) as f64).ln()).collect()
    }

    fn raw(&self, row: NodeRow, weights: &[f64], nodes: &Nodes) -> i64 {
        let mut score = 0.0;
        for (counted, weight) in self.counted.iter().zip(weights) {
            let Some(domain) = counted.tally.domain(row, nodes) else {
                if self.all_labels {
                    return UNSCORED;
                }
                continue;
            };
            let count = match counted.constraint.by_node {
                true => counted.by_node[row.index()],
                false => counted.tally.count(domain),
            };
            score += count as f64 * weight + (counted.constraint.max_skew - 1) as f64;
        }
        score.round() as i64
    }
}

impl Counted {
    fn new(pod: PodView<'_>, constraint: Constraint, eligible: Vec<bool>) -> Self {
        let nodes = pod.cluster.nodes();
        let blank = pod
            .cluster
            .symbols()
            .find("")
            .and_then(|value| nodes.domains(constraint.topology_key)?.find(value));
        let by_node = vec![0; if constraint.by_node { nodes.row_count() } else { 0 }];
        let tally = Tally::new(constraint.topology_key, nodes);
        let mut counted = Self { constraint, eligible, blank, tally, by_node };
        for (_, class, placements) in pod.cluster.pods().classes() {
            if !placements.entries().is_empty() && counted.counts(class, pod.class, pod.cluster) {
                for place in placements.entries() {
                    counted.add(place.row, i64::from(place.pods - place.terminating), nodes);
                }
            }
        }
        counted
    }

    fn counts(&self, class: &Class, own: &Class, cluster: &Cluster) -> bool {
        class.namespace == own.namespace && self.constraint.counts(class, cluster)
    }

    fn add(&mut self, row: NodeRow, pods: i64, nodes: &Nodes) {
        if self.constraint.by_node {
            self.by_node[row.index()] += pods;
        } else if self.eligible[row.index()]
            && !self.tally.add(row, pods, nodes)
            && let Some(blank) = self.blank
        {
            self.tally.add_to(blank, pods);
        }
    }

    /// How many domains the nodes are in. Nodes that are alone in their domains may share a group, and are a domain each.
    fn distinct(&self, groups: &[Group], nodes: &Nodes) -> usize {
        let mut alone = 0;
        let mut shared: Vec<usize> = Vec::new();
        for group in groups {
            match self.tally.domain(group.row, nodes).or(self.blank) {
                Some(domain) if self.is_alone(domain, nodes) => alone += group.nodes,
                domain => shared.push(domain.unwrap_or(usize::MAX)),
            }
        }
        shared.sort_unstable();
        shared.dedup();
        alone + shared.len()
    }

    /// Whether the domain is one node. The one of the empty value may be more: nodes without the label count for it.
    fn is_alone(&self, domain: usize, nodes: &Nodes) -> bool {
        self.blank != Some(domain) && self.tally.node_count(domain, nodes) == 1
    }

    fn key(&self, row: NodeRow, nodes: &Nodes, key: &mut Key) {
        match self.tally.domain(row, nodes) {
            Some(domain) if self.constraint.by_node => {
                key.extend([self.by_node[row.index()].unsigned_abs(), 1 + u64::from(self.blank == Some(domain))]);
            }
            None if self.constraint.by_node => key.extend([self.by_node[row.index()].unsigned_abs(), 0]),
            Some(domain) if self.blank == Some(domain) => key.push(1 + domain as u64),
            _ => self.tally.key(row, nodes, key),
        }
    }
}

impl Score for Evenness {
    fn score(&self, cluster: &Cluster, feasible: &[Group], out: &mut [i64]) {
        let weights = self.weights(feasible, cluster.nodes());
        for (score, group) in out.iter_mut().zip(feasible) {
            *score = self.raw(group.row, &weights, cluster.nodes());
        }
    }

    fn normalize(&self, _cluster: &Cluster, _feasible: &[Group], scores: &mut [i64]) {
        let scored = || scores.iter().copied().filter(|&s| s != UNSCORED);
        let (min, max) = (scored().min().unwrap_or(0), scored().max().unwrap_or(0));
        for score in scores {
            *score = match *score {
                UNSCORED => 0,
                _ if max == 0 => MAX_SCORE,
                raw => MAX_SCORE * (max + min - raw) / max,
            };
        }
    }

    fn follow(&mut self, cluster: &Cluster, change: Change) -> bool {
        if let Change::Pod(PodChange { row, class, pods, terminating }) = change {
            let pods = i64::from(pods - terminating);
            let (class, own) = (cluster.pods().class(class), cluster.pods().class(self.class));
            for counted in &mut self.counted {
                if pods != 0 && counted.counts(class, own, cluster) {
                    counted.add(row, pods, cluster.nodes());
                }
            }
        }
        change.is_of_pods()
    }

    fn key(&self, cluster: &Cluster, row: NodeRow, key: &mut Key) {
        for counted in &self.counted {
            counted.key(row, cluster.nodes(), key);
        }
    }
}
