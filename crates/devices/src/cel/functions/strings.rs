//! Strings. Positions count characters.
//!
//! Upstream: cel-go `ext/strings.go`, version 2.

use super::template;
use crate::cel::value::{Fault, Outcome, Value};

pub(super) fn call(function: &str, args: &[Value]) -> Option<Outcome> {
    let texts = |parts: Vec<&str>| Value::list(parts.into_iter().map(Value::text).collect());
    Some(match (function, args) {
        ("contains", [Value::String(text), Value::String(part)]) => Ok(Value::Bool(text.contains(&**part))),
        ("startsWith", [Value::String(text), Value::String(part)]) => {
            Ok(Value::Bool(text.starts_with(&**part)))
        }
        ("endsWith", [Value::String(text), Value::String(part)]) => Ok(Value::Bool(text.ends_with(&**part))),
        ("charAt", [Value::String(text), Value::Int(at)]) => char_at(text, *at),
        ("indexOf", [Value::String(text), Value::String(part)]) => index_of(text, part, 0),
        ("indexOf", [Value::String(text), Value::String(part), Value::Int(from)]) => {
            index_of(text, part, *from)
        }
        ("lastIndexOf", [Value::String(text), Value::String(part)]) => {
            let length = text.chars().count() as i64;
            match &**part {
                "" => Ok(Value::Int(length)),
                part if text.len() < part.len() => Ok(Value::Int(-1)),
                part => last_index_of(text, part, length - 1),
            }
        }
        ("lastIndexOf", [Value::String(text), Value::String(part), Value::Int(from)]) => {
            last_index_of(text, part, *from)
        }
        ("lowerAscii", [Value::String(text)]) => Ok(Value::text(text.to_ascii_lowercase())),
        ("upperAscii", [Value::String(text)]) => Ok(Value::text(text.to_ascii_uppercase())),
        ("trim", [Value::String(text)]) => Ok(Value::text(text.trim())),
        ("replace", [Value::String(text), Value::String(old), Value::String(new)]) => {
            Ok(Value::text(text.replace(&**old, new)))
        }
        ("replace", [Value::String(text), Value::String(old), Value::String(new), Value::Int(most)]) => {
            Ok(Value::text(match usize::try_from(*most) {
                Ok(most) => text.replacen(&**old, new, most),
                Err(_) => text.replace(&**old, new),
            }))
        }
        ("split", [Value::String(text), Value::String(at)]) => Ok(texts(split(text, at, None))),
        ("split", [Value::String(text), Value::String(at), Value::Int(most)]) => {
            Ok(texts(split(text, at, usize::try_from(*most).ok())))
        }
        ("substring", [Value::String(text), Value::Int(start)]) => {
            let length = text.chars().count() as i64;
            if !(0..=length).contains(start) {
                return Some(Err(out_of_range(*start)));
            }
            substring(text, *start, length)
        }
        ("substring", [Value::String(text), Value::Int(start), Value::Int(end)]) => {
            substring(text, *start, *end)
        }
        ("join", [Value::List(items)]) => join(items, ""),
        ("join", [Value::List(items), Value::String(separator)]) => join(items, separator),
        ("strings.quote", [Value::String(text)]) => Ok(Value::text(quote(text))),
        ("format", [Value::String(text), Value::List(items)]) => template::format(text, items),
        _ => return None,
    })
}

fn out_of_range(at: i64) -> Fault {
    Fault::new(format!("index out of range: {at}"))
}

fn char_at(text: &str, at: i64) -> Outcome {
    let length = text.chars().count() as i64;
    match usize::try_from(at) {
        Ok(index) if at <= length => {
            Ok(Value::text(text.chars().nth(index).map(String::from).unwrap_or_default()))
        }
        _ => Err(out_of_range(at)),
    }
}

fn index_of(text: &str, part: &str, from: i64) -> Outcome {
    let Ok(start) = usize::try_from(from) else { return Err(out_of_range(from)) };
    let (text, part): (Vec<char>, Vec<char>) = (text.chars().collect(), part.chars().collect());
    if part.is_empty() {
        return Ok(Value::Int(from.min(text.len() as i64)));
    }
    let found = (start..text.len()).find(|at| text[*at..].starts_with(&part));
    Ok(Value::Int(found.map_or(-1, |at| at as i64)))
}

fn last_index_of(text: &str, part: &str, from: i64) -> Outcome {
    let Ok(start) = usize::try_from(from) else { return Err(out_of_range(from)) };
    let (text, part): (Vec<char>, Vec<char>) = (text.chars().collect(), part.chars().collect());
    if part.is_empty() {
        return Ok(Value::Int(from.min(text.len() as i64)));
    }
    if start >= text.len() {
        return Ok(Value::Int(-1));
    }
    let found = (0..=start).rev().find(|at| text[*at..].starts_with(&part));
    Ok(Value::Int(found.map_or(-1, |at| at as i64)))
}

/// As Go's `strings.SplitN`: an empty separator splits into characters.
fn split<'a>(text: &'a str, at: &str, most: Option<usize>) -> Vec<&'a str> {
    if most == Some(0) {
        return Vec::new();
    }
    if !at.is_empty() {
        return match most {
            Some(most) => text.splitn(most, at).collect(),
            None => text.split(at).collect(),
        };
    }
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if most.is_some_and(|most| parts.len() + 1 == most) {
            parts.push(rest);
            break;
        }
        let (one, after) = rest.split_at(first.len_utf8());
        parts.push(one);
        rest = after;
    }
    parts
}

fn substring(text: &str, start: i64, end: i64) -> Outcome {
    let length = text.chars().count() as i64;
    if start > end {
        return Err(Fault::new(format!("invalid substring range. start: {start}, end: {end}")));
    }
    for at in [start, end] {
        if !(0..=length).contains(&at) {
            return Err(out_of_range(at));
        }
    }
    let part: String = text.chars().skip(start as usize).take((end - start) as usize).collect();
    Ok(Value::text(part))
}

fn join(items: &[Value], separator: &str) -> Outcome {
    let mut joined = String::new();
    for (at, item) in items.iter().enumerate() {
        let Value::String(text) = item else {
            return Err(Fault::new(format!("join: invalid input: {item}")));
        };
        if at > 0 {
            joined.push_str(separator);
        }
        joined.push_str(text);
    }
    Ok(Value::text(joined))
}

fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            '\\' => quoted.push_str("\\\\"),
            '"' => quoted.push_str("\\\""),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
