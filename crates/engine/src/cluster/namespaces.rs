//! Namespaces and their labels.

use berth_model::workload::Namespace;

use super::trial::Undo;
use super::{Change, Cluster};
use crate::ids::Sym;
use crate::ids::symbols::LabelSet;

impl Cluster {
    /// The labels of a namespace; `None` where the namespace is not known.
    pub fn namespace_labels(&self, namespace: Sym) -> Option<&LabelSet> {
        self.namespaces.get(&namespace)
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

    /// Adds or replaces a namespace.
    pub fn upsert_namespace(&mut self, namespace: &Namespace) {
        let name = self.symbols.intern(&namespace.name);
        let labels = self.symbols.intern_labels(&namespace.labels);
        if self.namespaces.get(&name) != Some(&labels) {
            self.note_namespace(name);
            self.namespaces.insert(name, labels);
            self.changes.push(Change::Elsewhere);
        }
    }

    /// Forgets a namespace. Its pods and other objects stay as they are.
    pub fn remove_namespace(&mut self, name: &str) {
        if let Some(name) = self.symbols.find(name)
            && self.namespaces.contains_key(&name)
        {
            self.note_namespace(name);
            self.namespaces.remove(&name);
            self.changes.push(Change::Elsewhere);
        }
    }

    fn note_namespace(&mut self, name: Sym) {
        self.note(|cluster| Undo::Namespace(name, cluster.namespaces.get(&name).cloned()));
    }
}
