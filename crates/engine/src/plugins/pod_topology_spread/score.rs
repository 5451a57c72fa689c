//! Constraints that prefer: how full each node's domains are.

use super::eligible::eligible;
use super::{Constraint, NodeRow, PodView, Score};
use crate::cluster::{Cluster, Domains, Tally};
use crate::plugin::MAX_SCORE;

/// The raw score of nodes that lack a label and therefore end up with zero.
const UNSCORED: i64 = -1;

/// The constraints that prefer, with the pods of each domain counted.
pub(super) struct Evenness<'a> {
    weighted: Vec<Weighted<'a>>,
    /// Whether a node must have the labels of all constraints to be scored.
    all_labels: bool,
}

struct Weighted<'a> {
    max_skew: i64,
    /// What a pod counts: the more domains, the more.
    weight: f64,
    domains: Option<&'a Domains>,
    counts: Counts<'a>,
}

enum Counts<'a> {
    ByNode(Vec<i64>),
    ByDomain(Tally<'a>),
}

impl<'a> Evenness<'a> {
    pub(super) fn new(
        pod: PodView<'a>,
        constraints: Vec<Constraint<'a>>,
        feasible: &[NodeRow],
        all_labels: bool,
    ) -> Self {
        let is_scored = |row: &NodeRow| {
            !all_labels || constraints.iter().all(|c| c.domains.is_some_and(|d| d.of(*row).is_some()))
        };
        let scored: Vec<NodeRow> = feasible.iter().copied().filter(is_scored).collect();
        let eligible = eligible(pod, &constraints, all_labels);
        let weighted = constraints
            .iter()
            .zip(eligible)
            .map(|(constraint, eligible)| Weighted::new(pod, constraint, &scored, &eligible))
            .collect();
        Self { weighted, all_labels }
    }
}

impl<'a> Weighted<'a> {
    fn new(pod: PodView<'a>, constraint: &Constraint<'a>, scored: &[NodeRow], eligible: &[bool]) -> Self {
        let domains = constraint.domains;
        // Nodes without the label are in one domain with those that have it with an empty value.
        let blank = domains.and_then(|d| d.find(pod.cluster.symbols().find("")?));
        let size = if constraint.by_node { scored.len() } else { distinct(domains, blank, scored) };
        let mut counts = if constraint.by_node {
            Counts::ByNode(vec![0; pod.cluster.nodes().row_count()])
        } else {
            Counts::ByDomain(Tally::new(domains))
        };
        for (_, class, placements) in pod.cluster.pods().classes() {
            if placements.entries().is_empty()
                || class.namespace != pod.class.namespace
                || !constraint.counts(class, pod.cluster)
            {
                continue;
            }
            for place in placements.entries() {
                let pods = i64::from(place.pods - place.terminating);
                match &mut counts {
                    Counts::ByNode(counts) => counts[place.row.index()] += pods,
                    Counts::ByDomain(tally) if eligible[place.row.index()] => {
                        if !tally.add(place.row, pods)
                            && let Some(blank) = blank
                        {
                            tally.add_to(blank, pods);
                        }
                    }
                    Counts::ByDomain(_) => {}
                }
            }
        }
        // Scores are rounded to integers, so the last digit of the logarithm does not show.
        Self { max_skew: constraint.max_skew, weight: ((size + 2) as f64).ln(), domains, counts }
    }
}

/// How many domains the nodes are in.
fn distinct(domains: Option<&Domains>, blank: Option<usize>, rows: &[NodeRow]) -> usize {
    let ids = domains.map_or(0, Domains::id_count);
    let mut seen = vec![false; ids + 1];
    let fresh = |row: &&NodeRow| {
        let domain = domains.and_then(|d| d.of(**row)).or(blank).unwrap_or(ids);
        !std::mem::replace(&mut seen[domain], true)
    };
    rows.iter().filter(fresh).count()
}

impl Evenness<'_> {
    fn raw(&self, row: NodeRow) -> i64 {
        let mut score = 0.0;
        for weighted in &self.weighted {
            let Some(domain) = weighted.domains.and_then(|d| d.of(row)) else {
                if self.all_labels {
                    return UNSCORED;
                }
                continue;
            };
            let count = match &weighted.counts {
                Counts::ByNode(counts) => counts[row.index()],
                Counts::ByDomain(tally) => tally.count(domain),
            };
            score += count as f64 * weighted.weight + (weighted.max_skew - 1) as f64;
        }
        score.round() as i64
    }
}

impl Score for Evenness<'_> {
    fn score(&self, _cluster: &Cluster, rows: &[NodeRow], out: &mut [i64]) {
        for (score, &row) in out.iter_mut().zip(rows) {
            *score = self.raw(row);
        }
    }

    fn normalize(&self, _rows: &[NodeRow], scores: &mut [i64]) {
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
    use berth_model::affinity::SpreadConstraint;
    use expect_test::expect;

    fn scores(world: &World, pod: PodRow) -> String {
        score(&PodTopologySpread::default(), world, pod)
    }

    /// Raw scores of the nodes, as if only they were feasible.
    fn raw(world: &World, pod: PodRow, names: &[&str]) -> Vec<i64> {
        let rows: Vec<NodeRow> = names.iter().map(|name| world.cluster.nodes().find(name).unwrap()).collect();
        let plugin = PodTopologySpread::default();
        let state = plugin.prepare_score(PodView::new(&world.cluster, pod), &rows).unwrap();
        let mut out = vec![0; rows.len()];
        state.score(&world.cluster, &rows, &mut out);
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
