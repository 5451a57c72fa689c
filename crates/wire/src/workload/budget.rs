//! Pod disruption budgets.

use berth_model::workload::DisruptionBudget;

use crate::context::Context;
use crate::decode::{AnyMap, IntoModel, Obj, wire_object};
use crate::encode;
use crate::meta::MetaField;
use crate::object::wire_format;
use crate::selector::LabelSelectorWire;
use crate::workload::rollout::ShareWire;

wire_object! {
    /// `policy/v1.PodDisruptionBudgetSpec`.
    pub(crate) struct BudgetSpecWire {
        selector: Obj<LabelSelectorWire> = "selector",
        min_available: ShareWire = "minAvailable",
        max_unavailable: ShareWire = "maxUnavailable",
    }
    skipped { "unhealthyPodEvictionPolicy" }
}

wire_object! {
    /// `policy/v1.PodDisruptionBudgetStatus`.
    pub(crate) struct BudgetStatusWire {
        disrupted: AnyMap = "disruptedPods",
        allowed: Option<i32> = "disruptionsAllowed",
    }
    skipped { "observedGeneration" "currentHealthy" "desiredHealthy" "expectedPods" "conditions" }
}

wire_object! {
    /// `policy/v1.PodDisruptionBudget`.
    pub(crate) struct BudgetWire {
        meta: MetaField = "metadata",
        spec: BudgetSpecWire = "spec",
        status: BudgetStatusWire = "status",
    }
    skipped { "apiVersion" "kind" }
}

wire_format!(DisruptionBudget, BudgetWire, encode::budget);

impl IntoModel for BudgetWire {
    type Out = DisruptionBudget;

    fn into_model(self, cx: &mut Context) -> DisruptionBudget {
        let meta = self.meta.named(cx);
        let mut disrupted_pods = self.status.disrupted.0;
        disrupted_pods.sort();
        disrupted_pods.dedup();
        DisruptionBudget {
            namespace: meta.namespace,
            name: meta.name,
            selector: self.spec.selector.0,
            min_available: self.spec.min_available.0,
            max_unavailable: self.spec.max_unavailable.0,
            disruptions_allowed: self.status.allowed.unwrap_or_default(),
            is_counted: self.status.allowed.is_some(),
            disrupted_pods,
        }
    }
}
