//! Several runs over the same input side by side: `Comparison` of `berth.dev/v1alpha1`.

use std::collections::{BTreeMap, BTreeSet};

use berth_engine::cluster::Cluster;
use berth_engine::ids::{NodeRow, ResourceId};
use serde::Serialize;

use crate::report::API_VERSION;
use crate::run::Outcome;

/// What several algorithms made of one input.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// `berth.dev/v1alpha1`.
    pub api_version: &'static str,
    /// `Comparison`.
    pub kind: &'static str,
    /// Nodes in the input.
    pub nodes: usize,
    /// Pods in the input that run or wait.
    pub pods: usize,
    /// One entry an algorithm, in the order in which they were named.
    pub runs: Vec<RunSummary>,
    /// The pods that are not on the same node after all runs, by namespace and name.
    pub differences: Vec<PodDifference>,
}

/// A pod that is not on the same node after all runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PodDifference {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub name: String,
    /// Its node after each run, in the order of `runs`; `null` if it is pending, was evicted or does not exist.
    pub nodes: Vec<Option<String>>,
}

/// Where a run left the pods that it placed, evicted or could not place.
#[derive(Clone, Debug, Default)]
pub struct Placements {
    /// By namespace and name.
    nodes: BTreeMap<(String, String), Option<String>>,
    /// Where evicted pods ran before.
    evicted: BTreeMap<(String, String), String>,
}

impl Placements {
    /// Reads them from the outcome of a run.
    pub fn new(cluster: &Cluster, outcome: &Outcome) -> Self {
        let node = |row: NodeRow| cluster.nodes().name(row).to_string();
        let key = |row| {
            let pod = &cluster.pods().entry(row).pod;
            (pod.spec.namespace.to_string(), pod.name.to_string())
        };
        let mut placements = Self::default();
        for evicted in &outcome.evicted {
            let key = (evicted.namespace.to_string(), evicted.name.to_string());
            placements.nodes.insert(key.clone(), None);
            placements.evicted.insert(key, node(evicted.node));
        }
        placements.nodes.extend(outcome.pending.iter().map(|pending| (key(pending.pod), None)));
        placements
            .nodes
            .extend(outcome.placed.iter().map(|placed| (key(placed.pod), Some(node(placed.node)))));
        placements
    }

    /// The pods that are not on the same node after all of these runs.
    fn differences(runs: &[Self]) -> Vec<PodDifference> {
        let keys: BTreeSet<&(String, String)> = runs.iter().flat_map(|run| run.nodes.keys()).collect();
        let node_of = |run: &Self, key: &(String, String)| match run.nodes.get(key) {
            Some(node) => node.clone(),
            // A run that says nothing of a pod leaves it where it runs.
            None => runs.iter().find_map(|other| other.evicted.get(key)).cloned(),
        };
        let nodes =
            keys.into_iter().map(|key| (key, runs.iter().map(|run| node_of(run, key)).collect::<Vec<_>>()));
        nodes
            .filter(|(_, nodes)| nodes.windows(2).any(|pair| pair[0] != pair[1]))
            .map(|(key, nodes)| PodDifference { namespace: key.0.clone(), name: key.1.clone(), nodes })
            .collect()
    }
}

/// What one algorithm made of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunSummary {
    /// The algorithm.
    pub algorithm: String,
    /// Pods placed by the run.
    pub placed: usize,
    /// Pods that wait after the run.
    pub pending: usize,
    /// Pods evicted by the run.
    pub evicted: usize,
    /// Nodes that run at least one pod after it, beside daemon pods and static pods.
    pub nodes_used: usize,
    /// How full the nodes are after it, by resource: CPU, memory, and whatever else a pod requests.
    pub utilization: BTreeMap<String, Utilization>,
    /// How long the scheduling of all pods took, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine_seconds: Option<f64>,
}

/// How full the nodes are with one resource: requested over allocatable, over the nodes that offer it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Utilization {
    /// The mean over the nodes; 1 is full.
    pub mean: f64,
    /// The fullest node.
    pub max: f64,
    /// The imbalance: the standard deviation over the nodes.
    pub deviation: f64,
}

impl Comparison {
    /// Runs side by side, all over an input with these numbers of nodes and pods, and where each left the pods.
    pub fn new(nodes: usize, pods: usize, runs: Vec<(RunSummary, Placements)>) -> Self {
        let (runs, placements): (Vec<RunSummary>, Vec<Placements>) = runs.into_iter().unzip();
        let differences = Placements::differences(&placements);
        Self { api_version: API_VERSION, kind: "Comparison", nodes, pods, runs, differences }
    }
}

impl RunSummary {
    /// Sums up what came of a run.
    pub fn new(algorithm: String, cluster: &Cluster, outcome: &Outcome) -> Self {
        let nodes = cluster.nodes();
        let requested =
            |id| id < ResourceId::EPHEMERAL_STORAGE || nodes.rows().any(|row| nodes.requested(row, id) != 0);
        let utilization = cluster.resources().iter().filter(|&(id, _)| requested(id));
        Self {
            algorithm,
            placed: outcome.placed.len(),
            pending: outcome.pending.len(),
            evicted: outcome.evicted.len(),
            nodes_used: nodes.rows().filter(|&row| is_used(cluster, row)).count(),
            utilization: utilization
                .filter_map(|(id, name)| Some((name.to_string(), Utilization::of(cluster, id)?)))
                .collect(),
            engine_seconds: None,
        }
    }
}

/// Whether a node runs a pod that would need another node if this one were gone: neither a daemon pod nor a static pod.
fn is_used(cluster: &Cluster, row: NodeRow) -> bool {
    cluster.nodes().pods(row).iter().any(|&pod| {
        let owner = cluster.pods().entry(pod).pod.spec.controller.as_ref();
        owner.is_none_or(|owner| !matches!(&*owner.kind, "DaemonSet" | "Node"))
    })
}

impl Utilization {
    /// How full the nodes are with a resource; `None` where no node offers it.
    fn of(cluster: &Cluster, resource: ResourceId) -> Option<Self> {
        let nodes = cluster.nodes();
        let share =
            |row: NodeRow| nodes.requested(row, resource) as f64 / nodes.allocatable(row, resource) as f64;
        // In the order of names: sums of fractions depend on their order.
        let offering =
            nodes.by_name().map(|(_, row)| row).filter(|&row| nodes.allocatable(row, resource) > 0);
        let shares: Vec<f64> = offering.map(share).collect();
        if shares.is_empty() {
            return None;
        }
        let count = shares.len() as f64;
        let mean = shares.iter().sum::<f64>() / count;
        let variance = shares.iter().map(|share| (share - mean).powi(2)).sum::<f64>() / count;
        Some(Self {
            mean: rounded(mean),
            max: rounded(shares.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
            deviation: rounded(variance.sqrt()),
        })
    }
}

/// To six decimals: all that a reader can use, and the same text whatever the last bits are.
fn rounded(share: f64) -> f64 {
    (share * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use berth_engine::profile::Profile;
    use berth_engine::scheduler::Scheduler;

    use super::*;
    use crate::fixture::world;
    use crate::run::{Options, Run};

    #[test]
    fn utilization_is_over_the_nodes_that_offer_the_resource() {
        let world = world(
            "{apiVersion: v1, kind: Node, metadata: {name: a}, status: {allocatable: {cpu: 4, memory: 8Gi, pods: 9}}}
---
{apiVersion: v1, kind: Node, metadata: {name: b}, status: {allocatable: {cpu: 4, memory: 8Gi, pods: 9, x.y/gpu: 2}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {nodeName: b, containers: [{name: c, image: i,
  resources: {requests: {cpu: 1, x.y/gpu: 1}, limits: {x.y/gpu: 1}}}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: q}, spec: {nodeName: a, containers: [{name: c, image: i,
  resources: {requests: {cpu: 3}}}]}}",
        );
        let mut scheduler = Scheduler::new(world.cluster, vec![Profile::standard("default-scheduler")]);
        let options = Options { preemption: true, all_schedulers: false, verify: true };
        let outcome = Run::new(&mut scheduler, &world.waiting, options).finish(|_| {}).unwrap();
        let run = RunSummary::new("greedy".into(), scheduler.cluster(), &outcome);
        assert_eq!((run.placed, run.pending, run.nodes_used), (0, 0, 2));
        let expected = [
            ("cpu", Utilization { mean: 0.5, max: 0.75, deviation: 0.25 }),
            ("memory", Utilization { mean: 0.0, max: 0.0, deviation: 0.0 }),
            ("x.y/gpu", Utilization { mean: 0.5, max: 0.5, deviation: 0.0 }),
        ];
        assert_eq!(run.utilization, expected.map(|(name, share)| (name.to_string(), share)).into());
    }

    #[test]
    fn pods_that_are_not_on_the_same_node_after_all_runs_differ() {
        let placements = |nodes: &[(&str, Option<&str>)], evicted: &[(&str, &str)]| {
            let key = |name: &str| ("default".to_owned(), name.to_owned());
            let nodes = nodes.iter().map(|(name, node)| (key(name), node.map(str::to_owned)));
            let evicted = evicted.iter().map(|(name, node)| (key(name), (*node).to_owned()));
            Placements { nodes: nodes.collect(), evicted: evicted.collect() }
        };
        let runs = [
            placements(&[("a", Some("n1")), ("b", Some("n1")), ("c", None), ("v", None)], &[("v", "n3")]),
            placements(&[("a", Some("n1")), ("b", Some("n2")), ("c", Some("n1"))], &[]),
        ];
        let found: Vec<String> = Placements::differences(&runs)
            .into_iter()
            .map(|pod| {
                format!("{} {:?}", pod.name, pod.nodes.iter().map(Option::as_deref).collect::<Vec<_>>())
            })
            .collect();
        assert_eq!(
            found,
            [r#"b [Some("n1"), Some("n2")]"#, r#"c [None, Some("n1")]"#, r#"v [None, Some("n3")]"#,]
        );
        assert_eq!(Placements::differences(&runs[..1]), []);
    }
}
