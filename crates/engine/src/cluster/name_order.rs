//! The order of nodes by name, as numbers: comparing two ranks compares two names.
//!
//! NameOrder have gaps, so that a new node mostly finds a number between its neighbours and no other rank changes.
//! Where there is no gap left, the ranks of the smallest thinly used range around it are spread evenly, and the epoch
//! tells a reader that stored ranks. The larger the range, the thinner it must be used: so a node costs O(log nodes)
//! changed ranks over time, in whatever order names come (Bender et al., Two simplified algorithms for maintaining
//! order in a list, 2002).

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

use berth_model::Str;

use crate::ids::NodeRow;

/// NameOrder by row.
#[derive(Clone, Debug, Default)]
pub struct NameOrder {
    ranks: Vec<u32>,
    epoch: u64,
}

/// The distance of a new node from the first or last one.
const GAP: u32 = 1 << 10;

/// A range of 2^i numbers counts as thinly used by up to (2 / CROWDING)^i nodes. All 2^32 numbers take some 3 million
/// nodes that way; beyond that they are all spread at once, at the old price.
const CROWDING: f64 = 1.25;

impl NameOrder {
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
        let after = by_name.range::<Str, _>((Bound::Excluded(name), Bound::Unbounded));
        let after = after.map(|(_, &r)| self.of(r)).next();
        let rank = match (before, after) {
            (None, None) => Some(u32::MAX / 2),
            (Some(low), None) => low.checked_add(GAP),
            (None, Some(high)) => high.checked_sub(GAP),
            (Some(low), Some(high)) => Some(low + (high - low) / 2).filter(|&r| r != low),
        };
        match rank {
            Some(rank) => self.ranks[row.index()] = rank,
            None => self.make_room(row, name, before.or(after).unwrap_or(0), by_name),
        }
    }

    /// Spreads the ranks around a new node; `near` is the rank of a neighbour.
    fn make_room(&mut self, row: NodeRow, name: &Str, near: u32, by_name: &BTreeMap<Str, NodeRow>) {
        self.epoch += 1;
        let mut before = by_name.range::<Str, _>(..name).rev().map(|(_, &r)| r).peekable();
        let mut after = by_name.range::<Str, _>((Bound::Excluded(name), Bound::Unbounded));
        let mut next_after = after.next().map(|(_, &r)| r);
        let mut inside = VecDeque::from([row]);
        let mut thin = 1.0;
        for bits in 1..=u32::BITS {
            thin *= 2.0 / CROWDING;
            let size = 1u64 << bits;
            let start = u64::from(near) / size * size;
            while let Some(r) = before.next_if(|&r| u64::from(self.of(r)) >= start) {
                inside.push_front(r);
            }
            while let Some(r) = next_after.filter(|&r| u64::from(self.of(r)) < start + size) {
                inside.push_back(r);
                next_after = after.next().map(|(_, &r)| r);
            }
            let count = inside.len() as u64;
            if count as f64 <= thin || bits == u32::BITS {
                for (at, r) in (0u64..).zip(inside) {
                    let rank = start + (2 * at + 1) * size / (2 * count);
                    self.ranks[r.index()] = u32::try_from(rank).expect("below the end of the range");
                }
                return;
            }
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
            let (mut ranks, mut by_name, mut next) = (NameOrder::default(), BTreeMap::new(), 0);
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

    #[test]
    fn names_that_come_in_order_between_others_find_their_place() {
        let (mut ranks, mut by_name, mut next) = (NameOrder::default(), BTreeMap::new(), 0);
        let ascending = (0..3000).map(|i| format!("b-{i:05}"));
        let descending = (0..3000).map(|i| format!("c-{:05}", 9999 - i));
        for name in ["a".to_string(), "z".to_string()].into_iter().chain(ascending).chain(descending) {
            by_name.insert(Str::from(name.as_str()), NodeRow(next));
            ranks.insert(NodeRow(next), &name.as_str().into(), &by_name);
            next += 1;
        }
        assert!(by_name.values().map(|&r| ranks.of(r)).is_sorted_by(|a, b| a < b));
    }
}
