//! Listings of kinds: which kinds were never listed, and which objects a listing that is in progress has named.

use std::collections::{BTreeMap, BTreeSet};

use berth_model::Str;
use berth_model::object::{Kind, ObjectKey};

/// The state of all listings. Keys are kept only while their kind is being listed.
#[derive(Debug)]
pub(crate) struct Listings {
    unlisted: Vec<Kind>,
    /// By kind, the namespace and name of each object that the listing has named so far.
    in_progress: BTreeMap<Kind, BTreeSet<(Str, Str)>>,
}

impl Listings {
    /// No listing was seen yet. These kinds must be listed.
    pub(crate) fn new(kinds: &[Kind]) -> Self {
        Self { unlisted: kinds.to_vec(), in_progress: BTreeMap::new() }
    }

    /// A listing of the kind begins.
    pub(crate) fn begin(&mut self, kind: Kind) {
        self.in_progress.insert(kind, BTreeSet::new());
    }

    /// An object exists.
    pub(crate) fn add(&mut self, key: &ObjectKey) {
        if let Some(named) = self.in_progress.get_mut(&key.kind) {
            named.insert((key.namespace.clone(), key.name.clone()));
        }
    }

    /// An object was deleted.
    pub(crate) fn remove(&mut self, key: &ObjectKey) {
        if let Some(named) = self.in_progress.get_mut(&key.kind) {
            named.remove(&(key.namespace.clone(), key.name.clone()));
        }
    }

    /// The listing of the kind is complete. Returns those of the known objects that it did not name, sorted. If the
    /// listing has no beginning, it deletes nothing.
    pub(crate) fn finish(&mut self, kind: Kind, known: Vec<ObjectKey>) -> Vec<ObjectKey> {
        self.unlisted.retain(|unlisted| *unlisted != kind);
        let Some(named) = self.in_progress.remove(&kind) else { return Vec::new() };
        let is_named = |key: &ObjectKey| named.contains(&(key.namespace.clone(), key.name.clone()));
        let mut gone: Vec<ObjectKey> = known.into_iter().filter(|key| !is_named(key)).collect();
        gone.sort();
        gone
    }

    /// The kinds that were never listed.
    pub(crate) fn unlisted(&self) -> &[Kind] {
        &self.unlisted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[&str]) -> Vec<ObjectKey> {
        let key = |name: &&str| ObjectKey { kind: Kind::Node, namespace: "".into(), name: (*name).into() };
        names.iter().map(key).collect()
    }

    fn listings(names: &[&str]) -> Listings {
        let mut listings = Listings::new(&[Kind::Node]);
        listings.begin(Kind::Node);
        keys(names).iter().for_each(|key| listings.add(key));
        listings
    }

    #[test]
    fn a_listing_deletes_what_it_does_not_name() {
        let mut listings = listings(&["b"]);
        assert_eq!(listings.finish(Kind::Node, keys(&["c", "b", "a"])), keys(&["a", "c"]));
        assert_eq!(listings.unlisted(), []);
    }

    #[test]
    fn a_listing_without_a_beginning_deletes_nothing() {
        let mut listings = Listings::new(&[Kind::Node, Kind::Pod]);
        listings.add(&keys(&["a"])[0]);
        assert_eq!(listings.finish(Kind::Node, keys(&["a"])), []);
        assert_eq!(listings.unlisted(), [Kind::Pod]);
    }

    #[test]
    fn an_object_deleted_during_a_listing_is_not_named() {
        let mut listings = listings(&["a", "b"]);
        listings.remove(&keys(&["a"])[0]);
        assert_eq!(listings.finish(Kind::Node, keys(&["a", "b"])), keys(&["a"]));
    }
}
