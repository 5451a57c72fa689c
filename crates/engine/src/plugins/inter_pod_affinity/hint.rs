//! What may let a pod pass that had no company, or too much of it.

use super::InterPodAffinity;
use super::incoming::Incoming;
use crate::ids::Sym;
use crate::plugin::accepts;
use crate::plugin::event::ClusterEvent;
use crate::plugin::view::PodView;
use crate::pod_class::{PodClass, Term};

pub(super) fn may_help(plugin: &InterPodAffinity, pod: PodView<'_>, event: &ClusterEvent<'_>) -> bool {
    let (cluster, pods) = (pod.cluster, pod.cluster.pods());
    let incoming = Incoming::new(cluster, pod.class_id());
    match *event {
        ClusterEvent::Itself => true,
        ClusterEvent::PodArrived { pod: other } => incoming.matches_affinity(pods.class_of(other)),
        ClusterEvent::PodLeft { pod: gone } => gone.row.is_some() && is_missed_by_none(incoming, &gone.class),
        ClusterEvent::PodChanged { pod: other, old } => changed(incoming, &old.class, pods.class_of(other)),
        ClusterEvent::Node { row, old: None } => {
            // Pods that were bound to it before are on it now.
            let there = cluster.nodes().pods(row);
            there.iter().any(|&other| incoming.matches_affinity(pods.class_of(other)))
                || accepts(plugin, pod, row)
        }
        ClusterEvent::Node { row, old: Some(old) } => {
            let now = &cluster.nodes().object(row).labels;
            let moved = |key: &Sym| {
                let key = cluster.symbols().text(*key);
                old.labels.get(key) != now.get(key)
            };
            old.labels != *now && keys(pod, incoming).any(|key| moved(&key))
        }
        ClusterEvent::NodeGone { node } => {
            let gone = cluster.pods_on_missing_node(&node.name);
            gone.iter().any(|&other| is_missed_by_none(incoming, pods.class_of(other)))
        }
        ClusterEvent::Namespace { name } => {
            let by_label = |term: &Term| term.namespace_selector.is_some();
            *pod.class.spec.namespace == *name || terms(pod.class).any(by_label)
        }
        _ => false,
    }
}

fn terms(class: &PodClass) -> impl Iterator<Item = &Term> {
    class.affinity.iter().chain(&class.anti_affinity)
}

/// The labels that name the domains of terms which concern the pod.
fn keys<'a>(pod: PodView<'a>, incoming: Incoming<'a>) -> impl Iterator<Item = Sym> {
    let pods = pod.cluster.pods();
    let others = pods.class_index().excluding(std::iter::empty(), &pod.class.labels).into_iter();
    let others =
        others.flat_map(|id| &pods.class(id).anti_affinity).filter(move |t| incoming.is_selected_by(t));
    terms(pod.class).chain(others).map(|term| term.topology_key)
}

/// Whether the pod may be glad that another one is gone: one of them wanted the other away, or now the pod may be the
/// first of its kind.
fn is_missed_by_none(incoming: Incoming<'_>, gone: &PodClass) -> bool {
    incoming.class.anti_affinity.iter().any(|term| incoming.selects(term, gone))
        || gone.anti_affinity.iter().any(|term| incoming.is_selected_by(term))
        || (incoming.matches_affinity(gone) && incoming.matches_affinity(incoming.class))
}

fn changed(incoming: Incoming<'_>, old: &PodClass, now: &PodClass) -> bool {
    let anti_affinity_counts = &incoming.class.anti_affinity;
    let was_company = incoming.matches_affinity(old);
    let matches_affinity = incoming.matches_affinity(now);
    let freed = |term: &Term| incoming.selects(term, old) && !incoming.selects(term, now);
    (matches_affinity && !was_company)
        || (was_company && !matches_affinity && incoming.matches_affinity(incoming.class))
        || anti_affinity_counts.iter().any(freed)
        || (old.spec.pod_anti_affinity != now.spec.pod_anti_affinity || old.namespace != now.namespace)
            && old.anti_affinity.iter().any(|term| incoming.is_selected_by(term))
}
