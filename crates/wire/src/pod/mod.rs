//! Pods, and the templates that pods are made from.

mod affinity;
mod container;
pub(crate) mod resources;
mod spec;
mod spread;
mod status;
mod template;
mod toleration;
mod volume;

use berth_model::Str;
use berth_model::pod::Pod;
use berth_model::volume::Claim;

use crate::context::{Context, Step};
use crate::decode::{Obj, wire_object};
use crate::kind::Kind;
use crate::meta::MetaField;
use crate::object_key::ObjectKey;
use status::StatusWire;

pub use resources::PodLevel;
pub(crate) use spec::{PodSpecWire, given};
pub use status::ScheduledCondition;
pub use template::PodTemplate;
pub(crate) use template::TemplateWire;
pub(crate) use toleration::{EFFECTS, TolerationWire};

/// A pod as it was read, with what only other objects can tell about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodManifest {
    /// The pod, with the API's defaults applied.
    pub pod: Pod,
    /// `status.phase` is `Succeeded` or `Failed`: the pod holds nothing of its node any more.
    pub finished: bool,
    /// `metadata.generation`: which version of the spec it is; 0 where the source has none.
    pub generation: i64,
    /// What a scheduler said of it last (the condition `PodScheduled`).
    pub scheduled: Option<ScheduledCondition>,
    /// What admission sets from other objects.
    pub admission: Admission,
    /// The claims that its ephemeral volumes are made of, named after the volumes.
    pub ephemeral_claims: Vec<Claim>,
}

impl PodManifest {
    /// A running or waiting pod of which no more is known.
    pub fn of(pod: Pod) -> Self {
        Self {
            pod,
            finished: false,
            generation: 0,
            scheduled: None,
            admission: Admission::default(),
            ephemeral_claims: Vec::new(),
        }
    }

    /// What tells the pod from all other objects.
    pub fn key(&self) -> ObjectKey {
        let (namespace, name) = (self.pod.spec.namespace.clone(), self.pod.name.clone());
        ObjectKey { kind: Kind::Pod, namespace, name }
    }
}

/// What the API server's admission looks at when it creates a pod, beside the spec.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Admission {
    /// Whether `spec.priority` was set, so that no priority class can change it.
    pub has_priority: bool,
    /// `spec.priorityClassName`.
    pub priority_class: Option<Str>,
    /// `spec.runtimeClassName`.
    pub runtime_class: Option<Str>,
    /// `spec.resources` as it is written, where it sets something.
    pub pod_level: Option<PodLevel>,
}

wire_object! {
    /// `v1.Pod`.
    pub(crate) struct PodWire {
        meta: MetaField = "metadata",
        spec: Obj<PodSpecWire> = "spec",
        status: StatusWire = "status",
    }
    skipped { "apiVersion" "kind" }
}

impl PodWire {
    pub(crate) fn finish(self, cx: &mut Context) -> PodManifest {
        let meta = self.meta.named(cx);
        let generation = meta.generation;
        let parts = self.spec.0.unwrap_or_else(|| {
            cx.problem("has no spec");
            spec::SpecParts::default()
        });
        if parts.node.is_some() && parts.is_gated() {
            cx.within(Step::Field("spec"), |cx| {
                cx.problem_at("nodeName", "cannot be set while schedulingGates hold the pod");
            });
        }
        let (admission, ephemeral_claims) = (parts.admission.clone(), parts.ephemeral_claims.clone());
        let status = self.status;
        let scheduled = status.scheduled();
        let (finished, preempted) = (status.finished(), status.preempted());
        let (started, nominated_node) = (status.started.map(|t| t.0), given(status.nominated_node.0.clone()));
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
        };
        PodManifest { pod, finished, generation, scheduled, admission, ephemeral_claims }
    }
}
