//! Claims on devices, and their templates.

use berth_model::Str;
use berth_model::device::{
    AllocatedDevice, Allocation, AllocationMode, Ask, ClaimSpec, ConstraintRule, DeviceToleration,
    ResourceClaim, ResourceClaimTemplate, SubRequest,
};
use berth_model::quantity::Amount;

use super::device::{effect, opaque};
use super::meta;
use super::selector::node_selector;
use super::writer::Fields;

/// `resource.k8s.io/v1.ResourceClaim`.
pub(crate) fn resource_claim(fields: &mut Fields<'_>, claim: &ResourceClaim) {
    fields.object("metadata", |meta| {
        meta::key(meta, &claim.namespace, &claim.name);
        meta.non_empty("uid", &claim.uid);
        meta::terminating(meta, claim.deleting);
        meta.part("annotations", |annotations| {
            annotations.non_empty(
                "resource.kubernetes.io/extended-resource-claim",
                if claim.extended { "true" } else { "" },
            );
        });
        meta.objects("ownerReferences", claim.owner.as_slice(), |owner, pod| {
            owner.text("apiVersion", "v1");
            owner.text("kind", "Pod");
            owner.non_empty("name", &pod.name);
            owner.text("uid", &pod.uid);
            owner.truth("controller", true);
        });
    });
    spec(fields, &claim.spec);
    fields.part("status", |status| {
        if let Some(allocation) = &claim.allocation {
            status.object("allocation", |fields| self::allocation(fields, allocation));
        }
        status.objects("reservedFor", &claim.reserved_for, |fields, consumer| {
            fields.non_empty("apiGroup", &consumer.api_group);
            fields.text("resource", &consumer.resource);
            fields.text("name", &consumer.name);
            fields.text("uid", &consumer.uid);
        });
        status.objects("devices", &claim.devices, |fields, device| {
            fields.text("driver", &device.device.driver);
            fields.text("pool", &device.device.pool);
            fields.text("device", &device.device.device);
            fields.optional("shareID", device.share_id.as_ref());
            fields.objects("conditions", &device.true_conditions, |fields, name| {
                fields.text("type", name);
                fields.text("status", "True");
            });
        });
    });
}

/// `resource.k8s.io/v1.ResourceClaimTemplate`.
pub(crate) fn claim_template(fields: &mut Fields<'_>, template: &ResourceClaimTemplate) {
    fields.object("metadata", |meta| meta::key(meta, &template.namespace, &template.name));
    fields.object("spec", |fields| spec(fields, &template.spec));
}

fn spec(fields: &mut Fields<'_>, spec: &ClaimSpec) {
    fields.object("spec", |fields| {
        fields.part("devices", |fields| {
            fields.objects("requests", &spec.requests, |fields, request| {
                fields.text("name", &request.name);
                match &request.ask {
                    Ask::Exactly(one) => fields.object("exactly", |fields| sub_request(fields, one)),
                    Ask::FirstAvailable(all) => fields.objects("firstAvailable", all, |fields, one| {
                        fields.text("name", &one.name);
                        sub_request(fields, one);
                    }),
                }
            });
            fields.objects("constraints", &spec.constraints, |fields, constraint| {
                fields.texts("requests", &constraint.requests);
                match &constraint.rule {
                    ConstraintRule::Match(name) => fields.text("matchAttribute", name),
                    ConstraintRule::Distinct(name) => fields.text("distinctAttribute", name),
                }
            });
            fields.objects("config", &spec.config, |fields, config| {
                fields.texts("requests", &config.requests);
                opaque(fields, &config.opaque);
            });
        });
    });
}

fn sub_request(fields: &mut Fields<'_>, request: &SubRequest) {
    fields.text("deviceClassName", &request.class);
    fields.objects("selectors", &request.selectors, |fields, expression| {
        fields.object("cel", |cel| cel.text("expression", expression));
    });
    match request.mode {
        AllocationMode::All => fields.text("allocationMode", "All"),
        AllocationMode::Count(count) => fields.number("count", count),
    }
    if let Some(admin) = request.admin_access {
        fields.flag("adminAccess", admin);
    }
    fields.objects("tolerations", &request.tolerations, toleration);
    if let Some(capacity) = &request.capacity {
        fields.object("capacity", |fields| amounts(fields, "requests", capacity));
    }
}

fn amounts(fields: &mut Fields<'_>, key: &str, amounts: &[(Str, Amount)]) {
    fields.part(key, |fields| {
        for (name, amount) in amounts {
            fields.text(name, &amount.to_string());
        }
    });
}

fn toleration(fields: &mut Fields<'_>, toleration: &DeviceToleration) {
    fields.non_empty("key", &toleration.key);
    fields.text("operator", if toleration.exists { "Exists" } else { "Equal" });
    fields.non_empty("value", &toleration.value);
    if let Some(wanted) = &toleration.effect {
        fields.text("effect", effect(wanted));
    }
    if let Some(seconds) = toleration.seconds {
        fields.number("tolerationSeconds", seconds);
    }
}

fn allocation(fields: &mut Fields<'_>, allocation: &Allocation) {
    fields.part("devices", |fields| {
        fields.objects("results", &allocation.results, result);
        fields.objects("config", &allocation.config, |fields, config| {
            fields.text("source", if config.from_class { "FromClass" } else { "FromClaim" });
            fields.texts("requests", &config.requests);
            opaque(fields, &config.opaque);
        });
    });
    node_selector(fields, "nodeSelector", allocation.node_selector.as_ref());
    fields.time("allocationTimestamp", allocation.timestamp);
}

fn result(fields: &mut Fields<'_>, result: &AllocatedDevice) {
    fields.text("request", &result.request);
    fields.text("driver", &result.device.driver);
    fields.text("pool", &result.device.pool);
    fields.text("device", &result.device.device);
    fields.truth("adminAccess", result.admin_access);
    fields.objects("tolerations", &result.tolerations, toleration);
    fields.texts("bindingConditions", &result.binding_conditions);
    fields.texts("bindingFailureConditions", &result.binding_failure_conditions);
    fields.optional("shareID", result.share_id.as_ref());
    amounts(fields, "consumedCapacity", &result.consumed_capacity);
}
