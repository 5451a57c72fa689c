//! Requests and limits of containers and of whole pods.
//!
//! Upstream: core `helper/helpers.go`.

use berth_model::node::ResourceList;

use crate::decode::wire_object;

wire_object! {
    /// `v1.ResourceRequirements`.
    pub(crate) struct ResourcesWire {
        requests: Option<ResourceList> = "requests",
        limits: Option<ResourceList> = "limits",
    }
    skipped { "claims" }
}

/// Whether the resource is Kubernetes' own.
pub(crate) fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

/// Whether the resource belongs to a device plugin or the like.
pub(crate) fn is_extended(name: &str) -> bool {
    !is_native(name) && !name.starts_with("requests.")
}
