//! The types of nodes that can be added, from files and from the command line.

use std::fs;
use std::path::PathBuf;

use berth_engine::cluster::Cluster;
use berth_model::Str;
use berth_model::manifests::Entry;
use berth_model::node::Node;
use berth_sim::plan::{NodeType, PRICE, Price};
use berth_sim::world::World;
use berth_wire::Loader;

use crate::failure::Failure;
use crate::human;

/// How many nodes a hint names.
const NAMED: usize = 5;
/// How the taints begin that tell of the state of a node.
const CONDITIONS: &str = "node.kubernetes.io/";

/// What the command line says of a type.
#[derive(Clone, Debug)]
pub(super) struct Setting<T> {
    of: String,
    value: T,
}

/// Reads `TYPE=PRICE`.
pub(super) fn price(text: &str) -> Result<Setting<String>, String> {
    let (of, value) = text.rsplit_once('=').ok_or("expected TYPE=PRICE, as in m5.large=0.096")?;
    Price::parse(value).ok_or_else(|| not_a_price(value))?;
    Ok(Setting { of: of.to_owned(), value: value.to_owned() })
}

/// Reads `TYPE=N`.
pub(super) fn max(text: &str) -> Result<Setting<u32>, String> {
    let wrong = || "expected TYPE=N, as in m5.large=20".to_owned();
    let (of, value) = text.rsplit_once('=').ok_or_else(wrong)?;
    Ok(Setting { of: of.to_owned(), value: value.parse().map_err(|_| wrong())? })
}

fn not_a_price(found: &str) -> String {
    format!("found {found:?}, expected a price above 0 with at most six decimals, as in 0.096")
}

/// Reads the types, with their prices and bounds.
///
/// # Errors
/// Everything that is wrong with the files, a type without a price where others have one, and settings of types that
/// do not exist.
pub(super) fn read(
    files: &[PathBuf],
    cluster: &[Entry<Node>],
    prices: &[Setting<String>],
    max: &[Setting<u32>],
) -> Result<Vec<NodeType>, Failure> {
    let nodes = nodes(files, cluster)?;
    let names: Vec<&str> = nodes.iter().map(|node| &*node.name).collect();
    let set = prices.iter().map(|s| ("--price", &s.of)).chain(max.iter().map(|s| ("--max", &s.of)));
    let mut problems: Vec<String> = set
        .filter(|(_, of)| !names.contains(&of.as_str()))
        .map(|(option, of)| format!("{option}: no type is named {of:?} (there is: {})", names.join(", ")))
        .collect();
    let text = |node: &Node| -> Option<String> {
        let set = prices.iter().rev().find(|setting| *setting.of == *node.name);
        set.map(|setting| setting.value.clone())
            .or_else(|| node.annotations.get(PRICE).map(ToString::to_string))
    };
    let any_has_price = nodes.iter().any(|node| text(node).is_some());
    let mut types = Vec::new();
    for node in &nodes {
        let price = match text(node) {
            None if any_has_price => {
                let hint = format!("annotation {PRICE} or --price {}=…", node.name);
                problems.push(format!(
                    "Node {}: other types have a price, this one has none ({hint})",
                    node.name
                ));
                Price::ONE
            }
            None => Price::ONE,
            Some(text) => Price::parse(&text).unwrap_or_else(|| {
                problems.push(format!("Node {}: annotation {PRICE}: {}", node.name, not_a_price(&text)));
                Price::ONE
            }),
        };
        let max = max.iter().rev().find(|setting| *setting.of == *node.name).map_or(u32::MAX, |s| s.value);
        types.push(NodeType { node: node.clone(), price, max });
    }
    if problems.is_empty() { Ok(types) } else { Err(Failure::inputs(problems)) }
}

/// The nodes that stand for the types: those of the cluster that are named as `node/NAME`, then those in the files.
fn nodes(files: &[PathBuf], cluster: &[Entry<Node>]) -> Result<Vec<Node>, Failure> {
    let mut loader = Loader::new();
    let mut existing = Vec::new();
    for path in files {
        let name = path.display().to_string();
        if let Some(wanted) = name.strip_prefix("node/").filter(|_| !path.exists()) {
            existing.push(like(wanted, cluster)?);
            continue;
        }
        let bytes = fs::read(path).map_err(|error| Failure::unreadable(&name, &error))?;
        loader.read(&name, &bytes);
    }
    let (manifests, _) =
        loader.finish().map_err(|found| Failure::inputs(found.iter().map(ToString::to_string).collect()))?;
    let read = manifests.nodes.iter().map(|entry| entry.value.clone());
    let nodes: Vec<Node> = existing.into_iter().chain(read).collect();
    let mut others = Vec::new();
    manifests.into_objects(|object| {
        if !matches!(object, berth_model::object::Object::Node(_)) {
            others.push(object.key().to_string());
        }
    });
    if let Some(first) = others.first() {
        let message = format!("--types: {first} is not a Node; give everything else with -f");
        return Err(Failure::input(message));
    }
    if nodes.is_empty() {
        return Err(Failure::input("--types: the files have no Node"));
    }
    Ok(nodes)
}

/// A type that is like a node of the cluster when it was new.
fn like(name: &str, cluster: &[Entry<Node>]) -> Result<Node, Failure> {
    let nodes = || cluster.iter().map(|entry| &entry.value);
    let Some(node) = nodes().find(|node| *node.name == *name) else {
        let names: Vec<&str> = nodes().map(|node| &*node.name).collect();
        let known = format!("there is {}", human::list(&names, NAMED));
        return Err(Failure::input(format!("--types node/{name}: the cluster has no such node")).hint(known));
    };
    let is_price = |(key, _): &(&Str, &Str)| &***key == PRICE;
    Ok(Node {
        name: format!("like-{name}").into(),
        unschedulable: false,
        images: Vec::new(),
        taints: node.taints.iter().filter(|taint| !taint.key.starts_with(CONDITIONS)).cloned().collect(),
        annotations: node
            .annotations
            .iter()
            .filter(is_price)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
        ..node.clone()
    })
}

/// Types must not be named as nodes of the cluster.
///
/// # Errors
/// The types that are.
pub(super) fn check_names(types: &[NodeType], cluster: &Cluster) -> Result<(), Failure> {
    let taken = types.iter().map(|of| &of.node.name).filter(|name| cluster.nodes().find(name).is_some());
    let taken: Vec<String> = taken
        .map(|name| format!("--types: Node {name} is in the cluster; give the type another name"))
        .collect();
    if taken.is_empty() { Ok(()) } else { Err(Failure::inputs(taken)) }
}

/// The types with bounds: each new node has at least one of the pending pods, or of those that rollouts make.
pub(super) fn bounded(mut types: Vec<NodeType>, world: &World) -> Vec<NodeType> {
    let pods = if world.rollouts.is_empty() { world.waiting.len() } else { world.cluster.pods().len() * 2 };
    let most = u32::try_from(pods).unwrap_or(u32::MAX);
    types.iter_mut().for_each(|of| of.max = of.max.min(most));
    types
}
