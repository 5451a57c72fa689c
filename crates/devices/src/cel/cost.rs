//! What a call costs.
//!
//! Upstream: cel-go `interpreter/runtimecost.go` and the trackers of `ext/{sets,lists}.go`; apiserver
//! `pkg/cel/library/cost.go`.

use super::value::{Outcome, Value};

/// Reading a character.
const TRAVERSAL: f64 = 0.1;
/// Trying a character of a pattern.
const REGEX: f64 = 0.25;

fn size(of: &Outcome) -> u64 {
    of.as_ref().map_or(1, Value::size)
}

fn traversed(characters: u64, factor: f64) -> u64 {
    (characters as f64 * factor).ceil() as u64
}

/// Going through all of a value once. Costs of short strings vanish, as upstream's do.
fn traversal(of: &Value) -> u64 {
    match of {
        Value::String(text) => (text.len() as f64 * TRAVERSAL) as u64,
        Value::Bytes(bytes) => (bytes.len() as f64 * TRAVERSAL) as u64,
        Value::List(items) => items.iter().map(traversal).sum(),
        Value::Map(map) => map.entries.iter().map(|(key, value)| traversal(key) + traversal(value)).sum(),
        _ => 1,
    }
}

fn pattern(text: &Outcome, pattern_size: u64) -> u64 {
    traversed(1 + size(text), TRAVERSAL) * traversed(pattern_size, REGEX)
}

/// A call that makes a list: its dispatch, the list, and the work on its elements.
fn list_call(factor: f64, elements: u64) -> u64 {
    (elements as f64 * factor) as u64 + 1 + 10
}

fn self_compare(of: &Outcome) -> u64 {
    let elements = size(of);
    let textual = matches!(of, Ok(Value::List(items)) if matches!(items.first(), Some(Value::String(_) | Value::Bytes(_))));
    list_call(if textual { 2.0 + TRAVERSAL } else { 2.0 }, elements * elements)
}

/// What evaluating a call costs, beside its arguments.
pub(super) fn call_cost(function: &str, overload: &str, args: &[Outcome], result: &Outcome) -> u64 {
    by_overload(overload, args, result)
        .or_else(|| by_function(function, overload, args, result))
        .unwrap_or_else(|| standard(overload, args))
}

fn by_overload(overload: &str, args: &[Outcome], result: &Outcome) -> Option<u64> {
    Some(match (overload, args) {
        ("list_sets_contains_list" | "list_sets_intersects_list", [a, b]) => 1 + size(a) * size(b),
        ("list_sets_equivalent_list", [a, b]) => 1 + 2 * size(a) * size(b),
        ("list_slice" | "lists_range" | "list_reverse", _) => list_call(1.0, size(result)),
        ("list_flatten", [list]) => list_call(1.0, size(list)),
        ("list_flatten_int", [list, Ok(Value::Int(depth))]) => {
            list_call(if *depth < 0 { 1.0 } else { *depth as f64 }, size(list))
        }
        ("list_distinct", [list]) => self_compare(list),
        (sort, [list]) if sort.starts_with("list_") && sort.ends_with("_sort") => self_compare(list),
        (sort, [_, keys]) if sort.ends_with("_sortByAssociatedKeys") => self_compare(keys),
        _ => return None,
    })
}

fn by_function(function: &str, overload: &str, args: &[Outcome], result: &Outcome) -> Option<u64> {
    let first = args.first();
    Some(match (function, first, args.get(1)) {
        ("isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf" | "includes", Some(first), _) => {
            first.as_ref().map_or(1, traversal)
        }
        ("ip", Some(_), _) if overload == "cidr_ip" => 1,
        (
            "url" | "lowerAscii" | "upperAscii" | "substring" | "trim" | "cidr" | "isIP" | "isCIDR" | "ip"
            | "quantity" | "isQuantity" | "semver" | "isSemver",
            Some(text),
            _,
        ) => traversed(size(text), TRAVERSAL),
        ("replace" | "split" | "ip.isCanonical", Some(text), _) => traversed(size(text), 2.0 * TRAVERSAL),
        ("join", Some(_), _) => traversed(size(result), 2.0 * TRAVERSAL),
        ("find" | "findAll", Some(text), Some(regex)) => pattern(text, size(regex)),
        ("validate", Some(Ok(Value::Format(format))), Some(text)) => pattern(text, format.regex_size),
        ("containsIP", Some(cidr), Some(other)) => {
            let parsed =
                if overload == "cidr_contains_ip_string" { traversed(size(other), TRAVERSAL) } else { 0 };
            traversed(2 * size(cidr), TRAVERSAL) + parsed
        }
        ("containsCIDR", Some(cidr), Some(other)) => {
            let parsed =
                if overload == "cidr_contains_cidr_string" { traversed(size(other), TRAVERSAL) } else { 0 };
            traversed(2 * size(cidr), TRAVERSAL) + traversed(size(cidr), TRAVERSAL) + 1 + parsed
        }
        (
            "_==_",
            Some(Ok(
                Value::Quantity(..)
                | Value::Ip(_)
                | Value::Cidr(_)
                | Value::Format(_)
                | Value::Url(_)
                | Value::Semver(_),
            )),
            _,
        ) => 1,
        (
            "masked"
            | "prefixLength"
            | "family"
            | "isUnspecified"
            | "isLoopback"
            | "isLinkLocalMulticast"
            | "isLinkLocalUnicast"
            | "isGlobalUnicast"
            | "format.named"
            | "sign"
            | "asInteger"
            | "isInteger"
            | "asApproximateFloat"
            | "isGreaterThan"
            | "isLessThan"
            | "compareTo"
            | "add"
            | "sub"
            | "major"
            | "minor"
            | "patch"
            | "getScheme"
            | "getHostname"
            | "getHost"
            | "getPort"
            | "getEscapedPath"
            | "getQuery",
            ..,
        ) => 1,
        _ => return None,
    })
}

fn standard(overload: &str, args: &[Outcome]) -> u64 {
    let size_of = |at: usize| args.get(at).map_or(1, size);
    match overload {
        "starts_with_string" | "ends_with_string" => traversed(size_of(1), TRAVERSAL),
        "string_to_bytes" | "bytes_to_string" | "strings_quote" | "string_format" => {
            traversed(size_of(0), TRAVERSAL)
        }
        "in_list" => size_of(1),
        "less_string"
        | "greater_string"
        | "less_equals_string"
        | "greater_equals_string"
        | "less_bytes"
        | "greater_bytes"
        | "less_equals_bytes"
        | "greater_equals_bytes"
        | "equals"
        | "not_equals" => traversed(size_of(0).min(size_of(1)), TRAVERSAL),
        "add_string" | "add_bytes" => traversed(size_of(0) + size_of(1), TRAVERSAL),
        "matches" | "matches_string" => pattern(args.first().unwrap_or(&Ok(Value::Null)), size_of(1)),
        "contains_string" => traversed(size_of(0), TRAVERSAL) * traversed(size_of(1), TRAVERSAL),
        _ => 1,
    }
}
