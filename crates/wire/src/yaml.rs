//! YAML: cut into documents as kubectl cuts it, each turned into JSON text, which is then decoded as any other.
//!
//! The detour gives YAML and JSON the same errors and the same types: as with kubectl, a plain `80` is a number and a
//! plain `on` a boolean, and neither is a string.

use std::fmt;
use std::io::Write as _;

use crate::context::quoted;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Error;
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::DuplicateKeyPolicy;

/// Deep enough for any object of Kubernetes, shallow enough for any stack.
const MAX_DEPTH: usize = 128;
/// How many times larger than the YAML its JSON may be. Escapes make it six times larger; only aliases make it more.
const MAX_GROWTH: usize = 8;
/// What even a short document may grow to, in bytes.
const MIN_LIMIT: usize = 1 << 20;

const TOO_DEEP: &str = "lists and objects are nested more than 128 deep";
const TOO_LARGE: &str = "aliases make the document many times larger than it is; write it out";

/// A document of a stream.
pub(crate) struct Document<'a> {
    /// Its text, with the separator line that begins it.
    pub(crate) text: &'a str,
    /// The number of its first line, from 1.
    pub(crate) line: usize,
}

impl Document<'_> {
    /// The number of the first line that is neither a separator nor empty nor a comment.
    pub(crate) fn first_line_of_content(&self) -> usize {
        self.line + self.text.lines().position(has_content).unwrap_or(0)
    }
}

/// A document as JSON text.
pub(crate) struct Converted {
    pub(crate) json: String,
    /// What to say of a key that occurs twice in one object; the last one counts.
    pub(crate) repeated_key: Option<String>,
}

/// Cuts a stream at its `---` lines. Documents without content are left out.
pub(crate) fn documents(text: &str) -> impl Iterator<Item = Document<'_>> {
    let mut rest = Some((text, 1));
    std::iter::from_fn(move || {
        let (text, line) = rest.take()?;
        let end = next_separator(text);
        if let Some(end) = end {
            rest = Some((&text[end..], line + text[..end].matches('\n').count()));
        }
        Some(Document { text: &text[..end.unwrap_or(text.len())], line })
    })
    .filter(|document| document.text.lines().any(has_content))
}

/// Where the next document begins, in bytes: at a separator that is not on the first line.
fn next_separator(text: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(found) = text[from..].find("\n---") {
        let at = from + found + 1;
        if is_separator(&text[at..]) {
            return Some(at);
        }
        from = at;
    }
    None
}

fn is_separator(line: &str) -> bool {
    line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

fn has_content(line: &str) -> bool {
    let line = if is_separator(line) { &line[3..] } else { line };
    let line = line.trim();
    !(line.is_empty() || line.starts_with(['#', '%']) || line == "...")
}

/// Why a document cannot be read as YAML.
pub(crate) struct YamlError {
    pub(crate) message: String,
}

/// Turns a document into JSON text. Anchors are resolved; comments are lost.
pub(crate) fn to_json(document: &Document<'_>) -> Result<Converted, YamlError> {
    match transcode(document.text, DuplicateKeyPolicy::Error) {
        Ok(json) => Ok(Converted { json, repeated_key: None }),
        Err(error) => {
            let message = message(&error, document.line);
            // kubectl takes the last of several equal keys, so that they are worth a warning and no more.
            if matches!(innermost(&error), Error::DuplicateMappingKey { .. })
                && let Ok(json) = transcode(document.text, DuplicateKeyPolicy::LastWins)
            {
                return Ok(Converted {
                    json,
                    repeated_key: Some(message.replacen("broken YAML at ", "", 1)),
                });
            }
            Err(YamlError { message })
        }
    }
}

fn transcode(text: &str, duplicate_keys: DuplicateKeyPolicy) -> Result<String, Error> {
    let mut out = Output { json: Vec::with_capacity(text.len()), limit: text.len() * MAX_GROWTH + MIN_LIMIT };
    let options = options(text.len(), duplicate_keys);
    serde_saphyr::with_deserializer_from_str_with_options(text, options, |yaml| {
        Transcode(&mut out).deserialize(yaml)
    })?;
    // All that was written is text: names, numbers and what JSON puts around them.
    Ok(String::from_utf8_lossy(&out.json).into_owned())
}

/// Says what is wrong and where in the whole stream.
fn message(error: &Error, first_line: usize) -> String {
    let text = match innermost(error) {
        Error::DuplicateMappingKey { key: Some(key), .. } => format!("the key {} occurs twice", quoted(key)),
        Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => TOO_DEEP.to_owned(),
        Error::Budget { .. } => TOO_LARGE.to_owned(),
        Error::NullIntoString { .. } => "a key is null; quote it if it is meant as text".to_owned(),
        Error::NonFiniteFloat { value, .. } => {
            format!("{} is no number that JSON has; quote it if it is meant as text", quoted(value))
        }
        other => {
            let text = other.to_string();
            // The message has the place once, counted from the first line of the stream.
            match text.split(" at line ").next().unwrap_or_default() {
                "recursion limit exceeded" => TOO_DEEP.to_owned(),
                "expected string scalar" => "a key is a list or an object; expected a string".to_owned(),
                text => text.to_owned(),
            }
        }
    };
    match error.location().filter(|location| location.line() > 0) {
        Some(location) => {
            let line = location.line().saturating_add(first_line as u64 - 1);
            format!("broken YAML at line {line}, column {}: {text}", location.column())
        }
        None => format!("broken YAML: {text}"),
    }
}

fn innermost(error: &Error) -> &Error {
    match error.without_snippet() {
        Error::AliasError { error, .. } => innermost(error),
        other => other,
    }
}

/// Limits that no honest document of this size meets.
fn options(bytes: usize, duplicate_keys: DuplicateKeyPolicy) -> serde_saphyr::Options {
    let count = bytes + 1024;
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_reader_input_bytes: None,
            max_events: count * 2,
            max_nodes: count,
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_total_scalar_bytes: count * MAX_GROWTH,
        },
        duplicate_keys: duplicate_keys,
        with_snippet: false,
        emit_comments: false,
        legacy_octal_numbers: true,
    }
}

struct Output {
    json: Vec<u8>,
    limit: usize,
}

impl Output {
    fn raw<E: serde::de::Error>(&mut self, text: &str) -> Result<(), E> {
        if self.json.len() + text.len() > self.limit {
            return Err(E::custom(TOO_LARGE));
        }
        self.json.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn string<E: serde::de::Error>(&mut self, text: &str) -> Result<(), E> {
        self.raw("")?;
        serde_json::to_writer(&mut self.json, text).map_err(E::custom)
    }

    fn number<E: serde::de::Error>(&mut self, number: impl fmt::Display) -> Result<(), E> {
        self.raw("")?;
        write!(self.json, "{number}").map_err(E::custom)
    }
}

/// Writes a value as JSON while it is read.
struct Transcode<'o>(&'o mut Output);

impl<'de> DeserializeSeed<'de> for Transcode<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Transcode<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.0.raw("null")
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.0.raw(if value { "true" } else { "false" })
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        self.0.number(value)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.0.number(value)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        if !value.is_finite() {
            return Err(E::custom("not a number that JSON has"));
        }
        // As Go prints it: a whole number has no fraction, so that 2.0 and 1e3 can stand where integers do.
        self.0.number(value)
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        self.0.string(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.0.raw("[")?;
        let mut first = true;
        loop {
            let before = self.0.json.len();
            if !first {
                self.0.raw(",")?;
            }
            if items.next_element_seed(Transcode(self.0))?.is_none() {
                self.0.json.truncate(before);
                return self.0.raw("]");
            }
            first = false;
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        self.0.raw("{")?;
        let mut first = true;
        loop {
            let before = self.0.json.len();
            if !first {
                self.0.raw(",")?;
            }
            if entries.next_key_seed(TranscodeKey(self.0))?.is_none() {
                self.0.json.truncate(before);
                return self.0.raw("}");
            }
            self.0.raw(":")?;
            entries.next_value_seed(Transcode(self.0))?;
            first = false;
        }
    }
}

/// Writes a key; keys are strings whatever they look like.
struct TranscodeKey<'o>(&'o mut Output);

impl<'de> DeserializeSeed<'de> for TranscodeKey<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for TranscodeKey<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        self.0.string(value)
    }
}
