//! Expansion: from workloads to the pods that their controllers would hold.
//!
//! What is there already counts: a workload only gets the pods that it lacks, so that the output of `kubectl get` of a
//! running cluster is not doubled. Pods that the controllers would delete stay where they are, with a warning.
//! docs/workloads.md tells the rules.
//!
//! Upstream: `pkg/controller` (a folder for each kind).

mod cron_job;
mod daemon_set;
mod deployment;
mod ephemeral;
mod existing;
mod family;
mod job;
mod mold;
mod name;
mod replica_set;
mod stateful_set;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use berth_model::Str;
use berth_model::manifests::{Entry, Manifests, Place};
use berth_model::pod::{Pod, PodSpec};
use berth_model::pod_manifest::PodManifest;
use berth_model::volume::Claim;
use berth_model::workload::PodGroupOwner;
use berth_model::workload::{Workload, WorkloadKind};
use berth_wire::{Problem, Problems, Warnings};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::admission::{Admission, Remarks, is_new};
use existing::Existing;
use family::Family;
use mold::Mold;
use name::Names;

/// The most pods that an input may come to.
pub const MAX_PODS: usize = 5_000_000;

/// What the input comes to.
#[derive(Default)]
pub(crate) struct Expanded {
    /// Pods, those of a workload in its place.
    pub(crate) pods: Vec<Pod>,
    /// ReplicaSets that are made for Deployments.
    pub(crate) owners: Vec<PodGroupOwner>,
    /// Claims that are made for StatefulSets and ephemeral volumes.
    pub(crate) claims: Vec<Claim>,
}

/// Expands all workloads and admits all new pods.
///
/// # Errors
/// When a new pod names a class that is not there, or there would be more than [`MAX_PODS`] pods.
pub(crate) fn expand(manifests: &Manifests, warnings: &mut Warnings) -> Result<Expanded, Problems> {
    let mut expansion = Expansion {
        manifests,
        admission: Admission::new(manifests),
        existing: Existing::new(manifests),
        family: Family::new(manifests),
        names: Names::new(manifests),
        claims: manifests.claims.iter().map(|e| (e.value.namespace.clone(), e.value.name.clone())).collect(),
        admitted: FxHashMap::default(),
        pods: manifests.pods.len(),
        out: Expanded::default(),
        problems: Problems::default(),
        warnings,
    };
    let sizes = deployment::sizes(&expansion);
    let mut workloads = manifests.workloads.iter().enumerate().peekable();
    for entry in &manifests.pods {
        while let Some((at, workload)) = workloads.next_if(|(_, workload)| workload.number < entry.number) {
            expansion.workload(at, workload, &sizes);
        }
        expansion.pod(entry);
    }
    for (at, workload) in workloads {
        expansion.workload(at, workload, &sizes);
    }
    if expansion.problems.is_empty() { Ok(expansion.out) } else { Err(expansion.problems) }
}

/// The expansion in progress.
struct Expansion<'a> {
    manifests: &'a Manifests,
    admission: Admission<'a>,
    existing: Existing<'a>,
    family: Family<'a>,
    names: Names,
    /// Claims that are there or made, by namespace and name.
    claims: FxHashSet<(Str, Str)>,
    /// Pods of one spec are admitted once.
    admitted: FxHashMap<(*const PodSpec, &'a berth_model::pod_manifest::Admission), Arc<PodSpec>>,
    /// How many pods there are, made or yet to come.
    pods: usize,
    out: Expanded,
    problems: Problems,
    warnings: &'a mut Warnings,
}

impl<'a> Expansion<'a> {
    fn workload(&mut self, at: usize, entry: &'a Entry<Workload>, sizes: &deployment::Sizes) {
        if entry.value.terminating {
            return self.warn(entry, "is going away, so it makes no more pods");
        }
        match entry.value.kind {
            WorkloadKind::Deployment => deployment::expand(self, entry, sizes.lacking(at)),
            WorkloadKind::ReplicaSet | WorkloadKind::ReplicationController => {
                replica_set::expand(self, entry, sizes.wanted(at));
            }
            WorkloadKind::StatefulSet => stateful_set::expand(self, entry),
            WorkloadKind::DaemonSet => daemon_set::expand(self, entry),
            WorkloadKind::Job => job::expand(self, entry),
            WorkloadKind::CronJob => cron_job::expand(self, entry),
        }
    }

    /// Takes a pod of the input; a new one is admitted.
    fn pod(&mut self, entry: &'a Entry<PodManifest>) {
        let (mut pod, asks) = (entry.value.pod.clone(), &entry.value.admission);
        let key = (Arc::as_ptr(&pod.spec), asks);
        let fresh = is_new(&entry.value);
        if !fresh && asks.has_priority {
            // As nearly all pods of a real cluster.
        } else if let Some(spec) = self.admitted.get(&key).filter(|_| fresh) {
            pod.spec = spec.clone();
        } else {
            let mut spec = (*pod.spec).clone();
            let admission = &self.admission;
            let remarks =
                if fresh { admission.admit(&mut spec, asks) } else { admission.complete(&mut spec, asks) };
            let object = format!("Pod {}/{}", spec.namespace, pod.name);
            let silent = remarks.warnings.is_empty() && remarks.problems.is_empty();
            self.report(remarks, &entry.place, &object, "spec");
            if spec != *pod.spec {
                pod.spec = Arc::new(spec);
            }
            if fresh && silent {
                self.admitted.insert(key, pod.spec.clone());
            }
        }
        ephemeral::make_claims(self, &pod, &entry.value.ephemeral_claims);
        self.out.pods.push(pod);
    }

    /// Admits the spec of pods that a workload makes; `None` where the API server would not have them.
    fn admit(&mut self, mold: &Mold<'a>, mut spec: PodSpec) -> Option<Arc<PodSpec>> {
        let remarks = self.admission.admit(&mut spec, mold.template.admission());
        let admitted = remarks.problems.is_empty();
        let (object, field) = (mold.object(), mold.spec_path());
        self.report(remarks, &mold.entry.place, &object, field);
        admitted.then(|| Arc::new(spec))
    }

    fn report(&mut self, remarks: Remarks, place: &Place, object: &str, path: &str) {
        for (field, message) in remarks.problems {
            let (place, object, field) = (place.clone(), object.to_owned(), format!("{path}.{field}"));
            self.problems.push(Problem { place, object, field, message });
        }
        for message in remarks.warnings {
            self.warnings.add(message, place, object);
        }
    }

    /// Makes a pod.
    fn make(&mut self, mold: &Mold<'a>, name: Str, spec: Arc<PodSpec>) {
        let pod = Pod {
            name,
            uid: Str::default(),
            created: mold.entry.value.created,
            spec,
            node: mold.template.node().cloned(),
            nominated_node: None,
            started: None,
            terminating: false,
            preempted: false,
            claim_statuses: Vec::new(),
        };
        ephemeral::make_claims(self, &pod, mold.template.ephemeral_claims());
        self.out.pods.push(pod);
    }

    /// Makes pods that differ by their names only: a prefix and a number.
    fn make_alike(&mut self, mold: &Mold<'a>, prefix: &str, count: usize) {
        if count == 0 {
            return;
        }
        let Some(spec) = self.admit(mold, mold.spec(mold.labels.clone())) else { return };
        let mut series = self.names.series(&mold.entry.value.namespace, prefix);
        for _ in 0..count {
            let name = self.names.next(&mut series);
            self.make(mold, name, spec.clone());
        }
        self.names.end(series);
    }

    /// Makes room for pods that a workload wants. Complains where they are too many.
    fn reserve(&mut self, entry: &Entry<Workload>, field: &'static str, missing: i64) -> Option<usize> {
        let count = usize::try_from(missing.max(0)).unwrap_or(usize::MAX);
        let total = self.pods.saturating_add(count);
        if total > MAX_PODS {
            let message = format!(
                "{count} more pods would make {total}, but a run takes at most {MAX_PODS} pods in total"
            );
            let (place, object) = (entry.place.clone(), mold::object(&entry.value));
            self.problems.push(Problem { place, object, field: field.to_owned(), message });
            return None;
        }
        self.pods = total;
        Some(count)
    }

    fn warn(&mut self, entry: &Entry<Workload>, message: impl Into<String>) {
        self.warnings.add(message.into(), &entry.place, &mold::object(&entry.value));
    }

    /// Warns of pods that the controller would delete.
    fn warn_surplus(&mut self, entry: &Entry<Workload>, surplus: i64) {
        if surplus > 0 {
            self.warn(
                entry,
                format!("has {surplus} more pods than it wants; they stay, though it would delete them"),
            );
        }
    }
}
