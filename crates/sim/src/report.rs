//! The result of a run as a document: `SimulationResult` of `berth.dev/v1alpha1`.
//!
//! The shape is a promise (docs/simulation-result.schema.json). Lists are in the order in which things happened, nodes in
//! the order of their names; amounts are Kubernetes quantities.

use std::collections::BTreeMap;

use berth_engine::cluster::Cluster;
use berth_engine::ids::{NodeRow, PodRow, ResourceId};
use serde::Serialize;

use crate::run::Outcome;

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
    pub summary: Summary,
    /// Pods that were placed.
    pub placements: Vec<Placement>,
    /// Pods that were not placed.
    pub pending: Vec<PendingPod>,
    /// Pods that had to go.
    pub evicted: Vec<EvictedPod>,
    /// Nodes as they are after the run.
    pub nodes: Vec<NodeUse>,
    /// How long it took, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timing: Option<Timing>,
}

/// Counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
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
    /// What they request, by resource, as Kubernetes quantities.
    pub requested: BTreeMap<String, String>,
    /// What the node offers, by resource, as Kubernetes quantities.
    pub allocatable: BTreeMap<String, String>,
}

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
    /// Describes what came of a run.
    pub fn new(algorithm: String, cluster: &Cluster, outcome: &Outcome) -> Self {
        let (pods, nodes) = (cluster.pods(), cluster.nodes());
        let identity = |row: PodRow| {
            let pod = &pods.entry(row).pod;
            (pod.spec.namespace.to_string(), pod.name.to_string())
        };
        let placements = outcome.placed.iter().map(|p| {
            let (namespace, name) = identity(p.pod);
            Placement { namespace, name, node: nodes.name(p.node).to_string(), score: p.score }
        });
        let pending = outcome.pending.iter().map(|p| {
            let (namespace, name) = identity(p.pod);
            PendingPod { namespace, name, message: p.message.clone() }
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
            summary: Summary {
                nodes: nodes.len(),
                pods: outcome.pods,
                placed: outcome.placed.len(),
                pending: outcome.pending.len(),
                evicted: outcome.evicted.len(),
            },
            placements: placements.collect(),
            pending: pending.collect(),
            evicted: evicted.collect(),
            nodes: nodes.by_name().map(|(_, row)| node_use(cluster, row)).collect(),
            timing: None,
        }
    }
}

fn node_use(cluster: &Cluster, row: NodeRow) -> NodeUse {
    let nodes = cluster.nodes();
    let mut requested = BTreeMap::new();
    let mut allocatable = BTreeMap::new();
    for (id, name) in cluster.resources().iter() {
        let (used, offered) = (nodes.requested(row, id), nodes.allocatable(row, id));
        if used != 0 {
            requested.insert(name.to_string(), quantity(id, used));
        }
        if offered != 0 {
            allocatable.insert(name.to_string(), quantity(id, offered));
        }
    }
    allocatable.insert("pods".into(), nodes.allowed_pods(row).to_string());
    NodeUse { name: nodes.name(row).to_string(), pods: nodes.pods(row).len(), requested, allocatable }
}

/// An amount in the engine's unit as a Kubernetes quantity.
pub fn quantity(resource: ResourceId, amount: i64) -> String {
    match resource {
        ResourceId::CPU if amount % 1000 != 0 => format!("{amount}m"),
        ResourceId::CPU => (amount / 1000).to_string(),
        _ => amount.to_string(),
    }
}
