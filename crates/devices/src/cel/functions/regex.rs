//! Patterns.
//!
//! Upstream: Go's `regexp` (RE2); apiserver `pkg/cel/library/regex.go`. The crate `regex` has the same syntax but for
//! rarely used escapes, and finds the same leftmost-first matches.

use regex::Regex;

use crate::cel::value::{Fault, Outcome, Value};

/// Compiles a pattern.
///
/// # Errors
/// Go's message for the most common mistakes, or what the crate says.
pub(crate) fn compile(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|error| {
        let text = error.to_string();
        let why = if text.contains("unclosed character class") {
            let open = pattern.rfind('[').unwrap_or_default();
            format!("missing closing ]: `{}`", &pattern[open..])
        } else if text.contains("unclosed group") {
            format!("missing closing ): `{pattern}`")
        } else if text.contains("unopened group") {
            format!("unexpected ): `{pattern}`")
        } else if text.contains("repetition operator missing expression") {
            let at = pattern.find(['*', '+', '?']).unwrap_or_default();
            format!("missing argument to repetition operator: `{}`", &pattern[at..=at])
        } else if text.contains("look-around") {
            let at = pattern.find("(?").unwrap_or_default();
            format!("invalid or unsupported Perl syntax: `{}`", pattern.get(at..at + 3).unwrap_or(pattern))
        } else {
            text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
        };
        format!("error parsing regexp: {why}")
    })
}

/// A function with a pattern that is known when it is compiled.
pub(crate) fn call(function: &str, pattern: &Regex, args: &[Value]) -> Outcome {
    match (function, args) {
        ("matches", [Value::String(text), _]) => Ok(Value::Bool(pattern.is_match(text))),
        ("find", [Value::String(text), _]) => {
            Ok(Value::text(pattern.find(text).map_or("", |found| found.as_str())))
        }
        ("findAll", [Value::String(text), _]) => Ok(find_all(pattern, text, -1)),
        ("findAll", [Value::String(text), _, Value::Int(most)]) => Ok(find_all(pattern, text, *most)),
        _ => Err(Fault::no_such_overload()),
    }
}

fn find_all(pattern: &Regex, text: &str, most: i64) -> Value {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    Value::list(pattern.find_iter(text).take(most).map(|found| Value::text(found.as_str())).collect())
}

pub(super) fn uncompiled(function: &str, args: &[Value]) -> Option<Outcome> {
    let ("matches" | "find" | "findAll", [Value::String(_), Value::String(pattern), ..]) = (function, args)
    else {
        return None;
    };
    Some(match compile(pattern) {
        Ok(pattern) => call(function, &pattern, args),
        Err(error) if function == "matches" => Err(Fault::new(error)),
        Err(error) => Err(Fault::new(format!("Illegal regex: {error}"))),
    })
}
