//! What all pods that one controller makes have in common.

use berth_model::Str;
use berth_model::labels::Labels;
use berth_model::manifests::Entry;
use berth_model::pod::{Controller, PodSpec};
use berth_model::pod_manifest::PodTemplate;
use berth_model::workload::{Workload, WorkloadKind};

/// A template with the identity of its controller.
pub(super) struct Template<'a> {
    /// The workload that the pods come from; not always their controller.
    pub(super) entry: &'a Entry<Workload>,
    /// `spec.template`.
    pub(super) pod_template: &'a PodTemplate,
    /// The labels of the template and those that the controller adds to every pod.
    pub(super) labels: Labels,
    /// Who owns the pods.
    pub(super) controller: Controller,
}

impl<'a> Template<'a> {
    /// The template of a controller that makes its pods itself.
    pub(super) fn new(entry: &'a Entry<Workload>) -> Self {
        let workload = &entry.value;
        Self {
            entry,
            pod_template: &workload.template,
            labels: workload.template.labels.clone(),
            controller: match &workload.custom {
                Some(custom) => Controller {
                    api_version: custom.api_version.clone(),
                    kind: custom.kind.clone(),
                    name: custom.name.clone(),
                    uid: workload.uid.clone(),
                },
                None => controller(workload.kind, &workload.name, &workload.uid),
            },
        }
    }

    /// Adds a label to all pods.
    pub(super) fn label(&mut self, key: &str, value: &Str) {
        self.labels.insert(key.into(), value.clone());
    }

    /// The spec of a pod with these labels.
    pub(super) fn spec(&self, labels: Labels) -> PodSpec {
        self.pod_template.spec(self.entry.value.namespace.clone(), labels, Some(self.controller.clone()))
    }

    /// The path of the pod's spec in the workload.
    pub(super) fn spec_path(&self) -> String {
        match (&self.entry.value.custom, self.entry.value.kind) {
            (Some(custom), _) => format!("{}.spec", custom.template),
            (None, WorkloadKind::CronJob) => "spec.jobTemplate.spec.template.spec".to_owned(),
            (None, _) => "spec.template.spec".to_owned(),
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
