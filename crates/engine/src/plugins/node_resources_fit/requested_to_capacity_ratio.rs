//! Scores by a curve over utilization that the administrator draws.
//!
//! Upstream: `noderesources/requested_to_capacity_ratio.go`.

use crate::axis::{Amounts, AxisColumns};
use crate::shape::{ShapePoint, at_utilization};

/// The weighted mean over the resources that score above zero, rounded.
pub(super) fn score(shape: &[ShapePoint], columns: &[AxisColumns<'_>], at: usize) -> i64 {
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
