//! The head of an object: what it is, and the items of a list, without decoding the rest.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::decode::Key;

/// What an object says of itself.
#[derive(Default)]
pub(crate) struct Head<'de> {
    pub(crate) api_version: Cow<'de, str>,
    pub(crate) kind: Cow<'de, str>,
    /// The texts of `items`, where there is a list of that name.
    pub(crate) items: Option<Vec<&'de RawValue>>,
    /// Whether the text is an object at all.
    pub(crate) is_object: bool,
}

impl<'de> serde::Deserialize<'de> for Head<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut head = Self::default();
        deserializer.deserialize_any(HeadVisitor { head: &mut head, whole: true })?;
        Ok(head)
    }
}

impl<'de> Head<'de> {
    /// Reads no further than necessary to know the kind. The text must be well-formed.
    pub(crate) fn peek(json: &'de str) -> Self {
        let mut head = Self::default();
        let mut deserializer = serde_json::Deserializer::from_str(json);
        // Stopping early shows as an error; what was found until then is in `head`.
        let _ = deserializer.deserialize_any(HeadVisitor { head: &mut head, whole: false });
        head
    }

    /// The items, if this is a list of objects and not just a kind that is named like one.
    pub(crate) fn list(&self) -> Option<&[&'de RawValue]> {
        match &self.items {
            Some(items) if self.may_be_list() => Some(items),
            None if self.kind == "List" => Some(&[]),
            _ => None,
        }
    }

    /// Whether it is worth looking for items.
    pub(crate) fn may_be_list(&self) -> bool {
        self.kind.ends_with("List")
    }

    /// The kind of the items where the list tells: a `PodList` has pods, which do not repeat it.
    pub(crate) fn item_kind(&self) -> Option<&str> {
        self.kind.strip_suffix("List").filter(|kind| !kind.is_empty())
    }
}

struct HeadVisitor<'h, 'de> {
    head: &'h mut Head<'de>,
    whole: bool,
}

impl<'de> Visitor<'de> for HeadVisitor<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Kubernetes object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let head = self.head;
        head.is_object = true;
        while let Some(Key(key)) = entries.next_key()? {
            match &*key {
                "apiVersion" => head.api_version = entries.next_value_seed(TextSeed)?,
                "kind" => head.kind = entries.next_value_seed(TextSeed)?,
                "items" if self.whole => head.items = entries.next_value_seed(ItemsSeed)?,
                _ => {
                    entries.next_value::<IgnoredAny>()?;
                }
            }
            if !self.whole && !head.api_version.is_empty() && !head.kind.is_empty() {
                return Err(A::Error::custom("seen enough"));
            }
        }
        Ok(())
    }

    /// A bare list of objects is as good as a `List`.
    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<(), A::Error> {
        self.head.is_object = self.whole;
        self.head.kind = Cow::Borrowed("List");
        self.head.items = ItemsSeed.visit_seq(items)?;
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}

/// A string; anything else counts as empty.
struct TextSeed;

impl<'de> DeserializeSeed<'de> for TextSeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let raw = <&RawValue as serde::Deserialize>::deserialize(deserializer)?;
        let key: Result<Key<'de>, _> = serde_json::from_str(raw.get());
        Ok(key.map(|key| key.0).unwrap_or_default())
    }
}

/// The texts of a list's items; anything else counts as none.
struct ItemsSeed;

impl<'de> DeserializeSeed<'de> for ItemsSeed {
    type Value = Option<Vec<&'de RawValue>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ItemsSeed {
    type Value = Option<Vec<&'de RawValue>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Some(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }
}
