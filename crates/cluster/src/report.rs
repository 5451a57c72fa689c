//! What a simulation has shown, as a document: `TimedSimulationResult` of `berth.dev/v1alpha1`.
//!
//! The shape is a promise (docs/timed-simulation-result.schema.json). Times are seconds since the beginning of the
//! simulation, amounts are Kubernetes quantities.

use std::collections::BTreeMap;

use berth_model::object::{Kind, Object};
use berth_model::quantity::Quantity;
use berth_model::requests::CPU;
use berth_sim::report::API_VERSION;
use serde::Serialize;

use crate::Millis;
use crate::record::{Group, Note, Sample};
use crate::simulation::Simulation;

/// The document.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TimedSimulationResult {
    /// `berth.dev/v1alpha1`.
    pub api_version: &'static str,
    /// `TimedSimulationResult`.
    pub kind: &'static str,
    /// Which algorithm placed the pods: the name given, or the scheduler names of the configuration's profiles.
    pub algorithm: String,
    /// How much time has passed.
    pub duration_seconds: f64,
    /// Counts.
    pub summary: Counts,
    /// How long pods waited for a node, those of all priorities first, then by priority, the highest first.
    pub waits: Vec<Waits>,
    /// How much of each resource was requested.
    pub resources: Vec<ResourceUse>,
    /// What became of the pods of each workload.
    pub workloads: Vec<WorkloadReport>,
    /// What the user did, in order.
    pub events: Vec<Line>,
    /// The story of the pod that was followed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub story: Vec<Line>,
    /// Pods that wait for a node at the end.
    pub pending: Vec<Pending>,
    /// The state of the cluster at regular times.
    pub series: Vec<Point>,
    /// What is odd about the input or the run, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Nodes at the end.
    pub nodes: u64,
    /// Of these, nodes that are ready.
    pub ready_nodes: u64,
    /// Pods that were there at the beginning or created since.
    pub created: u64,
    /// Pods that have succeeded.
    pub succeeded: u64,
    /// Pods that have failed.
    pub failed: u64,
    /// Pods that were deleted before they ended.
    pub deleted: u64,
    /// Pods on nodes at the end.
    pub running: u64,
    /// Pods that wait for a node at the end.
    pub pending: u64,
    /// Pods that were taken from their nodes, by cause.
    pub evictions: BTreeMap<&'static str, u64>,
}

/// How long pods waited, from their creation to their binding. Pods that still wait are not counted.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Waits {
    /// Only pods of this priority; all pods if it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// How many pods were bound.
    pub bound: usize,
    /// Half of the pods waited no longer.
    pub p50_seconds: f64,
    /// 90 of 100 pods waited no longer.
    pub p90_seconds: f64,
    /// 99 of 100 pods waited no longer.
    pub p99_seconds: f64,
    /// The longest wait.
    pub max_seconds: f64,
}

impl Waits {
    fn new(priority: Option<i32>, mut waits: Vec<Millis>) -> Self {
        waits.sort_unstable();
        // The smallest wait that this share of the pods did not exceed.
        let at = |percent: usize| {
            let rank = (waits.len() * percent).div_ceil(100).max(1) - 1;
            waits.get(rank).copied().map_or(0.0, seconds)
        };
        Self {
            priority,
            bound: waits.len(),
            p50_seconds: at(50),
            p90_seconds: at(90),
            p99_seconds: at(99),
            max_seconds: at(100),
        }
    }
}

/// How much of a resource pods on nodes requested, on average over time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceUse {
    /// The resource.
    pub name: String,
    /// What pods requested.
    pub mean_requested: String,
    /// What ready nodes had to give.
    pub mean_allocatable: String,
    /// The first over the second.
    pub utilization: f64,
}

/// The pods of a workload, or those without a controller.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadReport {
    /// As in `Deployment shop/web`.
    pub workload: String,
    /// Pods that were there at the beginning or created since.
    pub created: u64,
    /// Pods that have succeeded.
    pub succeeded: u64,
    /// Pods that have failed.
    pub failed: u64,
    /// Pods that were taken from their nodes.
    pub evicted: u64,
    /// How long they waited for a node.
    pub waits: Waits,
    /// How the workload was served, if it wants a number of pods at all times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
}

/// How a workload was served, from the time at which all its pods were ready for the first time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// How many pods it wants at the end.
    pub desired: i32,
    /// How many of its pods work at the end.
    pub serving: i32,
    /// The fewest pods that worked at any time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fewest: Option<i32>,
    /// How long fewer pods worked than it wanted.
    pub below_seconds: f64,
    /// How long none of its pods worked.
    pub without_seconds: f64,
    /// The lacking pods, summed up over time.
    pub lacking_pod_seconds: f64,
}

/// A line with its time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// When.
    pub at_seconds: f64,
    /// What.
    pub text: String,
}

/// A pod that waits for a node at the end.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pending {
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// How long it has waited.
    pub waited_seconds: f64,
    /// What the scheduler said of it last.
    pub message: String,
}

/// The state of the cluster at one time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Point {
    /// When.
    pub at_seconds: f64,
    /// Pods that wait for a node.
    pub pending: u64,
    /// Pods on nodes.
    pub running: u64,
    /// Nodes that are ready.
    pub ready_nodes: u64,
    /// What pods on nodes request.
    pub requested: BTreeMap<String, String>,
    /// What ready nodes have to give.
    pub allocatable: BTreeMap<String, String>,
}

fn seconds(millis: Millis) -> f64 {
    millis as f64 / 1_000.0
}

/// An amount in the recorder's units as a quantity.
fn quantity(resource: &str, amount: i64) -> String {
    let quantity = if resource == CPU { Quantity::from_milli(amount) } else { Quantity::from_units(amount) };
    quantity.to_string()
}

fn lines(notes: &[Note]) -> Vec<Line> {
    notes.iter().map(|note| Line { at_seconds: seconds(note.at), text: note.text.clone() }).collect()
}

impl Simulation {
    /// Sums up what has happened.
    pub fn result(mut self, algorithm: String) -> TimedSimulationResult {
        self.recorder.finish(self.now);
        let (duration, recorder) = (self.now.max(1), &self.recorder);
        let all: Vec<Millis> = recorder.waits.values().flatten().copied().collect();
        let mut waits = vec![Waits::new(None, all)];
        if recorder.waits.len() > 1 {
            let by_priority = recorder.waits.iter().rev();
            waits.extend(by_priority.map(|(priority, waits)| Waits::new(Some(*priority), waits.clone())));
        }
        TimedSimulationResult {
            api_version: API_VERSION,
            kind: "TimedSimulationResult",
            algorithm,
            duration_seconds: seconds(self.now),
            summary: self.counts(),
            waits,
            resources: (0..recorder.resources.len()).map(|at| self.resource_use(at, duration)).collect(),
            workloads: recorder.groups.iter().filter(|group| group.created > 0).map(workload).collect(),
            events: lines(&recorder.notes),
            story: lines(&recorder.story),
            pending: self.pending(),
            series: recorder.samples.iter().map(|sample| self.point(sample)).collect(),
            warnings: self.warnings.iter().map(|(text, count)| repeated(text, *count)).collect(),
        }
    }

    fn counts(&self) -> Counts {
        let recorder = &self.recorder;
        Counts {
            nodes: self.nodes.iter().count() as u64,
            ready_nodes: recorder.now.ready_nodes,
            created: recorder.created,
            succeeded: recorder.succeeded,
            failed: recorder.failed,
            deleted: recorder.deleted,
            running: recorder.now.running,
            pending: recorder.now.pending,
            evictions: recorder.evictions.iter().map(|(cause, count)| (cause.name(), *count)).collect(),
        }
    }

    fn resource_use(&self, at: usize, duration: Millis) -> ResourceUse {
        let recorder = &self.recorder;
        let name = recorder.resources[at].to_string();
        let mean = |sum: i128| i64::try_from(sum / i128::from(duration)).unwrap_or(i64::MAX);
        let (requested, allocatable) = (recorder.allocated[at], recorder.allocatable[at]);
        // Three digits: more would say nothing.
        let share = if allocatable > 0 { requested * 1_000 / allocatable } else { 0 };
        ResourceUse {
            mean_requested: quantity(&name, mean(requested)),
            mean_allocatable: quantity(&name, mean(allocatable)),
            utilization: share as f64 / 1_000.0,
            name,
        }
    }

    fn pending(&self) -> Vec<Pending> {
        let waiting = self.pods.iter().filter(|(_, record)| record.counted().waits);
        let pending = waiting.map(|(_, record)| {
            let manifest = self.store.pod(&record.key);
            let scheduled = manifest.and_then(|manifest| manifest.scheduled.as_ref());
            Pending {
                namespace: record.key.namespace.to_string(),
                name: record.key.name.to_string(),
                waited_seconds: seconds(self.now - record.created),
                message: scheduled.map(|condition| condition.message.to_string()).unwrap_or_default(),
            }
        });
        pending.collect()
    }

    fn point(&self, sample: &Sample) -> Point {
        let names = &self.recorder.resources;
        let amounts = |list: &[i64]| {
            let known = names.iter().zip(list).filter(|(_, amount)| **amount != 0);
            known.map(|(name, amount)| (name.to_string(), quantity(name, *amount))).collect()
        };
        Point {
            at_seconds: seconds(sample.at),
            pending: sample.pending,
            running: sample.running,
            ready_nodes: sample.ready_nodes,
            requested: amounts(&sample.allocated),
            allocatable: amounts(&sample.allocatable),
        }
    }

    /// The objects of a kind as text, for tests and comparisons.
    pub fn names(&self, kind: Kind) -> Vec<String> {
        let name = |object: &std::sync::Arc<Object>| object.key().name.to_string();
        self.store.list(kind).map(name).collect()
    }
}

fn workload(group: &Group) -> WorkloadReport {
    let service = group.desired.map(|desired| Service {
        desired,
        serving: group.serving,
        fewest: group.fewest,
        below_seconds: seconds(group.below),
        without_seconds: seconds(group.without),
        lacking_pod_seconds: seconds(group.lacking),
    });
    WorkloadReport {
        workload: group.label.clone(),
        created: group.created,
        succeeded: group.succeeded,
        failed: group.failed,
        evicted: group.evicted,
        waits: Waits::new(None, group.waits.clone()),
        service,
    }
}

fn repeated(text: &str, count: u64) -> String {
    if count > 1 { format!("{text} ({count} times)") } else { text.to_owned() }
}
