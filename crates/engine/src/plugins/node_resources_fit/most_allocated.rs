//! The fuller, the better: packs pods onto few nodes.
//!
//! Upstream: `noderesources/most_allocated.go`.

use crate::axis::Amounts;
use crate::plugin::MAX_SCORE;

/// How much of the resource is used, 0 to 100.
pub(super) fn score(node: Amounts) -> i64 {
    // Pods without requests count a default amount, so the sum may exceed what the node offers.
    let used = node.used_with_pod.min(node.allocatable);
    used.wrapping_mul(MAX_SCORE).wrapping_div(node.allocatable)
}
