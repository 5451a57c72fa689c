//! Groups of interchangeable nodes: the nodes of a group differ in their names and in what their pods use, and in
//! nothing else that most pods ask about.
//!
//! A pod that comes once has no cache of its own. What it asks of labels, taints and topology domains has one answer
//! for a group. What it asks of usage has bounds for many nodes at once. So nodes that cannot be the best are never
//! looked at.

mod bound_tree;
mod choose;

use rustc_hash::FxHashMap;

use crate::cluster::{Change, Cluster, Nodes, PartitionKey, UniformColumns};
use crate::ids::{NodeRow, ResourceId};
use bound_tree::BoundTree;
pub(super) use choose::{Choice, choose};

/// All nodes of a cluster by group. The groups follow the change log.
#[derive(Debug, Default)]
pub(crate) struct NodeGroups {
    /// The number of the next change to apply.
    seen: u64,
    /// How many of the changes up to there had to be applied node by node.
    to_follow: u64,
    /// The state at the last rebuild.
    base: Option<Base>,
    /// The labels that tell groups apart.
    columns: UniformColumns,
    index: FxHashMap<PartitionKey, u32>,
    trees: Vec<BoundTree>,
    /// By row.
    slots: Vec<Slot>,
}

/// The state at the last rebuild.
#[derive(Clone, Copy, Debug)]
struct Base {
    change: u64,
    nodes: usize,
    labels: usize,
}

/// Where a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot {
    group: u32,
    at: u32,
}

impl Slot {
    const NONE: Self = Self { group: u32::MAX, at: 0 };
}

/// With more groups than this, and more than half as many as nodes, there is nothing to gain.
const FEW: usize = 64;

impl NodeGroups {
    /// Applies the changes since the last call.
    pub(crate) fn catch_up(&mut self, cluster: &Cluster) {
        let nodes = cluster.nodes();
        let (seen, now) = (self.seen, cluster.changes().next());
        let to_follow = cluster.changes().to_follow();
        let few = to_follow - self.to_follow <= nodes.row_count() as u64;
        let changes = cluster.changes().since(seen).filter(|_| few);
        match changes {
            Some(changes) if self.holds(nodes, now) => {
                self.slots.resize(nodes.row_count(), Slot::NONE);
                changes.iter().for_each(|&change| self.follow(nodes, change));
            }
            _ => self.find_all(nodes, now),
        }
        (self.seen, self.to_follow) = (now, to_follow);
    }

    /// The labels whose values all nodes of a group share.
    pub(crate) fn columns(&self) -> &UniformColumns {
        &self.columns
    }

    /// All nodes, one group after the other.
    pub(super) fn rows(&self) -> impl Iterator<Item = &[NodeRow]> {
        self.trees.iter().map(BoundTree::rows)
    }

    /// Whether it helps to look at nodes by group.
    fn is_useful(&self, nodes: &Nodes) -> bool {
        self.trees.len() <= FEW.max(nodes.len() / 2)
    }

    /// Whether the groups of the last rebuild still hold.
    fn holds(&self, nodes: &Nodes, now: u64) -> bool {
        self.base.is_some_and(|base| {
            let grown = nodes.len() > 2 * base.nodes || nodes.len() < base.nodes / 2;
            let old = now - base.change > 64 + nodes.len() as u64 / 4;
            let outlived = || base.labels != nodes.label_count() || self.is_thin();
            !(grown || old && outlived())
        })
    }

    /// Whether most groups have no node any more.
    fn is_thin(&self) -> bool {
        let empty = self.trees.iter().filter(|tree| tree.rows().is_empty()).count();
        empty > FEW.max(self.trees.len() / 2)
    }

    fn find_all(&mut self, nodes: &Nodes, now: u64) {
        *self = Self {
            seen: now,
            base: Some(Base { change: now, nodes: nodes.len(), labels: nodes.label_count() }),
            columns: UniformColumns::of(nodes),
            slots: vec![Slot::NONE; nodes.row_count()],
            ..Self::default()
        };
        for row in nodes.rows() {
            let group = self.group_of(nodes, row);
            self.trees[group].rows.push(row);
            self.slots[row.index()] = Slot { group: group as u32, at: 0 };
        }
        for group in 0..self.trees.len() {
            self.put_in_order(group, nodes);
        }
    }

    fn follow(&mut self, nodes: &Nodes, change: Change) {
        let Some(row) = change.row() else { return };
        match change {
            Change::Pod(_) => {
                let slot = self.slots[row.index()];
                if slot != Slot::NONE {
                    let tree = &mut self.trees[slot.group as usize];
                    tree.touch(slot.at as usize, nodes);
                    if tree.is_disordered() {
                        self.put_in_order(slot.group as usize, nodes);
                    }
                }
            }
            Change::NodeAdded(_) | Change::NodeRemoved(_) | Change::NodeChanged(_) => {
                self.withdraw(nodes, row);
                if nodes.is_live(row) {
                    self.settle(nodes, row);
                }
            }
            Change::Nominated(_)
            | Change::Owners(_)
            | Change::Load(_)
            | Change::Storage
            | Change::Devices(_)
            | Change::Elsewhere => {}
        }
    }

    /// Adds a node to its group.
    fn settle(&mut self, nodes: &Nodes, row: NodeRow) {
        let group = self.group_of(nodes, row);
        let at = self.trees[group].push(row, nodes) as u32;
        self.slots[row.index()] = Slot { group: group as u32, at };
    }

    /// The group of a node, made now if it is new.
    fn group_of(&mut self, nodes: &Nodes, row: NodeRow) -> usize {
        let next = self.trees.len() as u32;
        let group = *self.index.entry(key(nodes, row, &self.columns)).or_insert(next);
        if group == next {
            self.trees.push(BoundTree::default());
        }
        group as usize
    }

    fn withdraw(&mut self, nodes: &Nodes, row: NodeRow) {
        let slot = std::mem::replace(&mut self.slots[row.index()], Slot::NONE);
        if slot != Slot::NONE
            && let Some(moved) = self.trees[slot.group as usize].remove(slot.at as usize, nodes)
        {
            self.slots[moved.index()] = slot;
        }
    }

    fn put_in_order(&mut self, group: usize, nodes: &Nodes) {
        self.trees[group].put_in_order(nodes);
        for (&row, at) in self.trees[group].rows().iter().zip(0..) {
            self.slots[row.index()].at = at;
        }
    }
}

/// All facts of a node that tell groups apart.
fn key(nodes: &Nodes, row: NodeRow, columns: &UniformColumns) -> PartitionKey {
    let at = row.index();
    let mut key = PartitionKey::new();
    key.push((nodes.taint_set(row) as u64) << 1 | u64::from(nodes.unschedulable[at]));
    key.push(nodes.allowed_pods[at].cast_unsigned());
    for (resource, column) in (0..).zip(&nodes.allocatable) {
        if column[at] != 0 {
            key.extend([u64::from(ResourceId(resource).0), column[at].cast_unsigned()]);
        }
    }
    key.push(u64::MAX); // no resource has this id: what follows is about labels
    for column in columns.iter() {
        key.push(nodes.domains_at(column).of(row).map_or(0, |domain| 1 + domain as u64));
    }
    key
}
