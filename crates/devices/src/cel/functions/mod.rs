//! The implementations of the functions.

pub(crate) mod convert;
pub(crate) mod format;
pub(crate) mod lists;
pub(crate) mod net;
pub(crate) mod operators;
pub(crate) mod regex;
pub(crate) mod semver;
pub(crate) mod strings;
pub(crate) mod template;
pub(crate) mod time;

use std::cmp::Ordering;
use std::sync::Arc;

use berth_model::quantity::{Amount, Format};

use super::value::{Computed, Fault, Map, Outcome, Value};

/// Calls a function with values; which overload is meant follows from their types.
pub(crate) fn call(function: &str, args: &[Value]) -> Outcome {
    let result = operators::call(function, args)
        .or_else(|| convert::call(function, args))
        .or_else(|| strings::call(function, args))
        .or_else(|| lists::call(function, args))
        .or_else(|| optional(function, args))
        .or_else(|| quantity(function, args))
        .or_else(|| semver::call(function, args))
        .or_else(|| net::call(function, args))
        .or_else(|| format::call(function, args))
        .or_else(|| regex::uncompiled(function, args))
        .or_else(|| time::call(function, args));
    result.unwrap_or_else(|| Err(mismatch(function, args)))
}

/// The values are of types that no overload takes.
fn mismatch(function: &str, args: &[Value]) -> Fault {
    match function {
        // These are one implementation for all types, which looks at its arguments itself.
        "contains" | "startsWith" | "endsWith" | "matches" | "!_" => Fault::no_such_overload(),
        "size" | "sort" | "@in" => Fault::new(format!("no such overload: {function}")),
        _ => {
            let types: Vec<&str> = args.iter().map(Value::type_name).collect();
            Fault::new(format!("no such overload: {function}({})", types.join(", ")))
        }
    }
}

fn optional(function: &str, args: &[Value]) -> Option<Outcome> {
    Some(Ok(match (function, args) {
        ("optional.of", [value]) => Value::some(value.clone()),
        ("optional.ofNonZeroValue", [value]) if is_zero(value) => Value::Optional(None),
        ("optional.ofNonZeroValue", [value]) => Value::some(value.clone()),
        ("optional.none", []) => Value::Optional(None),
        ("hasValue", [Value::Optional(inner)]) => Value::Bool(inner.is_some()),
        ("value", [Value::Optional(inner)]) => match inner {
            Some(inner) => inner.as_ref().clone(),
            None => return Some(Err(Fault::new("optional.none() dereference"))),
        },
        ("first", [Value::List(items)]) => Value::Optional(items.first().cloned().map(Arc::new)),
        ("last", [Value::List(items)]) => Value::Optional(items.last().cloned().map(Arc::new)),
        ("optional.unwrap" | "unwrapOpt", [Value::List(items)]) => {
            let mut found = Vec::new();
            for item in items.iter() {
                let Value::Optional(inner) = item else {
                    return Some(Err(Fault::new(format!("value {item} is not optional"))));
                };
                found.extend(inner.as_ref().map(|inner| inner.as_ref().clone()));
            }
            Value::list(found)
        }
        ("cel.@mapInsert", [Value::Map(map), key, value]) => return Some(insert(map, [(key, value)])),
        ("cel.@mapInsert", [Value::Map(map), Value::Map(more)]) => {
            return Some(insert(map, more.entries.iter().map(|(key, value)| (key, value))));
        }
        _ => return None,
    }))
}

fn insert<'a>(map: &Map, more: impl IntoIterator<Item = (&'a Value, &'a Value)>) -> Outcome {
    let mut made = map.clone();
    for (key, value) in more {
        if made.get(key).is_some() {
            return Err(Fault::new(format!("insert failed: key {key} already exists")));
        }
        made.entries.push((key.clone(), value.clone()));
    }
    Ok(Value::Map(Arc::new(made)))
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) | Value::Int(0) | Value::Uint(0) | Value::Duration(0) => true,
        Value::Double(value) => *value == 0.0,
        Value::String(text) => text.is_empty(),
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Map(map) => map.entries.is_empty(),
        Value::Optional(inner) => inner.is_none(),
        _ => false,
    }
}

/// Upstream: apiserver `pkg/cel/library/quantity.go`.
fn quantity(function: &str, args: &[Value]) -> Option<Outcome> {
    let computed = |amount: Amount| Value::Quantity(Arc::new(amount), Computed::Yes);
    Some(Ok(match (function, args) {
        ("quantity", [Value::String(text)]) => match Amount::parse(text) {
            Ok(amount) => Value::quantity(amount),
            Err(error) => return Some(Err(Fault::new(error.to_string()))),
        },
        ("isQuantity", [Value::String(text)]) => Value::Bool(Amount::parse(text).is_ok()),
        ("sign", [Value::Quantity(amount, _)]) => {
            Value::Int(if amount.is_negative() { -1 } else { i64::from(!amount.quantity().is_zero()) })
        }
        ("asApproximateFloat", [Value::Quantity(amount, _)]) => Value::Double(amount.as_float()),
        ("isInteger", [Value::Quantity(amount, _)]) => Value::Bool(amount.as_integer().is_some()),
        ("asInteger", [Value::Quantity(amount, _)]) => match amount.as_integer() {
            Some(value) => Value::Int(value),
            None => return Some(Err(Fault::new("cannot convert value to integer"))),
        },
        ("isGreaterThan", [Value::Quantity(a, _), Value::Quantity(b, _)]) => Value::Bool(a > b),
        ("isLessThan", [Value::Quantity(a, _), Value::Quantity(b, _)]) => Value::Bool(a < b),
        ("compareTo", [Value::Quantity(a, _), Value::Quantity(b, _)]) => Value::Int(sign_of(a.cmp(b))),
        ("add", [Value::Quantity(a, _), Value::Quantity(b, _)]) => computed(a.as_ref() + b.as_ref()),
        ("sub", [Value::Quantity(a, _), Value::Quantity(b, _)]) => computed(a.as_ref() - b.as_ref()),
        ("add", [Value::Quantity(a, _), Value::Int(b)]) => {
            computed(a.as_ref() + &Amount::new(*b, Format::Exponent))
        }
        ("sub", [Value::Quantity(a, _), Value::Int(b)]) => {
            computed(a.as_ref() - &Amount::new(*b, Format::Exponent))
        }
        _ => return None,
    }))
}

/// -1, 0 or 1.
fn sign_of(order: Ordering) -> i64 {
    order as i64
}
