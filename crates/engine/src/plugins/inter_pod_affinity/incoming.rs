//! The pod that is being scheduled, as affinity terms see it: its own terms look at others, and others' at it.

use crate::cluster::{Change, Cluster, Nodes, Tally, UniformColumns};
use crate::ids::symbols::LabelSet;
use crate::ids::{PodClassId, Sym};
use crate::pod_class::matcher::Matcher;
use crate::pod_class::{PodClass, Term};

/// The pod with the labels of its namespace.
#[derive(Clone, Copy)]
pub(super) struct Incoming<'a> {
    cluster: &'a Cluster,
    pub(super) class: &'a PodClass,
    namespace_labels: &'a LabelSet,
}

const NO_LABELS: &LabelSet = &LabelSet::new();

impl<'a> Incoming<'a> {
    pub(super) fn new(cluster: &'a Cluster, class: PodClassId) -> Self {
        let class = cluster.pods().class(class);
        // A namespace without an object has no labels, so selectors of absence match it.
        let namespace_labels = cluster.namespace_labels(class.namespace).unwrap_or(NO_LABELS);
        Self { cluster, class, namespace_labels }
    }

    /// Whether a term of the pod selects another pod.
    ///
    /// Here, other than in [`Incoming::is_selected_by`], a namespace without an object is selected by the empty
    /// selector
    /// only: upstream turns all others into the names of the namespaces that it finds.
    pub(super) fn selects(&self, term: &Term, other: &PodClass) -> bool {
        let symbols = self.cluster.symbols();
        let labelled = |selector: &Matcher| {
            let labels = self.cluster.namespace_labels(other.namespace);
            selector.tests.is_empty() || labels.is_some_and(|l| selector.matches(l, symbols))
        };
        let namespace = term.namespaces.contains(&other.namespace)
            || term.namespace_selector.as_ref().is_some_and(labelled);
        namespace && term.selector.as_ref().is_some_and(|s| s.matches(&other.labels, symbols))
    }

    /// Whether a pod satisfies all of the pod's required affinity terms; never where there is none.
    pub(super) fn matches_affinity(&self, other: &PodClass) -> bool {
        !self.class.affinity.is_empty() && self.class.affinity.iter().all(|term| self.selects(term, other))
    }

    /// Whether a term of another pod selects the pod.
    pub(super) fn is_selected_by(&self, term: &Term) -> bool {
        term.selects(self.class, self.namespace_labels, self.cluster.symbols())
    }
}

/// A tally for each topology key of a few terms.
#[derive(Debug, Default)]
pub(super) struct Tallies(pub(super) Vec<(Sym, Tally)>);

impl Tallies {
    /// Takes a change of nodes into account; `false`: the tallies are void.
    pub(super) fn apply_change(&mut self, change: Change, nodes: &Nodes) -> bool {
        self.0.iter_mut().all(|(_, tally)| tally.apply_change(change, nodes))
    }

    /// Whether uniform nodes lie in the same domains.
    pub(super) fn are_uniform(&self, columns: &UniformColumns) -> bool {
        self.0.iter().all(|(_, tally)| tally.is_uniform(columns))
    }

    /// The tally of a key, made now if it is new.
    pub(super) fn of(&mut self, key: Sym, nodes: &Nodes) -> &mut Tally {
        let at = self.0.iter().position(|(k, _)| *k == key).unwrap_or_else(|| {
            self.0.push((key, Tally::new(key, nodes)));
            self.0.len() - 1
        });
        &mut self.0[at].1
    }
}
