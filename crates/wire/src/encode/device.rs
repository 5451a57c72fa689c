//! Devices: the objects of `resource.k8s.io/v1`, but for claims.

use berth_model::device::{
    Attribute, Capacity, CounterSet, Device, DeviceClass, DeviceTaint, DeviceTaintEffect, DeviceTaintRule,
    OpaqueConfig, Reach, ResourceSlice,
};

use super::meta;
use super::selector::node_selector;
use super::writer::Fields;

/// `resource.k8s.io/v1.DeviceClass`.
pub(crate) fn device_class(fields: &mut Fields<'_>, class: &DeviceClass) {
    fields.object("metadata", |meta| {
        meta.text("name", &class.name);
        meta.time("creationTimestamp", class.created);
    });
    fields.object("spec", |spec| {
        spec.objects("selectors", &class.selectors, |fields, expression| {
            fields.object("cel", |cel| cel.text("expression", expression));
        });
        spec.objects("config", &class.config, opaque);
        spec.optional("extendedResourceName", class.extended_resource_name.as_ref());
    });
}

/// `v1.OpaqueDeviceConfiguration`.
pub(super) fn opaque(fields: &mut Fields<'_>, config: &OpaqueConfig) {
    fields.object("opaque", |fields| {
        fields.text("driver", &config.driver);
        fields.json("parameters", &config.parameters);
    });
}

/// `resource.k8s.io/v1.ResourceSlice`.
pub(crate) fn resource_slice(fields: &mut Fields<'_>, slice: &ResourceSlice) {
    meta::named(fields, &slice.name);
    fields.object("spec", |spec| {
        spec.text("driver", &slice.driver);
        spec.object("pool", |pool| {
            pool.text("name", &slice.pool.name);
            pool.number("generation", slice.pool.generation);
            pool.number("resourceSliceCount", slice.pool.slice_count);
        });
        reach(spec, &slice.reach);
        spec.objects("devices", &slice.devices, device);
        spec.objects("sharedCounters", &slice.shared_counters, |fields, set| {
            counters(fields, "name", set);
        });
    });
}

fn reach(fields: &mut Fields<'_>, reach: &Reach) {
    match reach {
        Reach::Nowhere => {}
        Reach::Node(name) => fields.text("nodeName", name),
        Reach::AllNodes => fields.flag("allNodes", true),
        Reach::Selected(selector) => node_selector(fields, "nodeSelector", Some(selector)),
        Reach::PerDevice => fields.flag("perDeviceNodeSelection", true),
    }
}

fn device(fields: &mut Fields<'_>, device: &Device) {
    fields.text("name", &device.name);
    fields.part("attributes", |fields| {
        for (name, value) in &device.attributes {
            fields.object(name, |fields| attribute(fields, value));
        }
    });
    fields.part("capacity", |fields| {
        for (name, value) in &device.capacity {
            fields.object(name, |fields| capacity(fields, value));
        }
    });
    fields.objects("consumesCounters", &device.consumes_counters, |fields, set| {
        counters(fields, "counterSet", set);
        if device.has_compatibility_groups {
            // Which groups they are decides nothing.
            fields.texts("compatibilityGroups", &["any".into()]);
        }
    });
    reach(fields, &device.reach);
    fields.objects("taints", &device.taints, taint);
    fields.truth("bindsToNode", device.binds_to_node);
    if let Some(conditions) = &device.binding_conditions {
        fields.value("bindingConditions").list(conditions, |writer, name| writer.text(name));
    }
    fields.texts("bindingFailureConditions", &device.binding_failure_conditions);
    if let Some(multiple) = device.allow_multiple_allocations {
        fields.flag("allowMultipleAllocations", multiple);
    }
}

fn attribute(fields: &mut Fields<'_>, value: &Attribute) {
    match value {
        Attribute::Int(value) => fields.number("int", *value),
        Attribute::Bool(value) => fields.flag("bool", *value),
        Attribute::String(value) => fields.text("string", value),
        Attribute::Version(value) => fields.text("version", value),
        Attribute::Ints(values) => {
            fields.value("ints").list(values, |writer, value| writer.number(*value));
        }
        Attribute::Bools(values) => {
            fields.value("bools").list(values, |writer, value| writer.flag(*value));
        }
        Attribute::Strings(values) => {
            fields.value("strings").list(values, |writer, value| writer.text(value))
        }
        Attribute::Versions(values) => {
            fields.value("versions").list(values, |writer, value| writer.text(value));
        }
    }
}

fn capacity(fields: &mut Fields<'_>, capacity: &Capacity) {
    fields.text("value", &capacity.value.to_string());
    let Some(policy) = &capacity.policy else { return };
    fields.object("requestPolicy", |fields| {
        let amount = |fields: &mut Fields<'_>, key: &str, value: &Option<_>| {
            if let Some(value) = value {
                let value: &berth_model::quantity::Amount = value;
                fields.text(key, &value.to_string());
            }
        };
        amount(fields, "default", &policy.default);
        fields.list("validValues", &policy.valid_values, |writer, value| writer.text(&value.to_string()));
        if let Some(range) = &policy.valid_range {
            fields.object("validRange", |fields| {
                amount(fields, "min", &range.min);
                amount(fields, "max", &range.max);
                amount(fields, "step", &range.step);
            });
        }
    });
}

/// A set of counters, whose name is in the field `key`.
fn counters(fields: &mut Fields<'_>, key: &str, set: &CounterSet) {
    fields.text(key, &set.name);
    fields.object("counters", |fields| {
        for (name, amount) in &set.counters {
            fields.object(name, |fields| fields.text("value", &amount.to_string()));
        }
    });
}

/// `v1.DeviceTaint`.
fn taint(fields: &mut Fields<'_>, taint: &DeviceTaint) {
    fields.text("key", &taint.key);
    fields.non_empty("value", &taint.value);
    fields.text("effect", effect(&taint.effect));
}

/// The name of a taint's effect.
pub(super) fn effect(effect: &DeviceTaintEffect) -> &str {
    match effect {
        DeviceTaintEffect::None => "None",
        DeviceTaintEffect::NoSchedule => "NoSchedule",
        DeviceTaintEffect::NoExecute => "NoExecute",
        DeviceTaintEffect::Other(name) => name,
    }
}

/// `resource.k8s.io/v1.DeviceTaintRule`.
pub(crate) fn taint_rule(fields: &mut Fields<'_>, rule: &DeviceTaintRule) {
    meta::named(fields, &rule.name);
    fields.object("spec", |spec| {
        if let Some(selector) = &rule.selector {
            spec.object("deviceSelector", |fields| {
                fields.optional("driver", selector.driver.as_ref());
                fields.optional("pool", selector.pool.as_ref());
                fields.optional("device", selector.device.as_ref());
            });
        }
        spec.object("taint", |fields| taint(fields, &rule.taint));
    });
}
