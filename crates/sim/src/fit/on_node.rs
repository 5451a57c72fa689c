//! How many more pods of each workload fit on one node: `NodeFit` of `berth.dev/v1alpha1`.

use std::collections::BTreeMap;

use berth_engine::cluster::{Cluster, TrialEnd};
use berth_engine::filters::prepare;
use berth_engine::ids::{NodeRow, PodRow};
use berth_engine::scan::gate;
use berth_engine::scheduler::Scheduler;
use berth_engine::verdict::{Reason, Verdict};
use berth_engine::view::PodView;
use serde::Serialize;

use super::Shape;
use crate::device_claims::ClaimTemplates;
use crate::explain::requests;
use crate::report::{API_VERSION, WorkloadRef};

/// The document.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeFit {
    /// `berth.dev/v1alpha1`.
    pub api_version: &'static str,
    /// `NodeFit`.
    pub kind: &'static str,
    /// The node.
    pub node: String,
    /// The workloads, those with the most pending pods first. Static pods and those of DaemonSets are left out.
    pub workloads: Vec<WorkloadFit>,
    /// How many workloads the list lacks.
    pub workloads_left_out: usize,
}

/// How many more pods of a workload fit on the node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WorkloadFit {
    /// The namespace.
    pub namespace: String,
    /// The name of the pod that the others are copies of.
    pub pod: String,
    /// The workload that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload: Option<WorkloadRef>,
    /// What each pod requests, by resource, as Kubernetes quantities.
    pub requests: BTreeMap<String, String>,
    /// How many pods of it are pending.
    pub pending: usize,
    /// How many more fit on the node, each of them placed on it in turn.
    pub count: usize,
    /// Why the next one does not fit, in upstream's words; absent if the limit was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many workloads at most.
    pub workloads: usize,
    /// How many pods of each at most.
    pub pods: usize,
}

impl NodeFit {
    /// Places pods of each workload on a node until the next one does not fit. Each workload is counted on the cluster as
    /// it is; nothing stays in it, and nothing is preempted.
    pub fn new(scheduler: &mut Scheduler, templates: &ClaimTemplates, node: NodeRow, limits: Limits) -> Self {
        let groups = groups(scheduler.cluster());
        let counted = |(row, pending): &(PodRow, usize)| {
            let shape = Shape::of(scheduler.cluster(), *row, 1);
            let profile = scheduler.profile_of(*row);
            let (count, message) = match profile {
                Some(profile) => count(scheduler, templates, &shape, (profile, node), limits.pods),
                None => (0, Some("another scheduler places it".to_owned())),
            };
            let pod = &shape.sample;
            WorkloadFit {
                namespace: pod.spec.namespace.to_string(),
                pod: pod.name.to_string(),
                workload: WorkloadRef::of(pod),
                requests: requests(&pod.spec),
                pending: *pending,
                count,
                message,
            }
        };
        let workloads = groups.iter().take(limits.workloads).map(counted).collect();
        Self {
            api_version: API_VERSION,
            kind: "NodeFit",
            node: scheduler.cluster().nodes().name(node).to_string(),
            workloads,
            workloads_left_out: groups.len().saturating_sub(limits.workloads),
        }
    }
}

/// Owners whose pods have a node of their own: static pods of kubelets, and DaemonSets.
const PINNED: [&str; 2] = ["Node", "DaemonSet"];

/// A pod of each workload with how many of its pods are pending, the most first, then by name.
fn groups(cluster: &Cluster) -> Vec<(PodRow, usize)> {
    let mut groups: BTreeMap<_, (PodRow, usize)> = BTreeMap::new();
    for row in cluster.pods().rows() {
        let pod = &cluster.pods().entry(row).pod;
        let workload = WorkloadRef::of(pod);
        if workload.as_ref().is_some_and(|workload| PINNED.contains(&workload.kind.as_str())) {
            continue;
        }
        let own = if workload.is_none() { &*pod.name } else { "" };
        let key = (&*pod.spec.namespace, workload, own, requests(&pod.spec));
        let group = groups.entry(key).or_insert((row, 0));
        if pod.node.is_none() {
            // A pending pod stands for its workload: the others may be older.
            *group = (if group.1 == 0 { row } else { group.0 }, group.1 + 1);
        }
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|(_, pending)| std::cmp::Reverse(*pending));
    groups
}

/// How many pods of a shape fit on a node by a profile, and why there are no more.
fn count(
    scheduler: &mut Scheduler,
    templates: &ClaimTemplates,
    shape: &Shape,
    (profile, node): (usize, NodeRow),
    limit: usize,
) -> (usize, Option<String>) {
    scheduler.trial(|scheduler| {
        for number in 0..limit {
            let row = shape.add(scheduler.cluster_mut(), templates, number + 1);
            if let Some(message) = rejection(scheduler, profile, row, node) {
                return ((number, Some(message)), TrialEnd::RollBack);
            }
            scheduler.place(profile, row, node);
        }
        ((limit, None), TrialEnd::RollBack)
    })
}

/// Why a pod does not fit on a node; `None` if it does.
fn rejection(scheduler: &Scheduler, profile: usize, pod: PodRow, node: NodeRow) -> Option<String> {
    let cluster = scheduler.cluster();
    let view = PodView::new(cluster, pod);
    let profile = &scheduler.profiles()[profile];
    let words = |verdict: &Verdict| {
        let reasons: Vec<&str> = verdict.rejection.reasons.iter().map(Reason::text).collect();
        reasons.join(", ")
    };
    if let Some(verdict) = gate(profile, view) {
        return Some(words(&verdict));
    }
    let prepared = prepare(profile, view);
    if let Some(verdict) = &prepared.rejected {
        return Some(words(verdict));
    }
    if prepared.only.as_ref().is_some_and(|only| !only.contains(&node)) {
        return prepared.excluded_reason().map(|rejection| rejection.message());
    }
    prepared.filters.check_all(view, &[node]).into_iter().flatten().next().as_ref().map(words)
}

#[cfg(test)]
mod tests {
    use berth_engine::profile::Profile;

    use super::*;
    use crate::fixture::world;

    const LIMITS: Limits = Limits { workloads: 9, pods: 20 };

    /// The workloads of a text on a node: their names, how many of their pods are pending, how many more fit, and why not
    /// more.
    fn on(text: &str, node: &str) -> Vec<(String, usize, usize, String)> {
        let world = world(text);
        let node = world.cluster.nodes().find(node).unwrap();
        let mut scheduler = Scheduler::new(world.cluster, vec![Profile::standard("default-scheduler")]);
        let before = format!("{:?}", scheduler.cluster().nodes().pods(node));
        let fit = NodeFit::new(&mut scheduler, &world.claim_templates, node, LIMITS);
        assert_eq!(format!("{:?}", scheduler.cluster().nodes().pods(node)), before, "nothing stays");
        let line = |one: WorkloadFit| (one.pod, one.pending, one.count, one.message.unwrap_or_default());
        fit.workloads.into_iter().map(line).collect()
    }

    fn node(name: &str, cpu: u32) -> String {
        format!(
            "{{apiVersion: v1, kind: Node, metadata: {{name: {name}, labels: {{zone: {name}}}}}, status: {{allocatable: {{cpu: \
             {cpu}, memory: 8Gi, pods: 30}}}}}}"
        )
    }

    fn pod(name: &str, cpu: &str, on: &str, spec: &str) -> String {
        let on = if on.is_empty() { String::new() } else { format!("nodeName: {on}, ") };
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, labels: {{app: {name}}}}}, spec: {{{on}{spec} containers: [{{name: \
             c, image: i, resources: {{requests: {{cpu: {cpu}}}}}}}]}}}}"
        )
    }

    #[test]
    fn pods_are_counted_one_by_one_with_the_reason_that_ends_it() {
        let spread = "topologySpreadConstraints: [{maxSkew: 2, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, \
                      labelSelector: {matchLabels: {app: spread}}}],";
        let apart = "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: zone, \
                     labelSelector: {matchLabels: {app: apart}}}]}},";
        let text = [
            node("n1", 4),
            node("n2", 4),
            pod("runs", "1", "n1", ""),
            pod("huge", "9", "", ""),
            pod("spread", "100m", "", spread),
            pod("apart", "100m", "", apart),
            pod("gated", "1", "", "schedulingGates: [{name: wait}],"),
            pod("elsewhere", "1", "", "nodeSelector: {zone: n2},"),
            pod("tiny", "1m", "", ""),
        ]
        .join("\n---\n");
        let expected = [
            ("apart", 1, 1, "node(s) didn't match pod anti-affinity rules"),
            ("elsewhere", 1, 0, "node(s) didn't match Pod's node affinity/selector"),
            ("gated", 1, 0, "waiting for scheduling gates: [wait]"),
            ("huge", 1, 0, "Insufficient cpu"),
            ("spread", 1, 2, "node(s) didn't match pod topology spread constraints"),
            ("tiny", 1, 20, ""),
            ("runs", 0, 3, "Insufficient cpu"),
        ];
        let expected =
            expected.map(|(pod, pending, count, why)| (pod.to_owned(), pending, count, why.to_owned()));
        assert_eq!(on(&text, "n1"), expected);
    }

    #[test]
    fn a_full_or_cordoned_node_takes_none_and_says_why() {
        let cordoned = node("n1", 4).replace("status:", "spec: {unschedulable: true}, status:");
        let text = [cordoned, node("n2", 1), pod("a", "1", "n2", "")].join("\n---\n");
        assert_eq!(on(&text, "n1"), [("a".to_owned(), 0, 0, "node(s) were unschedulable".to_owned())]);
        assert_eq!(on(&text, "n2"), [("a".to_owned(), 0, 0, "Insufficient cpu".to_owned())]);
    }
}
