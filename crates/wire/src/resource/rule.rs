//! Taints for devices by rule.

use berth_model::Str;
use berth_model::device::{DeviceTaint, DeviceTaintEffect, DeviceTaintRule, DeviceTaintSelector};

use super::value::{DeviceTaintWire, check_driver, check_pool};
use crate::context::{Context, Step};
use crate::decode::{IntoModel, Obj, wire_object};
use crate::encode;
use crate::meta::MetaField;
use crate::object::wire_format;
use crate::syntax::check_dns_label;

wire_object! {
    /// `v1.DeviceTaintSelector`.
    pub(crate) struct TaintSelectorWire {
        driver: Option<Str> = "driver",
        pool: Option<Str> = "pool",
        device: Option<Str> = "device",
    }
    skipped {}
}

impl IntoModel for TaintSelectorWire {
    type Out = DeviceTaintSelector;

    fn into_model(self, cx: &mut Context) -> DeviceTaintSelector {
        let Self { driver, pool, device } = self;
        if let Some(name) = &driver {
            check_driver(cx, "driver", name);
        }
        if let Some(name) = &pool {
            check_pool(cx, "pool", name);
        }
        if let Some(name) = &device {
            check_dns_label(cx, "device", name);
        }
        DeviceTaintSelector { driver, pool, device }
    }
}

wire_object! {
    /// `v1.DeviceTaintRuleSpec`.
    pub(crate) struct RuleSpecWire {
        selector: Obj<TaintSelectorWire> = "deviceSelector",
        taint: Obj<DeviceTaintWire> = "taint",
    }
    skipped {}
}

wire_object! {
    /// `resource.k8s.io/v1.DeviceTaintRule`.
    pub(crate) struct RuleWire {
        meta: MetaField = "metadata",
        spec: RuleSpecWire = "spec",
    }
    skipped { "apiVersion" "kind" "status" }
}

wire_format!(DeviceTaintRule, RuleWire, encode::taint_rule);

impl IntoModel for RuleWire {
    type Out = DeviceTaintRule;

    fn into_model(self, cx: &mut Context) -> DeviceTaintRule {
        let meta = self.meta.named(cx);
        let taint = self.spec.taint.0.unwrap_or_else(|| {
            cx.within(Step::Field("spec"), |cx| {
                cx.problem_at("taint", "missing; a rule gives devices a taint")
            });
            DeviceTaint { key: Str::default(), value: Str::default(), effect: DeviceTaintEffect::None }
        });
        DeviceTaintRule { name: meta.name, selector: self.spec.selector.0, taint }
    }
}
