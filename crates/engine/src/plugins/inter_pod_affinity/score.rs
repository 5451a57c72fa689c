//! Preferred terms: how much each domain draws the pod in or keeps it off.

use smallvec::SmallVec;

use super::PodView;
use super::incoming::{Incoming, Tallies};
use crate::cluster::{Change, Cluster, PodChange, UniformColumns};
use crate::ids::{NodeRow, PodClassId, Sym};
use crate::plugin::{
    CacheScope, CachedScore, MAX_SCORE, Partition, PartitionKey, Representative, Score, ScoreHints, Uniform,
    Validity,
};
use crate::pod_class::PodClass;

/// The sum of weights of each domain, for each topology key of a term that applies.
#[derive(Debug)]
pub(super) struct AffinityScore {
    class: PodClassId,
    hard_weight: i64,
    sums: Tallies,
    /// How many pods lie in a domain of a term that applies, once a key.
    pods: i64,
}

/// Weights by topology key.
type Weights = SmallVec<[(Sym, i64); 4]>;

impl AffinityScore {
    pub(super) fn new(pod: PodView<'_>, hard_weight: i64) -> Self {
        let mut sums = Self { class: pod.class_id(), hard_weight, sums: Tallies::default(), pods: 0 };
        let pods = pod.cluster.pods();
        let own = pod.class.preferred_affinity.iter().chain(&pod.class.preferred_anti_affinity);
        let concerned = pods.class_index().attracting(own.map(|(_, term)| term), &pod.class.labels);
        for (_, class, placements) in pods.placed(&concerned) {
            let pods = placements.entries().iter().map(|place| (place.row, i64::from(place.pods)));
            sums.count(pod.cluster, class, pods);
        }
        sums
    }

    /// Counts pods of a class, given by node and number.
    fn count(
        &mut self,
        cluster: &Cluster,
        class: &PodClass,
        pods: impl Iterator<Item = (NodeRow, i64)> + Clone,
    ) {
        let incoming = Incoming::new(cluster, self.class);
        for (key, weight) in weights(incoming, class, self.hard_weight) {
            let tally = self.sums.of(key, cluster.nodes());
            for (row, count) in pods.clone() {
                let counted = tally.add(row, weight * count);
                self.pods += if counted { count } else { 0 };
            }
        }
    }
}

/// What one pod of the class adds to the domains that it lies in. A weight may be zero: its terms cancel out but apply.
fn weights(incoming: Incoming<'_>, class: &PodClass, hard_weight: i64) -> Weights {
    let mut weights = Weights::new();
    let mut add = |key, weight| match weights.iter_mut().find(|(k, _)| *k == key) {
        Some((_, sum)) => *sum += weight,
        None => weights.push((key, weight)),
    };
    let own = incoming.class;
    for (weight, term) in own.preferred_affinity.iter().filter(|(_, t)| incoming.selects(t, class)) {
        add(term.topology_key, *weight);
    }
    for (weight, term) in own.preferred_anti_affinity.iter().filter(|(_, t)| incoming.selects(t, class)) {
        add(term.topology_key, -weight);
    }
    if hard_weight > 0 {
        for term in class.affinity.iter().filter(|t| incoming.is_selected_by(t)) {
            add(term.topology_key, hard_weight);
        }
    }
    for (weight, term) in class.preferred_affinity.iter().filter(|(_, t)| incoming.is_selected_by(t)) {
        add(term.topology_key, *weight);
    }
    for (weight, term) in class.preferred_anti_affinity.iter().filter(|(_, t)| incoming.is_selected_by(t)) {
        add(term.topology_key, -weight);
    }
    weights
}

impl Score for AffinityScore {
    fn score(&self, _cluster: &Cluster, feasible: &[Representative], out: &mut [i64]) {
        for (score, group) in out.iter_mut().zip(feasible) {
            *score = self.sums.0.iter().filter_map(|(_, tally)| tally.at(group.row)).sum();
        }
    }

    fn normalize(&self, _cluster: &Cluster, _feasible: &[Representative], scores: &mut [i64]) {
        let (Some(&min), Some(&max)) = (scores.iter().min(), scores.iter().max()) else { return };
        for score in scores {
            // Upstream divides in floating point, and cuts off what is behind the point.
            let share = if max > min { (*score - min) as f64 / (max - min) as f64 } else { 0.0 };
            *score = (MAX_SCORE as f64 * share) as i64;
        }
    }

    fn hints(&self) -> ScoreHints<'_> {
        ScoreHints { uniform: Some(self), ignores_counts: true, ..ScoreHints::default() }
    }
}

impl Uniform for AffinityScore {
    fn is_uniform(&self, columns: &UniformColumns) -> bool {
        self.sums.are_uniform(columns)
    }
}

impl CachedScore for AffinityScore {
    fn scope(&self) -> CacheScope<'_> {
        CacheScope::Domains(self)
    }

    fn is_skipped(&self) -> bool {
        self.pods == 0
    }

    fn apply_change(&mut self, cluster: &Cluster, change: Change) -> Validity {
        let keys = self.sums.0.len();
        if let Change::Pod(PodChange { row, class, pods, .. }) = change {
            self.count(cluster, cluster.pods().class(class), std::iter::once((row, i64::from(pods))));
        }
        // A new topology key tells nodes apart that were alike before.
        Validity::valid_if(
            !change.invalidates_all()
                && keys == self.sums.0.len()
                && (!change.invalidates_nodes() || self.sums.apply_change(change, cluster.nodes())),
        )
    }
}

impl Partition for AffinityScore {
    fn partition_key(&self, cluster: &Cluster, row: NodeRow, key: &mut PartitionKey) {
        for (_, tally) in &self.sums.0 {
            tally.partition_key(row, cluster.nodes(), key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::InterPodAffinity;
    use super::super::tests::{anywhere, near, on, weighted, zones};
    use crate::fixture::score;
    use expect_test::expect;

    const PLAIN: InterPodAffinity =
        InterPodAffinity { hard_pod_affinity_weight: 1, ignore_preferred_terms_of_existing_pods: false };

    #[test]
    fn domains_gain_for_each_pod_that_is_wanted_near_and_lose_for_each_that_is_wanted_away() {
        let mut world = zones();
        on(&mut world, "db", "a1", |_| {});
        on(&mut world, "db", "b1", |_| {});
        on(&mut world, "db", "b1", |_| {});
        on(&mut world, "noisy", "a2", |_| {});
        let pod = on(&mut world, "web", "", |spec| {
            spec.pod_affinity.preferred = vec![weighted(10, near("zone", "db"))];
            spec.pod_anti_affinity.preferred = vec![weighted(5, near("kubernetes.io/hostname", "noisy"))];
        });
        // Raw: a1 10, a2 10 - 5, b1 20, bare 0.
        expect!["a1: 50, a2: 25, b1: 100, bare: 0"].assert_eq(&score(&PLAIN, &world, pod));
    }

    #[test]
    fn running_pods_draw_the_pod_in_or_keep_it_off_by_their_own_terms() {
        let mut world = zones();
        on(&mut world, "fan", "a1", |spec| {
            spec.pod_affinity.preferred = vec![weighted(8, near("zone", "web"))]
        });
        on(&mut world, "foe", "b1", |spec| {
            spec.pod_anti_affinity.preferred = vec![weighted(8, near("zone", "web"))];
        });
        let pod = on(&mut world, "web", "", |_| {});
        expect!["a1: 100, a2: 100, b1: 0, bare: 50"].assert_eq(&score(&PLAIN, &world, pod));
    }

    #[test]
    fn required_affinity_of_running_pods_counts_with_the_configured_weight() {
        let mut world = zones();
        on(&mut world, "fan", "a1", |spec| spec.pod_affinity.required = vec![near("zone", "web")]);
        on(&mut world, "fan", "b1", |spec| {
            spec.pod_affinity.preferred = vec![weighted(4, near("zone", "web"))]
        });
        let pod = on(&mut world, "web", "", |_| {});
        let with = |hard_pod_affinity_weight| InterPodAffinity { hard_pod_affinity_weight, ..PLAIN };
        expect!["a1: 0, a2: 0, b1: 100, bare: 0"].assert_eq(&score(&with(0), &world, pod));
        expect!["a1: 25, a2: 25, b1: 100, bare: 0"].assert_eq(&score(&with(1), &world, pod));
        expect!["a1: 100, a2: 100, b1: 8, bare: 0"].assert_eq(&score(&with(50), &world, pod));
    }

    #[test]
    fn the_plugin_is_skipped_where_no_term_applies_in_any_domain() {
        let mut world = zones();
        on(&mut world, "db", "bare", |_| {});
        on(&mut world, "fan", "a1", |spec| {
            spec.pod_affinity.preferred = vec![weighted(8, near("zone", "x"))]
        });
        let indifferent = on(&mut world, "web", "", |_| {});
        let unheard = on(&mut world, "web", "", |spec| {
            spec.pod_affinity.preferred = vec![weighted(10, near("zone", "db"))];
        });
        let cancelled = on(&mut world, "web", "", |spec| {
            spec.pod_affinity.preferred = vec![weighted(10, anywhere("zone"))];
            spec.pod_anti_affinity.preferred = vec![weighted(10, anywhere("zone"))];
        });
        expect![""].assert_eq(&score(&PLAIN, &world, indifferent));
        expect![""].assert_eq(&score(&PLAIN, &world, unheard));
        expect!["a1: 0, a2: 0, b1: 0, bare: 0"].assert_eq(&score(&PLAIN, &world, cancelled));
    }

    #[test]
    fn what_running_pods_prefer_can_be_ignored_for_pods_that_prefer_nothing() {
        let mut world = zones();
        on(&mut world, "fan", "a1", |spec| {
            spec.pod_affinity.preferred = vec![weighted(8, near("zone", "web"))]
        });
        on(&mut world, "db", "b1", |_| {});
        let plain = on(&mut world, "web", "", |_| {});
        let drawn = on(&mut world, "web", "", |spec| {
            spec.pod_affinity.preferred = vec![weighted(2, near("zone", "db"))];
        });
        let ignoring = InterPodAffinity { ignore_preferred_terms_of_existing_pods: true, ..PLAIN };
        expect![""].assert_eq(&score(&ignoring, &world, plain));
        expect!["a1: 100, a2: 100, b1: 25, bare: 0"].assert_eq(&score(&ignoring, &world, drawn));
    }
}
