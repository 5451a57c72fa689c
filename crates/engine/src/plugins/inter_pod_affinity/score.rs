//! Preferred terms: how much each domain draws the pod in or keeps it off.

use smallvec::SmallVec;

use super::incoming::{Incoming, Tallies};
use super::{PodView, Score};
use crate::class::Class;
use crate::cluster::{Change, Cluster, PodChange};
use crate::ids::{ClassId, NodeRow, Sym};
use crate::plugin::{Group, Key, MAX_SCORE};

/// The sum of weights of each domain, for each topology key of a term that applies.
#[derive(Debug)]
pub(super) struct Attraction {
    class: ClassId,
    hard_weight: i64,
    sums: Tallies,
    /// How many pods lie in a domain of a term that applies, once a key.
    pods: i64,
}

/// Weights by topology key.
type Weights = SmallVec<[(Sym, i64); 4]>;

impl Attraction {
    pub(super) fn new(pod: PodView<'_>, hard_weight: i64) -> Self {
        let mut sums = Self { class: pod.class_id(), hard_weight, sums: Tallies::default(), pods: 0 };
        for (_, class, placements) in pod.cluster.pods().classes() {
            if !placements.entries().is_empty() {
                let pods = placements.entries().iter().map(|place| (place.row, i64::from(place.pods)));
                sums.count(pod.cluster, class, pods);
            }
        }
        sums
    }

    /// Counts pods of a class, given by node and number.
    fn count(
        &mut self,
        cluster: &Cluster,
        class: &Class,
        pods: impl Iterator<Item = (NodeRow, i64)> + Clone,
    ) {
        let incoming = Incoming::new(cluster, self.class);
        for (key, weight) in weights(incoming, class, self.hard_weight) {
            let tally = self.sums.of(key, cluster.nodes());
            for (row, count) in pods.clone() {
                let counted = tally.add(row, weight * count, cluster.nodes());
                self.pods += if counted { count } else { 0 };
            }
        }
    }
}

/// What one pod of the class adds to the domains that it lies in. A weight may be zero: its terms cancel out but apply.
fn weights(incoming: Incoming<'_>, class: &Class, hard_weight: i64) -> Weights {
    let mut weights = Weights::new();
    let mut add = |key, weight| match weights.iter_mut().find(|(k, _)| *k == key) {
        Some((_, sum)) => *sum += weight,
        None => weights.push((key, weight)),
    };
    let own = incoming.class;
    for (weight, term) in own.preferred_affinity.iter().filter(|(_, t)| incoming.wants(t, class)) {
        add(term.topology_key, *weight);
    }
    for (weight, term) in own.preferred_anti_affinity.iter().filter(|(_, t)| incoming.wants(t, class)) {
        add(term.topology_key, -weight);
    }
    if hard_weight > 0 {
        for term in class.affinity.iter().filter(|t| incoming.is_wanted(t)) {
            add(term.topology_key, hard_weight);
        }
    }
    for (weight, term) in class.preferred_affinity.iter().filter(|(_, t)| incoming.is_wanted(t)) {
        add(term.topology_key, *weight);
    }
    for (weight, term) in class.preferred_anti_affinity.iter().filter(|(_, t)| incoming.is_wanted(t)) {
        add(term.topology_key, -weight);
    }
    weights
}

impl Score for Attraction {
    fn score(&self, cluster: &Cluster, feasible: &[Group], out: &mut [i64]) {
        for (score, group) in out.iter_mut().zip(feasible) {
            *score = self.sums.0.iter().filter_map(|(_, tally)| tally.at(group.row, cluster.nodes())).sum();
        }
    }

    fn normalize(&self, _cluster: &Cluster, _feasible: &[Group], scores: &mut [i64]) {
        let (Some(&min), Some(&max)) = (scores.iter().min(), scores.iter().max()) else { return };
        for score in scores {
            // Upstream divides in floating point, and cuts off what is behind the point.
            let share = if max > min { (*score - min) as f64 / (max - min) as f64 } else { 0.0 };
            *score = (MAX_SCORE as f64 * share) as i64;
        }
    }

    fn is_idle(&self) -> bool {
        self.pods == 0
    }

    fn follow(&mut self, cluster: &Cluster, change: Change) -> bool {
        if let Change::Pod(PodChange { row, class, pods, .. }) = change {
            self.count(cluster, cluster.pods().class(class), std::iter::once((row, i64::from(pods))));
        }
        change.is_of_pods()
    }

    fn key(&self, cluster: &Cluster, row: NodeRow, key: &mut Key) {
        for (_, tally) in &self.sums.0 {
            tally.key(row, cluster.nodes(), key);
        }
    }
}
