//! How a score follows from the use of a resource, by strategy.
//!
//! Upstream: `noderesources/least_allocated.go` (the emptier, the better: pods spread over nodes), `most_allocated.go`
//! (the fuller, the better: pods are packed onto few nodes), `requested_to_capacity_ratio.go` (a curve over
//! utilization).

use crate::plugin::MAX_SCORE;
use crate::scoring::axis::{Amounts, AxisColumns};
use crate::scoring::shape::{ShapePoint, at_utilization};

/// How much of the resource stays free, 0 to 100.
pub(super) fn least_allocated(node: Amounts) -> i64 {
    if node.used_with_pod > node.allocatable {
        return 0;
    }
    let free = node.allocatable.wrapping_sub(node.used_with_pod);
    free.wrapping_mul(MAX_SCORE).wrapping_div(node.allocatable)
}

/// How much of the resource is used, 0 to 100.
pub(super) fn most_allocated(node: Amounts) -> i64 {
    // Pods without requests count a default amount, so the sum may exceed what the node offers.
    let used = node.used_with_pod.min(node.allocatable);
    used.wrapping_mul(MAX_SCORE).wrapping_div(node.allocatable)
}

/// The weighted mean over the resources that score above zero, rounded.
pub(super) fn requested_to_capacity_ratio(
    shape: &[ShapePoint],
    columns: &[AxisColumns<'_>],
    at: usize,
) -> i64 {
    let (mut sum, mut weights) = (0i64, 0i64);
    for column in columns {
        let Some(node) = column.amounts(at) else { continue };
        let score = at_utilization(shape, utilization(node));
        if score > 0 {
            sum += score * column.weight;
            weights += column.weight;
        }
    }
    if weights == 0 { 0 } else { (sum as f64 / weights as f64).round() as i64 }
}

fn utilization(node: Amounts) -> i64 {
    if node.used_with_pod > node.allocatable {
        return 100;
    }
    node.used_with_pod.wrapping_mul(100).wrapping_div(node.allocatable)
}
