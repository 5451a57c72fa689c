//! Priority classes.

use berth_model::Str;
use berth_model::policy::PriorityClass;

use crate::context::Context;
use crate::decode::{IntoModel, wire_object};
use crate::encode;
use crate::meta::MetaField;
use crate::object::wire_format;
use crate::selector::one_of;

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

wire_format!(PriorityClass, PriorityClassWire, encode::priority_class);

impl IntoModel for PriorityClassWire {
    type Out = PriorityClass;

    fn into_model(self, cx: &mut Context) -> PriorityClass {
        let policies = &[("Never", true), ("PreemptLowerPriority", false)];
        let never_preempts = match &*self.preemption_policy {
            "" => false,
            name => one_of(cx, "preemptionPolicy", name, policies),
        };
        let name = self.meta.named(cx).name;
        PriorityClass { name, value: self.value, global_default: self.global_default, never_preempts }
    }
}
