//! What all pods that one controller makes have in common.

use berth_model::Str;
use berth_model::labels::Labels;
use berth_model::manifests::Entry;
use berth_model::pod::{Controller, PodSpec};
use berth_model::pod_manifest::PodTemplate;
use berth_model::workload::{Workload, WorkloadKind};

/// A template with the identity of its controller.
pub(super) struct Mold<'a> {
    /// The workload that the pods come from; not always their controller.
    pub(super) entry: &'a Entry<Workload>,
    /// The template.
    pub(super) template: &'a PodTemplate,
    /// The labels of the template and those that the controller adds to every pod.
    pub(super) labels: Labels,
    /// Who owns the pods.
    pub(super) controller: Controller,
}

impl<'a> Mold<'a> {
    /// The mold of a controller that makes its pods itself.
    pub(super) fn new(entry: &'a Entry<Workload>) -> Self {
        let workload = &entry.value;
        Self {
            entry,
            template: &workload.template,
            labels: workload.template.labels.clone(),
            controller: controller(workload.kind, &workload.name, &workload.uid),
        }
    }

    /// Adds a label to all pods.
    pub(super) fn label(&mut self, key: &str, value: &Str) {
        self.labels.insert(key.into(), value.clone());
    }

    /// The spec of a pod with these labels.
    pub(super) fn spec(&self, labels: Labels) -> PodSpec {
        self.template.spec(self.entry.value.namespace.clone(), labels, Some(self.controller.clone()))
    }

    /// The workload for messages.
    pub(super) fn object(&self) -> String {
        object(&self.entry.value)
    }

    /// Where the pod's spec is in the workload.
    pub(super) fn spec_path(&self) -> &'static str {
        match self.entry.value.kind {
            WorkloadKind::CronJob => "spec.jobTemplate.spec.template.spec",
            _ => "spec.template.spec",
        }
    }
}

/// The owner reference to a controller.
pub(super) fn controller(kind: WorkloadKind, name: &Str, uid: &Str) -> Controller {
    Controller {
        api_version: kind.api_version().into(),
        kind: kind.name().into(),
        name: name.clone(),
        uid: uid.clone(),
    }
}

/// A workload for messages: `Deployment shop/web`.
pub(super) fn object(workload: &Workload) -> String {
    format!("{} {}/{}", workload.kind.name(), workload.namespace, workload.name)
}
