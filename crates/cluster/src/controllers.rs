//! The controllers: each time an object or its pods change, the pure functions of `berth-controllers` say what its
//! controller does, and that is done at once.

mod cron_job;
mod daemon_set;
mod deployment;
mod job;
mod replica_set;
mod stateful_set;

use std::sync::Arc;

use berth_controllers::pod::PodState;
use berth_model::Str;
use berth_model::labels::Labels;
use berth_model::object::Object;
use berth_model::pod::{Controller, Pod, PodSpec};
use berth_model::pod_manifest::{PodManifest, PodTemplate};
use berth_model::workload::{Workload, WorkloadKind};
use berth_sim::admission::Admission;

use crate::Millis;
use crate::server::pod_key;
use crate::simulation::{Made, Simulation};
use crate::timers::Timer;

pub(crate) use deployment::HASH_LABEL;

impl Simulation {
    /// One sync of the controller of a workload.
    pub(crate) fn sync_workload(&mut self, id: u32) {
        let state = self.workloads.get(id);
        if !state.exists {
            return;
        }
        let Some(object) = self.store.get(&state.key).cloned() else { return };
        let Object::Workload(workload) = &*object else { return };
        if workload.terminating {
            return;
        }
        match workload.kind {
            WorkloadKind::Deployment => self.sync_deployment(id, workload),
            WorkloadKind::ReplicaSet | WorkloadKind::ReplicationController => {
                self.sync_replica_set(id, workload)
            }
            WorkloadKind::StatefulSet => self.sync_stateful_set(id, workload),
            WorkloadKind::DaemonSet => self.sync_daemon_set(id, workload),
            WorkloadKind::Job => self.sync_job(id, workload),
            WorkloadKind::CronJob => self.sync_cron_job(id),
        }
    }

    /// Deletes a workload, and then, as the garbage collector does, all that it owns.
    pub(crate) fn delete_workload(&mut self, id: u32) {
        let state = self.workloads.get_mut(id);
        if !std::mem::take(&mut state.exists) {
            return;
        }
        let (key, owned) = (state.key.clone(), state.owned.clone());
        let pods: Vec<u32> = state.pods.iter().chain(&state.job.ended_pods).copied().collect();
        if let Some(owner) = state.owner {
            self.workloads.get_mut(owner).owned.remove(&id);
            self.workloads.wake(owner);
        }
        if self.workloads.get(id).owner.is_none() {
            let label = self.label_of(id);
            let at = self.recorder.group(&label);
            let group = &mut self.recorder.groups[at];
            group.change(self.now, group.serving, None);
        }
        self.store.remove(&key);
        owned.into_iter().for_each(|owned| self.delete_workload(owned));
        pods.into_iter().for_each(|pod| self.delete_pod(pod, None));
    }

    pub(crate) fn is_job(&self, id: u32) -> bool {
        self.workload(id).is_some_and(|workload| workload.kind == WorkloadKind::Job)
    }

    pub(crate) fn is_daemon_set(&self, id: u32) -> bool {
        self.workload(id).is_some_and(|workload| workload.kind == WorkloadKind::DaemonSet)
    }

    /// The pods of a workload as its controller sees them.
    fn states(&self, id: u32) -> Vec<PodState> {
        let state = self.workloads.get(id);
        let pods = state.pods.iter().filter_map(|pod| Some((*pod, self.pods.get(*pod)?)));
        pods.map(|(pod, record)| record.state(pod, state.revision, self.settings.start)).collect()
    }

    /// How many pods of a workload are available. If some will be later, its controller looks again then.
    fn available(&mut self, id: u32, min_ready_seconds: i32) -> i32 {
        let state = self.workloads.get(id);
        if min_ready_seconds == 0 {
            return state.ready;
        }
        let needed = Millis::try_from(min_ready_seconds).unwrap_or(0) * 1_000;
        let pods = state.pods.iter().filter_map(|pod| self.pods.get(*pod));
        let ready = pods.filter(|record| record.counted().ready).map(|record| record.ready_since + needed);
        let ready: Vec<Millis> = ready.collect();
        let owner = state.owner.unwrap_or(id);
        if let Some(next) = ready.iter().copied().filter(|at| *at > self.now).min() {
            self.timers.set(next, Timer::Workload(owner));
        }
        i32::try_from(ready.iter().filter(|at| **at <= self.now).count()).unwrap_or(i32::MAX)
    }

    /// The spec of pods that are made from a template, as admission leaves it; `None` if the API server refuses them.
    fn admitted(
        &mut self,
        id: u32,
        workload: &Workload,
        template: &PodTemplate,
        labels: Labels,
        change: impl FnOnce(&mut PodSpec),
    ) -> Option<Arc<PodSpec>> {
        let controller = controller(workload);
        let mut spec = template.spec(workload.namespace.clone(), labels, Some(controller));
        change(&mut spec);
        let remarks = Admission::new(&self.policy).admit(&mut spec, template.admission());
        spec.never_preempts |= !self.settings.preemption;
        let label = self.label_of(self.workloads.top(id));
        for (field, message) in &remarks.problems {
            let problem = format!("{label}: spec.template.spec.{field}: {message}");
            if !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
        }
        for message in remarks.warnings {
            self.warn(format!("{label}: {message}"));
        }
        remarks.problems.is_empty().then(|| Arc::new(spec))
    }

    /// The spec of the pods of a workload whose pods are alike.
    fn spec_of_alike(&mut self, id: u32, workload: &Workload) -> Option<Arc<PodSpec>> {
        let state = self.workloads.get(id);
        let revision = state.revision;
        if let Some((of, spec)) = &state.spec
            && *of == revision
        {
            return Some(spec.clone());
        }
        let template = &workload.template;
        let spec = self.admitted(id, workload, template, template.labels.clone(), |_| ())?;
        self.workloads.get_mut(id).spec = Some((revision, spec.clone()));
        Some(spec)
    }

    /// Makes a pod of a workload.
    fn make_pod(&mut self, name: Str, spec: Arc<PodSpec>, template: &PodTemplate, made: Made) -> Option<u32> {
        let mut manifest = PodManifest::of(Pod::created(name, Str::default(), spec));
        manifest.execution = template.spec.execution.clone();
        manifest.has_empty_dir = template.spec.has_empty_dir;
        manifest.ephemeral_claims = template.ephemeral_claims().to_vec();
        let node = template.node().cloned();
        manifest.pod.node.clone_from(&node);
        let id = self.create_with_claims(manifest, made)?;
        if let Some(node) = node.and_then(|node| self.nodes.find(&node)) {
            self.start_pod(id, node, false);
        }
        Some(id)
    }

    /// A name that no pod has: a prefix and the next number.
    fn numbered_name(&mut self, id: u32, namespace: &Str, prefix: &str) -> Str {
        loop {
            let state = self.workloads.get_mut(id);
            let name = Str::from(format!("{prefix}{}", state.next_name));
            state.next_name += 1;
            if self.store.get(&pod_key(namespace, &name)).is_none() {
                return name;
            }
        }
    }
}

/// The owner reference to a workload.
pub(crate) fn controller(workload: &Workload) -> Controller {
    Controller {
        api_version: workload.kind.api_version().into(),
        kind: workload.kind.name().into(),
        name: workload.name.clone(),
        uid: workload.uid.clone(),
    }
}
