//! What is compared: the pods of a scenario by owner, revision and node, its Jobs, and its claims.

use std::collections::BTreeMap;

use berth_model::object::Object;
use berth_model::pod::{Pod, PodSpec};
use berth_model::workload::{PodCount, Workload, WorkloadKind};

/// Labels that controllers and the API server give to pods, beside those of the template.
const BY_CONTROLLERS: [&str; 12] = [
    "pod-template-hash",
    "controller-revision-hash",
    "pod-template-generation",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "controller-uid",
    "batch.kubernetes.io/controller-uid",
    "job-name",
    "batch.kubernetes.io/job-name",
    "batch.kubernetes.io/job-completion-index",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
];

/// What `--add` puts after the name of the template.
const ADDED: &str = "-new-1";

/// What there is at the end: how many of each kind of thing, by a text that describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State(BTreeMap<String, usize>);

impl State {
    /// A state without anything.
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Counts a pod that has not ended.
    pub(super) fn add_pod(&mut self, pod: &Pod, with_node: bool) {
        let place = match &pod.node {
            _ if pod.terminating => "terminating".to_owned(),
            Some(node) if with_node => format!("on {}", node.strip_suffix(ADDED).unwrap_or(node)),
            Some(_) => "on a node".to_owned(),
            None => "pending".to_owned(),
        };
        self.add(format!("{} ({}) {place}", owner(pod), revision(&pod.spec)));
    }

    /// Counts an object of which the end matters.
    pub(super) fn add_object(&mut self, object: &Object) {
        match object {
            Object::Workload(workload) => self.add_workload(workload),
            Object::Claim(claim) => {
                let bound = if claim.volume.is_some() { "bound" } else { "not bound" };
                self.add(format!("PersistentVolumeClaim {} {bound}", claim.name));
            }
            _ => {}
        }
    }

    fn add_workload(&mut self, workload: &Workload) {
        let name = format!("{} {}", workload.kind.name(), generic(workload.kind.name(), &workload.name));
        match (workload.kind, &workload.count) {
            // Those of Deployments are there or not by the limit of the history.
            (WorkloadKind::ReplicaSet, _) if workload.controller.is_some() => {}
            (WorkloadKind::Job, PodCount::Job { finished, .. }) => {
                let end = if *finished { "has ended" } else { "goes on" };
                self.add(format!("{name} {end}, {} succeeded", workload.progress.succeeded));
            }
            (_, PodCount::Replicas { count, .. }) => self.add(format!("{name} wants {count} pods")),
            _ => self.add(name),
        }
    }

    fn add(&mut self, what: String) {
        *self.0.entry(what).or_default() += 1;
    }

    /// The differences to another state, a line each.
    pub(super) fn differences(&self, here: &str, other: &Self, there: &str) -> Vec<String> {
        let keys: std::collections::BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        let count = |state: &Self, key: &String| state.0.get(key).copied().unwrap_or(0);
        let differs = keys.into_iter().filter(|key| count(self, key) != count(other, key));
        differs
            .map(|key| format!("{key}: {here} {}, {there} {}", count(self, key), count(other, key)))
            .collect()
    }
}

/// The workload that a pod belongs to: the Deployment of its ReplicaSet, the CronJob of its Job.
pub(super) fn owner(pod: &Pod) -> String {
    let Some(owner) = &pod.spec.controller else { return format!("Pod {}", pod.name) };
    let hash = pod.spec.labels.get("pod-template-hash").filter(|_| &*owner.kind == "ReplicaSet");
    match hash.and_then(|hash| owner.name.strip_suffix(&**hash)?.strip_suffix('-')) {
        Some(deployment) => format!("Deployment {deployment}"),
        None => format!("{} {}", owner.kind, generic(&owner.kind, &owner.name)),
    }
}

/// The name of a Job without the time that its CronJob gave it.
fn generic(kind: &str, name: &str) -> String {
    match name.rsplit_once('-') {
        Some((cron_job, time))
            if kind == "Job" && time.len() >= 8 && time.bytes().all(|b| b.is_ascii_digit()) =>
        {
            format!("{cron_job} at a time")
        }
        _ => name.to_owned(),
    }
}

/// What tells the pods of one template from those of another.
pub(super) fn revision(spec: &PodSpec) -> String {
    let containers = spec.containers.iter().map(|container| {
        let cpu = container.requests.iter().find(|(name, _)| &**name == "cpu");
        let cpu = cpu.map(|(_, quantity)| quantity.milli_value()).unwrap_or(0);
        format!("{} {cpu}m", container.image)
    });
    let mut parts: Vec<String> = containers.collect();
    let own = spec.labels.iter().filter(|(key, _)| !BY_CONTROLLERS.contains(&&***key) && &***key != "app");
    parts.extend(own.map(|(key, value)| format!("{key}={value}")));
    parts.join(" ")
}
