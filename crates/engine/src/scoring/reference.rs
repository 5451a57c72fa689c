//! The reference node: how amounts of different resources compare where shares of a node will not do.
//!
//! One CPU counts as much as 4Gi of memory, as 16Gi of ephemeral storage, or as a sixteenth of anything else, such as a
//! GPU. The ratio is that of common machines; the point is that it is the same everywhere, so that a node's score does
//! not change because another node came. Arguments correct it with a weight by resource.

use crate::ids::ResourceId;

const GIB: i64 = 1 << 30;

/// What the reference node offers of a resource: 16 CPUs (in milli-CPU), 64Gi of memory or huge pages, 256Gi of
/// ephemeral storage, one of anything else.
pub(crate) fn amount(resource: ResourceId, name: &str) -> i64 {
    match resource {
        ResourceId::CPU => 16_000,
        ResourceId::MEMORY => 64 * GIB,
        ResourceId::EPHEMERAL_STORAGE => 256 * GIB,
        _ if name.starts_with("hugepages-") => 64 * GIB,
        _ => 1,
    }
}
