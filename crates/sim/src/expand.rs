//! Expansion: from workloads to the pods that their controllers would hold.
//!
//! What is there already counts: a workload only gets the pods that it lacks, so that the output of `kubectl get` of a
//! running cluster is not doubled. Workloads whose pods are outdated or too many are rolled out: what their controllers
//! do then is decided during the run ([`crate::rollout`]). docs/workloads.md tells the rules.
//!
//! Upstream: `pkg/controller` (a folder for each kind).

mod cron_job;
mod custom;
pub(crate) mod daemon_set;
mod deployment;
mod ephemeral;
mod existing;
mod family;
pub(crate) mod job;
pub(crate) mod name;
mod replica_set;
pub(crate) mod stateful_set;
mod template;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use berth_model::Str;
use berth_model::labels::Labels;
use berth_model::manifests::{Entry, Manifests, Place};
use berth_model::pod::{Container, Pod, PodSpec};
use berth_model::pod_manifest::PodManifest;
use berth_model::volume::Claim;
use berth_model::workload::PodGroupOwner;
use berth_model::workload::{Workload, WorkloadKind};
use berth_wire::{Problem, Problems, Warnings};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::admission::{Admission, Remarks, is_new, quota};
use crate::rollout::Rollout;
use existing::Existing;
pub(crate) use existing::is_controller;
use family::Family;
use name::Names;
use template::Template;

/// The most pods that an input may come to.
pub const MAX_PODS: usize = 5_000_000;

/// What the input comes to.
#[derive(Default)]
pub(crate) struct Expanded {
    /// Pods, those of a workload in its place.
    pub(crate) pods: Vec<Pod>,
    /// ReplicaSets that are made for Deployments.
    pub(crate) owners: Vec<PodGroupOwner>,
    /// Workloads whose pods are replaced or deleted.
    pub(crate) rollouts: Vec<Rollout>,
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
    let sizes = deployment::sizes(&mut expansion);
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
    expansion.own_adopted();
    expansion.warn_of_unlisted_daemons();
    quota::check(manifests, &expansion.out.pods, expansion.warnings);
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
            return self.warn(entry, "terminating: makes no more pods");
        }
        if let Some(custom) = &entry.value.custom {
            return custom::expand(self, entry, custom);
        }
        match entry.value.kind {
            WorkloadKind::Deployment => deployment::expand(self, at, entry, sizes),
            WorkloadKind::ReplicaSet | WorkloadKind::ReplicationController => {
                replica_set::expand(self, at, entry, sizes);
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
            // Nearly all pods of a real cluster.
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
    fn admit(&mut self, template: &Template<'a>, mut spec: PodSpec) -> Option<Arc<PodSpec>> {
        let remarks = self.admission.admit(&mut spec, template.pod_template.admission());
        let admitted = remarks.problems.is_empty();
        let (object, field) = (template.entry.value.label(), template.spec_path());
        self.report(remarks, &template.entry.place, &object, &field);
        admitted.then(|| Arc::new(spec))
    }

    fn report(&mut self, remarks: Remarks, place: &Place, object: &str, path: &str) {
        for (field, message) in remarks.problems {
            let (place, object, field) = (place.clone(), object.to_owned(), format!("{path}.{field}"));
            let problem = Problem { place, object, field, message };
            if !self.problems.iter().any(|known| *known == problem) {
                self.problems.push(problem); // once, not for each pod of a workload
            }
        }
        for message in remarks.warnings {
            self.warnings.add(message, place, object);
        }
    }

    /// Makes a pod.
    fn make(&mut self, template: &Template<'a>, name: Str, spec: Arc<PodSpec>) {
        let pod = Pod {
            created: template.entry.value.created,
            node: template.pod_template.node().cloned(),
            ..Pod::created(name, Str::default(), spec)
        };
        ephemeral::make_claims(self, &pod, template.pod_template.ephemeral_claims());
        self.out.pods.push(pod);
    }

    /// Makes pods that differ by their names only: a prefix and a number.
    fn make_alike(&mut self, template: &Template<'a>, prefix: &str, count: usize) {
        if count == 0 {
            return;
        }
        let Some(spec) = self.admit(template, template.spec(template.labels.clone())) else { return };
        let mut series = self.names.series(&template.entry.value.namespace, prefix);
        for _ in 0..count {
            let name = self.names.next(&mut series);
            self.make(template, name, spec.clone());
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
            let (place, object) = (entry.place.clone(), entry.value.label());
            self.problems.push(Problem { place, object, field: field.to_owned(), message });
            return None;
        }
        self.pods = total;
        Some(count)
    }

    fn warn(&mut self, entry: &Entry<Workload>, message: impl Into<String>) {
        self.warnings.add(message.into(), &entry.place, &entry.value.label());
    }

    /// Warns once of a resource that several workloads stand for.
    fn warn_once(&mut self, entry: &Entry<Workload>, message: &str) {
        let label = entry.value.label();
        let known = self.warnings.iter().any(|w| w.message == message && w.objects.contains(&label));
        if !known {
            self.warnings.add(message.to_owned(), &entry.place, &label);
        }
    }

    /// What the pods of a template are like now; pods that differ from it are outdated.
    fn current_spec(&self, template: &Template<'a>) -> PodSpec {
        let mut spec = template.spec(template.labels.clone());
        self.admission.admit(&mut spec, template.pod_template.admission());
        spec
    }

    /// Gives the pods that were adopted their controllers.
    fn own_adopted(&mut self) {
        let adopted = self.existing.adopted();
        if adopted.is_empty() {
            return;
        }
        for pod in &mut self.out.pods {
            if let Some(controller) = adopted.get(&(&*pod.spec.namespace, &*pod.name)) {
                Arc::make_mut(&mut pod.spec).controller = Some(controller.clone());
            }
        }
    }

    /// Warns of nodes without daemon pods, if the DaemonSets of the others' pods are not in the input.
    fn warn_of_unlisted_daemons(&mut self) {
        let daemons = |pod: &Pod| pod.spec.controller.as_ref().is_some_and(|c| &*c.kind == "DaemonSet");
        let pods = || self.manifests.pods.iter().map(|entry| &entry.value.pod).filter(|pod| daemons(pod));
        let served: FxHashSet<&Str> = pods().filter_map(|pod| pod.node.as_ref()).collect();
        let Some(bare) = self.manifests.nodes.iter().find(|node| !served.contains(&node.value.name)) else {
            return;
        };
        let unlisted: BTreeSet<String> = pods()
            .filter_map(|pod| Some((&pod.spec.namespace, &pod.spec.controller.as_ref()?.name)))
            .filter(|(namespace, name)| !self.family.has(WorkloadKind::DaemonSet, namespace, name))
            .map(|(namespace, name)| format!("{namespace}/{name}"))
            .collect();
        if !unlisted.is_empty() {
            let names: Vec<String> = unlisted.into_iter().collect();
            let message = format!(
                "gets no daemon pods: the DaemonSets {} are not in the input, but their pods are",
                names.join(", ")
            );
            self.warnings.add(message, &bare.place, &format!("Node {}", bare.value.name));
        }
    }
}

/// Tells which of the pods of a StatefulSet or DaemonSet are made from an older template.
fn outdated<'p>(
    workload: &'p Workload,
    pods: &[&Pod],
    current: &'p PodSpec,
) -> impl Fn(&Pod) -> bool + use<'p> {
    let differs =
        move |pod: &Pod| !pod.terminating && is_outdated(&pod.spec, current, &workload.template.labels);
    // If no pod differs in what can be seen, none is of an older revision to which a manifest goes back.
    let all = workload.template_changed && !pods.iter().any(|pod| differs(pod));
    move |pod| differs(pod) || (all && !pod.terminating)
}

/// Whether a pod differs from its template in the images and requests of its containers, in the nodes that it selects
/// or in labels. Containers and labels that only the pod has were injected, and say nothing.
fn is_outdated(pod: &PodSpec, template: &PodSpec, labels: &Labels) -> bool {
    let known = |image: &str| !image.is_empty();
    let other_image = |a: &str, b: &str| known(a) && known(b) && a != b;
    let differs = |wanted: &Container| {
        let changed = |c: &Container| c.requests != wanted.requests || other_image(&c.image, &wanted.image);
        pod.containers.iter().any(|c| c.name == wanted.name && changed(c))
    };
    let misses = |(key, value): (&Str, &Str)| pod.node_selector.get(key) != Some(value);
    let lacks = |(key, value): (&Str, &Str)| pod.labels.get(key) != Some(value);
    template.containers.iter().any(differs)
        || template.node_selector.iter().any(misses)
        || labels.iter().any(lacks)
}
