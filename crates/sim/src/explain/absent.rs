//! What the pod names and the cluster does not have: claims, storage classes, and nodes with the selected labels.

use std::collections::BTreeMap;

use berth_engine::cluster::Cluster;
use berth_model::Str;
use berth_model::pod::Pod;
use berth_model::volume::PodVolumeSource;

/// How many values of a label are named.
const NAMED: usize = 6;

/// The claims and classes that are missing, a sentence each. No node can help.
pub(super) fn storage(cluster: &Cluster, pod: &Pod) -> Vec<String> {
    let storage = cluster.storage();
    let namespace = &pod.spec.namespace;
    let mut found = Vec::new();
    for volume in &pod.spec.volumes {
        let name: Str = match &volume.source {
            PodVolumeSource::Claim { name, .. } => name.clone(),
            PodVolumeSource::Ephemeral => format!("{}-{}", pod.name, volume.name).into(),
            _ => continue,
        };
        let Some(claim) = storage.claims.get(&(namespace.clone(), name.clone())) else {
            found.push(format!("PersistentVolumeClaim {namespace}/{name} is not in the input"));
            continue;
        };
        if let Some(class) = claim.storage_class.as_ref().filter(|_| claim.volume.is_none())
            && !class.is_empty()
            && !storage.classes.contains_key(class)
        {
            let known: Vec<&str> = storage.classes.keys().map(|name| &**name).collect();
            let known = if known.is_empty() {
                "there is none".to_owned()
            } else {
                format!("there is: {}", known.join(", "))
            };
            found.push(format!(
                "Claim {name} names StorageClass {class}, which is not in the input ({known})"
            ));
        }
    }
    found
}

/// The labels of the pod's node selector, if no node has all of them, with the values that the nodes have.
pub(super) fn selected_nodes(cluster: &Cluster, pod: &Pod) -> Option<String> {
    let nodes = || cluster.nodes().by_name().map(|(_, row)| cluster.nodes().object(row));
    let selector = &pod.spec.node_selector;
    let has_all =
        |labels: &berth_model::labels::Labels| selector.iter().all(|(k, v)| labels.get(k) == Some(v));
    if selector.is_empty() || nodes().next().is_none() || nodes().any(|node| has_all(&node.labels)) {
        return None;
    }
    let wanted: Vec<String> = selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let values = |key: &Str| {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for value in nodes().filter_map(|node| node.labels.get(key)) {
            *counts.entry(value).or_default() += 1;
        }
        let shown: Vec<String> = counts.iter().take(NAMED).map(|(value, n)| format!("{value} {n}")).collect();
        match shown.is_empty() {
            true => format!("{key}: no node"),
            false => format!("{key}: {}", shown.join(", ")),
        }
    };
    let found: Vec<String> = selector.iter().map(|(key, _)| values(key)).collect();
    Some(format!("It needs a node with {}; there is none ({})", wanted.join(" and "), found.join("; ")))
}
