//! Where a pod may run and where it prefers to run.

use berth_model::affinity::{PodAffinity, PodAffinityTerm, SpreadConstraint, Toleration};
use berth_model::pod::PodSpec;
use berth_model::pod_manifest::{AffinityTemplate, AffinityTermTemplate, SpecTemplate};

use super::node::effect;
use super::selector::{label_selector, node_selector, node_term};
use super::writer::Fields;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// The affinity of a pod to nodes.
pub(super) fn node_affinity(affinity: &mut Fields<'_>, spec: &PodSpec) {
    affinity.part("nodeAffinity", |fields| {
        node_selector(fields, REQUIRED, spec.node_affinity.required.as_ref());
        fields.objects(PREFERRED, &spec.node_affinity.preferred, |fields, preferred| {
            fields.number("weight", preferred.weight);
            fields.object("preference", |fields| node_term(fields, &preferred.term));
        });
    });
}

/// The affinities of a pod to other pods. The pod's labels have been merged into the selectors.
pub(super) fn pod_affinities(affinity: &mut Fields<'_>, spec: &PodSpec) {
    affinity.part("podAffinity", |fields| pod_affinity(fields, &spec.pod_affinity));
    affinity.part("podAntiAffinity", |fields| pod_affinity(fields, &spec.pod_anti_affinity));
}

fn pod_affinity(fields: &mut Fields<'_>, affinity: &PodAffinity) {
    fields.objects(REQUIRED, &affinity.required, pod_term);
    fields.objects(PREFERRED, &affinity.preferred, |fields, preferred| {
        fields.number("weight", preferred.weight);
        fields.object("podAffinityTerm", |fields| pod_term(fields, &preferred.term));
    });
}

/// The affinities of a template to pods.
pub(super) fn template_affinities(affinity: &mut Fields<'_>, template: &SpecTemplate) {
    affinity.part("podAffinity", |fields| template_affinity(fields, &template.pod_affinity));
    affinity.part("podAntiAffinity", |fields| template_affinity(fields, &template.pod_anti_affinity));
}

fn template_affinity(fields: &mut Fields<'_>, affinity: &AffinityTemplate) {
    let term = |fields: &mut Fields<'_>, template: &AffinityTermTemplate| {
        pod_term(fields, &template.term);
        fields.texts("matchLabelKeys", &template.match_label_keys);
        fields.texts("mismatchLabelKeys", &template.mismatch_label_keys);
    };
    fields.objects(REQUIRED, &affinity.required, term);
    fields.objects(PREFERRED, &affinity.preferred, |fields, (weight, template)| {
        fields.number("weight", *weight);
        fields.object("podAffinityTerm", |fields| term(fields, template));
    });
}

fn pod_term(fields: &mut Fields<'_>, term: &PodAffinityTerm) {
    label_selector(fields, "labelSelector", term.selector.as_ref());
    fields.texts("namespaces", &term.namespaces);
    fields.text("topologyKey", &term.topology_key);
    label_selector(fields, "namespaceSelector", term.namespace_selector.as_ref());
}

/// The topology spread constraints of a pod.
pub(super) fn spread(fields: &mut Fields<'_>, constraints: &[SpreadConstraint]) {
    fields.objects("topologySpreadConstraints", constraints, |fields, constraint| {
        fields.number("maxSkew", constraint.max_skew);
        fields.text("topologyKey", &constraint.topology_key);
        fields
            .text("whenUnsatisfiable", if constraint.required { "DoNotSchedule" } else { "ScheduleAnyway" });
        label_selector(fields, "labelSelector", constraint.selector.as_ref());
        if let Some(domains) = constraint.min_domains {
            fields.number("minDomains", domains);
        }
        fields.non_empty("nodeAffinityPolicy", if constraint.honor_node_affinity { "" } else { "Ignore" });
        fields.non_empty("nodeTaintsPolicy", if constraint.honor_node_taints { "Honor" } else { "" });
        fields.texts("matchLabelKeys", &constraint.match_label_keys);
    });
}

/// Tolerations, of a pod or of a runtime class.
pub(super) fn tolerations(fields: &mut Fields<'_>, tolerations: &[Toleration]) {
    fields.objects("tolerations", tolerations, |fields, toleration| {
        fields.non_empty("key", &toleration.key);
        fields.non_empty("operator", if toleration.exists { "Exists" } else { "" });
        fields.non_empty("value", &toleration.value);
        fields.non_empty("effect", toleration.effect.map_or("", effect));
        if let Some(seconds) = toleration.seconds {
            fields.number("tolerationSeconds", seconds);
        }
    });
}
