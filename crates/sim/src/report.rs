//! The result of a run as a document: `SimulationResult` of `berth.dev/v1alpha1`.
//!
//! The shape is a promise (docs/simulation-result.schema.json). Lists are in the order in which things happened, nodes
//! in the order of their names; amounts are Kubernetes quantities.

use std::collections::BTreeMap;

use berth_controllers::rollout::Summary;
use berth_engine::cluster::Cluster;
use berth_engine::ids::{NodeRow, PodRow, ResourceId};
use berth_model::node::{Node, Taint, TaintEffect};
use berth_model::pod::Pod;
use serde::Serialize;

use crate::change::report::ChangeReport;
use crate::rollout::RolledOut;
use crate::run::Outcome;
use crate::selection::Selection;

/// The version of all documents that runs end in.
pub const API_VERSION: &str = "berth.dev/v1alpha1";

/// The document.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SimulationResult {
    /// `berth.dev/v1alpha1`.
    pub api_version: &'static str,
    /// `SimulationResult`.
    pub kind: &'static str,
    /// Which algorithm placed the pods: the name given, or the scheduler names of the configuration's profiles.
    pub algorithm: String,
    /// Counts.
    pub summary: Counts,
    /// Which pods the lists show, if not all: as in `namespace shop, app=web`. The counts are of all pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selection: Option<String>,
    /// Pods that were placed.
    pub placements: Vec<Placement>,
    /// Pods that were not placed.
    pub pending: Vec<PendingPod>,
    /// Pods that had to go.
    pub evicted: Vec<EvictedPod>,
    /// Nodes as they are after the run.
    pub nodes: Vec<NodeUse>,
    /// Changes of the cluster that were asked for, and what came of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<ChangeReport>,
    /// Workloads that the input changes, and how far their rollouts came.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rollouts: Vec<RolloutReport>,
    /// What is odd about the input, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// How long it took, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timing: Option<Timing>,
}

/// Counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Nodes in the input.
    pub nodes: usize,
    /// Pods in the input that run or wait.
    pub pods: usize,
    /// Pods placed by the run.
    pub placed: usize,
    /// Pods that wait after the run.
    pub pending: usize,
    /// Pods evicted by the run.
    pub evicted: usize,
    /// Rollouts that are stuck.
    #[serde(rename = "stuckRollouts", skip_serializing_if = "is_none")]
    pub stuck_rollouts: usize,
}

impl Counts {
    /// Counts what came of a run.
    pub fn new(cluster: &Cluster, outcome: &Outcome) -> Self {
        Self {
            nodes: cluster.nodes().len(),
            pods: outcome.pods,
            placed: outcome.placed.len(),
            pending: outcome.pending.len(),
            evicted: outcome.evicted.len(),
            stuck_rollouts: outcome.rollouts.iter().filter(|rollout| !rollout.summary.complete).count(),
        }
    }
}

fn is_none(count: &usize) -> bool {
    *count == 0
}

/// A pod that was placed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Placement {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The node it was put on.
    pub node: String,
    /// That node's total score.
    pub score: i64,
    /// The workload that it belongs to, if a controller owns it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload: Option<WorkloadRef>,
    /// The devices of its claims.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<PlacedDevice>,
}

/// A device that a placed pod has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlacedDevice {
    /// The claim, in the pod's namespace.
    pub claim: String,
    /// The request in the claim, or the request and its alternative.
    pub request: String,
    /// The driver.
    pub driver: String,
    /// The pool.
    pub pool: String,
    /// The device.
    pub device: String,
}

impl PlacedDevice {
    /// The devices of all claims, by the uid of the pods that use them, in the order of the claims' names.
    fn by_pod(cluster: &Cluster) -> BTreeMap<&str, Vec<Self>> {
        let mut devices: BTreeMap<&str, Vec<Self>> = BTreeMap::new();
        for claim in cluster.devices().claims() {
            let results = claim.allocation.iter().flat_map(|allocation| &allocation.results);
            let of_claim: Vec<Self> = results
                .map(|result| Self {
                    claim: claim.name.to_string(),
                    request: result.request.to_string(),
                    driver: result.device.driver.to_string(),
                    pool: result.device.pool.to_string(),
                    device: result.device.device.to_string(),
                })
                .collect();
            for user in &claim.reserved_for {
                devices.entry(&user.uid).or_default().extend(of_claim.iter().cloned());
            }
        }
        devices
    }
}

/// The workload that a pod belongs to: its controller, or the Deployment of its ReplicaSet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct WorkloadRef {
    /// As in `Deployment`.
    pub kind: String,
    /// Its name, in the pod's namespace.
    pub name: String,
}

impl WorkloadRef {
    /// The workload of a pod.
    pub fn of(pod: &Pod) -> Option<Self> {
        let owner = pod.spec.controller.as_ref()?;
        let hash = pod.spec.labels.get("pod-template-hash").filter(|_| &*owner.kind == "ReplicaSet");
        let deployment = hash.and_then(|hash| owner.name.strip_suffix(&**hash)?.strip_suffix('-'));
        Some(match deployment {
            Some(name) => Self { kind: "Deployment".to_owned(), name: name.to_owned() },
            None => Self { kind: owner.kind.to_string(), name: owner.name.to_string() },
        })
    }
}

/// A pod that was not placed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PendingPod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Why, in upstream's words.
    pub message: String,
    /// The workload that it belongs to, if a controller owns it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload: Option<WorkloadRef>,
    /// The scheduler that it waits for, if no profile has its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduler: Option<String>,
}

/// A pod that had to go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EvictedPod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The node it ran on.
    pub node: String,
    /// For whom, `namespace/name`.
    pub preemptor: String,
}

/// A node after the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeUse {
    /// Its name.
    pub name: String,
    /// How many pods are on it.
    pub pods: usize,
    /// What they request, by resource, as Kubernetes quantities. Extended resources that devices of the node serve
    /// count there.
    pub requested: BTreeMap<String, String>,
    /// What the node offers, by resource, as Kubernetes quantities.
    pub allocatable: BTreeMap<String, String>,
    /// The devices that the node can reach, by device class.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub devices: BTreeMap<String, DeviceUse>,
    /// Its zone, if it has a label that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Its node pool, if it has a label of one of the large providers that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// It is cordoned (`spec.unschedulable`).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unschedulable: bool,
    /// Its taints that keep pods away, as `key=value:effect`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub taints: Vec<String>,
}

/// How many devices of a class a node can reach. A device may be of several classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceUse {
    /// All of them.
    pub total: i64,
    /// Those that are allocated, in whole or in part.
    pub allocated: i64,
}

/// How far the rollout of a workload came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RolloutReport {
    /// As in `Deployment`.
    pub kind: &'static str,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Whether all is done that its controller will ever do; otherwise the rollout is stuck.
    pub complete: bool,
    /// How many pods it wants.
    pub desired: i32,
    /// Pods with the new template that are on a node.
    pub updated: i32,
    /// Pods with the new template that are not on a node.
    pub pending: i32,
    /// Pods with an old template that are on a node.
    pub old: i32,
    /// The most pods that were on nodes at once.
    pub most_at_once: i32,
    /// All of this in a sentence.
    pub summary: String,
    /// Why new pods are pending, in upstream's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl RolloutReport {
    fn new(rolled_out: &RolledOut) -> Self {
        let Summary { wanted, updated, pending, old, peak, complete, message, .. } = &rolled_out.summary;
        Self {
            kind: rolled_out.kind,
            namespace: rolled_out.namespace.to_string(),
            name: rolled_out.name.to_string(),
            complete: *complete,
            desired: *wanted,
            updated: *updated,
            pending: *pending,
            old: *old,
            most_at_once: *peak,
            summary: rolled_out.summary.to_string(),
            message: message.clone(),
        }
    }
}

const ZONE: &str = "topology.kubernetes.io/zone";
/// The labels by which providers name the pool of a node.
const POOLS: [&str; 6] = [
    "karpenter.sh/nodepool",
    "cloud.google.com/gke-nodepool",
    "eks.amazonaws.com/nodegroup",
    "alpha.eksctl.io/nodegroup-name",
    "kubernetes.azure.com/agentpool",
    "doks.digitalocean.com/node-pool",
];

/// How long it took.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Timing {
    /// Reading and translating the input.
    pub parse_seconds: f64,
    /// Scheduling all pods.
    pub engine_seconds: f64,
    /// All of it, printing excluded.
    pub total_seconds: f64,
}

impl SimulationResult {
    /// Describes what came of a run, with lists of the selected pods only. The counts are of all pods.
    pub fn of_selected(
        algorithm: String,
        cluster: &Cluster,
        outcome: &Outcome,
        selection: &Selection,
    ) -> Self {
        if selection.is_everything() {
            return Self::new(algorithm, cluster, outcome);
        }
        let summary = Counts::new(cluster, outcome);
        let shown = Self::new(algorithm, cluster, &selection.filter(outcome, cluster));
        Self { summary, selection: Some(selection.to_string()), ..shown }
    }

    /// Describes what came of a run.
    pub fn new(algorithm: String, cluster: &Cluster, outcome: &Outcome) -> Self {
        let (pods, nodes) = (cluster.pods(), cluster.nodes());
        let identity = |row: PodRow| {
            let pod = &pods.entry(row).pod;
            (pod.spec.namespace.to_string(), pod.name.to_string())
        };
        let mut devices = PlacedDevice::by_pod(cluster);
        let placements = outcome.placed.iter().map(|p| {
            let (namespace, name) = identity(p.pod);
            let pod = &pods.entry(p.pod).pod;
            let devices = devices.remove(&*pod.uid).unwrap_or_default();
            let (node, workload) = (nodes.name(p.node).to_string(), WorkloadRef::of(pod));
            Placement { namespace, name, node, score: p.score, workload, devices }
        });
        let pending = outcome.pending.iter().map(|p| {
            let (namespace, name) = identity(p.pod);
            let pod = &pods.entry(p.pod).pod;
            let scheduler = p.other_scheduler.then(|| pod.spec.scheduler_name.to_string());
            let workload = WorkloadRef::of(pod);
            PendingPod { namespace, name, message: p.message.clone(), workload, scheduler }
        });
        let evicted = outcome.evicted.iter().map(|e| EvictedPod {
            namespace: e.namespace.to_string(),
            name: e.name.to_string(),
            node: nodes.name(e.node).to_string(),
            preemptor: e.preemptor.clone(),
        });
        Self {
            api_version: API_VERSION,
            kind: "SimulationResult",
            algorithm,
            summary: Counts::new(cluster, outcome),
            selection: None,
            placements: placements.collect(),
            pending: pending.collect(),
            evicted: evicted.collect(),
            nodes: nodes.by_name().map(|(_, row)| node_use(cluster, row)).collect(),
            changes: Vec::new(),
            rollouts: outcome.rollouts.iter().map(RolloutReport::new).collect(),
            warnings: Vec::new(),
            timing: None,
        }
    }
}

/// Describes a node.
pub fn node_use(cluster: &Cluster, row: NodeRow) -> NodeUse {
    let nodes = cluster.nodes();
    let mut requested = BTreeMap::new();
    let mut allocatable = BTreeMap::new();
    let serving = |name: &str| cluster.devices().class_of_resource(name).is_some();
    for (id, name) in cluster.resources().iter() {
        let (used, offered) = (nodes.requested(row, id), nodes.allocatable(row, id));
        if used != 0 && (offered != 0 || !serving(name)) {
            requested.insert(name.to_string(), quantity(id, used));
        }
        if offered != 0 {
            allocatable.insert(name.to_string(), quantity(id, offered));
        }
    }
    allocatable.insert("pods".into(), nodes.allowed_pods(row).to_string());
    let node = nodes.object(row);
    let keeping_away = node.taints.iter().filter(|taint| taint.effect != TaintEffect::PreferNoSchedule);
    NodeUse {
        name: nodes.name(row).to_string(),
        pods: nodes.pods(row).len(),
        requested,
        allocatable,
        devices: devices(cluster, row),
        zone: zone(node),
        pool: pool(node),
        unschedulable: node.unschedulable,
        taints: keeping_away.map(taint).collect(),
    }
}

fn devices(cluster: &Cluster, row: NodeRow) -> BTreeMap<String, DeviceUse> {
    let used = cluster.device_totals(row).into_iter();
    used.map(|(class, total, allocated)| (class.to_string(), DeviceUse { total, allocated })).collect()
}

/// The zone of a node, if it has a label that says so.
pub(crate) fn zone(node: &Node) -> Option<String> {
    node.labels.get(ZONE).map(ToString::to_string)
}

/// The node pool of a node, if it has a label of one of the large providers that says so.
pub(crate) fn pool(node: &Node) -> Option<String> {
    POOLS.iter().find_map(|key| node.labels.get(key)).map(ToString::to_string)
}

fn taint(taint: &Taint) -> String {
    let value = if taint.value.is_empty() { String::new() } else { format!("={}", taint.value) };
    let effect = if taint.effect == TaintEffect::NoExecute { "NoExecute" } else { "NoSchedule" };
    format!("{}{value}:{effect}", taint.key)
}

/// An amount in the engine's unit as a Kubernetes quantity.
pub fn quantity(resource: ResourceId, amount: i64) -> String {
    match resource {
        ResourceId::CPU if amount % 1000 != 0 => format!("{amount}m"),
        ResourceId::CPU => (amount / 1000).to_string(),
        _ => amount.to_string(),
    }
}
