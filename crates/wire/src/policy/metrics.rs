//! Measured usage of nodes.

use berth_model::load::NodeMetrics;
use berth_model::node::ResourceList;

use crate::context::Context;
use crate::decode::{IntoModel, Time, wire_object};
use crate::encode;
use crate::meta::MetaField;
use crate::object::wire_format;

wire_object! {
    /// `metrics.k8s.io/v1beta1.NodeMetrics`.
    pub(crate) struct NodeMetricsWire {
        meta: MetaField = "metadata",
        timestamp: Option<Time> = "timestamp",
        usage: ResourceList = "usage",
    }
    skipped { "apiVersion" "kind" "window" }
}

wire_format!(NodeMetrics, NodeMetricsWire, encode::node_metrics);

impl IntoModel for NodeMetricsWire {
    type Out = NodeMetrics;

    fn into_model(self, cx: &mut Context) -> NodeMetrics {
        let node = self.meta.named(cx).name;
        NodeMetrics { node, timestamp: self.timestamp.map(|time| time.0), usage: self.usage }
    }
}
