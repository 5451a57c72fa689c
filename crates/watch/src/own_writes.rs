//! What this client has written: a watch may deliver older versions of an object after the answer to the write.
//!
//! Upstream keeps the answer of a write in its assume cache, which ignores older versions
//! (`pkg/scheduler/util/assumecache/assume_cache.go`). Resource versions can be compared since Kubernetes 1.35 (KEP-5504).

use std::borrow::Cow;
use std::collections::BTreeMap;

use berth_model::object::{Kind, ObjectKey};
use bytes::Bytes;

use crate::decode::key;
use crate::protocol::{EventType, Metadata, WatchEvent};

/// The objects that this client has written, until the watch delivers that version or a newer one.
#[derive(Debug, Default)]
pub struct OwnWrites {
    written: BTreeMap<ObjectKey, Written>,
}

/// An object as an answer to a write has it.
#[derive(Debug)]
struct Written {
    version: u64,
    object: Bytes,
    /// The listing in progress began before the write, or named an older version.
    outlives_listing: bool,
}

impl OwnWrites {
    /// Takes the object of an answer to a write. Returns the event that says so, unless a newer version is known.
    pub fn on_answer(&mut self, kind: Kind, object: Bytes) -> Option<WatchEvent> {
        let metadata = Metadata::of(&object);
        let version: u64 = metadata.resource_version.parse().ok()?;
        let key = key(kind, &metadata);
        if self.written.get(&key).is_some_and(|known| known.version > version) {
            return None;
        }
        self.written.insert(key, Written { version, object: object.clone(), outlives_listing: true });
        Some(WatchEvent { event_type: EventType::Modified, object })
    }

    /// An event of the watch, or the newer version that this client has written.
    pub fn newest<'a>(&mut self, kind: Kind, event: &'a WatchEvent) -> Cow<'a, WatchEvent> {
        if self.written.is_empty() {
            return Cow::Borrowed(event);
        }
        let metadata = Metadata::of(&event.object);
        let key = key(kind, &metadata);
        let Some(written) = self.written.get_mut(&key) else { return Cow::Borrowed(event) };
        if metadata.resource_version.parse().is_ok_and(|version: u64| version < written.version) {
            written.outlives_listing = true;
            return Cow::Owned(WatchEvent {
                event_type: EventType::Modified,
                object: written.object.clone(),
            });
        }
        self.written.remove(&key);
        Cow::Borrowed(event)
    }

    /// The kind is listed from the start.
    pub fn on_listing(&mut self, kind: Kind) {
        for (_, written) in self.written.iter_mut().filter(|(key, _)| key.kind == kind) {
            written.outlives_listing = false;
        }
    }

    /// The list of the kind, of this version, is complete: an object that it does not name is deleted, unless the list is
    /// older than the write. Returns events that name those.
    pub fn on_listed(&mut self, kind: Kind, version: &str) -> Vec<WatchEvent> {
        let listed = version.parse::<u64>().ok();
        let mut unlisted = Vec::new();
        self.written.retain(|key, written| {
            if key.kind != kind || written.outlives_listing {
                return true;
            }
            let is_newer = listed.is_some_and(|listed| listed < written.version);
            if is_newer {
                let event_type = EventType::Modified;
                unlisted.push(WatchEvent { event_type, object: written.object.clone() });
            }
            is_newer
        });
        unlisted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind::ResourceClaim;

    fn object(version: &str) -> Bytes {
        format!(r#"{{"metadata":{{"namespace":"n","name":"c","resourceVersion":"{version}"}}}}"#).into()
    }

    fn event(event_type: EventType, version: &str) -> WatchEvent {
        WatchEvent { event_type, object: object(version) }
    }

    fn written(version: &str) -> OwnWrites {
        let mut writes = OwnWrites::default();
        assert_eq!(writes.on_answer(KIND, object(version)), Some(event(EventType::Modified, version)));
        writes
    }

    #[test]
    fn an_older_version_is_replaced_until_the_watch_has_caught_up() {
        let mut writes = written("10");
        let newest = event(EventType::Modified, "10");
        for old in [event(EventType::Modified, "9"), event(EventType::Deleted, "8")] {
            assert_eq!(*writes.newest(KIND, &old), newest);
        }
        for next in ["10", "9"] {
            let event = event(EventType::Modified, next);
            assert_eq!(*writes.newest(KIND, &event), event, "the watch is as new as the write");
        }
    }

    #[test]
    fn an_answer_that_arrives_late_does_not_replace_a_newer_one() {
        let mut writes = written("10");
        assert_eq!(writes.on_answer(KIND, object("9")), None);
        assert_eq!(writes.on_answer(KIND, object("no number")), None);
        assert_eq!(*writes.newest(KIND, &event(EventType::Added, "9")), event(EventType::Modified, "10"));
    }

    #[test]
    fn an_object_that_was_created_after_the_version_of_a_list_stays() {
        let mut writes = written("10");
        writes.on_listing(KIND);
        assert_eq!(writes.on_listed(KIND, "9"), [event(EventType::Modified, "10")]);
        assert_eq!(*writes.newest(KIND, &event(EventType::Added, "8")), event(EventType::Modified, "10"));
    }

    #[test]
    fn an_object_that_a_list_does_not_name_is_forgotten_unless_it_was_written_meanwhile() {
        let old = event(EventType::Added, "9");
        let mut writes = written("10");
        writes.on_listing(KIND);
        assert_eq!(writes.on_listed(KIND, "10"), []);
        assert_eq!(*writes.newest(KIND, &old), old);
        let mut writes = OwnWrites::default();
        writes.on_listing(KIND);
        writes.on_answer(KIND, object("10"));
        assert_eq!(writes.on_listed(KIND, "10"), []);
        assert_eq!(*writes.newest(KIND, &old), event(EventType::Modified, "10"));
        writes.on_listing(KIND);
        assert_eq!(*writes.newest(KIND, &old), event(EventType::Modified, "10"), "the list is old");
        assert_eq!(writes.on_listed(KIND, "9"), []);
        assert_eq!(*writes.newest(KIND, &old), event(EventType::Modified, "10"));
    }
}
