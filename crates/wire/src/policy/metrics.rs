//! Measured usage of nodes and pods.

use berth_model::Str;
use berth_model::load::{NodeMetrics, PodMetrics};
use berth_model::node::ResourceList;

use crate::context::Context;
use crate::decode::{IntoModel, List, Time, wire_object};
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

wire_object! {
    /// `metrics.k8s.io/v1beta1.PodMetrics`.
    pub(crate) struct PodMetricsWire {
        meta: MetaField = "metadata",
        timestamp: Option<Time> = "timestamp",
        containers: List<ContainerMetricsWire> = "containers",
    }
    skipped { "apiVersion" "kind" "window" }
}

wire_object! {
    /// `metrics.k8s.io/v1beta1.ContainerMetrics`.
    pub(crate) struct ContainerMetricsWire {
        name: Str = "name",
        usage: ResourceList = "usage",
    }
    skipped {}
}

wire_format!(PodMetrics, PodMetricsWire, encode::pod_metrics);

impl IntoModel for ContainerMetricsWire {
    type Out = (Str, ResourceList);

    fn into_model(self, _cx: &mut Context) -> (Str, ResourceList) {
        (self.name, self.usage)
    }
}

impl IntoModel for PodMetricsWire {
    type Out = PodMetrics;

    fn into_model(self, cx: &mut Context) -> PodMetrics {
        let meta = self.meta.named(cx);
        let timestamp = self.timestamp.map(|time| time.0);
        PodMetrics { namespace: meta.namespace, pod: meta.name, timestamp, containers: self.containers.0 }
    }
}
