//! Which of today's nodes could go: `NodeRemoval` of `berth.dev/v1alpha1`.
//!
//! Nodes are drained one after the other, as `kubectl drain` does: the node is cordoned, its pods are evicted one by
//! one, and the controller of each makes a new pod, which the scheduler places. A node can go if every pod finds
//! another node without evicting others. Disruption budgets are kept: the next pod is evicted when the one before is
//! placed, so a budget allows each eviction or none, and one that allows none keeps its pods where they are.
//!
//! Upstream: kubectl `pkg/drain/filters.go`, `pkg/registry/core/pod/rest/eviction.go`.

use berth_engine::cluster::{Cluster, TrialEnd};
use berth_engine::decision::Decision;
use berth_engine::ids::{NodeRow, PodRow};
use berth_engine::profile::Profile;
use berth_engine::scheduler::Scheduler;
use berth_model::node::Node;
use berth_model::pod::Pod;
use serde::Serialize;

use super::node_type::{PRICE, Price};
use crate::change::budget::{Budget, refusal};
use crate::change::is_bound;
use crate::change::nodes::made_again;
use crate::device_claims::release;
use crate::report::API_VERSION;
use crate::run::{Options, Run};
use crate::world::World;

const CONTROL_PLANE: [&str; 2] = ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];

/// The document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeRemoval {
    /// `berth.dev/v1alpha1`.
    pub api_version: &'static str,
    /// `NodeRemoval`.
    pub kind: &'static str,
    /// The nodes that could go, in the order in which they are drained.
    pub remove: Vec<RemovedNode>,
    /// The other nodes, by name.
    pub keep: Vec<KeptNode>,
    /// What the removed nodes cost, if the annotation `berth.dev/price` says so of all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saved: Option<String>,
    /// Pods that are pending today and find no node; they do not keep a node from going.
    pub pending: usize,
    /// What is odd about the input, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// A node that could go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RemovedNode {
    /// Its name.
    pub node: String,
    /// What it costs, if an annotation says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<String>,
    /// Its pods and where they go, in the order in which they are evicted. Daemon pods and static pods go with it.
    pub moves: Vec<Move>,
}

/// A pod that moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Move {
    /// Its namespace.
    pub namespace: String,
    /// Its name; its controller may give the new pod another one.
    pub name: String,
    /// Where it goes.
    pub to: String,
}

/// A node that must stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeptNode {
    /// Its name.
    pub node: String,
    /// Why.
    pub reason: String,
}

/// Finds nodes that could go: the dearest first, then those whose pods request least.
///
/// # Errors
/// With [`Options::verify`], the first decision that differs from the scan's.
pub fn remove(world: World, profiles: Vec<Profile>, options: Options) -> Result<NodeRemoval, String> {
    let options = Options { preemption: false, ..options };
    let mut budgets = Budget::of_cluster(&world.cluster);
    let mut scheduler = Scheduler::new(world.cluster, profiles);
    let run = Run::new(&mut scheduler, &world.waiting, options).rolling_out(world.rollouts);
    let pending = run.finish(|_| {})?.pending.len();
    budgets.iter_mut().for_each(|budget| budget.recount(scheduler.cluster()));
    let order = order(scheduler.cluster());
    let mut keep = Vec::new();
    let found = scheduler.trial(|scheduler| {
        let mut removed = Vec::new();
        for name in &order {
            match drain(scheduler, name, options, &budgets) {
                Ok(moves) => removed.push((name.clone(), moves)),
                Err(reason) => keep.push(KeptNode { node: name.to_string(), reason }),
            }
        }
        (removed, TrialEnd::RollBack)
    });
    // No pod need move twice if the nodes that go are cordoned before the first of them is drained.
    let at_once = scheduler.trial(|scheduler| {
        for (name, _) in &found {
            cordon(scheduler.cluster_mut(), name);
        }
        let drained = found
            .iter()
            .map(|(name, _)| Some((name.clone(), drain(scheduler, name, options, &budgets).ok()?)));
        (drained.collect::<Option<Vec<_>>>(), TrialEnd::RollBack)
    });
    let cluster = scheduler.cluster();
    let price = |name: &str| {
        let node = cluster.nodes().object(cluster.nodes().find(name)?);
        price(node)
    };
    let saved: Option<Vec<Price>> = found.iter().map(|(name, _)| price(name)).collect();
    let saved = saved.filter(|prices| !prices.is_empty());
    let saved = saved.map(|prices| Price(prices.iter().map(|price| price.0).sum()).to_string());
    let removed = at_once.unwrap_or(found).into_iter().map(|(name, moves)| RemovedNode {
        price: price(&name).map(|price| price.to_string()),
        node: name.to_string(),
        moves,
    });
    let remove = removed.collect();
    keep.sort_by(|a, b| a.node.cmp(&b.node));
    let (api_version, kind) = (API_VERSION, "NodeRemoval");
    Ok(NodeRemoval { api_version, kind, remove, keep, saved, pending, warnings: Vec::new() })
}

fn price(node: &Node) -> Option<Price> {
    Price::parse(node.annotations.get(PRICE)?)
}

/// The nodes in the order in which they are tried.
fn order(cluster: &Cluster) -> Vec<berth_model::Str> {
    let nodes = cluster.nodes();
    let load = |row: NodeRow| {
        let resources = cluster.resources().iter().map(|(id, _)| {
            let requested = nodes.pods(row).iter().filter(|&&pod| moves(&cluster.pods().entry(pod).pod));
            let sum: i64 = requested
                .flat_map(|&pod| &cluster.pods().class_of(pod).requests)
                .filter(|(of, _)| *of == id)
                .map(|(_, amount)| *amount)
                .fold(0, i64::saturating_add);
            let offered = nodes.allocatable(row, id);
            if offered > 0 { sum as f64 / offered as f64 } else { 0.0 }
        });
        resources.fold(0.0, f64::max)
    };
    let mut order: Vec<_> = nodes
        .by_name()
        .map(|(name, row)| (price(nodes.object(row)).map_or(0, |price| price.0), load(row), name.clone()))
        .collect();
    order.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.total_cmp(&b.1)).then_with(|| a.2.cmp(&b.2)));
    order.into_iter().map(|(.., name)| name).collect()
}

/// Whether a drain moves a pod: daemon pods and static pods belong to their node.
fn moves(pod: &Pod) -> bool {
    !pod.terminating && !is_bound(pod)
}

fn cordon(cluster: &mut Cluster, name: &str) {
    if let Some(row) = cluster.nodes().find(name) {
        let node = Node { unschedulable: true, ..cluster.nodes().object(row).clone() };
        cluster.upsert_node(node);
    }
}

/// Drains and removes a node; if a pod cannot move, all is as it was before.
///
/// # Errors
/// Why the node must stay.
fn drain(
    scheduler: &mut Scheduler,
    name: &str,
    options: Options,
    budgets: &[Budget],
) -> Result<Vec<Move>, String> {
    let Some(row) = scheduler.cluster().nodes().find(name) else { return Err("it is not there".to_owned()) };
    if CONTROL_PLANE.iter().any(|label| scheduler.cluster().nodes().object(row).labels.contains_key(label)) {
        return Err("it runs the control plane".to_owned());
    }
    scheduler.trial(|scheduler| {
        cordon(scheduler.cluster_mut(), name);
        let mut pods = scheduler.cluster().nodes().pods(row).to_vec();
        pods.sort_by_key(|&pod| scheduler.cluster().pods().entry(pod).pod.key());
        let mut moved = Vec::new();
        for pod in pods {
            if !moves(&scheduler.cluster().pods().entry(pod).pod) {
                scheduler.cluster_mut().remove_pod(pod);
                continue;
            }
            match evict(scheduler, pod, options, budgets) {
                Ok(one) => moved.push(one),
                Err(reason) => return (Err(reason), TrialEnd::RollBack),
            }
        }
        scheduler.cluster_mut().remove_node(row);
        (Ok(moved), TrialEnd::Commit)
    })
}

/// Evicts a pod, and places the pod that its controller makes in its stead.
///
/// # Errors
/// Why it cannot move.
fn evict(
    scheduler: &mut Scheduler,
    row: PodRow,
    options: Options,
    budgets: &[Budget],
) -> Result<Move, String> {
    let cluster = scheduler.cluster();
    let pod = cluster.pods().entry(row).pod.clone();
    let key = pod.key();
    if pod.spec.controller.is_none() {
        return Err(format!("{key} has no controller, so that nothing would make it again"));
    }
    let protecting: Vec<&Budget> = budgets.iter().filter(|budget| budget.selects(&pod)).collect();
    if let Some(reason) = refusal(&protecting) {
        return Err(format!("{key} cannot be evicted: {reason}"));
    }
    let cluster = scheduler.cluster_mut();
    cluster.remove_pod(row);
    release(cluster, &pod, true);
    let again = made_again(pod);
    let (namespace, name) = (again.spec.namespace.to_string(), again.name.to_string());
    let new = cluster.add_pod(again);
    let profile = scheduler.profile_of(new).or(options.all_schedulers.then_some(0));
    let profile = profile.ok_or_else(|| format!("{key} waits for another scheduler"))?;
    match scheduler.decide_by(profile, new) {
        Decision::Place(node, _) => {
            for reserved in scheduler.place(profile, new, node) {
                scheduler.cluster_mut().fulfil(&reserved.effect);
            }
            Ok(Move { namespace, name, to: scheduler.cluster().nodes().name(node).to_string() })
        }
        Decision::Unschedulable { message, .. } | Decision::Error { message } => {
            Err(format!("{key} fits on no other node: {message}"))
        }
        Decision::Gated(verdict) => Err(format!("{key} is gated: {}", verdict.rejection.message())),
    }
}
