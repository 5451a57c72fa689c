//! The object of a watch event, decoded.

use berth_model::Str;
use berth_model::object::{Kind, Object, ObjectKey};
use berth_wire::Decoder;

use crate::protocol::{EventType, Metadata, WatchEvent};

/// What an event says about an object.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "it is taken apart at once, and nearly always holds an object")]
pub enum Decoded {
    /// It was created or changed.
    Applied(Object),
    /// It was deleted.
    Deleted {
        /// Which object.
        key: ObjectKey,
        /// Its uid.
        uid: Str,
    },
    /// It was created or changed, and cannot be read.
    Unreadable {
        /// Which object.
        key: ObjectKey,
        /// Its uid; empty if it has none.
        uid: Str,
        /// The fields with their problems.
        problem: String,
    },
    /// It does not concern scheduling.
    Irrelevant,
}

/// Decodes the object of an event of a watch on this kind.
pub fn decode(decoder: &mut Decoder, kind: Kind, event: &WatchEvent) -> Decoded {
    let identity = || {
        let metadata = Metadata::of(&event.object);
        (key(kind, &metadata), Str::from(&*metadata.uid))
    };
    if event.event_type == EventType::Deleted {
        let (key, uid) = identity();
        return Decoded::Deleted { key, uid };
    }
    // A slice of JSON that was parsed is UTF-8; anything else is reported as no object.
    let json = str::from_utf8(&event.object).unwrap_or_default();
    match decoder.object(json) {
        Ok(Some(object)) => Decoded::Applied(object),
        Ok(None) => Decoded::Irrelevant,
        Err(problems) => {
            let (key, uid) = identity();
            let words: Vec<String> = problems.iter().map(|p| format!("{}: {}", p.field, p.message)).collect();
            Decoded::Unreadable { key, uid, problem: words.join("; ") }
        }
    }
}

/// The key of an object of this kind.
pub fn key(kind: Kind, metadata: &Metadata<'_>) -> ObjectKey {
    let namespace = if kind.is_namespaced() { Str::from(&*metadata.namespace) } else { Str::default() };
    ObjectKey { kind, namespace, name: Str::from(&*metadata.name) }
}
