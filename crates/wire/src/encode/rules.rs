//! What admission and controllers consult: priority classes, runtime classes, limit ranges, quotas, autoscalers.

use berth_model::Str;
use berth_model::policy::{Autoscaler, LimitRange, LimitScope, PriorityClass, ResourceQuota, RuntimeClass};

use super::meta;
use super::pod::tolerations;
use super::writer::Fields;

/// `scheduling.k8s.io/v1.PriorityClass`.
pub(crate) fn priority_class(fields: &mut Fields<'_>, class: &PriorityClass) {
    meta::named(fields, &class.name);
    fields.number("value", class.value.into());
    fields.truth("globalDefault", class.global_default);
    fields.non_empty("preemptionPolicy", if class.never_preempts { "Never" } else { "" });
}

/// `node.k8s.io/v1.RuntimeClass`.
pub(crate) fn runtime_class(fields: &mut Fields<'_>, class: &RuntimeClass) {
    meta::named(fields, &class.name);
    fields.part("overhead", |fields| fields.amounts("podFixed", &class.overhead));
    fields.part("scheduling", |fields| {
        fields.labels("nodeSelector", &class.node_selector);
        tolerations(fields, &class.tolerations);
    });
}

/// `v1.LimitRange`.
pub(crate) fn limit_range(fields: &mut Fields<'_>, range: &LimitRange) {
    fields.object("metadata", |meta| meta::key(meta, &range.namespace, &range.name));
    fields.object("spec", |spec| {
        spec.objects("limits", &range.items, |fields, item| {
            fields.non_empty(
                "type",
                match item.scope {
                    LimitScope::Container => "Container",
                    LimitScope::Pod => "Pod",
                    LimitScope::Other => "",
                },
            );
            fields.amounts("max", &item.max);
            fields.amounts("min", &item.min);
            fields.amounts("default", &item.default_limits);
            fields.amounts("defaultRequest", &item.default_requests);
        });
    });
}

/// `v1.ResourceQuota`. Which scopes it has is not kept.
pub(crate) fn resource_quota(fields: &mut Fields<'_>, quota: &ResourceQuota) {
    fields.object("metadata", |meta| meta::key(meta, &quota.namespace, &quota.name));
    fields.object("spec", |spec| {
        spec.amounts("hard", &quota.hard);
        let scopes: &[Str] = if quota.scoped { &["NotTerminating".into()] } else { &[] };
        spec.texts("scopes", scopes);
    });
}

/// `autoscaling/v2.HorizontalPodAutoscaler`.
pub(crate) fn autoscaler(fields: &mut Fields<'_>, autoscaler: &Autoscaler) {
    fields.object("metadata", |meta| meta::key(meta, &autoscaler.namespace, &autoscaler.name));
    fields.object("spec", |spec| {
        spec.object("scaleTargetRef", |target| {
            target.text("kind", &autoscaler.target_kind);
            target.text("name", &autoscaler.target_name);
        });
        spec.number("minReplicas", autoscaler.min.into());
        spec.number("maxReplicas", autoscaler.max.into());
    });
}
