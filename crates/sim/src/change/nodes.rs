//! Nodes that are named by a change, nodes that are gone, and nodes that are cordoned.

use std::collections::BTreeSet;

use berth_model::Str;
use berth_model::manifests::Manifests;
use berth_model::node::Node;
use berth_model::pod::Pod;
use berth_model::selector::{LabelSelector, Requirement};
use rustc_hash::FxHashSet;

use super::{Action, Effect, NodeQuery, NodeSet, PodOnNode, comes_again, is_bound, list};

/// How many names a problem lists.
const NAMED: usize = 10;
/// What `zone` means as a label, if no node has a label of this name.
const ZONE: (&str, &str) = ("zone", "topology.kubernetes.io/zone");

/// The names of the nodes of a set, in the order of the input.
///
/// # Errors
/// When there is none; says which nodes or values of the label exist.
pub fn find(manifests: &Manifests, set: &NodeSet, flag: &str) -> Result<Vec<Str>, String> {
    let nodes = || manifests.nodes.iter().map(|entry| &entry.value);
    let found: Vec<Str> = match &set.query {
        NodeQuery::Name(name) => nodes().filter(|node| node.name == *name).map(name_of).collect(),
        NodeQuery::Labels(selector) => {
            let selector = with_full_keys(manifests, selector);
            nodes().filter(|node| selector.matches(&node.labels)).map(name_of).collect()
        }
    };
    if !found.is_empty() {
        return Ok(found);
    }
    let text = &set.text;
    if manifests.nodes.is_empty() {
        return Err(format!("{flag} {text}: the input has no nodes"));
    }
    Err(match &set.query {
        NodeQuery::Name(name) => {
            let all: Vec<&str> = nodes().map(|node| &*node.name).collect();
            let alike: Vec<&str> = all.iter().copied().filter(|other| other.contains(&**name)).collect();
            let named = if alike.is_empty() { all } else { alike };
            format!("{flag} {text}: no node has this name; there is {}", list(&named, NAMED))
        }
        NodeQuery::Labels(selector) => {
            let selector = with_full_keys(manifests, selector);
            let values: Vec<String> =
                selector.requirements.iter().map(|one| values(manifests, &one.key)).collect();
            format!("{flag} {text}: no node matches; {}", values.join("; "))
        }
    })
}

fn name_of(node: &Node) -> Str {
    node.name.clone()
}

/// The selector with the name of the label that `zone` stands for.
pub fn with_full_keys(manifests: &Manifests, selector: &LabelSelector) -> LabelSelector {
    let (short, full) = ZONE;
    let is_label = manifests.nodes.iter().any(|entry| entry.value.labels.contains_key(short));
    let complete = |one: &Requirement| match &*one.key {
        key if key == short && !is_label => Requirement { key: full.into(), ..one.clone() },
        _ => one.clone(),
    };
    LabelSelector { requirements: selector.requirements.iter().map(complete).collect() }
}

/// What values a label has among the nodes.
fn values(manifests: &Manifests, key: &str) -> String {
    let values: BTreeSet<&str> = manifests
        .nodes
        .iter()
        .filter_map(|entry| entry.value.labels.get(key))
        .map(|value| &**value)
        .collect();
    if values.is_empty() {
        let keys: BTreeSet<&str> = manifests
            .nodes
            .iter()
            .flat_map(|entry| entry.value.labels.iter())
            .map(|(key, _)| &**key)
            .collect();
        let keys: Vec<&str> = keys.into_iter().collect();
        return match keys.as_slice() {
            [] => format!("no node has the label {key}, or any other label"),
            keys => format!("no node has the label {key}; there is {}", list(keys, NAMED)),
        };
    }
    let values: Vec<&str> = values.into_iter().collect();
    format!("{key} is {}", list(&values, NAMED))
}

/// Cordons nodes.
pub(super) fn cordon(manifests: &mut Manifests, set: &NodeSet) -> Result<Effect, String> {
    let names = find(manifests, set, "--cordon")?;
    mark_unschedulable(manifests, &names);
    Ok(Effect::new(format!("--cordon {}", set.text), Action::Cordoned, names))
}

/// Sets `spec.unschedulable`.
pub(super) fn mark_unschedulable(manifests: &mut Manifests, names: &[Str]) {
    let names: FxHashSet<&Str> = names.iter().collect();
    for entry in manifests.nodes.iter_mut().filter(|entry| names.contains(&entry.value.name)) {
        entry.value.unschedulable = true;
    }
}

/// Removes nodes with all that is on them. Pods that controllers make again wait for a place.
pub(super) fn remove(
    manifests: &mut Manifests,
    set: &NodeSet,
    gone: &mut Vec<(Pod, bool)>,
) -> Result<Effect, String> {
    let names = find(manifests, set, "--without")?;
    let mut effect = Effect::new(format!("--without {}", set.text), Action::Removed, names.clone());
    let names: FxHashSet<&Str> = names.iter().collect();
    manifests.nodes.retain(|entry| !names.contains(&entry.value.name));
    manifests.csi_nodes.retain(|entry| !names.contains(&entry.value.node));
    manifests.node_metrics.retain(|entry| !names.contains(&entry.value.node));
    let mut own_claims: FxHashSet<Str> = FxHashSet::default();
    manifests.pods.retain_mut(|entry| {
        let pod = &mut entry.value.pod;
        let Some(from) = PodOnNode::of(pod).filter(|from| names.contains(&from.node)) else { return true };
        let again = comes_again(pod);
        gone.push((pod.clone(), again));
        if is_bound(pod) {
            effect.bound_pods += 1;
        } else if again {
            effect.moved.push(from);
            own_claims.insert(pod.uid.clone());
            *pod = made_again(pod.clone());
        } else if pod.spec.controller.is_none() {
            effect.lost.push(from);
        }
        again
    });
    // The claims of ephemeral volumes go with their pods, and are made again with them.
    own_claims.remove("");
    let is_own = |uid: &Option<Str>| uid.as_ref().is_some_and(|uid| own_claims.contains(uid));
    manifests.claims.retain(|entry| !is_own(&entry.value.controller_uid));
    Ok(effect)
}

/// A pod as its controller makes it again, under its old name.
pub(crate) fn made_again(pod: Pod) -> Pod {
    Pod { node: None, nominated_node: None, started: None, terminating: false, preempted: false, ..pod }
}
