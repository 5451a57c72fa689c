//! Typed access to the fields of one map, with upstream's strictness: names are known, once, and in exact case.
//!
//! As in Go's JSON reader a null leaves the field unset, and a wrong type is reported and leaves it unset too, so that
//! reading goes on and finds the rest.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

use crate::document::{Node, Value};
use crate::duration::Duration;
use crate::path::Path;
use crate::quote::quoted;
use crate::sink::Sink;

/// The fields of one map of the document.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    entries: &'a [(String, Node)],
    path: Path,
    sink: &'a Sink,
}

impl<'a> Fields<'a> {
    /// The fields of `node`, of which only those in `known` may be set; none where it is absent or null.
    pub(crate) fn open(node: Option<&'a Node>, path: Path, known: &[&str], sink: &'a Sink) -> Self {
        let entries: &[(String, Node)] = match node.map(|n| &n.value) {
            None | Some(Value::Null) => &[],
            Some(Value::Map(entries)) => entries,
            Some(other) => {
                sink.wrong_type(&path, shown(other), "must be a map");
                &[]
            }
        };
        for (i, (name, _)) in entries.iter().enumerate() {
            let earlier = |n: &String| entries[..i].iter().filter(|(e, _)| e == n).count();
            if earlier(name) == 1 {
                sink.duplicate_field(&path.child(name));
            } else if earlier(name) == 0 && !known.contains(&name.as_str()) {
                sink.unknown_field(&path.child(name));
            }
        }
        Self { entries, path, sink }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn at(&self, name: &str) -> Path {
        self.path.child(name)
    }

    pub(crate) fn sink(&self) -> &'a Sink {
        self.sink
    }

    /// The value of a field; none where it is unset or null.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Node> {
        let (_, node) = self.entries.iter().rfind(|(n, _)| n == name)?;
        (!matches!(node.value, Value::Null)).then_some(node)
    }

    pub(crate) fn object(&self, name: &str, known: &[&str]) -> Fields<'a> {
        Fields::open(self.get(name), self.at(name), known, self.sink)
    }

    pub(crate) fn int32(&self, name: &str) -> Option<i32> {
        self.read(name, "must be a whole number of 32 bits", |v| i32::try_from(whole(v)?).ok())
    }

    pub(crate) fn int64(&self, name: &str) -> Option<i64> {
        self.read(name, "must be a whole number of 64 bits", |v| i64::try_from(whole(v)?).ok())
    }

    pub(crate) fn uint64(&self, name: &str) -> Option<u64> {
        self.read(name, "must be a whole number of 64 bits, not below 0", |v| u64::try_from(whole(v)?).ok())
    }

    /// A number that may be written as a text, as quantities are; `parse` gets the text either way.
    pub(crate) fn number_or_text<T>(
        &self,
        name: &str,
        allowed: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        self.read(name, allowed, |v| match v {
            Value::Int(int) => parse(&int.to_string()),
            Value::Float(float) => parse(&float.to_string()),
            Value::Text(text) => parse(text),
            _ => None,
        })
    }

    pub(crate) fn float32(&self, name: &str) -> Option<f32> {
        self.read(name, "must be a number", |v| {
            let number = match v {
                Value::Int(int) => *int as f32,
                Value::Float(float) => *float as f32,
                _ => return None,
            };
            number.is_finite().then_some(number)
        })
    }

    pub(crate) fn boolean(&self, name: &str) -> Option<bool> {
        self.read(name, "must be true or false", |v| match v {
            Value::Bool(bool) => Some(*bool),
            _ => None,
        })
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.read(name, "must be a text; put it in quotes", as_text)
    }

    /// Base64, as JSON carries bytes.
    pub(crate) fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        self.read(name, "must be base64", |v| from_base64(&as_text(v)?))
    }

    /// A duration in Go's notation, as in `1m30s`.
    pub(crate) fn duration(&self, name: &str) -> Option<Duration> {
        let node = self.get(name)?;
        let Value::Text(text) = &node.value else {
            self.sink.wrong_type(&self.at(name), shown(&node.value), "must be a duration, as in \"1m30s\"");
            return None;
        };
        match Duration::parse(text) {
            Ok(duration) => Some(duration),
            Err(why) => {
                self.sink.wrong_type(&self.at(name), quoted(text), &why);
                None
            }
        }
    }

    /// Every item of a list, null ones included; empty where the field is unset.
    pub(crate) fn list<T>(&self, name: &str, read: impl Fn(&'a Node, Path) -> T) -> Vec<T> {
        let path = self.at(name);
        match self.get(name).map(|n| &n.value) {
            None => Vec::new(),
            Some(Value::List(items)) => {
                items.iter().enumerate().map(|(i, item)| read(item, path.index(i))).collect()
            }
            Some(other) => {
                self.sink.wrong_type(&path, shown(other), "must be a list");
                Vec::new()
            }
        }
    }

    /// A list of maps.
    pub(crate) fn objects<T>(&self, name: &str, known: &[&str], read: impl Fn(Fields<'a>) -> T) -> Vec<T> {
        self.list(name, |node, path| read(Fields::open(Some(node), path, known, self.sink)))
    }

    /// A list of texts. A null item is an empty text, as in Go.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        self.list(name, |node, path| match &node.value {
            Value::Null => String::new(),
            value => as_text(value).unwrap_or_else(|| {
                self.sink.wrong_type(&path, shown(value), "must be a text; put it in quotes");
                String::new()
            }),
        })
    }

    fn read<T>(&self, name: &str, allowed: &str, convert: impl Fn(&Value) -> Option<T>) -> Option<T> {
        let node = self.get(name)?;
        let value = convert(&node.value);
        if value.is_none() {
            self.sink.wrong_type(&self.at(name), shown(&node.value), allowed);
        }
        value
    }
}

/// Upstream's way from YAML by JSON makes a whole float an integer.
fn whole(value: &Value) -> Option<i128> {
    match value {
        Value::Int(int) => Some(*int),
        Value::Float(float) if float.fract() == 0.0 && float.abs() < 1e19 => Some(*float as i128),
        _ => None,
    }
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    }
}

/// A value in an error: short ones in full, and of a map or list only what it is.
fn shown(value: &Value) -> String {
    match value {
        Value::Map(_) => "a map".to_owned(),
        Value::List(_) => "a list".to_owned(),
        Value::Text(text) => quoted(text),
        other => other.to_json().to_string(),
    }
}

/// Standard base64 as Go's JSON reader takes bytes: padded, line ends ignored, the last bits of no meaning.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

fn from_base64(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
    BASE64.decode(digits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_from_base64() {
        for (text, expected) in [
            ("", Some("")),
            ("aA==", Some("h")),
            ("aGk=", Some("hi")),
            ("aGVs\nbG8h", Some("hello!")),
            ("aB==", Some("h")),
            ("aGk", None),
            ("====", None),
            ("a===", None),
            ("aG=k", None),
            ("aA==aA==", None),
            ("***x", None),
        ] {
            assert_eq!(from_base64(text).as_deref(), expected.map(str::as_bytes), "{text}");
        }
    }

    const KNOWN: &[&str] =
        &["int", "long", "size", "amount", "real", "flag", "text", "bytes", "time", "list", "texts"];

    /// Reads every field of a document, and says what was found wrong.
    fn problems(text: &str) -> Vec<String> {
        let node = crate::document::read(text.as_bytes()).unwrap();
        let sink = Sink::default();
        let fields = Fields::open(node.as_ref(), Path::root(), KNOWN, &sink);
        let _ = (fields.int32("int"), fields.int64("long"), fields.uint64("size"), fields.float32("real"));
        fields.number_or_text("amount", "must be a number", |t| {
            t.parse::<f64>().ok().filter(|n| n.is_finite())
        });
        fields.boolean("flag");
        let _ = (fields.text("text"), fields.bytes("bytes"), fields.duration("time"), fields.texts("texts"));
        fields.objects("list", &["a"], |item| item.int32("a"));
        sink.into_parts().0.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn values_that_go_would_take_are_taken() {
        let texts = [
            "int: 3.0\nlong: 9223372036854775807\nreal: 5\nflag: yes\ntext: '5'\nbytes: aGk=\ntime: 1m",
            "size: 18446744073709551615\namount: 2.5",
            "amount: '2.5'",
            "int: 1e1\nreal: 0.5\ntext: 2001-01-01\nlist: [null, {}, {a: null}]\ntexts: [null, a]",
            "int: null\nlist: ~\ntext:",
            "",
        ];
        for text in texts {
            assert_eq!(problems(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn each_wrong_value_is_named_with_what_is_allowed() {
        for (text, expected) in [
            ("int: x", "int: Invalid value: \"x\": must be a whole number of 32 bits"),
            ("int: '3'", "int: Invalid value: \"3\": must be a whole number of 32 bits"),
            ("int: 1.5", "int: Invalid value: 1.5: must be a whole number of 32 bits"),
            ("int: 3000000000", "int: Invalid value: 3000000000: must be a whole number of 32 bits"),
            ("int: true", "int: Invalid value: true: must be a whole number of 32 bits"),
            ("long: 1e30", "long: Invalid value: 1e+30: must be a whole number of 64 bits"),
            ("size: -1", "size: Invalid value: -1: must be a whole number of 64 bits, not below 0"),
            ("amount: .inf", "amount: Invalid value: null: must be a number"),
            ("amount: much", "amount: Invalid value: \"much\": must be a number"),
            ("amount: [1]", "amount: Invalid value: a list: must be a number"),
            ("real: 1e300", "real: Invalid value: 1e+300: must be a number"),
            ("real: .nan", "real: Invalid value: null: must be a number"),
            ("flag: 'true'", "flag: Invalid value: \"true\": must be true or false"),
            ("flag: 1", "flag: Invalid value: 1: must be true or false"),
            ("text: 5", "text: Invalid value: 5: must be a text; put it in quotes"),
            ("text: on", "text: Invalid value: true: must be a text; put it in quotes"),
            ("texts: [a, 5]", "texts[1]: Invalid value: 5: must be a text; put it in quotes"),
            ("bytes: '***'", "bytes: Invalid value: \"***\": must be base64"),
            ("time: 5", "time: Invalid value: 5: must be a duration, as in \"1m30s\""),
            ("time: soon", "time: Invalid value: \"soon\": time: invalid duration \"soon\""),
            ("list: {}", "list: Invalid value: a map: must be a list"),
            ("list: [5]", "list[0]: Invalid value: 5: must be a map"),
            ("list: [{b: 1}]", "unknown field \"list[0].b\""),
            ("Int: 1", "unknown field \"Int\""),
            ("int: 1\nint: 2\nint: 3", "duplicate field \"int\""),
        ] {
            assert_eq!(problems(text), [expected], "{text}");
        }
    }
}
