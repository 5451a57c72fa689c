//! The order of nodes by name: the place of each node, and the node at each place.

use std::collections::BTreeMap;

use berth_model::Str;

use crate::ids::NodeRow;

/// The order of all nodes by name. It is made again when nodes were added or removed, so it depends on the nodes' names
/// and not on the order in which the nodes came.
#[derive(Clone, Debug)]
pub struct NameOrder {
    /// By row; free rows have any value.
    places: Vec<u32>,
    /// By place.
    rows: Vec<NodeRow>,
}

impl NameOrder {
    /// The order of these nodes. `row_count` is one past the highest row.
    pub(super) fn new(by_name: &BTreeMap<Str, NodeRow>, row_count: usize) -> Self {
        let rows: Vec<NodeRow> = by_name.values().copied().collect();
        let mut places = vec![0; row_count];
        (0..).zip(&rows).for_each(|(place, row)| places[row.index()] = place);
        Self { places, rows }
    }

    /// The place of a node, from 0 on.
    pub fn of(&self, row: NodeRow) -> u32 {
        self.places[row.index()]
    }

    /// The node at a place; `None` if there are not so many nodes.
    pub fn at(&self, place: usize) -> Option<NodeRow> {
        self.rows.get(place).copied()
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}
