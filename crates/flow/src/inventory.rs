//! What is there, by kind, so that a fresh listing tells what is gone.

use std::collections::BTreeMap;

use berth_model::Str;
use berth_model::object::{Kind, ObjectKey};

/// Every object that is known, and in which listing of its kind it was seen last.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    shelves: BTreeMap<Kind, Shelf>,
}

#[derive(Debug, Default)]
struct Shelf {
    listing: u32,
    objects: BTreeMap<(Str, Str), u32>,
}

impl Inventory {
    /// A listing of the kind begins.
    pub(crate) fn begin(&mut self, kind: Kind) {
        self.shelves.entry(kind).or_default().listing += 1;
    }

    /// An object is there.
    pub(crate) fn note(&mut self, key: ObjectKey) {
        let shelf = self.shelves.entry(key.kind).or_default();
        shelf.objects.insert((key.namespace, key.name), shelf.listing);
    }

    /// An object is gone. `false` where it was not known.
    pub(crate) fn forget(&mut self, key: &ObjectKey) -> bool {
        let shelf = self.shelves.get_mut(&key.kind);
        shelf.is_some_and(|shelf| shelf.objects.remove(&(key.namespace.clone(), key.name.clone())).is_some())
    }

    /// The listing of the kind is complete; tells what was known before and is not in it.
    pub(crate) fn finish(&mut self, kind: Kind) -> Vec<ObjectKey> {
        let shelf = self.shelves.entry(kind).or_default();
        let gone = shelf.objects.iter().filter(|(_, seen)| **seen != shelf.listing);
        gone.map(|((namespace, name), _)| ObjectKey {
            kind,
            namespace: namespace.clone(),
            name: name.clone(),
        })
        .collect()
    }

    /// How many objects of the kind there are.
    pub(crate) fn count(&self, kind: Kind) -> usize {
        self.shelves.get(&kind).map_or(0, |shelf| shelf.objects.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> ObjectKey {
        ObjectKey { kind: Kind::Node, namespace: "".into(), name: name.into() }
    }

    #[test]
    fn what_a_fresh_listing_does_not_name_is_gone() {
        let mut inventory = Inventory::default();
        inventory.begin(Kind::Node);
        for name in ["a", "b"] {
            inventory.note(key(name));
        }
        assert_eq!(inventory.finish(Kind::Node), []);
        inventory.note(key("c"));
        inventory.begin(Kind::Node);
        inventory.note(key("b"));
        assert_eq!(inventory.finish(Kind::Node), [key("a"), key("c")]);
    }
}
