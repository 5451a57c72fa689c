//! What admission looks at: priority classes, runtime classes, limit ranges.

use berth_model::policy::{LimitRange, LimitScope, PriorityClass, RuntimeClass};

use super::meta;
use super::pod::tolerations;
use super::writer::Fields;

/// `scheduling.k8s.io/v1.PriorityClass`.
pub(crate) fn priority_class(fields: &mut Fields<'_>, class: &PriorityClass) {
    meta::named(fields, &class.name);
    fields.number("value", class.value.into());
    fields.truth("globalDefault", class.global_default);
    fields.given("preemptionPolicy", if class.never_preempts { "Never" } else { "" });
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
            fields.given(
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
