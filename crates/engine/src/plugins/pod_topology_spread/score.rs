//! Constraints that prefer: how full each node's domains are.

use super::constraint::default_selector;
use super::eligible::{NodeChange, eligible};
use super::{Constraint, PodView};
use crate::cluster::{Change, Cluster, Nodes, PodChange, Tally, UniformColumns};
use crate::ids::{NodeRow, PodClassId};
use crate::plugin::{
    CacheScope, CachedScore, MAX_SCORE, Partition, PartitionKey, Representative, Score, ScoreHints, Uniform,
    Validity,
};
use crate::pod_class::PodClass;
use crate::pod_class::matcher::Matcher;

/// The raw score of nodes that lack a label and therefore end up with zero.
const UNSCORED: i64 = -1;

/// The constraints that prefer, with the pods of each domain counted.
#[derive(Debug)]
pub(super) struct SpreadScore {
    class: PodClassId,
    /// Of the services and the controller, where the pods have no constraints of their own.
    default_selector: Option<Matcher>,
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

impl SpreadScore {
    pub(super) fn new(pod: PodView<'_>, constraints: Vec<Constraint>, all_labels: bool) -> Self {
        let eligible = eligible(pod, &constraints, all_labels);
        let counted = constraints
            .into_iter()
            .zip(eligible)
            .map(|(constraint, eligible)| Counted::new(pod, constraint, eligible))
            .collect();
        let default_selector = default_selector(pod.class, pod.cluster);
        Self { class: pod.class_id(), default_selector, counted, all_labels }
    }

    fn is_scored(&self, row: NodeRow) -> bool {
        !self.all_labels || self.counted.iter().all(|c| c.tally.domain(row).is_some())
    }

    /// What a pod counts for each constraint: the more domains, the more.
    ///
    /// Scores are rounded to integers, so the last digit of the logarithm does not show.
    fn weights(&self, feasible: &[Representative], nodes: &Nodes) -> Vec<f64> {
        let scored: Vec<Representative> =
            feasible.iter().copied().filter(|group| self.is_scored(group.row)).collect();
        let size = |counted: &Counted| match counted.constraint.by_node {
            true => scored.iter().map(|group| group.nodes).sum(),
            false => counted.distinct(&scored, nodes),
        };
        self.counted.iter().map(|counted| ((size(counted) + 2) as f64).ln()).collect()
    }

    fn raw(&self, row: NodeRow, weights: &[f64]) -> i64 {
        let mut score = 0.0;
        for (counted, weight) in self.counted.iter().zip(weights) {
            let Some(domain) = counted.tally.domain(row) else {
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
        let blank = blank(pod.cluster, &constraint);
        let by_node = vec![0; if constraint.by_node { nodes.row_count() } else { 0 }];
        let tally = Tally::new(constraint.topology_key, nodes);
        let mut counted = Self { constraint, eligible, blank, tally, by_node };
        let pods = pod.cluster.pods();
        for (_, class, placements) in pods.placed(&counted.constraint.countable(pod)) {
            if counted.counts(class, pod.class, pod.cluster) {
                for place in placements.entries() {
                    counted.add(place.row, i64::from(place.pods - place.terminating));
                }
            }
        }
        counted
    }

    /// Takes a change of a node into account. `false`: the counts are void.
    fn apply_node_change(&mut self, change: Change, takes_part: bool, cluster: &Cluster) -> bool {
        let nodes = cluster.nodes();
        if !self.tally.apply_change(change, nodes) || self.blank != blank(cluster, &self.constraint) {
            return false;
        }
        self.eligible.resize(nodes.row_count(), false);
        if self.constraint.by_node {
            self.by_node.resize(nodes.row_count(), 0);
        }
        match change {
            Change::NodeAdded(row) => self.eligible[row.index()] = takes_part,
            Change::NodeRemoved(row) => self.eligible[row.index()] = false,
            Change::NodeChanged(row) => return self.eligible[row.index()] == takes_part,
            _ => {}
        }
        true
    }

    fn counts(&self, class: &PodClass, own: &PodClass, cluster: &Cluster) -> bool {
        class.namespace == own.namespace && self.constraint.counts(class, cluster)
    }

    fn add(&mut self, row: NodeRow, pods: i64) {
        if self.constraint.by_node {
            self.by_node[row.index()] += pods;
        } else if self.eligible[row.index()]
            && !self.tally.add(row, pods)
            && let Some(blank) = self.blank
        {
            self.tally.add_to(blank, pods);
        }
    }

    /// How many domains the nodes are in. Nodes that are alone in their domains may share a group, and are a domain
    /// each.
    fn distinct(&self, groups: &[Representative], nodes: &Nodes) -> usize {
        let mut alone = 0;
        let mut shared: Vec<usize> = Vec::new();
        for group in groups {
            match self.tally.domain(group.row).or(self.blank) {
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

    fn partition_key(&self, row: NodeRow, nodes: &Nodes, key: &mut PartitionKey) {
        match self.tally.domain(row) {
            Some(domain) if self.constraint.by_node => {
                key.extend([
                    self.by_node[row.index()].unsigned_abs(),
                    1 + u64::from(self.blank == Some(domain)),
                ]);
            }
            None if self.constraint.by_node => key.extend([self.by_node[row.index()].unsigned_abs(), 0]),
            Some(domain) if self.blank == Some(domain) => key.push(1 + domain as u64),
            _ => self.tally.partition_key(row, nodes, key),
        }
    }
}

/// The domain of the empty value.
fn blank(cluster: &Cluster, constraint: &Constraint) -> Option<usize> {
    let value = cluster.symbols().find("")?;
    cluster.nodes().domains(constraint.topology_key)?.find(value)
}

impl Score for SpreadScore {
    fn score(&self, cluster: &Cluster, feasible: &[Representative], out: &mut [i64]) {
        let weights = self.weights(feasible, cluster.nodes());
        for (score, group) in out.iter_mut().zip(feasible) {
            *score = self.raw(group.row, &weights);
        }
    }

    fn normalize(&self, _cluster: &Cluster, _feasible: &[Representative], scores: &mut [i64]) {
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

    fn hints(&self) -> ScoreHints<'_> {
        ScoreHints { uniform: Some(self), ignores_counts: false, ..ScoreHints::default() }
    }
}

impl Uniform for SpreadScore {
    fn is_uniform(&self, columns: &UniformColumns) -> bool {
        self.counted.iter().all(|counted| !counted.constraint.by_node && counted.tally.is_uniform(columns))
    }
}

impl CachedScore for SpreadScore {
    fn scope(&self) -> CacheScope<'_> {
        CacheScope::Domains(self)
    }

    fn is_skipped(&self) -> bool {
        self.counted.is_empty()
    }

    fn apply_change(&mut self, cluster: &Cluster, change: Change) -> Validity {
        let own = cluster.pods().class(self.class);
        Validity::valid_if(match change {
            Change::Pod(PodChange { row, class, pods, terminating }) => {
                let (class, pods) = (cluster.pods().class(class), i64::from(pods - terminating));
                for counted in &mut self.counted {
                    if pods != 0 && counted.counts(class, own, cluster) {
                        counted.add(row, pods);
                    }
                }
                true
            }
            Change::NodeAdded(row) | Change::NodeChanged(row) | Change::NodeRemoved(row) => {
                let constraints = self.counted.iter().map(|c| &c.constraint);
                match NodeChange::of(change, row, (cluster, own), constraints, self.all_labels) {
                    NodeChange::Anew => false,
                    NodeChange::Nothing => true,
                    NodeChange::Parts(parts) => {
                        let mut counted = self.counted.iter_mut().zip(parts);
                        counted.all(|(c, takes_part)| c.apply_node_change(change, takes_part, cluster))
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

impl Partition for SpreadScore {
    fn partition_key(&self, cluster: &Cluster, row: NodeRow, key: &mut PartitionKey) {
        for counted in &self.counted {
            counted.partition_key(row, cluster.nodes(), key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::constraint::tests::service;
    use super::super::tests::{on, prefer, spread, taint, web, webs, zones};
    use super::super::{Defaulting, PodTopologySpread};
    use super::*;
    use crate::fixture::{World, labels, score};
    use crate::ids::PodRow;
    use crate::plugin::Plugin;
    use crate::scan::scores::ScoreState;
    use berth_model::affinity::SpreadConstraint;
    use expect_test::expect;

    fn scores(world: &World, pod: PodRow) -> String {
        score(&PodTopologySpread::default(), world, pod)
    }

    /// Raw scores of the nodes, as if only they were feasible.
    fn raw(world: &World, pod: PodRow, names: &[&str]) -> Vec<i64> {
        let rows: Vec<NodeRow> = names.iter().map(|name| world.cluster.nodes().find(name).unwrap()).collect();
        let plugin = PodTopologySpread::default();
        let state = ScoreState::of(plugin.pre_score(PodView::new(&world.cluster, pod))).unwrap();
        let groups: Vec<Representative> = rows.iter().copied().map(Representative::single).collect();
        let mut out = vec![0; rows.len()];
        state.score().score(&world.cluster, &groups, &mut out);
        out
    }

    #[test]
    fn emptier_domains_score_higher_and_nodes_without_the_label_zero() {
        let mut world = zones();
        webs(&mut world, &[("a1", 2), ("a2", 1), ("b1", 1), ("bare", 9)]);
        let pod = web(&mut world, &[prefer("zone", 1)]);
        // Two domains: 3 ln 4 is about 4, 1 ln 4 about 1.
        assert_eq!(raw(&world, pod, &["a1", "a2", "b1", "bare"]), [4, 4, 1, UNSCORED]);
        expect!["a1: 25, a2: 25, b1: 100, bare: 0"].assert_eq(&scores(&world, pod));
    }

    #[test]
    fn a_pod_weighs_by_the_logarithm_of_the_number_of_feasible_domains() {
        let mut world = zones();
        webs(&mut world, &[("a1", 10)]);
        let by_zone = web(&mut world, &[prefer("zone", 1)]);
        let by_node = web(&mut world, &[prefer("kubernetes.io/hostname", 1)]);
        assert_eq!(raw(&world, by_zone, &["a1", "a2"]), [11, 11]); // 10 ln 3
        assert_eq!(raw(&world, by_zone, &["a1", "b1"]), [14, 0]); // 10 ln 4
        assert_eq!(raw(&world, by_node, &["a1", "a2", "b1"]), [16, 0, 0]); // 10 ln 5
    }

    #[test]
    fn the_skew_waters_differences_down_and_equal_nodes_score_all() {
        let mut world = zones();
        let empty = web(&mut world, &[prefer("zone", 1)]);
        expect!["a1: 100, a2: 100, b1: 100, bare: 0"].assert_eq(&scores(&world, empty));
        webs(&mut world, &[("a1", 2)]);
        let strict = web(&mut world, &[prefer("zone", 1)]);
        let lenient = web(&mut world, &[prefer("zone", 5)]);
        expect!["a1: 0, a2: 0, b1: 100, bare: 0"].assert_eq(&scores(&world, strict));
        expect!["a1: 57, a2: 57, b1: 100, bare: 0"].assert_eq(&scores(&world, lenient));
    }

    #[test]
    fn several_constraints_add_up_and_a_hostname_counts_the_node_alone() {
        let mut world = zones();
        webs(&mut world, &[("a1", 2), ("b1", 1)]);
        let pod = web(&mut world, &[prefer("zone", 1), prefer("kubernetes.io/hostname", 1)]);
        // Zone a: 2 ln 4 = 2.8, b: 1.4; a node: 2 ln 5 = 3.2, 0, 1.6.
        assert_eq!(raw(&world, pod, &["a1", "a2", "b1"]), [6, 3, 3]);
        let deciding = web(&mut world, &[spread("zone", 1)]);
        expect![""].assert_eq(&scores(&world, deciding));
    }

    #[test]
    fn nodes_that_the_pod_cannot_use_count_in_zones_only_where_the_constraint_says_so() {
        let mut world = zones();
        world.node("a2", |node| {
            node.labels.insert("zone".into(), "a".into());
            node.taints = vec![taint("dedicated")];
        });
        webs(&mut world, &[("a2", 3), ("b1", 1)]);
        let honor = SpreadConstraint { honor_node_taints: true, ..prefer("zone", 1) };
        let by_node = SpreadConstraint { honor_node_taints: true, ..prefer("kubernetes.io/hostname", 1) };
        let indifferent = web(&mut world, &[prefer("zone", 1)]);
        let honoring = web(&mut world, &[honor]);
        let hostname = web(&mut world, &[by_node]);
        let selective = on(&mut world, "web", "", |_, spec| {
            spec.spread = vec![prefer("zone", 1)];
            spec.node_selector = labels(&[("kubernetes.io/hostname", "a1")]);
        });
        assert_eq!(raw(&world, indifferent, &["a1", "b1"]), [4, 1]);
        assert_eq!(raw(&world, honoring, &["a1", "b1"]), [0, 1]);
        assert_eq!(raw(&world, hostname, &["a1", "a2"]), [0, 4]);
        assert_eq!(raw(&world, selective, &["a1", "b1"]), [0, 0]);
    }

    #[test]
    fn system_defaults_spread_over_nodes_even_where_there_is_no_zone() {
        let mut world = zones();
        service(&mut world, "web", Some(&[("app", "web")]));
        webs(&mut world, &[("a1", 1), ("bare", 2)]);
        let pod = web(&mut world, &[]);
        // By node, ln 6 a pod and 2 for the skew; by zone (a, b and none), ln 5 a pod and 4 for the skew.
        assert_eq!(raw(&world, pod, &["a1", "a2", "b1", "bare"]), [9, 8, 6, 6]);
        let listed = PodTopologySpread {
            defaulting: Defaulting::List(vec![prefer("kubernetes.io/hostname", 3), prefer("zone", 5)]),
        };
        expect!["a1: 66, a2: 88, b1: 100, bare: 0"].assert_eq(&score(&listed, &world, pod));
    }

    #[test]
    fn by_system_defaults_an_empty_zone_and_none_are_one() {
        let mut world = zones();
        world.node("blank", |node| node.labels.insert("topology.kubernetes.io/zone".into(), "".into()));
        service(&mut world, "web", Some(&[("app", "web")]));
        webs(&mut world, &[("bare", 2), ("blank", 1)]);
        let pod = web(&mut world, &[]);
        // By node: ln 5 and 2. By zone: 3 ln 4 and 4.
        assert_eq!(raw(&world, pod, &["blank", "bare", "a1"]), [12, 5, 6]);
    }
}
