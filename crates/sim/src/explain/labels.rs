//! Which labels a node lacks, by the pod's node selector and node affinity.

use berth_engine::ids::NodeRow;
use berth_engine::view::PodView;
use berth_model::node::Node;
use berth_model::selector::{NodeSelectorTerm, Requirement};

use super::words;

/// What is wanted of a node's labels and name that it does not have.
pub(super) fn missing(pod: PodView<'_>, row: NodeRow) -> Vec<String> {
    let node = pod.cluster.nodes().object(row);
    let spec = &pod.class.spec;
    let selected = spec.node_selector.iter().filter(|&(key, value)| node.labels.get(key) != Some(value));
    let mut found: Vec<String> =
        selected.map(|(key, value)| format!("{key}={value} is selected, {}", has(node, key))).collect();
    if let Some(required) = &spec.node_affinity.required
        && !required.matches(&node.name, &node.labels)
    {
        found.extend(nearest(node, &required.terms));
    }
    if found.is_empty() {
        found.push("the profile's addedAffinity does not match".into());
    }
    found
}

/// What the term lacks that lacks least.
fn nearest(node: &Node, terms: &[NodeSelectorTerm]) -> Vec<String> {
    let lacks = |term: &NodeSelectorTerm| {
        let labels = term.expressions.iter().filter(|r| !r.matches(node.labels.get(&r.key).map(|v| &**v)));
        let names = term.fields.iter().filter(|r| !r.matches(Some(&node.name)));
        let mut list: Vec<String> = labels.map(|r| wanted(node, r)).collect();
        list.extend(names.map(|r| format!("{} is required", words::requirement(r))));
        list
    };
    let terms_with_content = terms.iter().filter(|t| !t.expressions.is_empty() || !t.fields.is_empty());
    let Some(mut list) = terms_with_content.map(lacks).min_by_key(Vec::len) else {
        return vec!["the required node affinity has no term that can match".into()];
    };
    if terms.len() > 1
        && let Some(first) = list.first_mut()
    {
        *first = format!("nearest of {} terms: {first}", terms.len());
    }
    list
}

fn wanted(node: &Node, requirement: &Requirement) -> String {
    format!("{} is required, {}", words::requirement(requirement), has(node, &requirement.key))
}

fn has(node: &Node, key: &str) -> String {
    match node.labels.get(key) {
        Some(value) => format!("the node has {value}"),
        None => "the node has no such label".into(),
    }
}
