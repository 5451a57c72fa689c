//! The cluster after a run, node by node and pod by pod: `ClusterState` and `PodList` of `berth.dev/v1alpha1`.

use std::collections::BTreeMap;

use berth_engine::cluster::Cluster;
use berth_engine::ids::PodRow;
use berth_model::node::{Node, Taint, TaintEffect};
use berth_model::pod::Pod;
use berth_sim::explain::requests;
use berth_sim::report::{API_VERSION, Counts, NodeUse, WorkloadRef, node_use};
use berth_sim::run::Outcome;
use berth_sim::usage::Measured;
use serde::Serialize;

/// The taints by which the node controller says that a node is not ready, or that it does not answer.
const NOT_READY: [&str; 2] = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

/// The nodes after a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterState {
    /// `berth.dev/v1alpha1`.
    pub api_version: &'static str,
    /// `ClusterState`.
    pub kind: &'static str,
    /// Which algorithm placed the pods.
    pub algorithm: String,
    /// Counts of the run.
    pub summary: Counts,
    /// The nodes, by name.
    pub nodes: Vec<NodeState>,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeState {
    /// What `nodes` of a `SimulationResult` says of it.
    #[serde(flatten)]
    pub usage: NodeUse,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// It is not ready, or does not answer: the node controller has put a taint on it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub not_ready: bool,
    /// Its taints that pods rather avoid, as `key=value:PreferNoSchedule`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub soft_taints: Vec<String>,
    /// What it was measured to use, by resource, as Kubernetes quantities.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub measured: BTreeMap<String, String>,
}

impl ClusterState {
    /// Describes the nodes after a run.
    pub fn new(algorithm: String, cluster: &Cluster, outcome: &Outcome, measured: &Measured) -> Self {
        let measured: BTreeMap<&str, _> = measured.nodes.iter().map(|one| (&*one.node, &one.usage)).collect();
        let nodes = cluster.nodes().by_name().map(|(name, row)| {
            let node = cluster.nodes().object(row);
            let text = |text: &dyn ToString| text.to_string();
            let usage = measured.get(&**name).into_iter().copied().flatten();
            NodeState {
                usage: node_use(cluster, row),
                labels: node.labels.iter().map(|(key, value)| (text(key), text(value))).collect(),
                not_ready: is_not_ready(node),
                soft_taints: soft_taints(node),
                measured: usage.map(|(resource, amount)| (text(resource), text(amount))).collect(),
            }
        });
        Self {
            api_version: API_VERSION,
            kind: "ClusterState",
            algorithm,
            summary: Counts::new(cluster, outcome),
            nodes: nodes.collect(),
        }
    }
}

fn is_not_ready(node: &Node) -> bool {
    node.taints.iter().any(|taint| NOT_READY.contains(&&*taint.key))
}

fn soft_taints(node: &Node) -> Vec<String> {
    let soft = node.taints.iter().filter(|taint| taint.effect == TaintEffect::PreferNoSchedule);
    let text = |taint: &Taint| match taint.value.is_empty() {
        true => format!("{}:PreferNoSchedule", taint.key),
        false => format!("{}={}:PreferNoSchedule", taint.key, taint.value),
    };
    soft.map(text).collect()
}

/// The pods after a run. Pods of one workload that request the same are one group.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PodList {
    /// `berth.dev/v1alpha1`.
    pub api_version: &'static str,
    /// `PodList`.
    pub kind: &'static str,
    /// The groups, by namespace, workload, priority and requests.
    pub groups: Vec<PodGroup>,
}

/// Pods of one workload that request the same.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PodGroup {
    /// Their namespace.
    pub namespace: String,
    /// The workload that they belong to, if a controller owns them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload: Option<WorkloadRef>,
    /// Their priority.
    pub priority: i32,
    /// What each of them requests, by resource, as Kubernetes quantities.
    pub requests: BTreeMap<String, String>,
    /// The pods, by name.
    pub pods: Vec<ListedPod>,
}

/// A pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedPod {
    /// Its name.
    pub name: String,
    /// The node that it is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The total score of its node, if the run placed it; a pod that ran before has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<i64>,
    /// Why it is pending, in upstream's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The part of a running scheduler's queue that it is in, if it was not tried yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<&'static str>,
}

impl PodList {
    /// Lists the pods after a run.
    pub fn new(cluster: &Cluster, outcome: &Outcome) -> Self {
        let scores: BTreeMap<PodRow, i64> = outcome.placed.iter().map(|one| (one.pod, one.score)).collect();
        let messages: BTreeMap<PodRow, &str> =
            outcome.pending.iter().map(|one| (one.pod, one.message.as_str())).collect();
        let mut groups: BTreeMap<_, Vec<ListedPod>> = BTreeMap::new();
        for row in cluster.pods().rows() {
            let pod = &cluster.pods().entry(row).pod;
            let key = (&*pod.spec.namespace, WorkloadRef::of(pod), pod.spec.priority, requests(&pod.spec));
            groups.entry(key).or_default().push(ListedPod {
                name: pod.name.to_string(),
                node: pod.node.as_ref().map(ToString::to_string),
                score: scores.get(&row).copied(),
                message: messages.get(&row).map(|message| (*message).to_owned()),
                queue: None,
            });
        }
        let group = |((namespace, workload, priority, requests), mut pods): (_, Vec<ListedPod>)| {
            pods.sort_by(|a, b| a.name.cmp(&b.name));
            PodGroup { namespace: str::to_owned(namespace), workload, priority, requests, pods }
        };
        Self { api_version: API_VERSION, kind: "PodList", groups: groups.into_iter().map(group).collect() }
    }

    /// Notes in which part of the queue pods are that were not tried yet.
    pub(crate) fn set_queues<'a>(&mut self, pods: impl Iterator<Item = (&'a Pod, &'static str)>) {
        let queues: BTreeMap<(&str, &str), &'static str> =
            pods.map(|(pod, queue)| ((&*pod.spec.namespace, &*pod.name), queue)).collect();
        for group in &mut self.groups {
            for pod in group.pods.iter_mut().filter(|pod| pod.node.is_none()) {
                pod.queue = queues.get(&(&*group.namespace, &*pod.name)).copied();
            }
        }
    }
}
