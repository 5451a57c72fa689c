//! Scores by a curve over utilization that the administrator draws.
//!
//! Upstream: `noderesources/requested_to_capacity_ratio.go`, `helper/shape_score.go`.

use crate::axis::{Amounts, AxisColumns};
use crate::plugin::MAX_SCORE;

/// A point of the curve (`UtilizationShapePoint`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShapePoint {
    /// Utilization in percent, 0 to 100, rising from point to point.
    pub utilization: i64,
    /// The score there, 0 to 10.
    pub score: i64,
}

/// The highest score of a point.
const MAX_POINT_SCORE: i64 = 10;

/// The weighted mean over the resources that score above zero, rounded.
pub(super) fn score(shape: &[ShapePoint], columns: &[AxisColumns<'_>], at: usize) -> i64 {
    let (mut sum, mut weights) = (0i64, 0i64);
    for column in columns {
        let Some(node) = column.amounts(at) else { continue };
        let score = curve(shape, utilization(node));
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

/// Linear between points, level before the first and after the last; 0 to 100.
fn curve(shape: &[ShapePoint], utilization: i64) -> i64 {
    let scaled = |point: &ShapePoint| point.score * (MAX_SCORE / MAX_POINT_SCORE);
    let Some(at) = shape.iter().position(|point| utilization <= point.utilization) else {
        return shape.last().map_or(0, scaled);
    };
    let (here, high) = (&shape[at], scaled(&shape[at]));
    let Some(before) = at.checked_sub(1).map(|i| &shape[i]) else { return high };
    let low = scaled(before);
    low + (high - low) * (utilization - before.utilization) / (here.utilization - before.utilization)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(points: &[(i64, i64)]) -> Vec<ShapePoint> {
        points.iter().map(|&(utilization, score)| ShapePoint { utilization, score }).collect()
    }

    #[test]
    fn the_curve_is_level_outside_its_points_and_linear_between_them() {
        let rising = shape(&[(10, 1), (90, 9)]);
        let falling = shape(&[(0, 10), (100, 0)]);
        let broken = shape(&[(0, 0), (40, 5), (100, 10)]);
        let cases = [
            (&rising, 0, 10),
            (&rising, 10, 10),
            (&rising, 11, 11),
            (&rising, 50, 50),
            (&rising, 90, 90),
            (&rising, 100, 90),
            (&falling, 0, 100),
            (&falling, 33, 67),
            (&falling, 100, 0),
            (&broken, 40, 50),
            (&broken, 41, 50),
            (&broken, 42, 51),
            (&broken, 99, 99),
        ];
        for (shape, utilization, expected) in cases {
            assert_eq!(curve(shape, utilization), expected, "{utilization} on {shape:?}");
        }
    }
}
