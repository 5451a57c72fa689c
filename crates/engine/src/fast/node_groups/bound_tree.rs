//! The nodes of one group, in an order in which neighbours are used alike, under a tree of bounds.
//!
//! The tree is implicit: each level has bounds for every [`FAN_OUT`] entries of the one below. A node whose pods change
//! stays where it is, and only the bounds above it are computed again. Once many have changed, all are sorted again. So
//! a change costs little, and the bounds stay narrow.

use crate::cluster::Nodes;
use crate::ids::{NodeRow, ResourceId};
use crate::plugin::bounds::UsageBounds;

/// How many entries one bound covers.
const FAN_OUT: usize = 16;

/// The nodes of one group.
#[derive(Debug, Default)]
pub(super) struct BoundTree {
    /// The caller that pushes to it sorts the tree afterwards.
    pub(super) rows: Vec<NodeRow>,
    /// Bounds of rows, bounds of those, and so on; the last level has one entry.
    levels: Vec<Vec<UsageBounds>>,
    /// How many nodes changed since all were sorted.
    stale: usize,
}

/// Searches for a node by branch and bound.
pub(super) trait SearchVisitor {
    /// The highest total of a node within the bounds; `None` if none of them can be chosen.
    fn bound(&self, bounds: &UsageBounds) -> Option<i64>;

    /// Whether a node with this bound may still be chosen.
    fn is_open(&self, bound: i64) -> bool;

    /// Looks at nodes one by one. None of them exceeds the bound.
    fn look(&mut self, rows: &[NodeRow], bound: i64);
}

impl BoundTree {
    pub(super) fn rows(&self) -> &[NodeRow] {
        &self.rows
    }

    /// Adds a node and returns its place.
    pub(super) fn push(&mut self, row: NodeRow, nodes: &Nodes) -> usize {
        self.rows.push(row);
        self.stale += 1;
        self.mend(self.rows.len() - 1, nodes);
        self.rows.len() - 1
    }

    /// Removes the node at a place, and returns which node is there now.
    pub(super) fn remove(&mut self, at: usize, nodes: &Nodes) -> Option<NodeRow> {
        self.rows.swap_remove(at);
        self.stale += 1;
        let last = self.rows.len();
        let mut count = last;
        for level in &mut self.levels {
            count = count.div_ceil(FAN_OUT);
            level.truncate(count);
        }
        let top = self.levels.iter().position(|level| level.len() <= 1);
        self.levels.truncate(top.filter(|_| last > 0).map_or(0, |top| top + 1));
        if last > 0 {
            self.mend(last - 1, nodes);
        }
        if at < last {
            self.mend(at, nodes);
        }
        self.rows.get(at).copied()
    }

    /// Applies a change of what the pods of the node at a place use.
    pub(super) fn touch(&mut self, at: usize, nodes: &Nodes) {
        self.stale += 1;
        self.mend(at, nodes);
    }

    /// Whether enough nodes have changed to sort them again.
    pub(super) fn is_disordered(&self) -> bool {
        self.stale > FAN_OUT + self.rows.len() / 2
    }

    /// Sorts all nodes.
    pub(super) fn put_in_order(&mut self, nodes: &Nodes) {
        self.stale = 0;
        self.levels.clear();
        if self.rows.is_empty() {
            return;
        }
        self.rows.sort_by_cached_key(|&row| (usage(row, nodes), row));
        let siblings = self.rows.chunks(FAN_OUT).map(|rows| of_rows(rows, nodes));
        let mut level: Vec<UsageBounds> = siblings.collect();
        while level.len() > 1 {
            let next = over(&level);
            self.levels.push(std::mem::replace(&mut level, next));
        }
        self.levels.push(level);
    }

    /// Computes the bounds above a place again.
    fn mend(&mut self, at: usize, nodes: &Nodes) {
        let mut at = at / FAN_OUT;
        let start = at * FAN_OUT;
        let mut bounds = of_rows(&self.rows[start..self.rows.len().min(start + FAN_OUT)], nodes);
        for level in 0.. {
            if level == self.levels.len() {
                let grown = level.checked_sub(1).map_or(vec![bounds], |below| over(&self.levels[below]));
                self.levels.push(grown);
                return;
            }
            let siblings = &mut self.levels[level];
            match siblings.get_mut(at) {
                Some(known) => *known = bounds,
                None => siblings.push(bounds),
            }
            if siblings.len() == 1 {
                self.levels.truncate(level + 1);
                return;
            }
            at /= FAN_OUT;
            let start = at * FAN_OUT;
            bounds = of_spans(&siblings[start..siblings.len().min(start + FAN_OUT)]);
        }
    }

    /// Shows the nodes to a visitor, the most promising first, and leaves out those that it cannot choose.
    pub(super) fn search(&self, visitor: &mut impl SearchVisitor) {
        if let Some(top) = self.levels.len().checked_sub(1) {
            self.descend(top, 0, 1, visitor);
        }
    }

    fn descend(&self, level: usize, from: usize, to: usize, visitor: &mut impl SearchVisitor) {
        let mut open = [(0, 0); FAN_OUT];
        let mut count = 0;
        for (at, bounds) in (from..to).zip(&self.levels[level][from..to]) {
            if let Some(bound) = visitor.bound(bounds)
                && visitor.is_open(bound)
            {
                open[count] = (-bound, at);
                count += 1;
            }
        }
        open[..count].sort_unstable();
        for &(negated, at) in &open[..count] {
            if !visitor.is_open(-negated) {
                continue;
            }
            let below = if level == 0 { self.rows.len() } else { self.levels[level - 1].len() };
            let (from, to) = (at * FAN_OUT, below.min((at + 1) * FAN_OUT));
            match level {
                0 => visitor.look(&self.rows[from..to], -negated),
                _ => self.descend(level - 1, from, to, visitor),
            }
        }
    }
}

fn of_rows(rows: &[NodeRow], nodes: &Nodes) -> UsageBounds {
    let siblings = rows.iter().map(|&row| UsageBounds::of(nodes, row));
    siblings.reduce(UsageBounds::join).expect("no bounds is empty")
}

fn over(siblings: &[UsageBounds]) -> Vec<UsageBounds> {
    siblings.chunks(FAN_OUT).map(of_spans).collect()
}

fn of_spans(siblings: &[UsageBounds]) -> UsageBounds {
    siblings.iter().copied().reduce(UsageBounds::join).expect("no bounds is empty")
}

/// Where a node's usage lies on a curve that keeps neighbours in CPU and memory together (the Z-order curve).
fn usage(row: NodeRow, nodes: &Nodes) -> u32 {
    let share = |used: &[i64], resource| {
        let offered = nodes.allocatable(row, resource).max(1);
        let share = used[row.index()] as f64 / offered as f64;
        (share.clamp(0.0, 1.0) * f64::from(u16::MAX)) as u32
    };
    let (cpu, memory) =
        (share(&nodes.scored_cpu, ResourceId::CPU), share(&nodes.scored_memory, ResourceId::MEMORY));
    (0..16).fold(0, |curve, bit| curve | (cpu >> bit & 1) << (2 * bit + 1) | (memory >> bit & 1) << (2 * bit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{World, container};
    use proptest::prelude::*;

    /// Looks at all nodes.
    struct Everyone(Vec<NodeRow>);

    impl SearchVisitor for Everyone {
        fn bound(&self, _span: &UsageBounds) -> Option<i64> {
            Some(0)
        }

        fn is_open(&self, _bound: i64) -> bool {
            true
        }

        fn look(&mut self, rows: &[NodeRow], _bound: i64) {
            self.0.extend(rows);
        }
    }

    proptest! {
        #[test]
        fn every_span_is_what_its_nodes_say_whatever_was_added_taken_away_or_changed(
            steps in proptest::collection::vec((0u8..4, 0usize..3000), 1..120),
            start in 0usize..2500,
        ) {
            let mut world = World::default();
            let rows: Vec<NodeRow> = (0..3000).map(|n| world.node(&format!("n{n}"), |_| {})).collect();
            let (mut tree, mut inside) = (BoundTree::default(), Vec::new());
            for &row in &rows[..start] {
                tree.push(row, world.cluster.nodes());
                inside.push(row);
            }
            for (n, (what, which)) in steps.into_iter().enumerate() {
                let place = tree.rows().iter().position(|&row| row == rows[which]);
                match (what, place) {
                    (0, Some(at)) => {
                        tree.remove(at, world.cluster.nodes());
                        inside.retain(|&row| row != rows[which]);
                    }
                    (1, _) => tree.put_in_order(world.cluster.nodes()),
                    (_, None) => {
                        tree.push(rows[which], world.cluster.nodes());
                        inside.push(rows[which]);
                    }
                    (_, Some(at)) => {
                        world.pod(&format!("p{n}"), |pod, spec| {
                            pod.node = Some(format!("n{which}").as_str().into());
                            spec.containers = vec![container(&[("cpu", "100m")])];
                        });
                        tree.touch(at, world.cluster.nodes());
                    }
                }
                let mut expected: Vec<UsageBounds> =
                    tree.rows.chunks(FAN_OUT).map(|rows| of_rows(rows, world.cluster.nodes())).collect();
                for (level, siblings) in tree.levels.iter().enumerate() {
                    prop_assert_eq!(siblings, &expected, "level {}", level);
                    expected = over(&expected);
                }
                prop_assert!(tree.levels.last().is_none_or(|top| top.len() == 1));
                let mut seen = Everyone(Vec::new());
                tree.search(&mut seen);
                seen.0.sort_unstable();
                inside.sort_unstable();
                prop_assert_eq!(&seen.0, &inside);
            }
        }
    }
}
