//! Nodes that are equal to a class but for what their pods use, in the order in which they would be chosen.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::node_state::PackedState;
use super::rejection_counts::VerdictId;
use crate::cluster::NameOrder;
use crate::ids::NodeRow;

/// Nodes of equal keys: raw scores that do not change with usage, and the topology domains or counts that filters and
/// scores look at.
///
/// The order is a heap in which entries of nodes that moved on stay until they come to the top: a node's state says
/// whether an entry is still true.
#[derive(Debug)]
pub(super) struct Bucket {
    /// A filter that comes after those over domains rejects its nodes.
    pub(super) rejected: Option<VerdictId>,
    heap: BinaryHeap<HeapEntry>,
    nodes: usize,
}

/// The greatest is chosen: the best score by usage, then the first by name, which has the lowest rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct HeapEntry {
    pub(super) score: i32,
    pub(super) rank: Reverse<u32>,
    pub(super) row: NodeRow,
}

impl Bucket {
    pub(super) fn new(rejected: Option<VerdictId>) -> Self {
        Self { rejected, heap: BinaryHeap::new(), nodes: 0 }
    }

    /// Fills a bucket with all of its nodes, in time linear in their number.
    pub(super) fn fill(&mut self, entries: Vec<HeapEntry>) {
        self.nodes = entries.len();
        self.heap = entries.into();
    }

    /// A node comes in.
    pub(super) fn insert(&mut self, entry: HeapEntry) {
        self.heap.push(entry);
        self.nodes += 1;
    }

    /// A node goes. Its entry stays, and its state says that the entry is not true any more.
    pub(super) fn remove(&mut self) {
        self.nodes -= 1;
    }

    pub(super) fn len(&self) -> usize {
        self.nodes
    }

    /// The first node in the order of choice that is accepted; `Err` if the search is given up.
    pub(super) fn first(
        &mut self,
        number: u32,
        node_states: &[PackedState],
        ranks: &NameOrder,
        mut accept: impl FnMut(NodeRow) -> Option<bool>,
    ) -> Result<Option<HeapEntry>, ()> {
        let mut aside = Vec::new();
        let found = loop {
            let Some(entry) = self.head(number, node_states, ranks) else { break Ok(None) };
            match accept(entry.row) {
                Some(true) => break Ok(Some(entry)),
                None => break Err(()),
                Some(false) => aside.extend(self.heap.pop()),
            }
        };
        self.heap.extend(aside);
        found
    }

    /// The node that would be chosen. Entries that are no longer true are dropped on the way.
    pub(super) fn head(
        &mut self,
        number: u32,
        node_states: &[PackedState],
        ranks: &NameOrder,
    ) -> Option<HeapEntry> {
        let is_true = |entry: &HeapEntry| {
            node_states[entry.row.index()] == PackedState::open(number, entry.score)
                && ranks.of(entry.row) == entry.rank.0 // else it is of a node that was in the row before
        };
        if self.heap.len() > 64 + 4 * self.nodes {
            let mut entries = std::mem::take(&mut self.heap).into_vec();
            entries.retain(is_true);
            // A node that came back to its old place is there twice.
            entries.sort_unstable();
            entries.dedup();
            self.heap = entries.into();
        }
        while let Some(entry) = self.heap.peek() {
            if is_true(entry) {
                return Some(*entry);
            }
            self.heap.pop();
        }
        None
    }
}
