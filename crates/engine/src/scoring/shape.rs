//! A curve from utilization to score that the administrator draws.
//!
//! Upstream: `helper/shape_score.go`.

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

/// The score at a utilization, 0 to 100: linear between points, level before the first and after the last.
pub fn at_utilization(shape: &[ShapePoint], utilization: i64) -> i64 {
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
            assert_eq!(at_utilization(shape, utilization), expected, "{utilization} on {shape:?}");
        }
    }
}
