//! Nodes, what they were measured to use, and namespaces.

use berth_model::load::{NodeMetrics, PodMetrics};
use berth_model::node::{Node, TaintEffect};
use berth_model::workload::Namespace;

use super::meta;
use super::writer::Fields;
use crate::pod::EFFECTS;

/// `v1.Node`.
pub(crate) fn node(fields: &mut Fields<'_>, node: &Node) {
    fields.object("metadata", |meta| {
        meta.text("name", &node.name);
        meta::labels(meta, &node.labels);
        meta::annotations(meta, &node.annotations);
    });
    fields.part("spec", |spec| {
        spec.truth("unschedulable", node.unschedulable);
        spec.objects("taints", &node.taints, |fields, taint| {
            fields.text("key", &taint.key);
            fields.non_empty("value", &taint.value);
            fields.text("effect", effect(taint.effect));
        });
    });
    fields.object("status", |status| {
        status.optional_amounts("allocatable", Some(&node.allocatable));
        status.objects("images", &node.images, |fields, image| {
            fields.texts("names", &image.names);
            fields.number("sizeBytes", image.size_bytes);
        });
        status.texts("declaredFeatures", &node.declared_features);
    });
}

/// The name of a taint's effect.
pub(super) fn effect(effect: TaintEffect) -> &'static str {
    EFFECTS.iter().find(|(_, known)| *known == effect).map_or("", |(name, _)| name)
}

/// `metrics.k8s.io/v1beta1.NodeMetrics`.
pub(crate) fn metrics(fields: &mut Fields<'_>, metrics: &NodeMetrics) {
    meta::named(fields, &metrics.node);
    fields.time("timestamp", metrics.timestamp);
    fields.amounts("usage", &metrics.usage);
}

/// `metrics.k8s.io/v1beta1.PodMetrics`.
pub(crate) fn pod_metrics(fields: &mut Fields<'_>, metrics: &PodMetrics) {
    fields.object("metadata", |meta| meta::key(meta, &metrics.namespace, &metrics.pod));
    fields.time("timestamp", metrics.timestamp);
    fields.objects("containers", &metrics.containers, |container, (name, usage)| {
        container.text("name", name);
        container.amounts("usage", usage);
    });
}

/// `v1.Namespace`.
pub(crate) fn namespace(fields: &mut Fields<'_>, namespace: &Namespace) {
    fields.object("metadata", |meta| {
        meta.text("name", &namespace.name);
        meta::labels(meta, &namespace.labels);
    });
}
