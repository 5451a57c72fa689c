//! Priority classes.

use berth_model::Str;

use crate::context::Context;
use crate::decode::wire_object;
use crate::meta::MetaField;
use crate::selector::one_of;

/// `scheduling.k8s.io/v1.PriorityClass`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriorityClass {
    /// `metadata.name`.
    pub name: Str,
    /// `value`: the priority of pods of this class.
    pub value: i32,
    /// `globalDefault`: pods without class are of this one.
    pub global_default: bool,
    /// `preemptionPolicy: Never`.
    pub never_preempts: bool,
}

wire_object! {
    /// `scheduling.k8s.io/v1.PriorityClass`.
    pub(crate) struct PriorityClassWire {
        meta: MetaField = "metadata",
        value: i32 = "value",
        global_default: bool = "globalDefault",
        preemption_policy: Str = "preemptionPolicy",
    }
    skipped { "apiVersion" "kind" "description" }
}

impl PriorityClassWire {
    pub(crate) fn finish(self, cx: &mut Context) -> PriorityClass {
        let policies = &[("Never", true), ("PreemptLowerPriority", false)];
        let never_preempts = match &*self.preemption_policy {
            "" => false,
            name => one_of(cx, "preemptionPolicy", name, policies),
        };
        let name = self.meta.named(cx).name;
        PriorityClass { name, value: self.value, global_default: self.global_default, never_preempts }
    }
}
