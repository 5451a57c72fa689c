//! A line of a watch, and what is read of objects before they are decoded.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// How a bookmark says that all that was there has been told.
const INITIAL_END: &str = "k8s.io/initial-events-end";

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Change {
    /// An object came, or was there.
    Added,
    /// It is another one now.
    Modified,
    /// It is gone.
    Deleted,
    /// Nothing changed until here.
    Bookmark,
    /// The watch cannot go on.
    Error,
}

/// A line: `{"type":"ADDED","object":{…}}`.
#[derive(Debug, Deserialize)]
pub(crate) struct Line<'a> {
    #[serde(rename = "type")]
    pub(crate) change: Change,
    /// The object as it was sent.
    #[serde(borrow)]
    pub(crate) object: &'a RawValue,
}

impl<'a> Line<'a> {
    /// Reads a line.
    ///
    /// # Errors
    /// It is no JSON, or no line of a watch.
    pub(crate) fn read(line: &'a [u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(line)
    }

    /// What a line says, without a look at the object: API servers write the type first.
    pub(crate) fn is(line: &[u8], change: &str) -> bool {
        line.strip_prefix(br#"{"type":""#).is_some_and(|rest| rest.starts_with(change.as_bytes()))
    }
}

/// What identifies an object.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Metadata<'a> {
    #[serde(borrow)]
    pub(crate) namespace: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) name: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) uid: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) resource_version: Cow<'a, str>,
    pub(crate) generation: i64,
    #[serde(borrow)]
    annotations: Option<&'a RawValue>,
    /// Of a list: where its next page begins.
    #[serde(rename = "continue", borrow)]
    pub(crate) more: Cow<'a, str>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Head<'a> {
    #[serde(borrow)]
    metadata: Metadata<'a>,
}

impl<'a> Metadata<'a> {
    /// Reads the metadata of an object; empty where it has none that could be read.
    pub(crate) fn of(object: &'a str) -> Self {
        serde_json::from_str::<Head<'a>>(object).map(|head| head.metadata).unwrap_or_default()
    }

    /// Whether this is the bookmark after all that was there when the watch began.
    pub(crate) fn ends_initial(&self) -> bool {
        self.annotations.is_some_and(|annotations| annotations.get().contains(INITIAL_END))
    }
}

/// What an API server says instead of what it was asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Status {
    pub(crate) code: u16,
    pub(crate) reason: String,
    pub(crate) message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_without_its_object() {
        let text = br#"{"type":"ADDED","object":{"kind":"Pod","metadata":{"name":"a","namespace":"n","uid":"u","resourceVersion":"7"},"spec":{}}}"#;
        let line = Line::read(text).unwrap();
        let metadata = Metadata::of(line.object.get());
        assert_eq!(line.change, Change::Added);
        assert_eq!(
            (&*metadata.namespace, &*metadata.name, &*metadata.uid, &*metadata.resource_version),
            ("n", "a", "u", "7")
        );
        assert!(Line::is(text, "ADDED") && !Line::is(text, "BOOKMARK"));
    }

    #[test]
    fn a_bookmark_may_end_what_was_there() {
        let cases = [
            (
                r#"{"metadata":{"resourceVersion":"9","annotations":{"k8s.io/initial-events-end":"true"}}}"#,
                true,
            ),
            (r#"{"metadata":{"resourceVersion":"9"}}"#, false),
            (r#"{"kind":"Pod"}"#, false),
        ];
        for (object, expected) in cases {
            assert_eq!(Metadata::of(object).ends_initial(), expected, "{object}");
        }
    }

    #[test]
    fn what_is_no_line_is_an_error() {
        for text in ["", "{}", "null", r#"{"type":"GONE","object":{}}"#, r#"{"type":"ADDED"}"#] {
            assert!(Line::read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
