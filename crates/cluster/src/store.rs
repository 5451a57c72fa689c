//! The objects of the cluster and the log of their changes.
//!
//! Each change has a version. A client that lists a kind and then takes the changes after the version of the list, or
//! watches from any later version, comes to know the same objects. Changes before [`Store::compacted`] are forgotten.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use berth_flow::{Failure, FailureKind};
use berth_model::Str;
use berth_model::object::{Kind, Object, ObjectKey};

/// A change of an object, as watches deliver it.
#[derive(Clone, Debug)]
pub struct Change {
    /// The version of the store after it.
    pub version: u64,
    /// The object.
    pub key: ObjectKey,
    /// The object after the change; `None` if it was deleted.
    pub object: Option<Arc<Object>>,
    /// Whether the object was created.
    pub is_first: bool,
}

/// An object with the version of its last change.
#[derive(Clone, Debug)]
struct Stored {
    object: Arc<Object>,
    version: u64,
}

/// All objects, and the log of their changes.
#[derive(Clone, Debug, Default)]
pub struct Store {
    objects: BTreeMap<ObjectKey, Stored>,
    log: VecDeque<Change>,
    /// The versions of the changes of each kind that the log has.
    versions: BTreeMap<Kind, VecDeque<u64>>,
    /// Changes up to this version are forgotten.
    compacted: u64,
    uids: u64,
}

impl Store {
    /// The number of changes so far.
    pub fn version(&self) -> u64 {
        self.compacted + self.log.len() as u64
    }

    /// Changes up to this version are forgotten.
    pub fn compacted(&self) -> u64 {
        self.compacted
    }

    /// A uid that no object has.
    pub fn new_uid(&mut self) -> Str {
        self.uids += 1;
        format!("uid-{}", self.uids).into()
    }

    /// An object.
    pub fn get(&self, key: &ObjectKey) -> Option<&Arc<Object>> {
        self.objects.get(key).map(|stored| &stored.object)
    }

    /// The version of the last change of an object that exists.
    pub fn version_of(&self, key: &ObjectKey) -> Option<u64> {
        self.objects.get(key).map(|stored| stored.version)
    }

    /// All objects of a kind, by namespace and name.
    pub fn list(&self, kind: Kind) -> impl Iterator<Item = &Arc<Object>> {
        let first = ObjectKey { kind, namespace: Str::default(), name: Str::default() };
        let of_kind = self.objects.range(first..).take_while(move |(key, _)| key.kind == kind);
        of_kind.map(|(_, stored)| &stored.object)
    }

    /// The changes of all kinds after a version, in their order.
    ///
    /// # Errors
    /// If the version is too old (410 Gone): the client must list.
    pub fn since(&self, version: u64) -> Result<impl Iterator<Item = &Change>, Failure> {
        if version < self.compacted {
            return Err(expired(version));
        }
        let skipped = usize::try_from(version - self.compacted).unwrap_or(usize::MAX);
        Ok(self.log.range(skipped.min(self.log.len())..))
    }

    /// The changes of a kind after a version, in their order.
    ///
    /// # Errors
    /// If the version is too old (410 Gone): the client must list.
    pub fn watch(&self, kind: Kind, version: u64) -> Result<impl Iterator<Item = &Change>, Failure> {
        if version < self.compacted {
            return Err(expired(version));
        }
        static NONE: VecDeque<u64> = VecDeque::new();
        let versions = self.versions.get(&kind).unwrap_or(&NONE);
        let first = versions.partition_point(|&at| at <= version);
        Ok(versions
            .range(first..)
            .filter_map(|&at| self.log.get(usize::try_from(at - self.compacted).ok()? - 1)))
    }

    /// Forgets the changes up to a version.
    pub fn compact(&mut self, version: u64) {
        while self.compacted < version
            && let Some(change) = self.log.pop_front()
        {
            self.compacted = change.version;
            if let Some(versions) = self.versions.get_mut(&change.key.kind) {
                versions.pop_front();
            }
        }
    }

    /// Stores an object. If it is equal to the stored one, nothing changes.
    pub fn put(&mut self, object: Object) {
        let key = object.key();
        let version = self.version() + 1;
        let is_first = match self.objects.get(&key) {
            Some(stored) if *stored.object == object => return,
            Some(_) => false,
            None => true,
        };
        let object = Arc::new(object);
        self.objects.insert(key.clone(), Stored { object: object.clone(), version });
        self.push(Change { version, key, object: Some(object), is_first });
    }

    /// Removes an object. `None` if it does not exist.
    pub fn remove(&mut self, key: &ObjectKey) -> Option<Arc<Object>> {
        let stored = self.objects.remove(key)?;
        let version = self.version() + 1;
        self.push(Change { version, key: key.clone(), object: None, is_first: false });
        Some(stored.object)
    }

    fn push(&mut self, change: Change) {
        self.versions.entry(change.key.kind).or_default().push_back(change.version);
        self.log.push_back(change);
    }

    /// POST an object.
    ///
    /// # Errors
    /// If an object of this name exists (409).
    pub fn create(&mut self, object: Object) -> Result<(), Failure> {
        let key = object.key();
        if self.objects.contains_key(&key) {
            let (resource, name) = (key.kind.api().resource, &key.name);
            return refuse(FailureKind::Conflict, format!("{resource} \"{name}\" already exists"));
        }
        self.put(object);
        Ok(())
    }

    /// PUT an object that was read at a version. If it is equal to the stored one, nothing changes.
    ///
    /// # Errors
    /// If it does not exist (404), or has changed since (409).
    pub fn replace(&mut self, object: Object, seen: u64) -> Result<(), Failure> {
        let key = object.key();
        let (resource, name) = (key.kind.api().resource, &key.name);
        match self.version_of(&key) {
            None => refuse(FailureKind::Gone, format!("{resource} \"{name}\" not found")),
            Some(version) if version != seen => {
                let message = format!(
                    "Operation cannot be fulfilled on {resource} \"{name}\": the object has been modified; please \
                     apply your changes to the latest version and try again"
                );
                refuse(FailureKind::Conflict, message)
            }
            Some(_) => {
                self.put(object);
                Ok(())
            }
        }
    }
}

fn expired(version: u64) -> Failure {
    Failure { kind: FailureKind::Refused, message: format!("too old resource version: {version}") }
}

/// A refusal.
pub(crate) fn refuse<T>(kind: FailureKind, message: String) -> Result<T, Failure> {
    Err(Failure { kind, message })
}

#[cfg(test)]
mod tests {
    use super::*;
    use berth_model::node::Node;
    use proptest::prelude::*;

    fn node(name: &str, unschedulable: bool) -> Object {
        Object::Node(Node { name: name.into(), unschedulable, ..Node::default() })
    }

    fn key(name: &str) -> ObjectKey {
        node(name, false).key()
    }

    #[test]
    fn a_write_needs_the_latest_version() {
        let mut store = Store::default();
        assert!(store.create(node("a", false)).is_ok());
        assert_eq!(store.create(node("a", true)).unwrap_err().message, "nodes \"a\" already exists");
        let seen = store.version_of(&key("a")).unwrap();
        assert!(store.replace(node("a", true), seen).is_ok());
        assert_eq!(store.replace(node("a", false), seen).unwrap_err().kind, FailureKind::Conflict);
        assert_eq!(store.replace(node("b", false), 1).unwrap_err().kind, FailureKind::Gone);
        assert_eq!(store.version(), 2, "a refused write changes nothing");
        store.put(node("a", true));
        assert_eq!(store.version(), 2, "an equal object is no change");
    }

    #[test]
    fn a_watch_from_a_version_that_is_forgotten_is_refused() {
        let mut store = Store::default();
        (0..5).for_each(|at| store.put(node(&format!("n{at}"), false)));
        store.compact(3);
        assert!(store.watch(Kind::Node, 2).is_err());
        let names = |from| -> Vec<Str> {
            store
                .watch(Kind::Node, from)
                .into_iter()
                .flatten()
                .map(|change| change.key.name.clone())
                .collect()
        };
        assert_eq!(names(3), ["n3".into(), "n4".into()]);
        assert_eq!(names(5), Vec::<Str>::new());
    }

    proptest! {
        #[test]
        fn a_watch_from_any_version_leads_to_the_same_state_as_a_list(
            writes in prop::collection::vec((0..6_u8, 0..3_u8), 1..60),
            from in 0..60_usize,
            compacted in 0..60_usize,
        ) {
            let mut store = Store::default();
            let mut known: BTreeMap<ObjectKey, Arc<Object>> = BTreeMap::new();
            let mut seen = 0;
            for (at, (name, write)) in writes.iter().enumerate() {
                match write {
                    0 => drop(store.remove(&key(&format!("n{name}")))),
                    write => store.put(node(&format!("n{name}"), *write == 1)),
                }
                if at == from {
                    known = store.list(Kind::Node).map(|object| (object.key(), object.clone())).collect();
                    seen = store.version();
                }
            }
            store.compact((compacted as u64).min(seen));
            for change in store.watch(Kind::Node, seen).unwrap() {
                match &change.object {
                    Some(object) => known.insert(change.key.clone(), object.clone()),
                    None => known.remove(&change.key),
                };
            }
            let listed: Vec<&Arc<Object>> = store.list(Kind::Node).collect();
            prop_assert_eq!(known.values().collect::<Vec<_>>(), listed);
        }
    }
}
