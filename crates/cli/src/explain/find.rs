//! The pod that is meant.

use berth_engine::cluster::Cluster;
use berth_engine::ids::PodRow;
use berth_model::pod::Pod;
use berth_sim::report::WorkloadRef;

use crate::failure::Failure;
use crate::human;

/// How many of the candidates are named.
const NAMED: usize = 10;

/// What kubectl calls pods, and the workloads that have pods.
const KINDS: [(&str, &[&str]); 7] = [
    ("Pod", &["pod", "pods", "po"]),
    ("Deployment", &["deployment", "deployments", "deploy", "deployment.apps"]),
    ("ReplicaSet", &["replicaset", "replicasets", "rs", "replicaset.apps"]),
    ("StatefulSet", &["statefulset", "statefulsets", "sts", "statefulset.apps"]),
    ("DaemonSet", &["daemonset", "daemonsets", "ds", "daemonset.apps"]),
    ("Job", &["job", "jobs", "job.batch"]),
    ("ReplicationController", &["replicationcontroller", "replicationcontrollers", "rc"]),
];

/// Finds a pod by name, `namespace/name`, `pod/name`, or by its workload, as in `deploy/web`: the first of the
/// workload's pods that waits, or else the first.
///
/// # Errors
/// When no pod or more than one has the name.
pub(crate) fn pod(cluster: &Cluster, wanted: &str) -> Result<PodRow, Failure> {
    let pods = || cluster.pods().rows().map(|row| (row, &cluster.pods().entry(row).pod));
    let (namespace, name) = match wanted.split_once('/') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, wanted),
    };
    let in_namespace = |pod: &Pod| namespace.is_none_or(|n| n == &*pod.spec.namespace);
    let found: Vec<_> = pods().filter(|(_, pod)| &*pod.name == name && in_namespace(pod)).collect();
    if let [(row, _)] = found.as_slice() {
        return Ok(*row);
    }
    if found.is_empty()
        && let Some(kind) = namespace.and_then(kind)
    {
        return match kind {
            "Pod" => self::pod(cluster, name),
            kind => of_workload(cluster, kind, name),
        };
    }
    if found.is_empty() {
        let close =
            pods().filter(|(_, pod)| !name.is_empty() && pod.name.contains(name) && in_namespace(pod));
        let mut names: Vec<String> = close.map(|(_, pod)| pod.key()).collect();
        names.sort();
        let failure = Failure::input(format!("no pod is named {wanted:?} among {}", cluster.pods().len()));
        return Err(match names.as_slice() {
            [] => failure.hint("berth simulate -o wide lists the pods"),
            names => failure.hint(format!("there is {}", human::list(names, NAMED))),
        });
    }
    let mut names: Vec<String> = found.iter().map(|(_, pod)| pod.key()).collect();
    names.sort();
    let count = names.len();
    Err(Failure::input(format!("{count} pods are named {wanted:?}: {}", human::list(&names, NAMED)))
        .hint(format!("name one as {}", names[0])))
}

/// The kind that kubectl calls so.
fn kind(text: &str) -> Option<&'static str> {
    KINDS.iter().find(|(_, names)| names.contains(&text)).map(|(kind, _)| *kind)
}

/// The pod of a workload that matters most: one that waits, or else the first by name.
fn of_workload(cluster: &Cluster, kind: &str, name: &str) -> Result<PodRow, Failure> {
    let is_member = |pod: &Pod| WorkloadRef::of(pod).is_some_and(|of| of.kind == kind && of.name == name);
    let pods = cluster.pods().rows().map(|row| (row, &cluster.pods().entry(row).pod));
    let first =
        pods.filter(|(_, pod)| is_member(pod)).min_by_key(|(_, pod)| (pod.node.is_some(), pod.name.clone()));
    first.map(|(row, _)| row).ok_or_else(|| Failure::input(format!("no pod belongs to {kind} {name}")))
}
