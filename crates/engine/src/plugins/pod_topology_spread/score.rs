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
