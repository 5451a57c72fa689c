//! Bounds on what pods use of some nodes that are otherwise alike: what is certain of all of them without a look at
//! each.

use crate::cluster::Nodes;
use crate::ids::{NodeRow, ResourceId};

/// The least and the most of an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// No node has less.
    pub low: i64,
    /// No node has more.
    pub high: i64,
}

/// Some nodes of one kind. They may be fewer than the bounds allow for, never others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageBounds {
    /// One of the nodes: what it offers, all of them offer.
    pub row: NodeRow,
    /// How many pods each of them runs at least.
    pub pods: usize,
    /// What their pods request, of CPU (in milli-CPU) and of memory (in bytes).
    requested: [Interval; 2],
    /// The same as scores count it.
    scored: [Interval; 2],
}

impl Interval {
    fn of(amount: i64) -> Self {
        Self { low: amount, high: amount }
    }

    fn join(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }
}

impl UsageBounds {
    /// A single node.
    pub fn of(nodes: &Nodes, row: NodeRow) -> Self {
        let requested = |resource| Interval::of(nodes.requested(row, resource));
        let scored = |column: &[i64]| Interval::of(column[row.index()]);
        Self {
            row,
            pods: nodes.pods(row).len(),
            requested: [requested(ResourceId::CPU), requested(ResourceId::MEMORY)],
            scored: [scored(&nodes.scored_cpu), scored(&nodes.scored_memory)],
        }
    }

    /// These nodes and those.
    pub fn join(self, other: Self) -> Self {
        let join =
            |mine: [Interval; 2], theirs: [Interval; 2]| [mine[0].join(theirs[0]), mine[1].join(theirs[1])];
        Self {
            row: self.row,
            pods: self.pods.min(other.pods),
            requested: join(self.requested, other.requested),
            scored: join(self.scored, other.scored),
        }
    }

    /// What the pods of the nodes request of a resource; known of CPU and memory.
    pub fn requested(&self, resource: ResourceId) -> Option<Interval> {
        self.requested.get(resource.index()).copied()
    }

    /// What they count for in scores; known of CPU and memory.
    pub fn scored(&self, resource: ResourceId) -> Option<Interval> {
        self.scored.get(resource.index()).copied()
    }
}
