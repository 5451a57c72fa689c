//! How far a node is from fitting, in words: the details of the plugins that reject it.

use berth_engine::detail::{Detail, Domain};
use berth_engine::filters::FilterState;
use berth_engine::ids::{PodRow, ResourceId};
use berth_engine::matcher::Matcher;
use berth_engine::view::{Delta, NodeView, PodView};
use berth_model::Str;
use berth_model::pod::{HostPort, Protocol};

use super::amount::noun;
use super::format;
use super::nodes::PluginRejection;
use super::room::Shortage;
use crate::report::quantity;

/// Adds to an rejection what the node lacks, as the plugin's filter says it.
pub(super) fn add_to(
    rejection: &mut PluginRejection,
    filter: &FilterState<'_>,
    pod: PodView<'_>,
    node: NodeView<'_>,
) {
    let mut details = Vec::new();
    filter.explain(node, &mut details);
    let nearest_of = details.iter().position(|detail| matches!(detail, Detail::Requirement { .. }));
    for (at, detail) in details.iter().enumerate() {
        rejection.details.push(say(detail, nearest_of == Some(at), node));
        if let Some(shortage) = shortage(detail) {
            let name = node.cluster.resources().name(shortage.resource).to_string();
            rejection.short.insert(name, quantity(shortage.resource, shortage.short()));
            rejection.short_permille = rejection.short_permille.max(shortage.permille());
        }
    }
    rejection.details.extend(kept_for_nominated(&details, filter, pod, node));
}

fn shortage(detail: &Detail) -> Option<Shortage> {
    match *detail {
        Detail::Resource { resource, need, free, offered } => {
            Some(Shortage { resource, need, offered, free })
        }
        _ => None,
    }
}

/// What is left of resources, and kept for pods that are nominated to the node.
fn kept_for_nominated(
    as_it_is: &[Detail],
    filter: &FilterState<'_>,
    pod: PodView<'_>,
    node: NodeView<'_>,
) -> Vec<String> {
    let cluster = node.cluster;
    let priority = |pod: PodRow| cluster.pods().class_of(pod).spec.priority;
    let outranks = |other: &&PodRow| **other != pod.row && priority(**other) >= priority(pod.row);
    let nominated: Vec<PodRow> = cluster.nominated(node.row).iter().filter(outranks).copied().collect();
    if nominated.is_empty() {
        return Vec::new();
    }
    let mut with = Delta::default();
    nominated.iter().for_each(|&other| with.add(other, cluster));
    let mut details = Vec::new();
    filter.explain(NodeView::with_delta(cluster, node.row, &with), &mut details);
    let resource = |detail: &Detail| Some(shortage(detail)?.resource);
    let known: Vec<ResourceId> = as_it_is.iter().filter_map(resource).collect();
    let keys: Vec<String> = nominated.iter().map(|&other| cluster.pods().entry(other).pod.key()).collect();
    let kept = details.iter().filter_map(resource).filter(|resource| !known.contains(resource));
    let say = |resource| {
        format!("{} is kept for {}, nominated to the node", noun(cluster, resource), keys.join(", "))
    };
    kept.map(say).collect()
}

/// A detail in words. `is_first`: of the requirements of the term that lacks least.
fn say(detail: &Detail, is_first: bool, node: NodeView<'_>) -> String {
    let (cluster, symbols) = (node.cluster, node.cluster.symbols());
    let place = |(key, value): &Domain| format!("{}={}", symbols.text(*key), symbols.text(*value));
    let key = |pod: &PodRow| cluster.pods().entry(*pod).pod.key();
    let selector = |selector: &Option<Matcher>| {
        selector.as_ref().map_or_else(|| "no pod".into(), |s| format::selector(s, symbols))
    };
    match detail {
        &Detail::Resource { resource, need, free, offered } => {
            Shortage { resource, need, offered, free }.words(cluster)
        }
        Detail::Pods { running, allowed } => format!("runs {running} pods of {allowed} that it may"),
        Detail::Taint(taint) => format!("taint {} not tolerated", format::taint(taint)),
        Detail::Devices(short) => short.to_string(),
        Detail::Cordoned => "cordoned (spec.unschedulable)".into(),
        Detail::NodeName(name) => format!("the pod names node {name}"),
        Detail::Label { key, wanted, found } => {
            format!("{key}={wanted} is selected, {}", has(found.as_ref()))
        }
        Detail::Requirement { requirement, found, terms } => {
            let nearest =
                if is_first && *terms > 1 { format!("nearest of {terms} terms: ") } else { String::new() };
            let found = found.as_ref().map_or_else(String::new, |found| format!(", {}", has(found.as_ref())));
            format!("{nearest}{} is required{found}", format::requirement(requirement))
        }
        Detail::NoTerm => "the required node affinity has no term that can match".into(),
        Detail::AddedAffinity => "the profile's addedAffinity does not match".into(),
        Detail::Port { port, holder } => {
            format!("port {}/{} is held by {}", port.port, protocol(port), key(holder))
        }
        Detail::MissingLabel(label) => {
            format!("has no label {}, by which pods are counted", symbols.text(*label))
        }
        Detail::Spread { domain, pods, smallest, max_skew } => {
            let allowed = smallest + max_skew;
            format!(
                "{} would have {pods} of these pods; maxSkew {max_skew} over the emptiest, with {smallest}, allows {allowed}",
                place(domain)
            )
        }
        Detail::Affinity { selector: wanted, domain } => {
            format!("affinity to {}: no such pod in {}", selector(wanted), place(domain))
        }
        Detail::AntiAffinity { selector: excluded, domain, pod } => {
            format!("anti-affinity to {}: {} is in {}", selector(excluded), key(pod), place(domain))
        }
        Detail::ExistingAntiAffinity { selector: excluded, domain, pod } => {
            format!("{} in {} has anti-affinity to {}", key(pod), place(domain), selector(excluded))
        }
        Detail::Text(text) => text.to_string(),
    }
}

fn has(found: Option<&Str>) -> String {
    match found {
        Some(value) => format!("the node has {value}"),
        None => "the node has no such label".into(),
    }
}

fn protocol(port: &HostPort) -> &'static str {
    match port.protocol {
        Protocol::Tcp => "TCP",
        Protocol::Udp => "UDP",
        Protocol::Sctp => "SCTP",
    }
}
