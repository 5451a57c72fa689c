//! A page of a list.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::protocol::{EventType, Metadata, WatchEvent};

/// A page of a list, or a whole list.
#[derive(Debug, Deserialize)]
pub struct Page<'a> {
    /// The resource version of the list, and the token for the next page.
    #[serde(borrow, default)]
    pub metadata: Metadata<'a>,
    /// The objects, without their kind.
    #[serde(borrow, default)]
    items: Option<Vec<&'a RawValue>>,
}

impl<'a> Page<'a> {
    /// Reads a page.
    ///
    /// # Errors
    /// If it is not a list in JSON.
    pub fn read(body: &'a [u8]) -> Result<Self, String> {
        serde_json::from_slice(body).map_err(|error| format!("the API server did not send a list: {error}"))
    }

    /// The objects, with the API version and the kind that items of lists do not name.
    pub fn objects(&self, api_version: &str, kind: &str) -> Vec<Bytes> {
        let types = [("apiVersion", api_version), ("kind", kind)];
        let types = types.map(|(name, value)| (name, serde_json::Value::from(value).to_string()));
        self.items.iter().flatten().filter_map(|item| typed(item, &types)).collect()
    }

    /// The objects as events of a watch.
    pub fn events(&self, api_version: &str, kind: &str) -> Vec<WatchEvent> {
        let event = |object| WatchEvent { event_type: EventType::Added, object };
        self.objects(api_version, kind).into_iter().map(event).collect()
    }
}

/// An item with its type; `None` if the item is not an object.
fn typed(item: &RawValue, types: &[(&str, String)]) -> Option<Bytes> {
    let mut fields: BTreeMap<String, &RawValue> = serde_json::from_str(item.get()).ok()?;
    for (name, value) in types {
        if !fields.contains_key(*name) {
            fields.insert((*name).to_owned(), serde_json::from_str(value).ok()?);
        }
    }
    serde_json::to_vec(&fields).ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_get_their_type() {
        let body = r#"{"items":[{"metadata": {"name":"a"}},{},{"kind":"Other"},7]}"#;
        let objects = Page::read(body.as_bytes()).unwrap().objects("v1", "Namespace");
        let expected = [
            r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"a"}}"#,
            r#"{"apiVersion":"v1","kind":"Namespace"}"#,
            r#"{"apiVersion":"v1","kind":"Other"}"#,
        ];
        assert_eq!(objects, expected);
    }

    #[test]
    fn a_list_without_items_is_empty() {
        for body in [r#"{"items":null}"#, "{}"] {
            assert!(Page::read(body.as_bytes()).unwrap().objects("v1", "Pod").is_empty(), "{body}");
        }
        for body in ["", "[]7", r#"{"items":{}}"#] {
            assert!(Page::read(body.as_bytes()).is_err(), "{body}");
        }
    }
}
