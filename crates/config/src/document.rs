//! From bytes to a tree of values: YAML 1.1 as upstream reads it, of which JSON is a part.
//!
//! The tree keeps what a typed reader would lose: where each value stands, and keys that occur twice.

use crate::error::ConfigError;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use std::collections::BTreeMap;
use std::fmt;

/// A configuration is a page of text. The limits are far above any real one, and low enough that hostile input
/// (nested lists, aliases of aliases) costs next to nothing.
const MAX_BYTES: usize = 1 << 20;
const MAX_DEPTH: usize = 48;
const MAX_NODES: usize = 100_000;

/// Where a value stands in the document, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
}

/// One value of the document.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) at: Position,
}

/// What a [`Node`] holds.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    /// In the order of the document, repeated keys included.
    Map(Vec<(String, Node)>),
}

/// Reads the only document in `bytes`; none where there is nothing but space and comments.
pub(crate) fn read(bytes: &[u8]) -> Result<Option<Node>, ConfigError> {
    if bytes.len() > MAX_BYTES {
        return Err(ConfigError::TooLarge { bytes: bytes.len(), limit: MAX_BYTES });
    }
    let text = std::str::from_utf8(bytes).map_err(|e| ConfigError::NotText { byte: e.valid_up_to() })?;
    let mut documents: Vec<Node> =
        serde_saphyr::from_multiple_with_options(text, options()).map_err(|e| syntax(&e))?;
    match documents.len() {
        0 | 1 => Ok(documents.pop()),
        count => Err(ConfigError::ManyDocuments { count }),
    }
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_events: 4 * MAX_NODES,
            max_recorded_anchor_events: MAX_NODES,
            max_documents: 64,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MAX_NODES },
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::PassThrough,
        // Upstream's reader is a YAML 1.1 one: 010 is eight, and `on` is true.
        legacy_octal_numbers: true,
        with_snippet: false,
    }
}

fn syntax(error: &serde_saphyr::Error) -> ConfigError {
    let at = error.location().map(|l| Position { line: l.line(), column: l.column() });
    ConfigError::Syntax { at, message: error.without_snippet().to_string() }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        let at = spanned.referenced;
        Ok(Self { value: spanned.value, at: Position { line: at.line(), column: at.column() } })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Int(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_string<E: serde::de::Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = entries.next_key::<Value>()? {
            let key = key.into_key().ok_or_else(|| A::Error::custom("a key must be a plain text"))?;
            map.push((key, entries.next_value()?));
        }
        Ok(Value::Map(map))
    }
}

impl Value {
    fn into_key(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Int(int) => Some(int.to_string()),
            Self::Float(float) => Some(float.to_string()),
            Self::Bool(bool) => Some(bool.to_string()),
            Self::Null | Self::List(_) | Self::Map(_) => None,
        }
    }

    /// Compact JSON with sorted keys, which is how upstream shows a value in an error.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(bool) => (*bool).into(),
            Self::Int(int) => i64::try_from(*int).map_or_else(|_| (*int as f64).into(), Into::into),
            Self::Float(float) => (*float).into(),
            Self::Text(text) => text.as_str().into(),
            Self::List(items) => items.iter().map(|n| n.value.to_json()).collect(),
            Self::Map(entries) => {
                let sorted: BTreeMap<&String, serde_json::Value> =
                    entries.iter().map(|(k, n)| (k, n.value.to_json())).collect();
                sorted.into_iter().map(|(k, v)| (k.clone(), v)).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match read(text.as_bytes()) {
            Ok(Some(node)) => node.value.to_json().to_string(),
            Ok(None) => "nothing".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn scalars_are_read_as_upstreams_yaml_reads_them() {
        for (text, expected) in [
            ("on", "true"),
            ("y", "true"),
            ("Off", "false"),
            ("010", "8"),
            ("0o10", "8"),
            ("0x10", "16"),
            ("0b11", "3"),
            ("1_0", "10"),
            ("1e1", "10.0"),
            ("2001-01-01", "\"2001-01-01\""),
            ("'5'", "\"5\""),
            ("!!str 5", "\"5\""),
            ("{a: ~, b: null, c: }", r#"{"a":null,"b":null,"c":null}"#),
            (r#"{"a": "\ud83d\ude00\/", "b": [1, 2.5]}"#, r#"{"a":"😀/","b":[1,2.5]}"#),
            ("{\n\t\"a\":\t1\n}", r#"{"a":1}"#),
            ("5: x", r#"{"5":"x"}"#),
            ("# only a comment", "nothing"),
            ("", "nothing"),
            ("---\na: 1\n---\n", r#"{"a":1}"#),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn a_repeated_key_is_kept_and_knows_its_line() {
        let node = read(b"a: 1\nb:\n  c: 2\na: 3\n").unwrap().unwrap();
        let Value::Map(entries) = node.value else { panic!("not a map") };
        let lines: Vec<_> = entries.iter().map(|(k, n)| (k.as_str(), n.at.line)).collect();
        assert_eq!(lines, [("a", 1), ("b", 3), ("a", 4)]);
    }

    #[test]
    fn hostile_documents_are_refused_in_no_time() {
        let laughs: String = std::iter::once("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned())
            .chain((1..12).map(|i| format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 10].join(","))))
            .collect();
        for text in
            [laughs, "[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(100_000), "&a [*a]".to_owned()]
        {
            assert!(read(text.as_bytes()).is_err());
        }
        assert!(matches!(read(&vec![b' '; MAX_BYTES + 1]), Err(ConfigError::TooLarge { .. })));
        assert!(matches!(read(b"a: \xff"), Err(ConfigError::NotText { byte: 3 })));
    }

    #[test]
    fn a_second_document_is_refused() {
        assert!(matches!(read(b"a: 1\n---\nb: 1\n"), Err(ConfigError::ManyDocuments { count: 2 })));
    }
}
