//! Measured usage of nodes.

use berth_model::node::ResourceList;
use berth_model::{Str, UnixSeconds};

use crate::context::Context;
use crate::decode::{Time, wire_object};
use crate::meta::MetaField;

/// `metrics.k8s.io/v1beta1.NodeMetrics`: what a node was measured to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeMetrics {
    /// `metadata.name`: the node's name.
    pub node: Str,
    /// `timestamp`: the end of the interval that was measured.
    pub timestamp: Option<UnixSeconds>,
    /// `usage`, by resource: `cpu` in cores, `memory` in bytes.
    pub usage: ResourceList,
}

wire_object! {
    /// `metrics.k8s.io/v1beta1.NodeMetrics`.
    pub(crate) struct NodeMetricsWire {
        meta: MetaField = "metadata",
        timestamp: Option<Time> = "timestamp",
        usage: ResourceList = "usage",
    }
    skipped { "apiVersion" "kind" "window" }
}

impl NodeMetricsWire {
    pub(crate) fn finish(self, cx: &mut Context) -> NodeMetrics {
        let node = self.meta.named(cx).name;
        NodeMetrics { node, timestamp: self.timestamp.map(|time| time.0), usage: self.usage }
    }
}
