//! What a pod says about where it wants to be.

use berth_model::affinity::{PodAffinity, PodAffinityTerm, SpreadConstraint, Toleration};
use berth_model::pod::PodSpec;

use super::node::effect;
use super::selector::{label_selector, node_selector, node_term};
use super::writer::Fields;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// The affinities of a pod.
pub(super) fn affinity(fields: &mut Fields<'_>, spec: &PodSpec) {
    fields.part("affinity", |affinity| {
        affinity.part("nodeAffinity", |fields| {
            node_selector(fields, REQUIRED, spec.node_affinity.required.as_ref());
            fields.objects(PREFERRED, &spec.node_affinity.preferred, |fields, preferred| {
                fields.number("weight", preferred.weight);
                fields.object("preference", |fields| node_term(fields, &preferred.term));
            });
        });
        affinity.part("podAffinity", |fields| pod_affinity(fields, &spec.pod_affinity));
        affinity.part("podAntiAffinity", |fields| pod_affinity(fields, &spec.pod_anti_affinity));
    });
}

fn pod_affinity(fields: &mut Fields<'_>, affinity: &PodAffinity) {
    fields.objects(REQUIRED, &affinity.required, pod_term);
    fields.objects(PREFERRED, &affinity.preferred, |fields, preferred| {
        fields.number("weight", preferred.weight);
        fields.object("podAffinityTerm", |fields| pod_term(fields, &preferred.term));
    });
}

/// The keys whose values the pod's labels supply are in the selector already.
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
    });
}
