//! Nodes.
//!
//! Upstream: core `validation.go` (`ValidateNode`), `v1/defaults.go` (`SetDefaults_NodeStatus`).

use std::collections::BTreeSet;

use berth_model::Str;
use berth_model::node::{Node, NodeImage, ResourceList, Taint};

use crate::context::{Context, Step};
use crate::decode::{IntoModel, List, wire_object};
use crate::encode;
use crate::meta::MetaField;
use crate::object::wire_format;
use crate::pod::EFFECTS;
use crate::selector::one_of;
use crate::syntax::{check_label_key, check_label_value};

wire_object! {
    /// `v1.Taint`.
    pub(crate) struct TaintWire {
        key: Str = "key",
        value: Str = "value",
        effect: Str = "effect",
    }
    skipped { "timeAdded" }
}

impl IntoModel for TaintWire {
    type Out = Taint;

    fn into_model(self, cx: &mut Context) -> Taint {
        check_label_key(cx, "key", &self.key);
        check_label_value(cx, "value", &self.value);
        Taint { key: self.key, value: self.value, effect: one_of(cx, "effect", &self.effect, EFFECTS) }
    }
}

wire_object! {
    /// `v1.ContainerImage`.
    pub(crate) struct ImageWire {
        names: Vec<Str> = "names",
        size: i64 = "sizeBytes",
    }
    skipped {}
}

impl IntoModel for ImageWire {
    type Out = NodeImage;

    fn into_model(self, _: &mut Context) -> NodeImage {
        NodeImage { names: self.names, size_bytes: self.size }
    }
}

wire_object! {
    /// `v1.NodeSpec`.
    pub(crate) struct NodeSpecWire {
        unschedulable: bool = "unschedulable",
        taints: List<TaintWire> = "taints",
    }
    skipped { "podCIDR" "podCIDRs" "providerID" "configSource" "externalID" "podPreemptionPolicy" }
}

wire_object! {
    /// `v1.NodeStatus`.
    pub(crate) struct NodeStatusWire {
        capacity: Option<ResourceList> = "capacity",
        allocatable: Option<ResourceList> = "allocatable",
        images: List<ImageWire> = "images",
        declared_features: Vec<Str> = "declaredFeatures",
    }
    skipped {
        "phase" "conditions" "addresses" "daemonEndpoints" "nodeInfo" "volumesInUse" "volumesAttached" "config"
        "runtimeHandlers" "features"
    }
}

wire_object! {
    /// `v1.Node`.
    pub(crate) struct NodeWire {
        meta: MetaField = "metadata",
        spec: NodeSpecWire = "spec",
        status: NodeStatusWire = "status",
    }
    skipped { "apiVersion" "kind" }
}

wire_format!(Node, NodeWire, encode::node, has_annotations: true);

impl IntoModel for NodeWire {
    type Out = Node;

    fn into_model(self, cx: &mut Context) -> Node {
        let meta = self.meta.named(cx);
        let taints = self.spec.taints.0;
        let mut seen = BTreeSet::new();
        for (at, taint) in taints.iter().enumerate() {
            if !seen.insert((&taint.key, taint.effect)) {
                let message = format!("key {} and effect are those of another taint too", taint.key);
                cx.within(Step::Field("spec"), |cx| {
                    cx.within(Step::Field("taints"), |cx| {
                        cx.within(Step::Index(at), |cx| cx.problem(message));
                    });
                });
            }
        }
        let mut declared_features = self.status.declared_features;
        declared_features.sort();
        Node {
            name: meta.name,
            labels: meta.labels,
            unschedulable: self.spec.unschedulable,
            taints,
            allocatable: self.status.allocatable.or(self.status.capacity).unwrap_or_default(),
            images: self.status.images.0,
            declared_features,
            annotations: meta.annotations,
        }
    }
}
