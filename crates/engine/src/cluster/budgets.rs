//! Disruption budgets. Only preemption looks at them.

use berth_model::workload::DisruptionBudget;

use super::Cluster;
use super::trial::Undo;
use crate::ids::Sym;
use crate::pod_class::matcher::{Matcher, keys};

/// A disruption budget with its selector compiled.
#[derive(Clone, Debug)]
pub struct Budget {
    /// The budget.
    pub object: DisruptionBudget,
    /// Its namespace.
    pub namespace: Sym,
    /// Its selector; `None` where it selects nothing.
    pub selector: Option<Matcher>,
}

impl Cluster {
    /// Disruption budgets, in the order in which they came.
    pub fn budgets(&self) -> &[Budget] {
        &self.budgets
    }

    /// Adds a disruption budget, or replaces the one of the same name. Preemption alone looks at them.
    pub fn upsert_budget(&mut self, object: DisruptionBudget) {
        let at = self.budget_at(&object.namespace, &object.name);
        if at.is_some_and(|at| self.budgets[at].object == object) {
            return;
        }
        self.note_budget(&object.namespace, &object.name);
        let selector = object.selector.as_ref().filter(|s| !s.requirements.is_empty());
        let selector = selector.map(|s| Matcher::compile(s, &mut self.symbols));
        self.pods.mention(keys(selector.as_ref()));
        let budget = Budget { namespace: self.symbols.intern(&object.namespace), selector, object };
        match at {
            Some(at) => self.budgets[at] = budget,
            None => self.budgets.push(budget),
        }
        self.split_classes();
    }

    /// Forgets a disruption budget.
    pub fn remove_budget(&mut self, namespace: &str, name: &str) {
        if let Some(at) = self.budget_at(namespace, name) {
            self.note_budget(namespace, name);
            self.budgets.remove(at);
        }
    }

    fn note_budget(&mut self, namespace: &str, name: &str) {
        self.note(|cluster| {
            let at = cluster.budget_at(namespace, name);
            let before = at.map(|at| Box::new((at, cluster.budgets[at].clone())));
            Undo::Budget { namespace: namespace.into(), name: name.into(), before }
        });
    }

    fn budget_at(&self, namespace: &str, name: &str) -> Option<usize> {
        self.budgets.iter().position(|b| *b.object.name == *name && *b.object.namespace == *namespace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_replaced_by_name_and_forgotten() {
        let mut cluster = Cluster::default();
        let budget = |allowed| DisruptionBudget {
            namespace: "shop".into(),
            name: "web".into(),
            disruptions_allowed: allowed,
            ..DisruptionBudget::default()
        };
        cluster.upsert_budget(budget(1));
        cluster.upsert_budget(budget(2));
        assert_eq!(cluster.budgets().iter().map(|b| b.object.disruptions_allowed).collect::<Vec<_>>(), [2]);
        cluster.remove_budget("shop", "db");
        cluster.remove_budget("shop", "web");
        assert!(cluster.budgets().is_empty());
    }
}
