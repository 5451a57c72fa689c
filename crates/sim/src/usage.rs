//! Who uses the cluster: `UsageReport` of `berth.dev/v1alpha1`.
//!
//! Requests, limits and measured usage of the pods that are on nodes, by node, namespace, workload or pod, with their
//! shares of what the nodes offer. Usage is what the metrics API measured (NodeMetrics, PodMetrics); where nothing was
//! measured it is absent, not zero. Limits are added as `kubectl describe node` adds them: a container without a limit
//! counts as zero there, though it may use the whole node.

mod sums;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use berth_engine::cluster::Cluster;
use berth_model::Str;
use berth_model::load::{NodeMetrics, PodMetrics};
use berth_model::pod::Pod;
use rustc_hash::FxHashMap;
use serde::Serialize;

use crate::report::{API_VERSION, WorkloadRef};
use crate::selection::Selection;
use sums::{Amounts, Sums, printed, share};

/// What rows are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// A row for each node, those without pods too.
    Node,
    /// A row for each namespace.
    Namespace,
    /// A row for each workload: the controller of its pods, or the Deployment of their ReplicaSet.
    Workload,
    /// A row for each pod.
    Pod,
}

/// The order of the rows; rows that are equal in it are in the order of their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// The largest difference between requests and usage first, in either direction, as a part of the cluster. Rows
    /// whose usage is not known follow, the largest requests first.
    Difference,
    /// The most that is requested and not used first.
    Over,
    /// The most that is used beyond the requests first.
    Under,
    /// The largest requests first.
    Requests,
    /// The largest limits first.
    Limits,
    /// The largest usage first.
    Usage,
    /// By namespace and name.
    Name,
}

/// What was measured, as the metrics API tells it.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Of nodes.
    pub nodes: Vec<NodeMetrics>,
    /// Of pods.
    pub pods: Vec<PodMetrics>,
}

/// The document.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageReport {
    /// `berth.dev/v1alpha1`.
    pub api_version: &'static str,
    /// `UsageReport`.
    pub kind: &'static str,
    /// What the rows are.
    pub by: By,
    /// The rows, sorted.
    pub rows: Vec<UsageRow>,
    /// All rows together.
    pub total: UsageRow,
    /// Selected pods that are on no node, which no row counts.
    pub pending: usize,
    /// What is odd about the input, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// What a node, namespace, workload or pod uses.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageRow {
    /// The namespace of a workload or pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The kind of a workload.
    #[serde(rename = "workloadKind", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The name; empty for the total.
    pub name: String,
    /// The node of a pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// How many pods it counts.
    pub pods: usize,
    /// Of how many of them usage was measured.
    pub measured_pods: usize,
    /// By resource.
    pub resources: BTreeMap<String, ResourceUse>,
    /// Devices of resource claims that its pods have.
    pub devices: usize,
    /// Devices that the node offers, or all nodes together, if slices describe any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offered_devices: Option<usize>,
    /// The largest difference between usage and requests, as a part of what the cluster offers: positive if more is
    /// requested than used; absent if usage is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<f64>,
}

/// How much of a resource is used. Amounts are Kubernetes quantities, shares are parts of what the node offers, or all
/// nodes together if the row is not a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceUse {
    /// What pods request.
    pub requests: String,
    /// What pods are limited to.
    pub limits: String,
    /// What was measured; absent if it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<String>,
    /// What the node offers, or all nodes together.
    pub allocatable: String,
    /// Requests as a part of that; absent if nothing is offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_share: Option<f64>,
    /// Limits as a part of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits_share: Option<f64>,
    /// Usage as a part of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_share: Option<f64>,
}

/// What a row is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    namespace: Option<Str>,
    name: Str,
    kind: Option<Str>,
    node: Option<Str>,
}

/// Adds up what the selected pods use.
pub fn usage(
    cluster: &Cluster,
    measured: &Measured,
    by: By,
    sort: Sort,
    selection: &Selection,
) -> UsageReport {
    let offered = Amounts::offered(cluster);
    let pods = cluster.pods();
    let of_pod: FxHashMap<(&str, &str), &PodMetrics> =
        measured.pods.iter().map(|metrics| ((&*metrics.namespace, &*metrics.pod), metrics)).collect();
    let mut adder = sums::Adder::new(cluster);
    let mut rows: BTreeMap<Key, Sums> = BTreeMap::new();
    if by == By::Node {
        let names = cluster.nodes().by_name().map(|(name, _)| name.clone());
        rows.extend(names.map(|name| (Key { name, ..Key::default() }, Sums::default())));
    }
    let (mut total, mut pending) = (Sums::default(), 0);
    for row in pods.rows().filter(|&row| selection.matches(&pods.entry(row).pod)) {
        let pod = &pods.entry(row).pod;
        let Some(key) = key(by, pod) else {
            pending += 1;
            continue;
        };
        let metrics = of_pod.get(&(&*pod.spec.namespace, &*pod.name)).copied();
        adder.add(rows.entry(key).or_default(), row, metrics);
        adder.add(&mut total, row, metrics);
    }
    // A node uses more than its pods: the kubelet and the system.
    if by == By::Node && selection.is_everything() {
        for metrics in &measured.nodes {
            let key = Key { name: metrics.node.clone(), ..Key::default() };
            if let Some(sums) = rows.get_mut(&key) {
                sums.node_usage = Some(Amounts::of(&metrics.usage));
            }
        }
        total.take_node_usage(rows.values());
    }
    let mut rows: Vec<(Key, Sums)> = rows.into_iter().collect();
    sort_rows(&mut rows, sort, &offered);
    let rows = rows.into_iter().map(|(key, sums)| {
        let of_node = (by == By::Node).then(|| cluster.nodes().find(&key.name));
        let own = of_node.map(|row| row.map(|row| Amounts::of(&cluster.nodes().object(row).allocatable)));
        let devices = adder.offered_devices(of_node.map(|_| &*key.name));
        let own = own.map_or_else(|| offered.clone(), Option::unwrap_or_default);
        row(key, &sums, &own, &offered, devices.filter(|_| by == By::Node))
    });
    UsageReport {
        api_version: API_VERSION,
        kind: "UsageReport",
        by,
        rows: rows.collect(),
        total: row(Key::default(), &total, &offered, &offered, adder.offered_devices(None)),
        pending,
        warnings: Vec::new(),
    }
}

/// The row that counts a pod; `None` if the pod is on no node.
fn key(by: By, pod: &Pod) -> Option<Key> {
    let node = pod.node.clone()?;
    let namespace = Some(pod.spec.namespace.clone());
    Some(match by {
        By::Node => Key { name: node, ..Key::default() },
        By::Namespace => Key { name: pod.spec.namespace.clone(), ..Key::default() },
        By::Pod => Key { namespace, name: pod.name.clone(), node: Some(node), kind: None },
        By::Workload => {
            let (kind, name) = match WorkloadRef::of(pod) {
                // The static pods of a node are no workload.
                Some(of) if of.kind != "Node" => (of.kind.into(), of.name.into()),
                _ => ("Pod".into(), pod.name.clone()),
            };
            Key { namespace, name, kind: Some(kind), node: None }
        }
    })
}

fn sort_rows(rows: &mut [(Key, Sums)], sort: Sort, offered: &Amounts) {
    let weight = |sums: &Sums| -> (bool, f64) {
        let difference = sums.difference(offered);
        match sort {
            Sort::Name => (false, 0.0),
            Sort::Difference => match difference {
                Some(difference) => (false, difference.abs()),
                None => (true, sums.requests.largest_share(offered)),
            },
            Sort::Over => (difference.is_none(), difference.unwrap_or(0.0)),
            Sort::Under => (difference.is_none(), -difference.unwrap_or(0.0)),
            Sort::Requests => (false, sums.requests.largest_share(offered)),
            Sort::Limits => (false, sums.limits.largest_share(offered)),
            Sort::Usage => (sums.usage().is_none(), sums.usage().map_or(0.0, |u| u.largest_share(offered))),
        }
    };
    // The rows are in the order of their keys, which a stable sort keeps.
    rows.sort_by(|(_, a), (_, b)| {
        let (a, b) = (weight(a), weight(b));
        a.0.cmp(&b.0).then_with(|| b.1.total_cmp(&a.1))
    });
}

/// A row: shares are parts of `own`, the difference is a part of `all`.
fn row(key: Key, sums: &Sums, own: &Amounts, all: &Amounts, offered_devices: Option<usize>) -> UsageRow {
    let usage = sums.usage();
    let mut resources = BTreeMap::new();
    for name in own.names().chain(sums.requests.names()).chain(sums.limits.names()) {
        let (requests, limits, offers) = (sums.requests.get(name), sums.limits.get(name), own.get(name));
        let usage = usage.and_then(|usage| usage.find(name));
        let one = ResourceUse {
            requests: printed(name, requests),
            limits: printed(name, limits),
            usage: usage.map(|usage| printed(name, usage)),
            allocatable: printed(name, offers),
            requests_share: share(requests, offers),
            limits_share: share(limits, offers),
            usage_share: usage.and_then(|usage| share(usage, offers)),
        };
        resources.insert(name.to_string(), one);
    }
    UsageRow {
        namespace: key.namespace.map(|namespace| namespace.to_string()),
        kind: key.kind.map(|kind| kind.to_string()),
        name: key.name.to_string(),
        node: key.node.map(|node| node.to_string()),
        pods: sums.pods,
        measured_pods: sums.measured,
        resources,
        devices: sums.devices.len(),
        offered_devices,
        difference: sums.difference(all),
    }
}
