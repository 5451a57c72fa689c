//! An explanation whose list of nodes is cut: `Explanation` of `berth.dev/v1alpha1` with counts of what is left out.

use std::collections::BTreeMap;

use berth_sim::explain::{Explanation, PluginRejection};
use serde::Serialize;

/// An `Explanation` as `berth explain -o json` prints it, with at most a given number of nodes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PodExplanation {
    /// The explanation.
    #[serde(flatten)]
    pub explanation: Explanation,
    /// How many nodes take the pod.
    pub feasible_nodes: usize,
    /// How many nodes each plugin rejects first, by plugin and reason, the most frequent first.
    pub rejected_nodes: Vec<RejectedNodes>,
    /// How many nodes the list of nodes lacks.
    pub nodes_left_out: usize,
}

/// Nodes that are rejected for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RejectedNodes {
    /// The plugin.
    pub plugin: String,
    /// The reason, in upstream's words.
    pub reason: String,
    /// How many nodes.
    pub nodes: usize,
}

impl PodExplanation {
    /// Cuts the list of nodes. Those that fit come first in it, then the nearest to fitting.
    pub fn new(mut explanation: Explanation, limit: usize) -> Self {
        let mut counts: BTreeMap<(&str, String), usize> = BTreeMap::new();
        let first = |rejections: &'_ [PluginRejection]| rejections.first().map(|one| one.reasons.join(", "));
        for node in &explanation.nodes {
            if let (Some(rejection), Some(reason)) = (node.rejections.first(), first(&node.rejections)) {
                *counts.entry((&rejection.plugin, reason)).or_default() += 1;
            }
        }
        let mut rejected_nodes: Vec<RejectedNodes> = counts
            .into_iter()
            .map(|((plugin, reason), nodes)| RejectedNodes { plugin: plugin.to_owned(), reason, nodes })
            .collect();
        rejected_nodes.sort_by_key(|one| std::cmp::Reverse(one.nodes));
        let feasible_nodes = explanation.nodes.iter().filter(|node| node.feasible).count();
        let nodes_left_out = explanation.nodes.len().saturating_sub(limit);
        explanation.nodes.truncate(limit);
        Self { explanation, feasible_nodes, rejected_nodes, nodes_left_out }
    }
}
