//! Which labels a node lacks, by the pod's node selector and node affinity.

use berth_model::node::Node;
use berth_model::pod::PodSpec;
use berth_model::selector::{NodeSelectorTerm, Requirement};

use crate::plugin::detail::Detail;

/// What is wanted of a node's labels and name that the node does not have.
pub(super) fn explain(spec: &PodSpec, node: &Node, details: &mut Vec<Detail>) {
    let known = details.len();
    let selected = spec.node_selector.iter().filter(|&(key, value)| node.labels.get(key) != Some(value));
    details.extend(selected.map(|(key, wanted)| Detail::Label {
        key: key.clone(),
        wanted: wanted.clone(),
        found: node.labels.get(key).cloned(),
    }));
    if let Some(required) = &spec.node_affinity.required
        && !required.matches(&node.name, &node.labels)
    {
        nearest(node, &required.terms, details);
    }
    if details.len() == known {
        details.push(Detail::AddedAffinity);
    }
}

/// What the term lacks that lacks least.
fn nearest(node: &Node, terms: &[NodeSelectorTerm], details: &mut Vec<Detail>) {
    let by_label = |requirement: &Requirement| {
        let found = node.labels.get(&requirement.key);
        (!requirement.matches(found.map(|value| &**value))).then(|| Some(found.cloned()))
    };
    let by_name = |requirement: &Requirement| (!requirement.matches(Some(&node.name))).then_some(None);
    let detail = |requirement: &Requirement, found: Option<Option<_>>| Detail::Requirement {
        requirement: requirement.clone(),
        found,
        terms: terms.len(),
    };
    let lacks = |term: &NodeSelectorTerm| -> Vec<Detail> {
        let labels = term.expressions.iter().filter_map(|r| Some(detail(r, by_label(r)?)));
        labels.chain(term.fields.iter().filter_map(|r| Some(detail(r, by_name(r)?)))).collect()
    };
    let with_content = terms.iter().filter(|t| !t.expressions.is_empty() || !t.fields.is_empty());
    match with_content.map(lacks).min_by_key(Vec::len) {
        Some(list) => details.extend(list),
        None => details.push(Detail::NoTerm),
    }
}
