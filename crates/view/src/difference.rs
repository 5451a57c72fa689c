//! What changes do to pods: `Difference` of `berth.dev/v1alpha1`.

use std::collections::BTreeMap;

use berth_engine::cluster::Cluster;
use berth_model::pod::Pod;
use berth_sim::change::report::ChangeReport;
use berth_sim::report::{API_VERSION, Counts, WorkloadRef};
use berth_sim::run::Outcome;
use serde::Serialize;

/// A cluster after a run without changes, and after a run with them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// `berth.dev/v1alpha1`.
    pub api_version: &'static str,
    /// `Difference`.
    pub kind: &'static str,
    /// The command line that gives the same answer.
    pub command: String,
    /// Which algorithm places the pods with the changes.
    pub algorithm: String,
    /// Counts without the changes.
    pub before: Counts,
    /// Counts with the changes.
    pub after: Counts,
    /// What each change of nodes and workloads did, as in a `SimulationResult`.
    pub changes: Vec<ChangeReport>,
    /// The pods whose fate differs, by fate and then by name.
    pub pods: Vec<PodChange>,
}

/// A pod whose fate differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PodChange {
    /// What the changes do to it.
    pub fate: Fate,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The workload that it belongs to, if a controller owns it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload: Option<WorkloadRef>,
    /// The node without the changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The node with the changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Why it is pending with the changes, in upstream's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What changes do to a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Fate {
    /// It has a node without the changes and is pending with them, or it is new and pending.
    Waits,
    /// It is pending without the changes and has a node with them, or it is new and has a node.
    ComesIn,
    /// It has another node.
    Moves,
    /// It does not exist with the changes.
    Gone,
}

/// A cluster after a run.
#[derive(Clone, Copy, Debug)]
pub struct After<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// What came of the run.
    pub outcome: &'a Outcome,
}

impl<'a> After<'a> {
    fn counts(self) -> Counts {
        Counts::new(self.cluster, self.outcome)
    }

    /// The pods by namespace and name, with the reasons of those that are pending.
    fn pods(self) -> BTreeMap<(&'a str, &'a str), (&'a Pod, Option<&'a str>)> {
        let reasons: BTreeMap<_, _> =
            self.outcome.pending.iter().map(|one| (one.pod, one.message.as_str())).collect();
        let pods = self.cluster.pods();
        let entry = |row| {
            let pod = &pods.entry(row).pod;
            ((&*pod.spec.namespace, &*pod.name), (pod, reasons.get(&row).copied()))
        };
        pods.rows().map(entry).collect()
    }
}

impl Difference {
    /// Compares two runs.
    pub fn new(
        command: String,
        algorithm: String,
        before: After<'_>,
        after: After<'_>,
        changes: Vec<ChangeReport>,
    ) -> Self {
        let (old, new) = (before.pods(), after.pods());
        let mut pods = Vec::new();
        for (key, (pod, message)) in &new {
            let was = old.get(key).map(|(pod, _)| pod.node.as_deref());
            let fate = match (was, pod.node.as_deref()) {
                (Some(Some(from)), Some(to)) if from != to => Fate::Moves,
                (Some(Some(_)) | None, None) => Fate::Waits,
                (Some(None) | None, Some(_)) => Fate::ComesIn,
                _ => continue,
            };
            pods.push(change(fate, pod, was.flatten(), pod.node.as_deref(), *message));
        }
        let gone = old.iter().filter(|(key, _)| !new.contains_key(*key));
        pods.extend(gone.map(|(_, (pod, _))| change(Fate::Gone, pod, pod.node.as_deref(), None, None)));
        pods.sort();
        Self {
            api_version: API_VERSION,
            kind: "Difference",
            command,
            algorithm,
            before: before.counts(),
            after: after.counts(),
            changes,
            pods,
        }
    }
}

fn change(fate: Fate, pod: &Pod, from: Option<&str>, to: Option<&str>, message: Option<&str>) -> PodChange {
    PodChange {
        fate,
        namespace: pod.spec.namespace.to_string(),
        name: pod.name.to_string(),
        workload: WorkloadRef::of(pod),
        from: from.map(str::to_owned),
        to: to.map(str::to_owned),
        message: message.map(str::to_owned),
    }
}
