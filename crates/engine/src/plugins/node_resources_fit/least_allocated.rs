//! The emptier, the better: spreads pods over nodes.
//!
//! Upstream: `noderesources/least_allocated.go`.

use crate::axis::Amounts;
use crate::plugin::MAX_SCORE;

/// How much of the resource stays free, 0 to 100.
pub(super) fn score(node: Amounts) -> i64 {
    if node.used_with_pod > node.allocatable {
        return 0;
    }
    let free = node.allocatable.wrapping_sub(node.used_with_pod);
    free.wrapping_mul(MAX_SCORE).wrapping_div(node.allocatable)
}
