//! Pod templates: what controllers make pods from.

use std::sync::Arc;

use berth_model::execution::{Annotated, Execution};
use berth_model::pod_manifest::PodTemplate;

use crate::context::Context;
use crate::decode::{IntoModel, Obj, wire_object};
use crate::meta::MetaField;
use crate::pod::spec::PodSpecWire;

wire_object! {
    /// `v1.PodTemplateSpec`.
    pub(crate) struct TemplateWire {
        meta: MetaField = "metadata",
        spec: Obj<PodSpecWire> = "spec",
    }
    skipped {}
}

impl IntoModel for TemplateWire {
    type Out = PodTemplate;

    fn into_model(self, cx: &mut Context) -> PodTemplate {
        if self.spec.0.is_none() {
            cx.problem_at("spec", "missing; expected a pod spec");
        }
        let meta = self.meta.0.unwrap_or_default();
        let mut spec = self.spec.0.unwrap_or_default();
        let annotated = super::annotated(cx, &meta.annotations);
        if annotated != Annotated::default() {
            spec.execution = Arc::new(Execution { annotated, ..(*spec.execution).clone() });
        }
        PodTemplate { labels: meta.labels, spec, rest: None }
    }
}
