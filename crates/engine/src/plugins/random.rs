//! Prefers a node at random, from a seed.
//!
//! - **Score**: every node draws a number from (seed, pod, node name); the highest draw scores 100 and all others 0.
//!   Alone, the plugin so chooses a feasible node uniformly at random; beside others it is a bonus for one node.
//! - **Depends on** the single pod, by namespace, name and uid, not on its class: replicas draw independently.
//!   Attempts of the same pod draw the same numbers, and a node that comes or goes changes no other node's number.
//! - **Upstream**: none. kube-scheduler has chance only in its sampling and its ties.
//! - **Cost**: one hash of the node's name a node.
//!
//! There is no random source: a draw is a stable hash.

use std::sync::Arc;

use crate::cluster::Cluster;
use crate::ids::hash::{absorb, mix};
use crate::ids::name::PluginName;
use crate::plugin::registry::{ExtensionPoint, PluginEntry};
use crate::plugin::view::PodView;
use crate::plugin::{MAX_SCORE, Plugin, PreScore, Representative, Score};

/// The plugin's name in configurations.
pub const NAME: &str = "Random";

/// The registry entry.
pub const ENTRY: PluginEntry = PluginEntry::new(
    NAME,
    &[ExtensionPoint::PreScore, ExtensionPoint::Score],
    || Arc::new(Random::default()),
)
.with_arguments();

/// The plugin and its argument (`RandomArgs`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Random {
    /// Another seed gives another choice for each pod, independent of the first.
    pub seed: u64,
}

/// What the seed and the pod came to.
#[derive(Clone, Copy, Debug)]
struct RandomScore(u64);

impl Plugin for Random {
    fn name(&self) -> PluginName {
        PluginName::new(NAME)
    }

    fn pre_score<'a>(&'a self, pod: PodView<'a>) -> PreScore<'a> {
        let entry = &pod.entry().pod;
        let identity = [&pod.class.spec.namespace, &entry.name, &entry.uid];
        let draw = identity.iter().fold(mix(self.seed), |draw, text| absorb(draw, text));
        PreScore::Run(Box::new(RandomScore(draw)))
    }
}

impl Score for RandomScore {
    fn score(&self, cluster: &Cluster, feasible: &[Representative], out: &mut [i64]) {
        for (score, &Representative { row, .. }) in out.iter_mut().zip(feasible) {
            *score = (absorb(self.0, cluster.nodes().name(row)) >> 1).cast_signed();
        }
    }

    /// Of equal draws, one in 2^63 pairs, the first row counts.
    fn normalize(&self, _cluster: &Cluster, _feasible: &[Representative], scores: &mut [i64]) {
        let best = scores.iter().copied().max();
        let chosen = scores.iter().position(|&score| Some(score) == best);
        scores.fill(0);
        if let Some(at) = chosen {
            scores[at] = MAX_SCORE;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{World, is_uniform, score};
    use crate::ids::NodeRow;
    use crate::scan::scores::ScoreState;
    use proptest::prelude::*;

    /// The index of the node that is chosen.
    fn choice(world: &World, pod: crate::ids::PodRow, rows: &[NodeRow], seed: u64) -> usize {
        let mut scores = vec![0; rows.len()];
        let plugin = Random { seed };
        let state = ScoreState::of(plugin.pre_score(PodView::new(&world.cluster, pod))).unwrap();
        let state = state.score();
        let groups: Vec<Representative> = rows.iter().copied().map(Representative::single).collect();
        state.score(&world.cluster, &groups, &mut scores);
        state.normalize(&world.cluster, &groups, &mut scores);
        assert_eq!(scores.iter().sum::<i64>(), MAX_SCORE);
        scores.iter().position(|&s| s == MAX_SCORE).unwrap()
    }

    fn world(nodes: &[String], pods: usize) -> (World, Vec<NodeRow>, Vec<crate::ids::PodRow>) {
        let mut world = World::default();
        let rows = nodes.iter().map(|name| world.node(name, |_| {})).collect();
        let pods = (0..pods).map(|n| world.pod(&format!("web-{n}"), |_, _| {})).collect();
        (world, rows, pods)
    }

    #[test]
    fn one_node_gets_all_and_a_seed_gives_the_same_one_every_time() {
        let (world, rows, pods) = world(&["a".into(), "b".into(), "c".into()], 3);
        // The numbers of docs/algorithms.md. They must not change: a seed is a promise.
        let cases = [(0, "bcc"), (1, "ccb"), (2, "bcc"), (3, "cbc"), (4, "acc"), (5, "bba")];
        for (seed, expected) in cases {
            let chosen = [0, 1, 2].map(|at| ["a", "b", "c"][choice(&world, pods[at], &rows, seed)]);
            assert_eq!(chosen.concat(), expected, "seed {seed}");
        }
        assert_eq!(score(&Random { seed: 0 }, &world, pods[0]), "a: 0, b: 100, c: 0");
    }

    #[test]
    fn choices_of_neighbouring_seeds_and_of_neighbouring_pods_are_independent() {
        let (world, rows, pods) = world(&["a".into(), "b".into(), "c".into(), "d".into()], 8000);
        let mut by_seed = [0; 16];
        for seed in 0..8000 {
            let pair = [seed, seed + 1].map(|seed| choice(&world, pods[0], &rows, seed));
            by_seed[pair[0] * 4 + pair[1]] += 1;
        }
        assert!(is_uniform(&by_seed), "{by_seed:?}");
        let mut by_pod = [0; 16];
        for pair in pods.windows(2) {
            by_pod[choice(&world, pair[0], &rows, 7) * 4 + choice(&world, pair[1], &rows, 7)] += 1;
        }
        assert!(is_uniform(&by_pod), "{by_pod:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_feasible_node_is_as_likely_as_any_other(
            names in proptest::collection::btree_set("[a-z]{1,3}-?[0-9]{0,12}x", 2..12),
            first in any::<u64>(),
        ) {
            let names: Vec<String> = names.into_iter().collect();
            let (world, rows, pods) = world(&names, 1);
            let mut counts = vec![0u32; rows.len()];
            for n in 0..200 * rows.len() as u64 {
                counts[choice(&world, pods[0], &rows, first.wrapping_add(n))] += 1;
            }
            prop_assert!(is_uniform(&counts), "{:?}", counts);
        }

        #[test]
        fn the_choice_does_not_depend_on_the_order_of_nodes_or_on_nodes_that_lose(
            seed in any::<u64>(), left_out in 0usize..8
        ) {
            let names: Vec<String> = (0..8).map(|n| format!("node-{n}")).collect();
            let (world, rows, pods) = world(&names, 1);
            let chosen = rows[choice(&world, pods[0], &rows, seed)];
            let mut fewer: Vec<NodeRow> = rows.iter().copied().rev().collect();
            fewer.retain(|&row| row == chosen || row != rows[left_out]);
            prop_assert_eq!(fewer[choice(&world, pods[0], &fewer, seed)], chosen);
        }
    }
}
