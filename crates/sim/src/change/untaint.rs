//! Taints that are removed.

use std::collections::BTreeSet;

use berth_model::Str;
use berth_model::manifests::Manifests;
use berth_model::node::{Node, Taint, TaintEffect};
use rustc_hash::FxHashSet;

use super::{Action, Effect, NodeSet, list, nodes};
use crate::explain::format::taint as text_of;

/// How many taints a problem lists.
const NAMED: usize = 10;

/// Taints of nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaintSet {
    /// What the user wrote.
    pub text: String,
    /// Their key.
    pub key: Str,
    /// Their value; `None` means any.
    pub value: Option<Str>,
    /// Their effect; `None` means any.
    pub effect: Option<TaintEffect>,
    /// The nodes that lose them; `None` means all.
    pub nodes: Option<NodeSet>,
}

impl TaintSet {
    fn contains(&self, taint: &Taint) -> bool {
        taint.key == self.key
            && self.value.as_ref().is_none_or(|value| *value == taint.value)
            && self.effect.is_none_or(|effect| effect == taint.effect)
    }
}

/// Removes taints.
///
/// # Errors
/// When no node has such a taint; says which taints exist.
pub(super) fn untaint(manifests: &mut Manifests, set: &TaintSet) -> Result<Effect, String> {
    let chosen: Option<FxHashSet<Str>> = match &set.nodes {
        Some(nodes) => Some(nodes::find(manifests, nodes, "--untaint")?.into_iter().collect()),
        None => None,
    };
    let is_chosen = |node: &Node| chosen.as_ref().is_none_or(|names| names.contains(&node.name));
    let mut names = Vec::new();
    for node in manifests.nodes.iter_mut().map(|entry| &mut entry.value).filter(|node| is_chosen(node)) {
        let before = node.taints.len();
        node.taints.retain(|taint| !set.contains(taint));
        if node.taints.len() < before {
            names.push(node.name.clone());
        }
    }
    if !names.is_empty() {
        return Ok(Effect::new(format!("--untaint {}", set.text), Action::Untainted, names));
    }
    let nodes = manifests.nodes.iter().map(|entry| &entry.value).filter(|node| is_chosen(node));
    let taints: BTreeSet<String> = nodes.flat_map(|node| &node.taints).map(text_of).collect();
    let taints: Vec<String> = taints.into_iter().collect();
    let there_is = match taints.as_slice() {
        [] => "there is none".to_owned(),
        taints => format!("there is {}", list(taints, NAMED)),
    };
    Err(format!("--untaint {}: no node has this taint; {there_is}", set.text))
}
