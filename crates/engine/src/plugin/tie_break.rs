//! Ties: which of several nodes with the highest total is chosen.
//!
//! Each pod has an order of all nodes of its own, and of tied nodes the first in that order is chosen. So a choice
//! depends on the names of the pod and of the nodes, and on nothing else: not on time, on the order of the input, or on
//! chance. Over many pods each tied node is equally likely.
//!
//! A pod's order is a permutation of the places that nodes have in the order of their names. The permutation is
//! computed in both directions in constant time: from a node to its key, and from a key to the node. So the first of
//! few tied nodes is found by comparing their keys, and the first of many by taking nodes in the pod's order until one
//! is tied.
//!
//! Upstream chooses by chance (`schedule_one.go`, `selectHost`).

use crate::cluster::NameOrder;
use crate::ids::NodeRow;
use crate::ids::hash::{absorb, mix};
use crate::plugin::view::PodView;

/// How ties are broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TieBreak {
    /// By an order of the nodes that is computed from the pod's namespace and name: each tied node is equally likely.
    #[default]
    Hashed,
    /// By the order of the nodes' names, for all pods.
    FirstName,
}

impl TieBreak {
    /// All of them, the default first.
    pub const ALL: [Self; 2] = [Self::Hashed, Self::FirstName];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hashed => "hashed",
            Self::FirstName => "first-name",
        }
    }

    /// The name in configurations.
    pub fn config_name(self) -> &'static str {
        match self {
            Self::Hashed => "Hashed",
            Self::FirstName => "FirstName",
        }
    }
}

/// The order in which one pod prefers nodes that tie.
#[derive(Clone, Debug)]
pub struct TieOrder<'a> {
    names: &'a NameOrder,
    permutation: Permutation,
    /// Whether nodes that tie are spread evenly over the order.
    is_even: bool,
}

/// The keys of nodes in one order.
#[derive(Clone, Debug)]
pub struct TieKeys<'a> {
    names: &'a NameOrder,
    inverse: Inverse,
}

impl<'a> TieOrder<'a> {
    /// The order for a pod.
    pub fn new(tie_break: TieBreak, pod: PodView<'a>) -> Self {
        let names = pod.cluster.nodes().name_order();
        let (permutation, is_even) = match tie_break {
            TieBreak::Hashed => {
                let seed = absorb(absorb(0, &pod.class.spec.namespace), &pod.entry().pod.name);
                (Permutation::random(names.len(), seed), true)
            }
            TieBreak::FirstName => (Permutation::identity(names.len()), false),
        };
        Self { names, permutation, is_even }
    }

    /// The keys of the nodes in this order.
    pub fn keys(&self) -> TieKeys<'a> {
        TieKeys { names: self.names, inverse: self.permutation.inverse() }
    }

    /// All nodes in the order of their keys.
    pub fn rows(&self) -> impl Iterator<Item = NodeRow> + '_ {
        let keys = 0..=self.permutation.mask;
        keys.filter_map(|key| self.names.at(self.permutation.place(key) as usize))
    }

    /// Whether it takes fewer steps to walk [`TieOrder::rows`] until a node ties than to compare the keys of all nodes
    /// that tie. `tied` is the number of nodes that tie. Either takes about as many steps as the square root of the
    /// number of nodes, at most.
    pub fn is_sooner_among_all(&self, tied: usize) -> bool {
        self.is_even && (tied as u64).saturating_mul(tied as u64) > self.permutation.mask
    }

    /// Whether the nodes with lower keys than this are few enough to look at one by one: at most the square root of the
    /// number of nodes.
    pub fn has_few_before(&self, key: u32) -> bool {
        u64::from(key) * u64::from(key) <= self.permutation.mask
    }
}

impl TieKeys<'_> {
    /// The key of a node: of tied nodes the one with the least key is chosen. No two nodes have equal keys.
    pub fn of(&self, row: NodeRow) -> u32 {
        // A permutation of 2^32 places at the most.
        self.inverse.key(self.names.of(row).into()) as u32
    }
}

/// A permutation of the numbers below a power of two, from keys to places. Each round multiplies by an odd number, adds
/// another one, and adds the upper half of the bits to the lower half without carries.
#[derive(Clone, Copy, Debug)]
struct Permutation {
    /// The highest of the numbers, all of whose bits are set.
    mask: u64,
    shift: u32,
    /// The odd number and the summand of each round.
    rounds: [(u64, u64); 3],
}

/// The same from places to keys.
#[derive(Clone, Copy, Debug)]
struct Inverse(Permutation);

/// Permutations of fewer numbers are so few that some places would come first more often than others.
const LEAST_SIZE: usize = 1 << 10;

impl Permutation {
    /// All numbers stay where they are.
    fn identity(places: usize) -> Self {
        Self { mask: mask(places), shift: u64::BITS - 1, rounds: [(1, 0); 3] }
    }

    /// The permutation of this many places, or a few more, that a seed gives.
    fn random(places: usize, seed: u64) -> Self {
        let mask = mask(places.max(LEAST_SIZE));
        let round = |number: u64| {
            let draw = mix(seed ^ number);
            (draw >> 32 | 1, draw & u64::from(u32::MAX))
        };
        Self { mask, shift: mask.count_ones().div_ceil(2), rounds: [1, 2, 3].map(round) }
    }

    /// The place at a key.
    fn place(&self, key: u64) -> u64 {
        self.rounds.iter().fold(key, |x, &(factor, summand)| {
            let x = x.wrapping_mul(factor).wrapping_add(summand) & self.mask;
            x ^ x >> self.shift
        })
    }

    fn inverse(&self) -> Inverse {
        Inverse(Self { rounds: self.rounds.map(|(factor, summand)| (inverse(factor), summand)), ..*self })
    }
}

impl Inverse {
    /// The key of a place.
    fn key(&self, place: u64) -> u64 {
        self.0.rounds.iter().rev().fold(place, |x, &(inverse, summand)| {
            let x = x ^ x >> self.0.shift;
            x.wrapping_sub(summand).wrapping_mul(inverse) & self.0.mask
        })
    }
}

/// The least power of two that is not below a number, less one.
fn mask(places: usize) -> u64 {
    (places as u64).next_power_of_two() - 1
}

/// The number whose product with an odd number ends in 31 zero bits and a one.
fn inverse(odd: u64) -> u64 {
    // Three steps of Newton's method: each doubles the number of low bits that are right, which are five at first.
    let start = odd.wrapping_mul(3) ^ 2;
    (0..3).fold(start, |inverse, _| inverse.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(inverse))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixture::is_uniform;

    proptest! {
        #[test]
        fn keys_are_a_permutation_and_places_its_inverse(places in 1usize..3000, seed in any::<u64>()) {
            for permutation in [Permutation::random(places, seed), Permutation::identity(places)] {
                let mut found = vec![false; permutation.mask as usize + 1];
                for key in 0..=permutation.mask {
                    let place = permutation.place(key);
                    prop_assert_eq!(permutation.inverse().key(place), key);
                    prop_assert!(!std::mem::replace(&mut found[place as usize], true));
                }
            }
        }
    }

    /// How often each of some tied places is chosen by the pods of a workload.
    fn choices(places: usize, tied: &[u64], pods: usize) -> Vec<u32> {
        let mut counts = vec![0; tied.len()];
        for pod in 0..pods {
            let seed = absorb(absorb(0, "default"), &format!("web-{pod}"));
            let inverse = Permutation::random(places, seed).inverse();
            let first = (0..tied.len()).min_by_key(|&at| inverse.key(tied[at])).unwrap();
            counts[first] += 1;
        }
        counts
    }

    #[test]
    fn each_tied_node_is_chosen_equally_often() {
        let every = |step: usize, places: u64| (0..places).step_by(step).collect::<Vec<u64>>();
        let cases = [
            (3, every(1, 3)),
            (3, vec![0, 2]),
            (6, every(2, 6)),
            (12, every(1, 12)),
            (12, vec![0, 1, 4, 5, 8, 9, 11]),
            (100, vec![3, 35, 67, 99]),
            (100, every(1, 100)),
            (5000, every(100, 5000)),
            (5000, (2000..2050).collect()),
            (5000, every(128, 5000)),
        ];
        for (places, tied) in cases {
            let counts = choices(places, &tied, 20_000);
            assert!(is_uniform(&counts), "{} of {places} nodes: {counts:?}", tied.len());
        }
    }
}
