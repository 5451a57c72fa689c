//! Arguments of VolumeBinding: how long it waits, and how it scores the room on volumes.

use super::shape::{self, ShapePoint};
use crate::fields::Fields;

/// Limits and scoring of volume binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeBindingArgs {
    /// Seconds to wait for volumes to be bound; not below 0.
    pub bind_timeout_seconds: i64,
    /// The score as a function of how full the volumes would be; at least one point.
    pub shape: Vec<ShapePoint>,
}

impl Default for VolumeBindingArgs {
    fn default() -> Self {
        let shape = vec![ShapePoint { utilization: 0, score: 10 }, ShapePoint { utilization: 100, score: 0 }];
        Self { bind_timeout_seconds: 600, shape }
    }
}

impl VolumeBindingArgs {
    pub(crate) const FIELDS: &[&str] = &["bindTimeoutSeconds", "shape"];

    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let mut args = Self::default();
        if let Some(seconds) = fields.int64("bindTimeoutSeconds") {
            args.bind_timeout_seconds = seconds;
        }
        let shape = shape::read(fields);
        if !shape.is_empty() {
            args.shape = shape;
        }
        if args.bind_timeout_seconds < 0 {
            fields.sink().invalid(
                &fields.at("bindTimeoutSeconds"),
                args.bind_timeout_seconds,
                "invalid BindTimeoutSeconds, should not be a negative value",
            );
        }
        shape::validate(&args.shape, fields);
        args
    }
}
