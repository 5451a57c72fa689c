//! The order of nodes by name, as numbers: comparing two ranks compares two names.
//!
//! Ranks have gaps, so that a new node mostly finds a number between its neighbours and no other rank changes. Where there
//! is no gap left all ranks are given anew, and the epoch tells whoever stored ranks.

use std::collections::BTreeMap;

use berth_model::Str;

use crate::ids::NodeRow;

/// Ranks by row.
#[derive(Clone, Debug, Default)]
pub struct Ranks {
    ranks: Vec<u32>,
    epoch: u64,
}

/// The distance between neighbours when ranks are given anew at the end of the order.
const GAP: u32 = 1 << 10;

impl Ranks {
    /// The rank of a node: less is earlier by name.
    pub fn of(&self, row: NodeRow) -> u32 {
        self.ranks[row.index()]
    }

    /// Changes whenever stored ranks are void.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Gives a rank to a node that was just added to `by_name`.
    pub(crate) fn insert(&mut self, row: NodeRow, name: &Str, by_name: &BTreeMap<Str, NodeRow>) {
        if self.ranks.len() <= row.index() {
            self.ranks.resize(row.index() + 1, 0);
        }
        let before = by_name.range::<Str, _>(..name).next_back().map(|(_, &r)| self.of(r));
        let after = by_name.range::<Str, _>((std::ops::Bound::Excluded(name), std::ops::Bound::Unbounded));
        let after = after.map(|(_, &r)| self.of(r)).next();
        let rank = match (before, after) {
            (None, None) => Some(u32::MAX / 2),
            (Some(low), None) => low.checked_add(GAP),
            (None, Some(high)) => high.checked_sub(GAP),
            (Some(low), Some(high)) => Some(low + (high - low) / 2).filter(|&r| r != low),
        };
        match rank {
            Some(rank) => self.ranks[row.index()] = rank,
            None => self.renumber(by_name),
        }
    }

    fn renumber(&mut self, by_name: &BTreeMap<Str, NodeRow>) {
        self.epoch += 1;
        let nodes = u32::try_from(by_name.len()).expect("fewer than 2^32 nodes");
        let step = (u32::MAX / (nodes + 1)).clamp(1, GAP);
        for (&row, at) in by_name.values().zip(0u32..) {
            self.ranks[row.index()] = (u32::MAX - nodes * step) / 2 + at * step;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranks_are_in_the_order_of_names_whatever_the_order_of_arrival(names in proptest::collection::vec("[ab]{1,14}", 1..200)) {
            let (mut ranks, mut by_name, mut next) = (Ranks::default(), BTreeMap::new(), 0);
            for name in names {
                let name: Str = name.into();
                if by_name.contains_key(&name) {
                    continue;
                }
                by_name.insert(name.clone(), NodeRow(next));
                ranks.insert(NodeRow(next), &name, &by_name);
                next += 1;
                let all: Vec<u32> = by_name.values().map(|&r| ranks.of(r)).collect();
                prop_assert!(all.is_sorted_by(|a, b| a < b), "{all:?}");
            }
        }
    }
}
