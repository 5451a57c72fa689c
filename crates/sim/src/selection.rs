//! Which pods a report shows: those of a namespace, or those that a label selector selects.

use std::fmt;

use berth_engine::cluster::Cluster;
use berth_model::Str;
use berth_model::labels::Labels;
use berth_model::pod::Pod;
use berth_model::selector::LabelSelector;

use crate::explain::format::requirement;
use crate::run::Outcome;

/// A choice of pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only pods of this namespace; `None` selects all.
    pub namespace: Option<Str>,
    /// Only pods with matching labels.
    pub selector: LabelSelector,
}

impl Selection {
    /// Whether every pod is selected.
    pub fn is_everything(&self) -> bool {
        self.namespace.is_none() && self.selector.requirements.is_empty()
    }

    /// Whether a pod is selected.
    pub fn matches(&self, pod: &Pod) -> bool {
        self.selects(&pod.spec.namespace, &pod.spec.labels)
    }

    fn selects(&self, namespace: &Str, labels: &Labels) -> bool {
        self.namespace.as_ref().is_none_or(|wanted| wanted == namespace) && self.selector.matches(labels)
    }

    /// The part of an outcome that is about selected pods and rollouts. The number of pods stays that of all.
    pub fn filter(&self, outcome: &Outcome, cluster: &Cluster) -> Outcome {
        let mut outcome = outcome.clone();
        let matches = |row| self.matches(&cluster.pods().entry(row).pod);
        outcome.placed.retain(|placed| matches(placed.pod));
        outcome.pending.retain(|pending| matches(pending.pod));
        outcome.evicted.retain(|evicted| self.selects(&evicted.namespace, &evicted.labels));
        outcome.rollouts.retain(|rollout| self.namespace.as_ref().is_none_or(|n| *n == rollout.namespace));
        outcome
    }
}

impl fmt::Display for Selection {
    /// As in `namespace shop, app=web`; nothing if every pod is selected.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let namespace = self.namespace.iter().map(|namespace| format!("namespace {namespace}"));
        let parts: Vec<String> =
            namespace.chain(self.selector.requirements.iter().map(requirement)).collect();
        f.write_str(&parts.join(", "))
    }
}
