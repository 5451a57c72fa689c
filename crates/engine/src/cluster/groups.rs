//! What says which pods belong together: namespaces, services and controllers, disruption budgets.

use berth_model::Str;
use berth_model::workload::{DisruptionBudget, Namespace, OwnerKind, PodGroupOwner};

use super::{Change, Cluster};
use crate::ids::Sym;
use crate::matcher::Matcher;
use crate::symbols::LabelSet;

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

/// A service or controller with its selector compiled.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The service or controller.
    pub object: PodGroupOwner,
    /// Its selector; `None` where it selects nothing.
    pub selector: Option<Matcher>,
}

impl Cluster {
    /// Disruption budgets, in the order in which they came.
    pub fn budgets(&self) -> &[Budget] {
        &self.budgets
    }

    /// The labels of a namespace; `None` where the namespace is not known.
    pub fn namespace_labels(&self, namespace: Sym) -> Option<&LabelSet> {
        self.namespaces.get(&namespace)
    }

    /// Services and controllers of a namespace, in the order in which they came.
    pub fn owners(&self, namespace: &str) -> &[Owner] {
        self.owners.get(namespace).map_or(&[], |list| list)
    }

    /// All namespaces, by name.
    pub fn namespaces(&self) -> Vec<Namespace> {
        let text = |sym: Sym| self.symbols.text(sym);
        let namespace = |(name, labels): (&Sym, &LabelSet)| Namespace {
            name: text(*name).clone(),
            labels: labels.iter().map(|&(key, value)| (text(key).clone(), text(value).clone())).collect(),
        };
        let mut namespaces: Vec<Namespace> = self.namespaces.iter().map(namespace).collect();
        namespaces.sort_by(|a, b| a.name.cmp(&b.name));
        namespaces
    }

    /// All services and controllers, by namespace and in the order in which they came.
    pub fn all_owners(&self) -> impl Iterator<Item = &Owner> {
        self.owners.values().flatten()
    }

    /// Adds or replaces a namespace.
    pub fn upsert_namespace(&mut self, namespace: &Namespace) {
        let name = self.symbols.intern(&namespace.name);
        let labels = self.symbols.intern_labels(&namespace.labels);
        if self.namespaces.get(&name) != Some(&labels) {
            self.namespaces.insert(name, labels);
            self.changes.push(Change::Elsewhere);
        }
    }

    /// Forgets a namespace. Its pods and other objects stay as they are.
    pub fn remove_namespace(&mut self, name: &str) {
        if let Some(name) = self.symbols.find(name)
            && self.namespaces.remove(&name).is_some()
        {
            self.changes.push(Change::Elsewhere);
        }
    }

    /// Adds a service or controller, or replaces the one of the same kind and name.
    pub fn upsert_owner(&mut self, object: PodGroupOwner) {
        let namespace = self.symbols.intern(&object.namespace);
        let list = self.owners.entry(object.namespace.clone()).or_default();
        let at = list.iter().position(|o| o.object.kind == object.kind && o.object.name == object.name);
        if at.is_some_and(|at| list[at].object == object) {
            return; // most updates are about its status
        }
        let selector = object.selector.as_ref().map(|s| Matcher::compile(s, &mut self.symbols));
        self.pods.mention(keys(selector.as_ref()));
        let owner = Owner { selector, object };
        match at {
            Some(at) => list[at] = owner,
            None => list.push(owner),
        }
        self.changes.push(Change::Owners(namespace));
        self.split_classes();
    }

    /// Forgets a service or controller.
    pub fn remove_owner(&mut self, kind: OwnerKind, namespace: &Str, name: &str) {
        let Some(list) = self.owners.get_mut(namespace) else { return };
        let before = list.len();
        list.retain(|owner| owner.object.kind != kind || *owner.object.name != *name);
        if list.len() == before {
            return;
        }
        if list.is_empty() {
            self.owners.remove(namespace);
        }
        let namespace = self.symbols.intern(namespace);
        self.changes.push(Change::Owners(namespace));
    }

    /// Adds a disruption budget, or replaces the one of the same name. Preemption alone looks at them.
    pub fn upsert_budget(&mut self, object: DisruptionBudget) {
        let at = self.budget_at(&object.namespace, &object.name);
        if at.is_some_and(|at| self.budgets[at].object == object) {
            return;
        }
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
            self.budgets.remove(at);
        }
    }

    fn budget_at(&self, namespace: &str, name: &str) -> Option<usize> {
        self.budgets.iter().position(|b| *b.object.name == *name && *b.object.namespace == *namespace)
    }
}

/// The labels that a selector looks at.
fn keys(selector: Option<&Matcher>) -> impl Iterator<Item = Sym> {
    selector.into_iter().flat_map(|selector| &selector.tests).map(|test| test.key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::labels;
    use berth_model::selector::LabelSelector;

    fn service(app: &str) -> PodGroupOwner {
        PodGroupOwner {
            kind: OwnerKind::Service,
            namespace: "shop".into(),
            name: "web".into(),
            selector: Some(LabelSelector::from_labels(&labels(&[("app", app)]))),
        }
    }

    #[test]
    fn what_is_equal_to_what_is_known_is_no_change() {
        let mut cluster = Cluster::default();
        let namespace = |team: &str| Namespace { name: "shop".into(), labels: labels(&[("team", team)]) };
        let mut changes = |change: &dyn Fn(&mut Cluster)| {
            let before = cluster.changes().next();
            change(&mut cluster);
            cluster.changes().next() - before
        };
        assert_eq!(changes(&|c| c.upsert_namespace(&namespace("a"))), 1);
        assert_eq!(changes(&|c| c.upsert_namespace(&namespace("a"))), 0);
        assert_eq!(changes(&|c| c.upsert_namespace(&namespace("b"))), 1);
        assert_eq!(changes(&|c| c.remove_namespace("shop")), 1);
        assert_eq!(changes(&|c| c.remove_namespace("shop")), 0);
        assert_eq!(changes(&|c| c.upsert_owner(service("web"))), 1);
        assert_eq!(changes(&|c| c.upsert_owner(service("web"))), 0);
        assert_eq!(changes(&|c| c.upsert_owner(service("db"))), 1);
        assert_eq!(changes(&|c| c.remove_owner(OwnerKind::ReplicaSet, &"shop".into(), "web")), 0);
        assert_eq!(changes(&|c| c.remove_owner(OwnerKind::Service, &"shop".into(), "web")), 1);
        assert!(cluster.owners("shop").is_empty());
    }

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
