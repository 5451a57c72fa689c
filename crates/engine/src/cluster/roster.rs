//! Classes with pods on nodes, by what others may ask about them: most questions concern few classes.

use rustc_hash::FxHashMap;

use crate::class::Class;
use crate::ids::{ClassId, Sym};

/// Lists of the classes that have a pod on some node, in no particular order.
#[derive(Clone, Debug, Default)]
pub struct Roster {
    all: ClassList,
    by_namespace: FxHashMap<Sym, ClassList>,
    with_anti_affinity: ClassList,
    with_affinity: ClassList,
    with_ports: ClassList,
}

/// A set of classes that is listed as fast as it is changed.
#[derive(Clone, Debug, Default)]
struct ClassList {
    ids: Vec<ClassId>,
    places: FxHashMap<ClassId, usize>,
}

impl ClassList {
    fn insert(&mut self, id: ClassId) {
        self.places.insert(id, self.ids.len());
        self.ids.push(id);
    }

    fn remove(&mut self, id: ClassId) {
        let Some(at) = self.places.remove(&id) else { return };
        self.ids.swap_remove(at);
        if let Some(&moved) = self.ids.get(at) {
            self.places.insert(moved, at);
        }
    }
}

impl Roster {
    /// All of them.
    pub fn all(&self) -> &[ClassId] {
        &self.all.ids
    }

    /// Those of a namespace.
    pub fn in_namespace(&self, namespace: Sym) -> &[ClassId] {
        self.by_namespace.get(&namespace).map_or(&[], |list| &list.ids)
    }

    /// Those with required pod anti-affinity.
    pub fn with_anti_affinity(&self) -> &[ClassId] {
        &self.with_anti_affinity.ids
    }

    /// Those with any pod affinity or anti-affinity, required or preferred.
    pub fn with_affinity(&self) -> &[ClassId] {
        &self.with_affinity.ids
    }

    /// Those with host ports.
    pub fn with_ports(&self) -> &[ClassId] {
        &self.with_ports.ids
    }

    /// The first pod of a class came to a node.
    pub(crate) fn insert(&mut self, id: ClassId, class: &Class) {
        self.by_namespace.entry(class.namespace).or_default().insert(id);
        self.lists_of(class).for_each(|list| list.insert(id));
    }

    /// The last pod of a class left its node.
    pub(crate) fn remove(&mut self, id: ClassId, class: &Class) {
        if let Some(list) = self.by_namespace.get_mut(&class.namespace) {
            list.remove(id);
        }
        self.lists_of(class).for_each(|list| list.remove(id));
    }

    fn lists_of(&mut self, class: &Class) -> impl Iterator<Item = &mut ClassList> {
        let anti = !class.anti_affinity.is_empty();
        let any = anti
            || !class.affinity.is_empty()
            || !class.preferred_affinity.is_empty()
            || !class.preferred_anti_affinity.is_empty();
        let ports = !class.host_ports.is_empty();
        let lists = [
            (true, &mut self.all),
            (anti, &mut self.with_anti_affinity),
            (any, &mut self.with_affinity),
            (ports, &mut self.with_ports),
        ];
        lists.into_iter().filter_map(|(applies, list)| applies.then_some(list))
    }
}
