//! Nodes by kind: those of a kind differ in their names and in what their pods use, and in nothing else that most pods
//! ask about.
//!
//! A pod unlike all others has no cache of its own. What it asks of labels, taints and topology domains has one answer a
//! kind; what it asks of usage has bounds for many nodes at once. So nodes that cannot be the best are never looked at.

mod choose;
mod crowd;

use rustc_hash::FxHashMap;

use crate::cluster::{Change, Cluster, Nodes, PartitionKey, UniformColumns};
use crate::ids::{NodeRow, ResourceId};
pub(super) use choose::{Choice, choose};
use crowd::Crowd;

/// All nodes of a cluster by kind, kept up to date by the change log.
#[derive(Debug, Default)]
pub struct Kinds {
    /// The change up to which all is true.
    seen: u64,
    /// How many of the changes up to there were to be followed.
    to_follow: u64,
    ranks_epoch: u64,
    /// How things were when all was found anew.
    base: Option<Base>,
    /// The labels that tell kinds apart.
    columns: UniformColumns,
    index: FxHashMap<PartitionKey, u32>,
    crowds: Vec<Crowd>,
    /// By row.
    homes: Vec<Home>,
}

/// How things were when all was found anew.
#[derive(Clone, Copy, Debug)]
struct Base {
    change: u64,
    nodes: usize,
    labels: usize,
}

/// Where a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Home {
    kind: u32,
    at: u32,
}

impl Home {
    const NONE: Self = Self { kind: u32::MAX, at: 0 };
}

/// With more kinds than this, and more than half of the nodes, there is nothing to gain.
const FEW: usize = 64;

impl Kinds {
    /// Takes into account what changed since.
    pub fn catch_up(&mut self, cluster: &Cluster) {
        let nodes = cluster.nodes();
        let (seen, now) = (self.seen, cluster.changes().next());
        let to_follow = cluster.changes().to_follow();
        let few = to_follow - self.to_follow <= nodes.row_count() as u64;
        let changes = cluster.changes().since(seen).filter(|_| few);
        match changes {
            Some(changes) if self.holds(nodes, now) => {
                self.homes.resize(nodes.row_count(), Home::NONE);
                changes.iter().for_each(|&change| self.follow(nodes, change));
            }
            _ => self.find_all(nodes, now),
        }
        (self.seen, self.to_follow) = (now, to_follow);
    }

    /// The labels whose values all nodes of a kind share.
    pub fn columns(&self) -> &UniformColumns {
        &self.columns
    }

    /// All nodes, one kind after the other.
    pub(super) fn rows(&self) -> impl Iterator<Item = &[NodeRow]> {
        self.crowds.iter().map(Crowd::rows)
    }

    /// Whether it is of use to look at nodes by kind.
    fn is_useful(&self, nodes: &Nodes) -> bool {
        self.crowds.len() <= FEW.max(nodes.len() / 2)
    }

    /// Whether what was found out about labels and the order of names can be built upon.
    fn holds(&self, nodes: &Nodes, now: u64) -> bool {
        self.base.is_some_and(|base| {
            let grown = nodes.len() > 2 * base.nodes || nodes.len() < base.nodes / 2;
            let old = now - base.change > 64 + nodes.len() as u64 / 4;
            let outlived = || base.labels != nodes.label_count() || self.is_thin();
            self.ranks_epoch == nodes.ranks().epoch() && !grown && !(old && outlived())
        })
    }

    /// Whether most kinds are kinds of nodes that were.
    fn is_thin(&self) -> bool {
        let empty = self.crowds.iter().filter(|crowd| crowd.rows().is_empty()).count();
        empty > FEW.max(self.crowds.len() / 2)
    }

    fn find_all(&mut self, nodes: &Nodes, now: u64) {
        *self = Self {
            seen: now,
            ranks_epoch: nodes.ranks().epoch(),
            base: Some(Base { change: now, nodes: nodes.len(), labels: nodes.label_count() }),
            columns: UniformColumns::of(nodes),
            homes: vec![Home::NONE; nodes.row_count()],
            ..Self::default()
        };
        for row in nodes.rows() {
            let kind = self.kind_of(nodes, row);
            self.crowds[kind].rows.push(row);
            self.homes[row.index()] = Home { kind: kind as u32, at: 0 };
        }
        for kind in 0..self.crowds.len() {
            self.put_in_order(kind, nodes);
        }
    }

    fn follow(&mut self, nodes: &Nodes, change: Change) {
        let Some(row) = change.row() else { return };
        match change {
            Change::Pod(_) => {
                let home = self.homes[row.index()];
                if home != Home::NONE {
                    let crowd = &mut self.crowds[home.kind as usize];
                    crowd.touch(home.at as usize, nodes);
                    if crowd.is_disordered() {
                        self.put_in_order(home.kind as usize, nodes);
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
            | Change::Devices
            | Change::Elsewhere => {}
        }
    }

    /// Adds a node that is in no crowd to that of its kind.
    fn settle(&mut self, nodes: &Nodes, row: NodeRow) {
        let kind = self.kind_of(nodes, row);
        let at = self.crowds[kind].push(row, nodes) as u32;
        self.homes[row.index()] = Home { kind: kind as u32, at };
    }

    /// The kind of a node, made now if it is new.
    fn kind_of(&mut self, nodes: &Nodes, row: NodeRow) -> usize {
        let next = self.crowds.len() as u32;
        let kind = *self.index.entry(key(nodes, row, &self.columns)).or_insert(next);
        if kind == next {
            self.crowds.push(Crowd::default());
        }
        kind as usize
    }

    fn withdraw(&mut self, nodes: &Nodes, row: NodeRow) {
        let home = std::mem::replace(&mut self.homes[row.index()], Home::NONE);
        if home != Home::NONE
            && let Some(moved) = self.crowds[home.kind as usize].remove(home.at as usize, nodes)
        {
            self.homes[moved.index()] = home;
        }
    }

    fn put_in_order(&mut self, kind: usize, nodes: &Nodes) {
        self.crowds[kind].put_in_order(nodes);
        for (&row, at) in self.crowds[kind].rows().iter().zip(0..) {
            self.homes[row.index()].at = at;
        }
    }
}

/// All facts of a node that tell kinds apart.
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
