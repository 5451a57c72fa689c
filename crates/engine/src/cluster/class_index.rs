//! Classes with pods on nodes, by what others may ask about them: most questions concern few classes.
//!
//! A selector that demands a value of a label is answered by the classes that have it, and which terms of running
//! pods select a pod by the terms that demand one of its labels; so what a pod costs does not grow with the number of
//! classes.

use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;

use crate::ids::symbols::LabelSet;
use crate::ids::{PodClassId, Sym};
use crate::pod_class::matcher::{Check, Matcher};
use crate::pod_class::{PodClass, Term};

/// Lists of the classes that have a pod on some node, in no particular order.
#[derive(Clone, Debug, Default)]
pub struct ClassIndex {
    all: ClassList,
    by_namespace: Lists<Sym>,
    by_label: Lists<(Sym, Sym)>,
    excluding: TermIndex,
    attracting: TermIndex,
    with_ports: ClassList,
}

/// A set of classes that is listed as fast as it is changed.
#[derive(Clone, Debug, Default)]
struct ClassList {
    ids: Vec<PodClassId>,
    places: FxHashMap<PodClassId, usize>,
}

impl ClassList {
    fn insert(&mut self, id: PodClassId) {
        if let Entry::Vacant(place) = self.places.entry(id) {
            place.insert(self.ids.len());
            self.ids.push(id);
        }
    }

    fn remove(&mut self, id: PodClassId) {
        let Some(at) = self.places.remove(&id) else { return };
        self.ids.swap_remove(at);
        if let Some(&moved) = self.ids.get(at) {
            self.places.insert(moved, at);
        }
    }
}

/// Lists of classes, none of them empty.
#[derive(Clone, Debug)]
struct Lists<K>(FxHashMap<K, ClassList>);

impl<K> Default for Lists<K> {
    fn default() -> Self {
        Self(FxHashMap::default())
    }
}

impl<K: Eq + std::hash::Hash> Lists<K> {
    fn of(&self, key: &K) -> &[PodClassId] {
        self.0.get(key).map_or(&[], |list| &list.ids)
    }

    fn insert(&mut self, key: K, id: PodClassId) {
        self.0.entry(key).or_default().insert(id);
    }

    fn remove(&mut self, key: K, id: PodClassId) {
        if let Entry::Occupied(mut list) = self.0.entry(key) {
            list.get_mut().remove(id);
            if list.get().ids.is_empty() {
                list.remove();
            }
        }
    }
}

/// Classes by what one of their terms demands of the pods that it selects.
#[derive(Clone, Debug, Default)]
struct TermIndex {
    by_label: Lists<(Sym, Sym)>,
    /// Those with a term that demands no value of any label.
    undemanding: ClassList,
}

impl TermIndex {
    fn insert(&mut self, term: &Term, id: PodClassId) {
        match term.selector.as_ref().map(fewest_values) {
            None => {} // the term selects no pod
            Some(None) => self.undemanding.insert(id),
            Some(Some((key, values))) => values.iter().for_each(|&v| self.by_label.insert((key, v), id)),
        }
    }

    fn remove(&mut self, term: &Term, id: PodClassId) {
        match term.selector.as_ref().map(fewest_values) {
            None => {}
            Some(None) => self.undemanding.remove(id),
            Some(Some((key, values))) => values.iter().for_each(|&v| self.by_label.remove((key, v), id)),
        }
    }

    fn collect(&self, labels: &LabelSet, into: &mut Vec<PodClassId>) {
        into.extend(&self.undemanding.ids);
        labels.iter().for_each(|label| into.extend(self.by_label.of(label)));
    }
}

/// Each label of which a selector demands one of a few values.
fn demands(selector: &Matcher) -> impl Iterator<Item = (Sym, &[Sym])> {
    selector.tests.iter().filter_map(|test| match &test.check {
        Check::In(values) => Some((test.key, &**values)),
        _ => None,
    })
}

fn fewest_values(selector: &Matcher) -> Option<(Sym, &[Sym])> {
    demands(selector).min_by_key(|(_, values)| values.len())
}

impl ClassIndex {
    /// Classes among which are all of a namespace that a selector selects; some of them may be of others.
    pub fn selectable_in(&self, namespace: Sym, selector: &Matcher) -> Vec<PodClassId> {
        let mut ids = Vec::new();
        if !self.collect_demanded(selector, &mut ids) {
            ids.extend(self.by_namespace.of(&namespace));
        }
        ids
    }

    /// A superset of the classes that one of these terms selects, and of those whose required anti-affinity may select
    /// a pod with these labels. Without duplicates.
    pub fn excluding<'a>(&self, terms: impl Iterator<Item = &'a Term>, labels: &LabelSet) -> Vec<PodClassId> {
        self.concerned(terms, &self.excluding, labels)
    }

    /// As [`ClassIndex::excluding`], by their own required affinity and all that they prefer.
    pub fn attracting<'a>(
        &self,
        terms: impl Iterator<Item = &'a Term>,
        labels: &LabelSet,
    ) -> Vec<PodClassId> {
        self.concerned(terms, &self.attracting, labels)
    }

    /// Those with host ports.
    pub fn with_ports(&self) -> &[PodClassId] {
        &self.with_ports.ids
    }

    fn concerned<'a>(
        &self,
        terms: impl Iterator<Item = &'a Term>,
        theirs: &TermIndex,
        labels: &LabelSet,
    ) -> Vec<PodClassId> {
        let mut ids = Vec::new();
        for selector in terms.filter_map(|term| term.selector.as_ref()) {
            if !self.collect_demanded(selector, &mut ids) {
                return self.all.ids.clone();
            }
        }
        theirs.collect(labels, &mut ids);
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Collects the classes that have a label which a selector demands; `false`: it demands none.
    fn collect_demanded(&self, selector: &Matcher, into: &mut Vec<PodClassId>) -> bool {
        let having = |(key, values): (Sym, &[Sym])| {
            values.iter().map(|&value| self.by_label.of(&(key, value)).len()).sum::<usize>()
        };
        let Some((key, values)) = demands(selector).min_by_key(|demand| having(*demand)) else {
            return false;
        };
        for (at, value) in values.iter().enumerate() {
            if !values[..at].contains(value) {
                into.extend(self.by_label.of(&(key, *value)));
            }
        }
        true
    }

    /// The first pod of a class came to a node.
    pub(crate) fn insert(&mut self, id: PodClassId, class: &PodClass) {
        self.all.insert(id);
        self.by_namespace.insert(class.namespace, id);
        class.labels.iter().for_each(|&label| self.by_label.insert(label, id));
        class.anti_affinity.iter().for_each(|term| self.excluding.insert(term, id));
        attractions(class).for_each(|term| self.attracting.insert(term, id));
        if !class.host_ports.is_empty() {
            self.with_ports.insert(id);
        }
    }

    /// The last pod of a class left its node.
    pub(crate) fn remove(&mut self, id: PodClassId, class: &PodClass) {
        self.all.remove(id);
        self.by_namespace.remove(class.namespace, id);
        class.labels.iter().for_each(|&label| self.by_label.remove(label, id));
        class.anti_affinity.iter().for_each(|term| self.excluding.remove(term, id));
        attractions(class).for_each(|term| self.attracting.remove(term, id));
        self.with_ports.remove(id);
    }
}

/// The terms by which running pods attract others or keep them off without excluding them.
fn attractions(class: &PodClass) -> impl Iterator<Item = &Term> {
    let preferred = class.preferred_affinity.iter().chain(&class.preferred_anti_affinity);
    class.affinity.iter().chain(preferred.map(|(_, term)| term))
}

#[cfg(test)]
mod tests;
