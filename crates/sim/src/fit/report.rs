//! The answer as a document: `FitResult` of `berth.dev/v1alpha1`.

use std::collections::BTreeMap;

use berth_engine::cluster::Cluster;
use serde::Serialize;

use super::{End, Fit, Shape};
use crate::change::report::ChangeReport;
use crate::explain::requests;
use crate::report::{API_VERSION, WorkloadRef, pool, zone};

/// The document.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FitReport {
    /// `berth.dev/v1alpha1`.
    pub api_version: &'static str,
    /// `FitResult`.
    pub kind: &'static str,
    /// Which algorithm placed the pods.
    pub algorithm: String,
    /// The pods that are counted: one set of them.
    pub pods: Vec<FittingPod>,
    /// How many sets fit. A set of one workload is one pod.
    pub count: usize,
    /// Why no more fit.
    pub stop: Stop,
    /// How many pods each node takes; nodes that take none are left out.
    pub nodes: Vec<NodeShare>,
    /// How many pods each zone takes; nodes without a zone are left out.
    pub zones: Vec<Share>,
    /// How many pods each node pool takes; nodes without a pool are left out.
    pub pools: Vec<Share>,
    /// How many fit with the nodes of `--add`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub added: Option<Added>,
    /// Other changes of the cluster, and what came of them before the pods were counted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<ChangeReport>,
    /// What is odd about the input, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Pods that are alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FittingPod {
    /// Their namespace.
    pub namespace: String,
    /// The name of the pod that the others are copies of.
    pub name: String,
    /// The workload that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload: Option<WorkloadRef>,
    /// How many of them are in a set.
    pub per_set: usize,
    /// What each requests, by resource, as Kubernetes quantities.
    pub requests: BTreeMap<String, String>,
}

/// Why no more fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stop {
    /// `Unschedulable`, or `Limit` if there may be room for more.
    pub reason: &'static str,
    /// The pod that does not fit, as `namespace/name` of its workload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// Why it does not fit, in upstream's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// How many pods a node takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeShare {
    /// The node.
    pub name: String,
    /// Its zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Its node pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// How many pods.
    pub pods: usize,
}

/// How many pods a zone or node pool takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Share {
    /// Its name.
    pub name: String,
    /// How many pods.
    pub pods: usize,
}

/// How many fit with more nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Added {
    /// The nodes.
    pub nodes: Vec<String>,
    /// How many sets fit then.
    pub count: usize,
    /// How many that is more; less than zero if the new nodes change where other pods go.
    pub gain: i64,
    /// Why no more fit then.
    pub stop: Stop,
}

impl FitReport {
    /// Describes how many pods fit in a cluster.
    pub fn new(algorithm: String, cluster: &Cluster, shapes: &[Shape], fit: &Fit) -> Self {
        let mut counts: BTreeMap<_, usize> = BTreeMap::new();
        for row in &fit.nodes {
            *counts.entry(*row).or_default() += 1;
        }
        let share = |(_, row): (_, berth_engine::ids::NodeRow)| {
            let node = cluster.nodes().object(row);
            let pods = *counts.get(&row)?;
            Some(NodeShare { name: node.name.to_string(), zone: zone(node), pool: pool(node), pods })
        };
        let nodes: Vec<NodeShare> = cluster.nodes().by_name().filter_map(share).collect();
        Self {
            api_version: API_VERSION,
            kind: "FitResult",
            algorithm,
            pods: shapes.iter().map(FittingPod::new).collect(),
            count: fit.sets,
            stop: Stop::new(shapes, fit),
            zones: shares(&nodes, |node| node.zone.as_ref()),
            pools: shares(&nodes, |node| node.pool.as_ref()),
            nodes,
            added: None,
            changes: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

impl FittingPod {
    fn new(shape: &Shape) -> Self {
        let pod = &shape.sample;
        Self {
            namespace: pod.spec.namespace.to_string(),
            name: pod.name.to_string(),
            workload: WorkloadRef::of(pod),
            per_set: shape.per_set,
            requests: requests(&pod.spec),
        }
    }
}

impl Stop {
    /// Why no more sets fit.
    pub fn new(shapes: &[Shape], fit: &Fit) -> Self {
        match &fit.end {
            End::Limit => Self { reason: "Limit", pod: None, message: None },
            End::Unschedulable { shape, message } => Self {
                reason: "Unschedulable",
                pod: shapes.get(*shape).map(Shape::name),
                message: Some(message.clone()),
            },
        }
    }
}

fn shares<'n>(nodes: &'n [NodeShare], name: impl Fn(&'n NodeShare) -> Option<&'n String>) -> Vec<Share> {
    let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
    for node in nodes {
        if let Some(name) = name(node) {
            *counts.entry(name).or_default() += node.pods;
        }
    }
    counts.into_iter().map(|(name, pods)| Share { name: name.clone(), pods }).collect()
}
