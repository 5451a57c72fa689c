//! Counts per topology domain.

use super::{Change, Domains, Nodes, PartitionKey, UniformColumns};
use crate::ids::{NodeRow, Sym};

/// A number for each domain of one label.
#[derive(Clone, Debug)]
pub struct Tally {
    /// The column of the label; `None`: no node ever had it.
    column: Option<u32>,
    key: Sym,
    partition_version: u64,
    counts: Vec<i64>,
    /// By row: the domain that the node is counted in, or [`NOWHERE`]. A reader that applies changes one by
    /// one finds a node here as it was before it went.
    homes: Vec<u32>,
}

const NOWHERE: u32 = u32::MAX;

/// Marks a number in a key, so that it is taken for no domain.
const BY_NUMBER: u64 = 1 << 63;

impl Tally {
    /// Zero for every domain of a label.
    pub fn new(key: Sym, nodes: &Nodes) -> Self {
        let column = nodes.column(key);
        let domains = column.map(|c| nodes.domains_at(c));
        Self {
            column,
            key,
            partition_version: domains.map_or(0, Domains::partition_version),
            counts: vec![0; domains.map_or(0, Domains::id_count)],
            homes: domains.map_or(Vec::new(), |domains| domains.ids().to_vec()),
        }
    }

    /// Applies a change of nodes. The pods of a node that goes have left before. Returns `false` if an existing node
    /// changed domains, or a domain changed between one node and several: then the counts are stale.
    pub fn apply_change(&mut self, change: Change, nodes: &Nodes) -> bool {
        let Some(column) = self.column else { return nodes.column(self.key).is_none() };
        let domains = nodes.domains_at(column);
        self.counts.resize(domains.id_count().max(self.counts.len()), 0);
        self.homes.resize(nodes.row_count(), NOWHERE);
        match change {
            Change::NodeAdded(row) => self.homes[row.index()] = domains.ids()[row.index()],
            Change::NodeRemoved(row) => self.homes[row.index()] = NOWHERE,
            _ => {}
        }
        self.partition_version == domains.partition_version()
    }

    /// Whether uniform nodes lie in the same domain.
    pub fn is_uniform(&self, columns: &UniformColumns) -> bool {
        self.column.is_none_or(|column| columns.contains(column))
    }

    fn domains<'a>(&self, nodes: &'a Nodes) -> Option<&'a Domains> {
        Some(nodes.domains_at(self.column?))
    }

    /// The domain of a node; `None` where it has no such label.
    pub fn domain(&self, row: NodeRow) -> Option<usize> {
        let home = *self.homes.get(row.index())?;
        (home != NOWHERE).then_some(home as usize)
    }

    /// One past the highest domain.
    pub fn domain_count(&self) -> usize {
        self.counts.len()
    }

    /// How many nodes are in a domain.
    pub fn node_count(&self, domain: usize, nodes: &Nodes) -> u32 {
        self.domains(nodes).map_or(0, |domains| domains.node_count(domain))
    }

    /// The number of a domain.
    pub fn count(&self, domain: usize) -> i64 {
        self.counts[domain]
    }

    /// The number of a node's domain; `None` where the node is in none.
    pub fn at(&self, row: NodeRow) -> Option<i64> {
        Some(self.counts[self.domain(row)?])
    }

    /// Adds to the number of a node's domain. Answers whether the node is in one.
    pub fn add(&mut self, row: NodeRow, amount: i64) -> bool {
        let Some(domain) = self.domain(row) else { return false };
        self.add_to(domain, amount);
        true
    }

    /// Adds to the number of a domain.
    pub fn add_to(&mut self, domain: usize, amount: i64) {
        self.counts[domain] += amount;
    }

    /// Appends what tells nodes apart by this tally: the number where the node is alone in its domain, else the domain.
    /// So a change of a number changes the keys of no other nodes.
    pub fn partition_key(&self, row: NodeRow, nodes: &Nodes, key: &mut PartitionKey) {
        key.push(match self.domains(nodes).and_then(|domains| Some((domains, self.domain(row)?))) {
            None => 0,
            Some((domains, domain)) if domains.node_count(domain) == 1 => {
                BY_NUMBER | self.counts[domain].unsigned_abs() << 1 | u64::from(self.counts[domain] < 0)
            }
            Some((_, domain)) => 1 + domain as u64,
        });
    }
}
