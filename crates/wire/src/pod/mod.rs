//! Pods, and the templates that pods are made from.

mod affinity;
mod container;
pub(crate) mod resources;
pub(crate) mod rest;
mod spec;
mod spread;
mod status;
mod template;
mod toleration;
mod volume;

use berth_model::execution::{Annotated, Execution, unreadable};
use berth_model::labels::Labels;
use berth_model::pod::Pod;
use berth_model::pod_manifest::{PodManifest, SpecTemplate};

use crate::context::{Context, Step, quoted};
use crate::decode::{IntoModel, Obj, wire_object};
use crate::encode;
use crate::meta::MetaField;
use crate::object::wire_format;
use status::StatusWire;

pub(crate) use spec::{PodSpecWire, no_such_volume, non_empty};
pub(crate) use template::TemplateWire;
pub(crate) use toleration::{EFFECTS, TolerationWire};

wire_object! {
    /// `v1.Pod`.
    pub(crate) struct PodWire {
        meta: MetaField = "metadata",
        spec: Obj<PodSpecWire> = "spec",
        status: StatusWire = "status",
    }
    skipped { "apiVersion" "kind" }
}

wire_format!(PodManifest, PodWire, encode::pod_manifest);

impl IntoModel for PodWire {
    type Out = PodManifest;

    fn into_model(self, cx: &mut Context) -> PodManifest {
        let meta = self.meta.named(cx);
        let generation = meta.generation;
        let annotated = annotated(cx, &meta.annotations);
        let parts = self.spec.0.unwrap_or_else(|| {
            cx.problem("has no spec");
            SpecTemplate::default()
        });
        if parts.node.is_some() && !parts.spec.scheduling_gates.is_empty() {
            cx.within(Step::Field("spec"), |cx| {
                cx.problem_at("nodeName", "cannot be set while schedulingGates hold the pod");
            });
        }
        let (admission, ephemeral_claims) = (parts.admission.clone(), parts.ephemeral_claims.clone());
        let has_empty_dir = parts.has_empty_dir;
        let execution = Execution::shared(Execution { annotated, ..(*parts.execution).clone() });
        let status = self.status;
        let scheduled = status.scheduled();
        let claim_statuses = status.claim_statuses();
        let (finished, preempted) = (status.finished(), status.preempted());
        let (started, nominated_node) =
            (status.started.map(|t| t.0), non_empty(status.nominated_node.0.clone()));
        let node = parts.node.clone();
        let mut spec = parts.complete(meta.namespace, meta.labels, meta.controller);
        status.apply_resources(&mut spec);
        let pod = Pod {
            name: meta.name,
            uid: meta.uid,
            created: meta.created,
            spec: cx.share(spec),
            node,
            nominated_node,
            started,
            terminating: meta.terminating,
            preempted,
            claim_statuses,
        };
        PodManifest {
            pod,
            finished,
            generation,
            scheduled,
            admission,
            ephemeral_claims,
            has_empty_dir,
            execution,
        }
    }
}

/// What the annotations say of what a pod does on its node. An object of a cluster is never refused for them: its
/// scheduler does not need them.
fn annotated(cx: &mut Context, annotations: &Labels) -> Annotated {
    let wrong = if cx.stored { Vec::new() } else { unreadable(annotations) };
    for (key, found, allowed) in wrong {
        cx.within(Step::Field("metadata"), |cx| {
            cx.within(Step::Field("annotations"), |cx| {
                cx.problem_at(key, format!("found {}, expected {allowed}", quoted(found)));
            });
        });
    }
    Annotated::of(annotations)
}
