//! Pod templates: what controllers make pods from.

use berth_model::Str;
use berth_model::labels::Labels;
use berth_model::pod::{Controller, PodSpec};
use berth_model::volume::Claim;

use crate::context::Context;
use crate::decode::{Finish, Obj, wire_object};
use crate::meta::MetaField;
use crate::pod::Admission;
use crate::pod::spec::{PodSpecWire, SpecParts};

/// `v1.PodTemplateSpec`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodTemplate {
    /// `metadata.labels`.
    pub labels: Labels,
    parts: SpecParts,
}

impl PodTemplate {
    /// What admission will look at, beside the spec.
    pub fn admission(&self) -> &Admission {
        &self.parts.admission
    }

    /// Whether pods of both templates are the same to scheduling, the value of one label aside.
    pub fn equals_but_for_label(&self, other: &Self, key: &str) -> bool {
        let labels = |template: &Self| -> Labels {
            template
                .labels
                .iter()
                .filter(|(k, _)| &***k != key)
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect()
        };
        self.parts == other.parts && labels(self) == labels(other)
    }

    /// The claims that the pods' ephemeral volumes are made of, named after the volumes.
    pub fn ephemeral_claims(&self) -> &[Claim] {
        &self.parts.ephemeral_claims
    }

    /// `spec.nodeName`: the node that all pods of the template are bound to from the start.
    pub fn node(&self) -> Option<&Str> {
        self.parts.node.as_ref()
    }

    /// The spec of a pod made from the template: with the labels that the controller gives it, which affinity terms with
    /// `matchLabelKeys` then refer to.
    pub fn spec(&self, namespace: Str, labels: Labels, controller: Option<Controller>) -> PodSpec {
        self.parts.clone().complete(namespace, labels, controller)
    }
}

wire_object! {
    /// `v1.PodTemplateSpec`.
    pub(crate) struct TemplateWire {
        meta: MetaField = "metadata",
        spec: Obj<PodSpecWire> = "spec",
    }
    skipped {}
}

impl Finish for TemplateWire {
    type Out = PodTemplate;

    fn finish(self, cx: &mut Context) -> PodTemplate {
        if self.spec.0.is_none() {
            cx.problem_at("spec", "missing; expected a pod spec");
        }
        let parts = self.spec.0.unwrap_or_default();
        PodTemplate { labels: self.meta.0.map(|meta| meta.labels).unwrap_or_default(), parts }
    }
}
