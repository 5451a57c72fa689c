//! What may let a pod pass that had no company, or too much of it.

use super::InterPodAffinity;
use super::incoming::Incoming;
use crate::class::{Class, Term};
use crate::event::Event;
use crate::ids::Sym;
use crate::plugin::accepts;
use crate::view::PodView;

pub(super) fn may_help(plugin: &InterPodAffinity, pod: PodView<'_>, event: &Event<'_>) -> bool {
    let (cluster, pods) = (pod.cluster, pod.cluster.pods());
    let incoming = Incoming::new(cluster, pod.class_id());
    match *event {
        Event::Itself => true,
        Event::PodArrived { pod: other } => incoming.is_company(pods.class_of(other)),
        Event::PodLeft { pod: gone } => gone.row.is_some() && is_missed_by_none(incoming, &gone.class),
        Event::PodChanged { pod: other, old } => changed(incoming, &old.class, pods.class_of(other)),
        Event::Node { row, old: None } => {
            // Pods that were bound to it before are on it now.
            let there = cluster.nodes().pods(row);
            there.iter().any(|&other| incoming.is_company(pods.class_of(other))) || accepts(plugin, pod, row)
        }
        Event::Node { row, old: Some(old) } => {
            let now = &cluster.nodes().object(row).labels;
            let moved = |key: &Sym| {
                let key = cluster.symbols().text(*key);
                old.labels.get(key) != now.get(key)
            };
            old.labels != *now && keys(pod, incoming).any(|key| moved(&key))
        }
        Event::NodeGone { node } => {
            let gone = cluster.orphans(&node.name);
            gone.iter().any(|&other| is_missed_by_none(incoming, pods.class_of(other)))
        }
        Event::Namespace { name } => {
            let by_label = |term: &Term| term.namespace_selector.is_some();
            *pod.class.spec.namespace == *name || terms(pod.class).any(by_label)
        }
        _ => false,
    }
}

fn terms(class: &Class) -> impl Iterator<Item = &Term> {
    class.affinity.iter().chain(&class.anti_affinity)
}

/// The labels that name the domains of terms which concern the pod.
fn keys<'a>(pod: PodView<'a>, incoming: Incoming<'a>) -> impl Iterator<Item = Sym> {
    let pods = pod.cluster.pods();
    let others = pods.roster().excluding(std::iter::empty(), &pod.class.labels).into_iter();
    let others = others.flat_map(|id| &pods.class(id).anti_affinity).filter(move |t| incoming.is_wanted(t));
    terms(pod.class).chain(others).map(|term| term.topology_key)
}

/// Whether the pod may be glad that another one is gone: one of them wanted the other away, or now the pod may be the
/// first of its kind.
fn is_missed_by_none(incoming: Incoming<'_>, gone: &Class) -> bool {
    incoming.class.anti_affinity.iter().any(|term| incoming.wants(term, gone))
        || gone.anti_affinity.iter().any(|term| incoming.is_wanted(term))
        || (incoming.is_company(gone) && incoming.is_company(incoming.class))
}

fn changed(incoming: Incoming<'_>, old: &Class, now: &Class) -> bool {
    let excluded = &incoming.class.anti_affinity;
    let was_company = incoming.is_company(old);
    let is_company = incoming.is_company(now);
    let freed = |term: &Term| incoming.wants(term, old) && !incoming.wants(term, now);
    (is_company && !was_company)
        || (was_company && !is_company && incoming.is_company(incoming.class))
        || excluded.iter().any(freed)
        || (old.spec.pod_anti_affinity != now.spec.pod_anti_affinity || old.namespace != now.namespace)
            && old.anti_affinity.iter().any(|term| incoming.is_wanted(term))
}
