//! Changes of which each alone would place a waiting pod. Each is tried on the cluster before it is named, and taken
//! back.

use std::sync::Arc;

use berth_engine::cluster::{Cluster, TrialEnd};
use berth_engine::ids::{NodeRow, PodRow, ResourceId};
use berth_engine::plugins::{
    dynamic_resources, node_affinity, node_resources_fit, node_unschedulable, taint_toleration,
};
use berth_engine::scheduler::Scheduler;
use berth_model::Str;
use berth_model::affinity::Toleration;
use berth_model::node::{Node, TaintEffect};
use berth_model::quantity::Quantity;
use serde::Serialize;

use super::amount::{amount, noun};
use super::devices;
use super::format;
use super::nodes::NodeAnswer;
use super::room::Shortage;
use crate::world::UNSCHEDULABLE;

/// A change that would place the pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Suggestion {
    /// What kind of change it is.
    pub change: Change,
    /// The node that would then take the pod.
    pub node: String,
    /// The change in words.
    pub description: String,
}

/// Kinds of changes, in the order in which they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Change {
    /// Less requested by the pod, or more free on the node.
    Room,
    /// A toleration in the pod.
    Toleration,
    /// A node that is not cordoned any more.
    Uncordon,
    /// A label on the node.
    Label,
    /// Devices that another claim gives back.
    Devices,
    /// One more node of a kind that is there.
    Node,
}

const CHANGES: [Change; 6] =
    [Change::Room, Change::Toleration, Change::Uncordon, Change::Label, Change::Devices, Change::Node];

const HOSTNAME: &str = "kubernetes.io/hostname";

/// How many nodes are tried for each kind of change, the nearest first.
const TRIED: usize = 3;

/// The changes that help, at most one of each kind.
pub(super) fn find(
    scheduler: &mut Scheduler,
    profile: usize,
    pod: PodRow,
    nodes: &[NodeAnswer],
) -> Vec<Suggestion> {
    let rejected = || nodes.iter().filter(|node| !node.feasible);
    let attempt = |change: Change| {
        let mut fitting = rejected().filter(|node| is_about(change, node)).take(TRIED);
        fitting.find_map(|node| try_on(change, scheduler, profile, pod, node))
    };
    CHANGES.into_iter().filter_map(attempt).collect()
}

/// Whether a change can lift everything that keeps the pod off a node.
fn is_about(change: Change, node: &NodeAnswer) -> bool {
    let plugin = match change {
        Change::Room => node_resources_fit::NAME,
        Change::Toleration => taint_toleration::NAME,
        Change::Uncordon => node_unschedulable::NAME,
        Change::Label => node_affinity::NAME,
        Change::Devices => dynamic_resources::NAME,
        Change::Node => return true,
    };
    // The taint of a cordoned node goes when it is uncordoned.
    let lifted =
        |other: &str| other == plugin || (change == Change::Uncordon && other == taint_toleration::NAME);
    node.rejections.iter().any(|r| r.plugin == plugin) && node.rejections.iter().all(|r| lifted(&r.plugin))
}

fn try_on(
    change: Change,
    scheduler: &mut Scheduler,
    profile: usize,
    pod: PodRow,
    answer: &NodeAnswer,
) -> Option<Suggestion> {
    let row = scheduler.cluster().nodes().find(&answer.name)?;
    if change == Change::Devices {
        return devices::give_back(scheduler, profile, pod, row);
    }
    let try_it = |scheduler: &mut Scheduler| {
        let (description, pod) = make(change, scheduler.cluster_mut(), pod, row)?;
        let (taken, _) = scheduler.diagnose(profile, pod).choice()?;
        let node = scheduler.cluster().nodes().name(taken).to_string();
        let description =
            if change == Change::Toleration { format!("{description}, on {node}") } else { description };
        Some(Suggestion { change, node, description })
    };
    scheduler.trial(|scheduler| (try_it(scheduler), TrialEnd::RollBack))
}

/// Makes the change on a node, and says it in words; with the pod, which may be another one now.
fn make(change: Change, cluster: &mut Cluster, pod: PodRow, row: NodeRow) -> Option<(String, PodRow)> {
    let node = cluster.nodes().object(row).clone();
    Some(match change {
        Change::Room => (make_room(cluster, pod, row, node)?, pod),
        Change::Toleration => tolerate(cluster, pod, node)?,
        Change::Uncordon => (uncordon(cluster, node), pod),
        Change::Label => (label(cluster, pod, node)?, pod),
        Change::Devices => return None, // claims are tried one by one
        Change::Node => (one_more(cluster, node), pod),
    })
}

/// Adds to the node what is missing there. Where the pod requests that much less it fits just as well, and where others
/// leave, as far as the node offers enough; where neither can be, there is nothing to be said.
fn make_room(cluster: &mut Cluster, pod: PodRow, row: NodeRow, mut node: Node) -> Option<String> {
    let class = cluster.pods().class_of(pod);
    let nodes = cluster.nodes();
    let resources = class.requests.iter().filter_map(|&(id, _)| Shortage::of(cluster, class, row, id));
    let shortages: Vec<Shortage> = resources.collect();
    for shortage in &shortages {
        let total = shortage.offered.saturating_add(shortage.short());
        let total = match shortage.resource {
            ResourceId::CPU => Quantity::from_milli(total),
            _ => Quantity::from_units(total),
        };
        set(&mut node, cluster.resources().name(shortage.resource), total);
    }
    let full = nodes.allowed_pods(row) <= i64::try_from(nodes.pods(row).len()).unwrap_or(i64::MAX);
    if full {
        set(&mut node, &"pods".into(), Quantity::from_units(nodes.allowed_pods(row).saturating_add(1)));
    }
    let name = node.name.clone();
    let missing =
        |s: &Shortage| format!("{} {}", amount(cluster, s.resource, s.short()), noun(cluster, s.resource));
    let missing: Vec<String> = shortages.iter().map(missing).collect();
    let missing = missing.join(" and ");
    let most =
        |s: &Shortage| format!("{} {}", amount(cluster, s.resource, s.free), noun(cluster, s.resource));
    let most: Vec<String> = shortages.iter().map(most).collect();
    let by_less = shortages.iter().all(|s| s.short() < s.need);
    let by_freeing = shortages.iter().all(|s| s.need <= s.offered);
    cluster.upsert_node(node);
    Some(match (by_less, by_freeing) {
        _ if shortages.is_empty() => format!("one pod less on {name}"),
        _ if full => format!("{missing} more free on {name}, and one pod less there"),
        (true, true) => format!("{missing} less requested, or more free on {name}"),
        (true, false) => format!("at most {} requested, on {name}", most.join(" and ")),
        (false, true) => format!("{missing} more free on {name}"),
        (false, false) => return None,
    })
}

fn set(node: &mut Node, resource: &Str, amount: Quantity) {
    match node.allocatable.iter_mut().find(|(name, _)| name == resource) {
        Some((_, old)) => *old = amount,
        None => {
            node.allocatable.push((resource.clone(), amount));
            node.allocatable.sort();
        }
    }
}

fn tolerate(cluster: &mut Cluster, pod: PodRow, node: Node) -> Option<(String, PodRow)> {
    let mut changed = cluster.pods().entry(pod).pod.clone();
    let spec = Arc::make_mut(&mut changed.spec);
    let mut added = Vec::new();
    for taint in node.taints.into_iter().filter(|t| t.effect != TaintEffect::PreferNoSchedule) {
        if !spec.tolerations.iter().any(|t| t.tolerates(&taint)) {
            added.push(format::taint(&taint));
            spec.tolerations.push(Toleration {
                key: taint.key,
                exists: false,
                value: taint.value,
                effect: Some(taint.effect),
                seconds: None,
            });
        }
    }
    cluster.remove_pod(pod);
    let pod = cluster.add_pod(changed);
    (!added.is_empty()).then(|| (format!("a toleration of {}", added.join(" and ")), pod))
}

fn uncordon(cluster: &mut Cluster, mut node: Node) -> String {
    let description = format!("{} uncordoned", node.name);
    node.unschedulable = false;
    node.taints.retain(|taint| *taint.key != *UNSCHEDULABLE);
    cluster.upsert_node(node);
    description
}

/// Whether a label describes what a node is: the node's agent or the cloud's controller sets it, so that setting it by
/// hand would be a lie about hardware or place.
fn is_of_the_node(key: &str) -> bool {
    let domain = key.split_once('/').map_or("", |(domain, _)| domain);
    ["kubernetes.io", "k8s.io"].iter().any(|own| domain == *own || domain.ends_with(&format!(".{own}")))
}

/// Sets the labels that the pod's node selector names, if a user can set them.
fn label(cluster: &mut Cluster, pod: PodRow, mut node: Node) -> Option<String> {
    let selector = &cluster.pods().class_of(pod).spec.node_selector;
    let missing = selector.iter().filter(|&(key, value)| node.labels.get(key) != Some(value));
    let missing: Vec<(Str, Str)> = missing.map(|(key, value)| (key.clone(), value.clone())).collect();
    let texts: Vec<String> = missing.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let description = format!("the label {} on {}", texts.join(" and "), node.name);
    let is_settable = !missing.iter().any(|(key, _)| is_of_the_node(key));
    for (key, value) in missing {
        node.labels.insert(key, value);
    }
    cluster.upsert_node(node);
    (!texts.is_empty() && is_settable).then_some(description)
}

fn one_more(cluster: &mut Cluster, mut node: Node) -> String {
    let description = format!("one more node like {}", node.name);
    devices::copy_slices(cluster, &node.name);
    node.name = format!("another-{}", node.name).into();
    if node.labels.contains_key(HOSTNAME) {
        node.labels.insert(HOSTNAME.into(), node.name.clone());
    }
    cluster.upsert_node(node);
    description
}
