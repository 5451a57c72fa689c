//! What an API server sends: lines of a watch, and the part of an object that is read before it is decoded.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The annotation of the bookmark that follows the initial events.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// The type of a watch event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum EventType {
    /// An object was created, or existed when the watch began.
    Added,
    /// An object was changed.
    Modified,
    /// An object was deleted.
    Deleted,
    /// There was no other change up to this resource version.
    Bookmark,
    /// The watch failed; the object is a [`Status`].
    Error,
}

/// A change of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchEvent {
    /// [`EventType::Added`], [`EventType::Modified`] or [`EventType::Deleted`].
    pub event_type: EventType,
    /// The object as JSON, a slice of what was received.
    pub object: Bytes,
}

/// A line of a watch: `{"type":"ADDED","object":{…}}`, with its fields in any order.
#[derive(Debug, Deserialize)]
pub struct WatchLine<'a> {
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// The object as it was sent.
    #[serde(borrow)]
    pub object: &'a RawValue,
}

impl<'a> WatchLine<'a> {
    /// Reads a line.
    ///
    /// # Errors
    /// If it is not JSON, or not a line of a watch.
    pub fn read(line: &'a [u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(line)
    }
}

/// The metadata of an object or a list, as far as a watch needs it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata<'a> {
    /// The namespace; empty for objects without one.
    #[serde(borrow)]
    pub namespace: Cow<'a, str>,
    /// The name.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// The uid.
    #[serde(borrow)]
    pub uid: Cow<'a, str>,
    /// The version of the object, or of the list.
    #[serde(borrow)]
    pub resource_version: Cow<'a, str>,
    /// `generation`; 0 if it has none.
    pub generation: i64,
    #[serde(borrow)]
    annotations: Option<&'a RawValue>,
    /// `continue` of a list: the token for the next page, empty after the last page.
    #[serde(rename = "continue", borrow)]
    pub continue_token: Cow<'a, str>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Head<'a> {
    #[serde(borrow)]
    metadata: Metadata<'a>,
}

impl<'a> Metadata<'a> {
    /// Reads the metadata of an object. It is empty if the object has none that can be read.
    pub fn of(object: &'a [u8]) -> Self {
        serde_json::from_slice::<Head<'a>>(object).map(|head| head.metadata).unwrap_or_default()
    }

    /// Whether this is the bookmark that follows the initial events of a watch.
    pub fn ends_initial_events(&self) -> bool {
        self.annotations.is_some_and(|annotations| annotations.get().contains(INITIAL_EVENTS_END))
    }
}

/// `metav1.Status`: what an API server sends if it cannot do what was requested.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Status {
    /// The HTTP status code.
    pub code: u16,
    /// A word for programs, as in `Expired`.
    pub reason: String,
    /// A sentence for people.
    pub message: String,
}

/// The longest message of an API server that is passed on, in bytes.
const MESSAGE_BYTES: usize = 1_024;

impl Status {
    /// Reads a body. The status is empty if the body is not a `Status`.
    pub fn read(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    /// The message, or `other` if it has none. It is cut after 1,024 bytes, since a body may hold anything.
    pub fn message_or(self, other: impl FnOnce() -> String) -> String {
        let Self { mut message, .. } = self;
        if message.is_empty() {
            return other();
        }
        if message.len() > MESSAGE_BYTES {
            message.truncate(message.floor_char_boundary(MESSAGE_BYTES));
            message.push('…');
        }
        message
    }

    /// Whether the requested resource version or continue token is not available any more (410 Gone).
    pub fn is_expired(&self) -> bool {
        self.code == 410 || matches!(&*self.reason, "Expired" | "Gone")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_without_its_object() {
        let object =
            r#"{"kind":"Pod","metadata":{"name":"a","namespace":"n","uid":"u","resourceVersion":"7"}}"#;
        for text in [
            format!(r#"{{"type":"ADDED","object":{object}}}"#),
            format!(r#" {{ "object" : {object} , "type" : "ADDED" }} "#),
        ] {
            let line = WatchLine::read(text.as_bytes()).unwrap();
            let metadata = Metadata::of(line.object.get().as_bytes());
            assert_eq!(line.event_type, EventType::Added);
            let Metadata { namespace, name, uid, resource_version, .. } = &metadata;
            assert_eq!([&**namespace, name, uid, resource_version], ["n", "a", "u", "7"]);
        }
    }

    #[test]
    fn a_bookmark_may_end_the_initial_events() {
        let cases = [
            (r#"{"metadata":{"annotations":{"k8s.io/initial-events-end":"true"}}}"#, true),
            (r#"{"metadata":{"resourceVersion":"9"}}"#, false),
            (r#"{"kind":"Pod"}"#, false),
        ];
        for (object, expected) in cases {
            assert_eq!(Metadata::of(object.as_bytes()).ends_initial_events(), expected, "{object}");
        }
    }

    #[test]
    fn a_line_of_another_shape_is_an_error() {
        for text in ["", "{}", "null", r#"{"type":"GONE","object":{}}"#, r#"{"type":"ADDED"}"#] {
            assert!(WatchLine::read(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_message_is_short() {
        let long = format!(r#"{{"message":"{}"}}"#, "ü".repeat(1 << 20));
        let cases = [
            (r#"{"kind":"Status","message":"pods is forbidden"}"#, "pods is forbidden".to_owned()),
            ("<html>proxy</html>", "403 Forbidden".to_owned()),
            (&*long, "ü".repeat(512) + "…"),
        ];
        for (body, expected) in cases {
            let message = Status::read(body.as_bytes()).message_or(|| "403 Forbidden".to_owned());
            assert_eq!(message, expected);
        }
    }
}
