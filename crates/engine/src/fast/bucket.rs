//! Nodes that are equal to a class but for what their pods use, in the order in which they would be chosen.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::refusals::VerdictId;
use super::standing::Standing;
use crate::cluster::Ranks;
use crate::ids::NodeRow;

/// Nodes of equal keys: raw scores that do not change with usage, and the topology domains or counts that filters and
/// scores look at.
///
/// The order is a heap in which entries of nodes that moved on stay until they come to the top: a node's standing says
/// whether an entry is still true.
#[derive(Debug)]
pub(super) struct Bucket {
    /// A filter that comes after those over domains refuses its nodes.
    pub(super) refused: Option<VerdictId>,
    heap: BinaryHeap<Place>,
    nodes: usize,
}

/// The greatest is chosen: the best score by usage, then the first by name, which has the lowest rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) score: i64,
    pub(super) rank: Reverse<u32>,
    pub(super) row: NodeRow,
}

impl Bucket {
    pub(super) fn new(refused: Option<VerdictId>) -> Self {
        Self { refused, heap: BinaryHeap::new(), nodes: 0 }
    }

    /// Fills a bucket with all of its nodes, in time linear in their number.
    pub(super) fn fill(&mut self, places: Vec<Place>) {
        self.nodes = places.len();
        self.heap = places.into();
    }

    /// A node comes in.
    pub(super) fn insert(&mut self, place: Place) {
        self.heap.push(place);
        self.nodes += 1;
    }

    /// A node goes; its entry stays behind, and its standing tells.
    pub(super) fn remove(&mut self) {
        self.nodes -= 1;
    }

    pub(super) fn len(&self) -> usize {
        self.nodes
    }

    /// The first node in the order of choice that is accepted; `Err` where the question is given up.
    pub(super) fn first(
        &mut self,
        number: u32,
        standings: &[Standing],
        ranks: &Ranks,
        mut accept: impl FnMut(NodeRow) -> Option<bool>,
    ) -> Result<Option<Place>, ()> {
        let mut aside = Vec::new();
        let found = loop {
            let Some(place) = self.head(number, standings, ranks) else { break Ok(None) };
            match accept(place.row) {
                Some(true) => break Ok(Some(place)),
                None => break Err(()),
                Some(false) => aside.extend(self.heap.pop()),
            }
        };
        self.heap.extend(aside);
        found
    }

    /// The node that would be chosen. Entries that are no longer true are dropped on the way.
    pub(super) fn head(&mut self, number: u32, standings: &[Standing], ranks: &Ranks) -> Option<Place> {
        let is_true = |place: &Place| {
            standings[place.row.index()] == Standing::open(number, place.score)
                && ranks.of(place.row) == place.rank.0 // else it is of a node that was in the row before
        };
        if self.heap.len() > 64 + 4 * self.nodes {
            let mut places = std::mem::take(&mut self.heap).into_vec();
            places.retain(is_true);
            // A node that came back to its old place is there twice.
            places.sort_unstable();
            places.dedup();
            self.heap = places.into();
        }
        while let Some(place) = self.heap.peek() {
            if is_true(place) {
                return Some(*place);
            }
            self.heap.pop();
        }
        None
    }
}
