//! Decoding: from a serde data model (in practice `serde_json` over the text) straight into typed values.
//!
//! Unlike derived `Deserialize`, a value of the wrong type does not stop the decoding: it is noted in the
//! [`Context`] with its path, and decoding goes on with a default, so that one pass finds everything that is wrong.
//! As in Go, `null` is the same as an absent field.

mod collection;
mod object;
mod scalar;

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed as _, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

pub(crate) use collection::{Annotations, AnyMap, List, StringMap};
pub(crate) use object::{Fields, IntoModel, Obj, read_fields, wire_object};
pub(crate) use scalar::{Amount, Time, UninternedStr};

use crate::context::{Context, quoted};

/// A scalar of the data model.
pub(crate) enum Scalar<'a> {
    Bool(bool),
    Int(i64),
    Unsigned(u64),
    Float(f64),
    Text(&'a str),
}

impl fmt::Display for Scalar<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Unsigned(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value:?}"), // 1000.0 is no integer, and should not look like one
            Self::Text(value) => f.write_str(&quoted(value)),
        }
    }
}

/// A value that can be decoded in a [`Context`].
pub(crate) trait Decode<'de>: Sized + Default {
    /// What is expected, for messages: `a string`, `a list`.
    const EXPECTED: &'static str;

    /// Takes a scalar; `None` where the type is wrong.
    fn scalar(_found: &Scalar<'_>, _cx: &mut Context) -> Option<Self> {
        None
    }

    /// Takes a list.
    fn list<A: SeqAccess<'de>>(mut items: A, cx: &mut Context) -> Result<Self, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        cx.problem(format!("found a list, expected {}", Self::EXPECTED));
        Ok(Self::default())
    }

    /// Takes an object.
    fn map<A: MapAccess<'de>>(mut entries: A, cx: &mut Context) -> Result<Self, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        cx.problem(format!("found an object, expected {}", Self::EXPECTED));
        Ok(Self::default())
    }
}

/// Decodes JSON text. What is wrong with its fields goes into the context.
///
/// # Errors
/// When the text is not JSON.
pub(crate) fn decode<'de, T: Decode<'de>>(cx: &mut Context, json: &'de str) -> serde_json::Result<T> {
    Seed::<T>::new(cx).deserialize(&mut serde_json::Deserializer::from_str(json))
}

/// As [`decode`], and makes of it what the rest of the program uses.
///
/// # Errors
/// When the text is not JSON.
pub(crate) fn decode_model<'de, T: Decode<'de> + IntoModel>(
    cx: &mut Context,
    json: &'de str,
) -> serde_json::Result<T::Out> {
    Ok(decode::<T>(cx, json)?.into_model(cx))
}

impl<'de, T: Decode<'de>> Decode<'de> for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn scalar(found: &Scalar<'_>, cx: &mut Context) -> Option<Self> {
        T::scalar(found, cx).map(Some)
    }

    fn list<A: SeqAccess<'de>>(items: A, cx: &mut Context) -> Result<Self, A::Error> {
        T::list(items, cx).map(Some)
    }

    fn map<A: MapAccess<'de>>(entries: A, cx: &mut Context) -> Result<Self, A::Error> {
        T::map(entries, cx).map(Some)
    }
}

/// Decodes a `T` with the context at hand.
pub(crate) struct Seed<'c, T> {
    cx: &'c mut Context,
    kind: PhantomData<T>,
}

impl<'c, T> Seed<'c, T> {
    pub(crate) fn new(cx: &'c mut Context) -> Self {
        Self { cx, kind: PhantomData }
    }

    fn take<'de>(self, found: &Scalar<'_>) -> T
    where
        T: Decode<'de>,
    {
        if let Some(value) = T::scalar(found, self.cx) {
            return value;
        }
        let hint = match T::EXPECTED {
            "a string" if matches!(found, Scalar::Bool(_)) => {
                ": quote it (a plain y, n, yes, no, on or off is a boolean in YAML)"
            }
            "a string" => ": quote it",
            _ if matches!(found, Scalar::Text(_)) && scalar_without_quotes(T::EXPECTED) => {
                ": leave out the quotes"
            }
            _ => "",
        };
        self.cx.problem(format!("found {found}, expected {}{hint}", T::EXPECTED));
        T::default()
    }
}

fn scalar_without_quotes(expected: &str) -> bool {
    expected == scalar::INTEGER || expected == scalar::BOOLEAN
}

impl<'de, T: Decode<'de>> serde::de::DeserializeSeed<'de> for Seed<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Decode<'de>> Visitor<'de> for Seed<'_, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_bool<E>(self, value: bool) -> Result<T, E> {
        Ok(self.take(&Scalar::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<T, E> {
        Ok(self.take(&Scalar::Int(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<T, E> {
        Ok(self.take(&Scalar::Unsigned(value)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<T, E> {
        Ok(self.take(&Scalar::Float(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<T, E> {
        Ok(self.take(&Scalar::Text(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<T, A::Error> {
        T::list(items, self.cx)
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<T, A::Error> {
        T::map(entries, self.cx)
    }
}

/// A key of an object; not copied unless it has escapes.
pub(crate) struct Key<'de>(pub(crate) Cow<'de, str>);

impl<'de> serde::Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field name")
            }

            fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(value)))
            }

            fn visit_str<E>(self, value: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(value.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}
