//! Preferred terms: how much each domain draws the pod in or keeps it off.

use smallvec::SmallVec;

use super::incoming::{Incoming, Tallies};
use super::{NodeRow, PodView, Score};
use crate::class::Class;
use crate::cluster::Cluster;
use crate::ids::Sym;
use crate::plugin::MAX_SCORE;

/// The sum of weights of each domain, for each topology key of a term that applies.
pub(super) struct Attraction<'a>(Tallies<'a>);

/// Weights by topology key.
type Weights = SmallVec<[(Sym, i64); 4]>;

impl<'a> Attraction<'a> {
    /// `None` where no term of the pod or of a running pod applies.
    pub(super) fn new(pod: PodView<'a>, hard_weight: i64) -> Option<Self> {
        let incoming = Incoming::new(pod);
        let mut sums = Tallies::default();
        let mut any = false;
        for (_, class, placements) in pod.cluster.pods().classes() {
            if placements.entries().is_empty() {
                continue;
            }
            for (key, weight) in weights(incoming, class, hard_weight) {
                let tally = sums.of(key, pod.cluster);
                for place in placements.entries() {
                    any |= tally.add(place.row, weight * i64::from(place.pods));
                }
            }
        }
        any.then_some(Self(sums))
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

impl Score for Attraction<'_> {
    fn score(&self, _cluster: &Cluster, rows: &[NodeRow], out: &mut [i64]) {
        for (score, &row) in out.iter_mut().zip(rows) {
            *score = self.0.0.iter().filter_map(|(_, tally)| tally.at(row)).sum();
        }
    }

    fn normalize(&self, _rows: &[NodeRow], scores: &mut [i64]) {
        let (Some(&min), Some(&max)) = (scores.iter().min(), scores.iter().max()) else { return };
        for score in scores {
            // Upstream divides in floating point, and cuts off what is behind the point.
            let share = if max > min { (*score - min) as f64 / (max - min) as f64 } else { 0.0 };
            *score = (MAX_SCORE as f64 * share) as i64;
        }
    }
}
