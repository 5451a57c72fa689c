//! The allocator: which devices claims get on a node.
//!
//! Upstream: `structured/internal/incubating/allocator_incubating.go`, the variant that the default feature gates of
//! 1.37 select. This is the plain search, step by step as upstream takes them.

mod counters;
mod outcome;
mod prepare;
mod search;
mod shortage;

use std::collections::BTreeMap;

use berth_model::Str;
use berth_model::device::{Allocation, DeviceClass, ResourceClaim, ResourceSlice};

use crate::pools::NodeView;
use crate::selectors::Selectors;
use crate::state::AllocatedState;

pub use shortage::{Obstacle, RequestShortage, Shortage, shortages};

/// What an allocation depends on, beside the node and the claims.
#[derive(Clone, Copy, Debug)]
pub struct Inventory<'a> {
    /// The classes by name.
    pub classes: &'a BTreeMap<Str, DeviceClass>,
    /// All slices, with the taints of rules.
    pub slices: &'a [&'a ResourceSlice],
    /// What is allocated.
    pub state: &'a AllocatedState,
    /// Compiled selectors.
    pub selectors: &'a Selectors,
}

/// Why no allocation can be computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllocationError {
    /// Upstream's text.
    pub text: String,
    /// Whether it concerns this node only. If not, it ends the attempt for the pod.
    pub node_local: bool,
}

/// What came of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// An allocation for each claim, in their order, or none if there is no solution.
    pub allocations: Result<Option<Vec<Allocation>>, AllocationError>,
    /// How often the search entered its recursive function.
    pub steps: u64,
}

/// Searches devices on a node for claims that have none yet. The first solution is the answer.
pub fn allocate(inventory: &Inventory<'_>, node: NodeView<'_>, claims: &[&ResourceClaim]) -> Found {
    let mut search = search::Search::new(inventory, node, claims);
    let allocations =
        search.run().map_err(|text| AllocationError { text, node_local: false }).and_then(|solved| {
            match solved {
                true => search.allocations().map(Some),
                // A pool that is invalid may be why; upstream says so, and goes on with other nodes.
                false if search.has_invalid_pool() => Err(AllocationError {
                    text: "invalid resource pools were encountered".to_owned(),
                    node_local: true,
                }),
                false => Ok(None),
            }
        });
    Found { allocations, steps: search.steps() }
}
