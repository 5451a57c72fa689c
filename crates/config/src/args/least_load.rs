//! Arguments of LeastLoad: of which resources a node's load is made, and how old a measurement may be.

use berth_engine::load;

use super::freshness;
use super::resource::{self, ResourceWeight};
use crate::fields::Fields;

/// What counts as load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeastLoadArgs {
    /// Each name once; `disk` and `network` stand for what is measured of them.
    pub resources: Vec<ResourceWeight>,
    /// Measurements that are older, in seconds, count as absent; not below 0.
    pub freshness_seconds: i64,
}

impl Default for LeastLoadArgs {
    fn default() -> Self {
        let resources = resource::equally(&["cpu", "memory", load::DISK, load::NETWORK]);
        Self { resources, freshness_seconds: load::FRESHNESS_SECONDS }
    }
}

impl LeastLoadArgs {
    pub(crate) const FIELDS: &[&str] = &["resources", freshness::FIELD];

    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let default = Self::default();
        let resources = resource::read_distinct(fields);
        Self {
            resources: if resources.is_empty() { default.resources } else { resources },
            freshness_seconds: freshness::read(fields),
        }
    }
}
