//! Topology domains: the nodes that share a value of one label, by dense ids.
//!
//! Ids are kept up to date as nodes come and go, so that counts per domain are a plain vector. An id whose
//! last node left is used again: names of nodes are domains too, and they change all the time where nodes are scaled.

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::Nodes;
use crate::ids::{NodeRow, Sym};

/// What tells nodes apart by topology domains.
pub type PartitionKey = SmallVec<[u64; 8]>;

const NONE: u32 = u32::MAX;

/// The values of one label key on all nodes, and the domains that they make.
#[derive(Clone, Debug, Default)]
pub struct Domains {
    values: Vec<Option<Sym>>,
    /// By row: the domain of the value, or [`NONE`].
    ids: Vec<u32>,
    index: FxHashMap<Sym, u32>,
    /// By domain: how many nodes it has.
    nodes: Vec<u32>,
    free: Vec<u32>,
    partition_version: u64,
}

impl Domains {
    /// The values by row; `None` where the node has no such label, or there is no node.
    pub fn values(&self) -> &[Option<Sym>] {
        &self.values
    }

    /// The value of a node's label; `None` where it has no such label.
    pub fn value(&self, row: NodeRow) -> Option<Sym> {
        self.values[row.index()]
    }

    /// The domains by row; `u32::MAX` where the node has no such label, or there is no node.
    pub(super) fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The domain of a node; `None` where it has no such label.
    pub fn of(&self, row: NodeRow) -> Option<usize> {
        let id = self.ids[row.index()];
        (id != NONE).then_some(id as usize)
    }

    /// Sets `false` in the rows of nodes without the label.
    pub fn mark_out(&self, labelled: &mut [bool]) {
        labelled.iter_mut().zip(&self.ids).for_each(|(labelled, &id)| *labelled &= id != NONE);
    }

    /// The domain of a value, if a node has it.
    pub fn find(&self, value: Sym) -> Option<usize> {
        self.index.get(&value).map(|&id| id as usize)
    }

    /// One past the highest id: the length of a vector indexed by domain.
    pub fn id_count(&self) -> usize {
        self.nodes.len()
    }

    /// How many nodes are in a domain.
    pub fn node_count(&self, domain: usize) -> u32 {
        self.nodes[domain]
    }

    /// Changes when a node that was there moves to another domain, or a domain of one node becomes one of several or
    /// the other way round.
    pub fn partition_version(&self) -> u64 {
        self.partition_version
    }

    /// Makes room for rows below `rows`.
    pub(crate) fn grow(&mut self, rows: usize) {
        self.values.resize(rows, None);
        self.ids.resize(rows, NONE);
    }

    /// Changes the label of a node that stays.
    pub(crate) fn relabel(&mut self, row: NodeRow, value: Option<Sym>) {
        if self.values[row.index()] != value {
            self.partition_version += 1;
            self.set(row, value);
        }
    }

    /// Sets the label of a node that comes, or takes it away from one that goes.
    pub(crate) fn set(&mut self, row: NodeRow, value: Option<Sym>) {
        let id = std::mem::replace(&mut self.ids[row.index()], NONE);
        if let Some(old) = self.values[row.index()].take() {
            self.nodes[id as usize] -= 1;
            self.partition_version += u64::from(self.nodes[id as usize] == 1);
            if self.nodes[id as usize] == 0 {
                self.index.remove(&old);
                self.free.push(id);
            }
        }
        let Some(value) = value else { return };
        let id = *self.index.entry(value).or_insert_with(|| {
            self.free.pop().unwrap_or_else(|| {
                self.nodes.push(0);
                u32::try_from(self.nodes.len() - 1).expect("no more domains than nodes")
            })
        });
        self.nodes[id as usize] += 1;
        self.partition_version += u64::from(self.nodes[id as usize] == 2);
        self.values[row.index()] = Some(value);
        self.ids[row.index()] = id;
    }
}

/// Labels, by column, whose values are shared by nodes rather than telling each node from all others.
#[derive(Clone, Debug, Default)]
pub struct UniformColumns(Vec<u32>);

impl UniformColumns {
    /// The labels whose values nodes share now.
    pub fn of(nodes: &Nodes) -> Self {
        let columns = 0..u32::try_from(nodes.label_count()).expect("fewer than 2^32 label keys");
        Self(columns.filter(|&column| is_shared(nodes.domains_at(column))).collect())
    }

    /// Whether the label of a column is one of them.
    pub fn contains(&self, column: u32) -> bool {
        self.0.binary_search(&column).is_ok()
    }

    /// All of them, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().copied()
    }
}

fn is_shared(domains: &Domains) -> bool {
    let sizes = (0..domains.id_count()).map(|domain| domains.node_count(domain) as usize);
    let (values, having) = sizes.filter(|&size| size > 0).fold((0, 0), |(v, h), size| (v + 1, h + size));
    3 * values <= 2 * having
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_share_a_domain_by_value_and_an_empty_domain_gives_its_id_back() {
        let mut domains = Domains::default();
        domains.grow(3);
        let (a, b, c) = (Sym(7), Sym(8), Sym(9));
        domains.set(NodeRow(0), Some(a));
        domains.set(NodeRow(1), Some(a));
        domains.set(NodeRow(2), Some(b));
        assert_eq!([0, 1, 2].map(|row| domains.of(NodeRow(row))), [Some(0), Some(0), Some(1)]);
        domains.set(NodeRow(2), None);
        assert_eq!((domains.of(NodeRow(2)), domains.find(b)), (None, None));
        domains.set(NodeRow(1), Some(c));
        assert_eq!((domains.of(NodeRow(1)), domains.find(c), domains.find(a)), (Some(1), Some(1), Some(0)));
        assert_eq!((domains.values()[1], domains.id_count()), (Some(c), 2));
    }
}
