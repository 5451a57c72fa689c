//! Counts per topology domain.

use super::Domains;
use crate::ids::NodeRow;

/// A number for each domain of one label.
#[derive(Clone, Debug)]
pub struct Tally<'a> {
    domains: Option<&'a Domains>,
    counts: Vec<i64>,
}

impl<'a> Tally<'a> {
    /// Zero for every domain; `None` is a label that no node ever had.
    pub fn new(domains: Option<&'a Domains>) -> Self {
        Self { domains, counts: vec![0; domains.map_or(0, Domains::id_count)] }
    }

    /// The domain of a node; `None` where it has no such label.
    pub fn domain(&self, row: NodeRow) -> Option<usize> {
        self.domains?.of(row)
    }

    /// One past the highest domain.
    pub fn domain_count(&self) -> usize {
        self.counts.len()
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
}
