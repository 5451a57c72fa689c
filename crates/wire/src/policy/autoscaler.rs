//! Horizontal pod autoscalers, as far as they bound the number of pods.
//!
//! Upstream: `pkg/apis/autoscaling/v2/defaults.go` (`SetDefaults_HorizontalPodAutoscaler`).

use berth_model::Str;
use berth_model::policy::Autoscaler;

use crate::context::{Context, Step};
use crate::decode::{IntoModel, wire_object};
use crate::encode;
use crate::meta::MetaField;
use crate::object::wire_format;

wire_object! {
    /// `autoscaling/v2.CrossVersionObjectReference`.
    pub(crate) struct TargetWire {
        kind: Str = "kind",
        name: Str = "name",
    }
    skipped { "apiVersion" }
}

wire_object! {
    /// `autoscaling/v2.HorizontalPodAutoscalerSpec`.
    pub(crate) struct AutoscalerSpecWire {
        target: TargetWire = "scaleTargetRef",
        min: Option<i32> = "minReplicas",
        max: Option<i32> = "maxReplicas",
    }
    skipped { "metrics" "behavior" "targetCPUUtilizationPercentage" }
}

wire_object! {
    /// `autoscaling/v2.HorizontalPodAutoscaler`.
    pub(crate) struct AutoscalerWire {
        meta: MetaField = "metadata",
        spec: AutoscalerSpecWire = "spec",
    }
    skipped { "apiVersion" "kind" "status" }
}

wire_format!(Autoscaler, AutoscalerWire, encode::autoscaler);

impl IntoModel for AutoscalerWire {
    type Out = Autoscaler;

    fn into_model(self, cx: &mut Context) -> Autoscaler {
        let meta = self.meta.named(cx);
        let AutoscalerSpecWire { target, min, max } = self.spec;
        let min = min.unwrap_or(1);
        cx.within(Step::Field("spec"), |cx| match max {
            None => cx.problem_at("maxReplicas", "missing; expected an integer"),
            Some(max) if max < min => {
                let message = format!("found {max}, expected at least minReplicas, which is {min}");
                cx.problem_at("maxReplicas", message);
            }
            Some(_) => {}
        });
        Autoscaler {
            namespace: meta.namespace,
            name: meta.name,
            target_kind: target.kind,
            target_name: target.name,
            min,
            max: max.unwrap_or(min),
        }
    }
}
