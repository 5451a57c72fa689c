//! Services and controllers: default spreading counts the pods that they select.

use berth_model::Str;
use berth_model::workload::{OwnerKind, PodGroupOwner};

use super::trial::Undo;
use super::{Change, Cluster};
use crate::pod_class::matcher::{Matcher, keys};

/// A service or controller with its selector compiled.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The service or controller.
    pub object: PodGroupOwner,
    /// Its selector; `None` where it selects nothing.
    pub selector: Option<Matcher>,
}

impl Cluster {
    /// Services and controllers of a namespace, in the order in which they came.
    pub fn owners(&self, namespace: &str) -> &[Owner] {
        self.owners.get(namespace).map_or(&[], |list| list)
    }

    /// All services and controllers, by namespace and in the order in which they came.
    pub fn all_owners(&self) -> impl Iterator<Item = &Owner> {
        self.owners.values().flatten()
    }

    /// Adds a service or controller, or replaces the one of the same kind and name.
    pub fn upsert_owner(&mut self, object: PodGroupOwner) {
        let namespace = self.symbols.intern(&object.namespace);
        let list = self.owners.get(&object.namespace).map_or(&[][..], |list| list);
        let at = list.iter().position(|o| o.object.kind == object.kind && o.object.name == object.name);
        if at.is_some_and(|at| list[at].object == object) {
            return; // most updates are about its status
        }
        self.note_owner(object.kind, &object.namespace, &object.name);
        let selector = object.selector.as_ref().map(|s| Matcher::compile(s, &mut self.symbols));
        self.pods.mention(keys(selector.as_ref()));
        let list = self.owners.entry(object.namespace.clone()).or_default();
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
        if self.owner_at(kind, namespace, name).is_none() {
            return;
        }
        self.note_owner(kind, namespace, name);
        let Some(list) = self.owners.get_mut(namespace) else { return };
        list.retain(|owner| owner.object.kind != kind || *owner.object.name != *name);
        if list.is_empty() {
            self.owners.remove(namespace);
        }
        let namespace = self.symbols.intern(namespace);
        self.changes.push(Change::Owners(namespace));
    }

    /// A service or controller, with its place among those of its namespace.
    fn owner_at(&self, kind: OwnerKind, namespace: &str, name: &str) -> Option<(usize, &Owner)> {
        let mut owners = self.owners(namespace).iter().enumerate();
        owners.find(|(_, owner)| owner.object.kind == kind && *owner.object.name == *name)
    }

    fn note_owner(&mut self, kind: OwnerKind, namespace: &Str, name: &str) {
        self.note(|cluster| Undo::Owner {
            before: cluster.owner_at(kind, namespace, name).map(|(at, owner)| Box::new((at, owner.clone()))),
            namespace: namespace.clone(),
            kind,
            name: name.into(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::labels;
    use berth_model::selector::LabelSelector;
    use berth_model::workload::Namespace;

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
}
