//! The order of nodes by name: the place of each node, and the node at each place.

use std::collections::BTreeMap;

use berth_model::Str;

use crate::ids::NodeRow;

/// The order of all nodes by name. It depends on the nodes' names alone, and not on the order in which the nodes came.
#[derive(Clone, Debug)]
pub struct NameOrder {
    /// By row; free rows have any value.
    places: Vec<u32>,
    /// By place.
    rows: Vec<NodeRow>,
    /// By row. They are copies that lie side by side: pods go to nodes all over the cluster, and each takes its node's
    /// name.
    names: Vec<Str>,
}

impl NameOrder {
    /// The order of these nodes. `row_count` is one past the highest row.
    pub(super) fn new(by_name: &BTreeMap<Str, NodeRow>, row_count: usize) -> Self {
        let rows: Vec<NodeRow> = by_name.values().copied().collect();
        let mut places = vec![0; row_count];
        let mut names = vec![Str::default(); row_count];
        for ((name, row), place) in by_name.iter().zip(0..) {
            places[row.index()] = place;
            names[row.index()] = Str::from(&**name);
        }
        Self { places, rows, names }
    }

    /// Adds a node after the node `before`, or as the first. It takes time linear in the number of nodes.
    pub(super) fn insert(&mut self, row: NodeRow, name: &Str, before: Option<NodeRow>) {
        let place = before.map_or(0, |before| self.of(before) as usize + 1);
        let row_count = self.places.len().max(row.index() + 1);
        self.places.resize(row_count, 0);
        self.names.resize(row_count, Str::default());
        self.names[row.index()].clone_from(name);
        self.places[row.index()] = place as u32;
        self.rows[place..].iter().for_each(|later| self.places[later.index()] += 1);
        self.rows.insert(place, row);
    }

    /// Removes a node. It takes time linear in the number of nodes.
    pub(super) fn remove(&mut self, row: NodeRow) {
        let place = self.of(row) as usize;
        self.rows.remove(place);
        self.rows[place..].iter().for_each(|later| self.places[later.index()] -= 1);
    }

    /// The place of a node, from 0 on.
    pub fn of(&self, row: NodeRow) -> u32 {
        self.places[row.index()]
    }

    /// The node at a place; `None` if the place is not below the number of nodes.
    pub fn at(&self, place: usize) -> Option<NodeRow> {
        self.rows.get(place).copied()
    }

    /// The name of a node.
    pub fn name(&self, row: NodeRow) -> &Str {
        &self.names[row.index()]
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::fixture::World;

    proptest! {
        #[test]
        fn places_are_those_of_the_names_whatever_nodes_came_and_went(
            steps in proptest::collection::vec(("[ab]{1,4}", any::<bool>()), 1..100),
        ) {
            let mut world = World::default();
            for (name, comes) in steps {
                match (comes, world.cluster.nodes().find(&name)) {
                    (false, Some(row)) => world.cluster.remove_node(row),
                    _ => _ = world.node(&name, |_| {}),
                }
                let nodes = world.cluster.nodes();
                let order = nodes.name_order();
                prop_assert_eq!(order.len(), nodes.len());
                for ((name, row), place) in nodes.by_name().zip(0..) {
                    prop_assert_eq!((order.of(row), order.at(place as usize)), (place, Some(row)));
                    prop_assert_eq!((order.name(row), nodes.is_live(row)), (name, true));
                }
            }
        }
    }
}
