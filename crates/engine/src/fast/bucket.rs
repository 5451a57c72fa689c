//! Nodes that are equal to a class but for what their pods use, in the order in which they would be chosen.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::refusals::VerdictId;
use crate::ids::NodeRow;

/// Nodes of equal keys: raw scores that do not change with usage, and the topology domains or counts that filters and
/// scores look at.
#[derive(Debug)]
pub(super) struct Bucket {
    /// A filter that comes after those over domains refuses its nodes.
    pub(super) refused: Option<VerdictId>,
    order: BTreeSet<Place>,
}

/// Compared in the order of the fields: the best score first, then the first by name.
type Place = (Reverse<i64>, u32, NodeRow);

impl Bucket {
    pub(super) fn new(refused: Option<VerdictId>) -> Self {
        Self { refused, order: BTreeSet::new() }
    }

    pub(super) fn insert(&mut self, score: i64, rank: u32, row: NodeRow) {
        self.order.insert((Reverse(score), rank, row));
    }

    pub(super) fn remove(&mut self, score: i64, rank: u32, row: NodeRow) {
        self.order.remove(&(Reverse(score), rank, row));
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// The node that would be chosen: its score by usage, its rank, its row.
    pub(super) fn head(&self) -> Option<(i64, u32, NodeRow)> {
        self.order.first().map(|&(Reverse(score), rank, row)| (score, rank, row))
    }
}
