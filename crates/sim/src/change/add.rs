//! Nodes that are added.

use berth_model::Str;
use berth_model::manifests::{Entry, Manifests, Place};
use berth_model::node::Node;
use berth_model::object::Object;
use rustc_hash::FxHashSet;

use super::{Action, Effect, NewNodes, NodeQuery, NodeSet, NodeTemplate, nodes};

/// The label that holds a node's name.
const HOSTNAME: &str = "kubernetes.io/hostname";

/// Adds nodes that are like a template but empty: without images and measurements, and not cordoned. They have the CSI
/// drivers of the node that the template was taken from, if it is in the input.
pub(super) fn add(manifests: &mut Manifests, new: &NewNodes) -> Result<Effect, String> {
    let (template, place) = match &new.template {
        NodeTemplate::Node(node, place) => ((**node).clone(), place.clone()),
        NodeTemplate::Existing(name) => existing(manifests, name, &new.text)?,
    };
    let driver_limits = manifests.csi_nodes.iter().map(|entry| &entry.value);
    let csi_node = driver_limits.clone().find(|csi_node| csi_node.node == template.name).cloned();
    let taken: FxHashSet<Str> = manifests.nodes.iter().map(|entry| entry.value.name.clone()).collect();
    let mut names = (1..).map(|number| Str::from(format!("{}-new-{number}", template.name)));
    let mut added = Vec::new();
    for name in names.by_ref().filter(|name| !taken.contains(name)).take(new.count) {
        let mut node = Node {
            name: name.clone(),
            unschedulable: false,
            images: Vec::new(),
            annotations: berth_model::labels::Labels::default(),
            ..template.clone()
        };
        if node.labels.contains_key(HOSTNAME) {
            node.labels.insert(HOSTNAME.into(), name.clone());
        }
        if let Some(csi_node) = &csi_node {
            let csi_node = berth_model::volume::CsiNode { node: name.clone(), ..csi_node.clone() };
            manifests.add(Object::CsiNode(csi_node), place.clone());
        }
        manifests.add(Object::Node(node), place.clone());
        added.push(name);
    }
    Ok(Effect::new(format!("--add {}", new.text), Action::Added, added))
}

/// A node of the input as a template.
fn existing(manifests: &Manifests, name: &Str, text: &str) -> Result<(Node, Place), String> {
    let set = NodeSet { text: text.to_owned(), query: NodeQuery::Name(name.clone()) };
    nodes::find(manifests, &set, "--add")?;
    let found = manifests.nodes.iter().find(|entry| entry.value.name == *name);
    let template = |entry: &Entry<Node>| (entry.value.clone(), entry.place.clone());
    found.map(template).ok_or_else(|| format!("--add {text}: no node has this name"))
}
