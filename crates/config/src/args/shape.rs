//! A score as a function of utilization, drawn through points.

use crate::fields::Fields;

/// A point of the function; between points it is a straight line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShapePoint {
    /// Percent in use, 0 to 100, rising from point to point.
    pub utilization: i32,
    /// The score there, 0 to 10.
    pub score: i32,
}

/// Reads `shape`.
pub(crate) fn read(fields: &Fields<'_>) -> Vec<ShapePoint> {
    fields.objects("shape", &["utilization", "score"], |point| ShapePoint {
        utilization: point.int32("utilization").unwrap_or_default(),
        score: point.int32("score").unwrap_or_default(),
    })
}

/// Checks what is in `shape`.
pub(crate) fn validate(shape: &[ShapePoint], fields: &Fields<'_>) {
    let (path, sink) = (fields.at("shape"), fields.sink());
    if shape.is_empty() {
        return sink.required(&path, "at least one point must be specified");
    }
    if let Some(i) = (1..shape.len()).find(|i| shape[i - 1].utilization >= shape[*i].utilization) {
        let path = path.index(i).child("utilization");
        sink.invalid(&path, shape[i].utilization, "values must be sorted in increasing order");
    }
    for (i, point) in shape.iter().enumerate() {
        if !(0..=100).contains(&point.utilization) {
            let path = path.index(i).child("utilization");
            sink.invalid(&path, point.utilization, "not in valid range [0, 100]");
        }
        if !(0..=10).contains(&point.score) {
            sink.invalid(&path.index(i).child("score"), point.score, "not in valid range [0, 10]");
        }
    }
}
