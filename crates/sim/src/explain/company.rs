//! Which pods keep the pod off a node, or are missing there, by inter-pod affinity.

use std::collections::{BTreeMap, BTreeSet};

use berth_engine::class::{Class, Term};
use berth_engine::ids::{ClassId, NodeRow, Sym};
use berth_engine::symbols::LabelSet;
use berth_engine::view::PodView;

use super::words;

/// A topology domain: the label and its value.
type Domain = (Sym, Sym);

/// Where the pods are that matter to the required terms of the pod, and of others.
pub(super) struct Company<'a> {
    pod: PodView<'a>,
    /// Domains with a pod that satisfies all affinity terms of the pod.
    welcome: BTreeSet<Domain>,
    /// Of each domain that the pod's anti-affinity excludes, the term's selector and a pod that it selects.
    excluded: BTreeMap<Domain, (String, String)>,
    /// Of each domain that another pod's anti-affinity denies the pod, the term's selector and that pod.
    denied: BTreeMap<Domain, (String, String)>,
}

impl<'a> Company<'a> {
    pub(super) fn new(pod: PodView<'a>) -> Self {
        let none = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
        let mut company = Self { pod, welcome: none.0, excluded: none.1, denied: none.2 };
        for (id, class, placements) in pod.cluster.pods().classes() {
            for place in placements.entries() {
                company.add(id, class, place.row);
            }
        }
        company
    }

    /// Counts pods of a class on a node.
    fn add(&mut self, id: ClassId, class: &Class, row: NodeRow) {
        let pod = self.pod;
        let (own, cluster) = (pod.class, pod.cluster);
        let symbols = cluster.symbols();
        let domain = |term: &Term| Some((term.topology_key, cluster.nodes().label(row, term.topology_key)?));
        let one_of_them = || {
            let entries = cluster.nodes().pods(row).iter().map(|&pod| cluster.pods().entry(pod));
            entries.filter(|entry| entry.class == id).map(|entry| entry.pod.key()).min().unwrap_or_default()
        };
        let selector =
            |term: &Term| term.selector.as_ref().map_or_else(String::new, |s| words::selector(s, symbols));
        if !own.affinity.is_empty() && own.affinity.iter().all(|term| wants(pod, term, class)) {
            self.welcome.extend(own.affinity.iter().filter_map(domain));
        }
        for term in own.anti_affinity.iter().filter(|term| wants(pod, term, class)) {
            if let Some(domain) = domain(term) {
                self.excluded.entry(domain).or_insert_with(|| (selector(term), one_of_them()));
            }
        }
        for term in class.anti_affinity.iter().filter(|term| is_wanted(pod, term)) {
            if let Some(domain) = domain(term) {
                self.denied.entry(domain).or_insert_with(|| (selector(term), one_of_them()));
            }
        }
    }

    /// What is missing on a node, or who is there that should not be.
    pub(super) fn missing(&self, row: NodeRow) -> Vec<String> {
        let cluster = self.pod.cluster;
        let symbols = cluster.symbols();
        let domain = |key| cluster.nodes().label(row, key).map(|value| (key, value));
        let place = |(key, value): Domain| format!("{}={}", symbols.text(key), symbols.text(value));
        let mut found = Vec::new();
        for term in &self.pod.class.affinity {
            let wanted =
                term.selector.as_ref().map_or_else(|| "no pod".into(), |s| words::selector(s, symbols));
            match domain(term.topology_key) {
                None => found.push(format!("has no label {}", symbols.text(term.topology_key))),
                Some(domain) if !self.welcome.contains(&domain) => {
                    found.push(format!("affinity to {wanted}: no such pod in {}", place(domain)));
                }
                Some(_) => {}
            }
        }
        if !found.is_empty() {
            return found;
        }
        for key in self.pod.class.anti_affinity.iter().map(|term| term.topology_key) {
            if let Some(domain) = domain(key)
                && let Some((selector, pod)) = self.excluded.get(&domain)
            {
                found.push(format!("anti-affinity to {selector}: {pod} is in {}", place(domain)));
            }
        }
        // The pod's own terms are told alone: replicas of one kind mostly avoid each other both ways.
        if !found.is_empty() {
            return found;
        }
        let denied = self.denied.iter().filter(|((key, value), _)| domain(*key) == Some((*key, *value)));
        found.extend(denied.map(|(domain, (selector, pod))| {
            format!("{pod} in {} has anti-affinity to {selector}", place(*domain))
        }));
        found.dedup();
        found
    }
}

/// Whether a term of the pod selects pods of a class, as upstream decides it (plugins/interpodaffinity).
fn wants(pod: PodView<'_>, term: &Term, other: &Class) -> bool {
    let (cluster, symbols) = (pod.cluster, pod.cluster.symbols());
    let labels = cluster.namespace_labels(other.namespace);
    let namespace = term.namespaces.contains(&other.namespace)
        || term.namespace_selector.as_ref().is_some_and(|selector| {
            selector.tests.is_empty() || labels.is_some_and(|labels| selector.matches(labels, symbols))
        });
    namespace && term.selector.as_ref().is_some_and(|s| s.matches(&other.labels, symbols))
}

/// Whether a term of another pod selects the pod.
fn is_wanted(pod: PodView<'_>, term: &Term) -> bool {
    let cluster = pod.cluster;
    let none = LabelSet::new();
    let labels = cluster.namespace_labels(pod.class.namespace).unwrap_or(&none);
    term.selects(pod.class, labels, cluster.symbols())
}
