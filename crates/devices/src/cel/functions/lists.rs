//! Lists and sets.
//!
//! Upstream: cel-go `ext/{lists,sets}.go`; apiserver `pkg/cel/library/lists.go`.

use std::cmp::Ordering;
use std::sync::Arc;

use super::operators;
use crate::cel::value::{Fault, Outcome, Value};

const LARGEST_RANGE: i64 = 1_000_000;

pub(super) fn call(function: &str, args: &[Value]) -> Option<Outcome> {
    Some(match (function, args) {
        ("isSorted", [Value::List(items)]) => is_sorted(items),
        ("sum", [Value::List(items)]) => sum(items),
        ("min", [Value::List(items)]) => extreme("min", items, Ordering::Greater),
        ("max", [Value::List(items)]) => extreme("max", items, Ordering::Less),
        ("indexOf", [Value::List(items), item]) => {
            Ok(place(items.iter().position(|one| one.equal(item) == Ok(true))))
        }
        ("lastIndexOf", [Value::List(items), item]) => {
            Ok(place(items.iter().rposition(|one| one.equal(item) == Ok(true))))
        }
        ("includes", [Value::List(items), item]) => {
            Ok(Value::Bool(items.iter().any(|one| one.equal(item) == Ok(true))))
        }
        ("includes", [value, item]) => Ok(Value::Bool(value.equal(item) == Ok(true))),
        ("slice", [Value::List(items), Value::Int(start), Value::Int(end)]) => slice(items, *start, *end),
        ("flatten", [Value::List(items)]) => Ok(Value::list(flatten(items, 1))),
        ("flatten", [Value::List(_), Value::Int(depth)]) if *depth < 0 => {
            Err(Fault::new("level must be non-negative"))
        }
        ("flatten", [Value::List(items), Value::Int(depth)]) => Ok(Value::list(flatten(items, *depth))),
        ("sort", [Value::List(items)]) => sort(items, items),
        ("@sortByAssociatedKeys", [Value::List(items), Value::List(keys)]) => sort(items, keys),
        ("lists.range", [Value::Int(n)]) => range(*n),
        ("reverse", [Value::List(items)]) => Ok(Value::list(items.iter().rev().cloned().collect())),
        ("distinct", [Value::List(items)]) => {
            let mut kept: Vec<Value> = Vec::new();
            for item in items.iter() {
                if !kept.iter().any(|one| item.equal(one) == Ok(true)) {
                    kept.push(item.clone());
                }
            }
            Ok(Value::list(kept))
        }
        ("sets.contains", [Value::List(set), Value::List(part)]) => Ok(Value::Bool(contains(set, part))),
        ("sets.equivalent", [Value::List(a), Value::List(b)]) => {
            Ok(Value::Bool(contains(a, b) && contains(b, a)))
        }
        ("sets.intersects", [Value::List(a), Value::List(b)]) => {
            Ok(Value::Bool(a.iter().any(|item| contains(b, std::slice::from_ref(item)))))
        }
        _ => return None,
    })
}

/// A value as the index of a list: a whole number of whatever type.
///
/// # Errors
/// The value is no number, or has a fraction.
pub(crate) fn index(key: &Value) -> Result<i64, Fault> {
    let invalid = || Fault::new(format!("unsupported index type '{}' in list", key.type_name()));
    match key {
        Value::Int(at) => Ok(*at),
        Value::Uint(at) => i64::try_from(*at).map_err(|_| invalid()),
        Value::Double(at) if at.fract() == 0.0 => Ok(*at as i64),
        Value::Double(at) => Err(Fault::new(format!("unsupported index value {at} in list"))),
        _ => Err(invalid()),
    }
}

fn place(at: Option<usize>) -> Value {
    Value::Int(at.and_then(|at| i64::try_from(at).ok()).unwrap_or(-1))
}

fn contains(set: &[Value], part: &[Value]) -> bool {
    part.iter().all(|item| set.iter().any(|one| item.equal(one) == Ok(true)))
}

fn is_sorted(items: &[Value]) -> Outcome {
    for pair in items.windows(2) {
        if pair[0].compare(&pair[1])? == Ordering::Greater {
            return Ok(Value::Bool(false));
        }
    }
    Ok(Value::Bool(true))
}

fn sum(items: &[Value]) -> Outcome {
    let mut total = match items.first() {
        Some(Value::Uint(_)) => Value::Uint(0),
        Some(Value::Double(_)) => Value::Double(0.0),
        Some(Value::Duration(_)) => Value::Duration(0),
        _ => Value::Int(0),
    };
    for item in items {
        total = operators::call("_+_", &[total, item.clone()])
            .unwrap_or_else(|| Err(Fault::no_such_overload()))?;
    }
    Ok(total)
}

/// The item that none is beyond; `worse` is how it compares to a better one.
fn extreme(name: &str, items: &[Value], worse: Ordering) -> Outcome {
    let Some((first, rest)) = items.split_first() else {
        return Err(Fault::new(format!("{name} called on empty list")));
    };
    let mut best = first;
    for item in rest {
        if best.compare(item)? == worse {
            best = item;
        }
    }
    Ok(best.clone())
}

fn slice(items: &Arc<Vec<Value>>, start: i64, end: i64) -> Outcome {
    let cannot = format!("cannot slice({start}, {end})");
    let (Ok(from), Ok(to)) = (usize::try_from(start), usize::try_from(end)) else {
        return Err(Fault::new(format!("{cannot}, negative indexes not supported")));
    };
    if from > to {
        return Err(Fault::new(format!("{cannot}, start index must be less than or equal to end index")));
    }
    match items.get(from..to) {
        Some(part) => Ok(Value::list(part.to_vec())),
        None => Err(Fault::new(format!("{cannot}, list is length {}", items.len()))),
    }
}

fn flatten(items: &[Value], depth: i64) -> Vec<Value> {
    let mut flat = Vec::new();
    for item in items {
        match item {
            Value::List(inner) if depth > 0 => flat.extend(flatten(inner, depth - 1)),
            other => flat.push(other.clone()),
        }
    }
    flat
}

fn range(n: i64) -> Outcome {
    if n < 0 {
        return Err(Fault::new(format!("lists.range: size must be non-negative, got {n}")));
    }
    if n > LARGEST_RANGE {
        return Err(Fault::new(format!("lists.range: size {n} exceeds maximum allowed ({LARGEST_RANGE})")));
    }
    Ok(Value::list((0..n).map(Value::Int).collect()))
}

fn sort(items: &[Value], keys: &[Value]) -> Outcome {
    if items.len() != keys.len() {
        return Err(Fault::new(format!(
            "@sortByAssociatedKeys() expected a list of the same size as the associated keys list, but got {} and {} \
             elements respectively",
            items.len(),
            keys.len()
        )));
    }
    let Some(first) = keys.first() else { return Ok(Value::list(items.to_vec())) };
    if !first.is_comparable() {
        return Err(Fault::new("list elements must be comparable"));
    }
    if keys.iter().any(|key| key.type_name() != first.type_name()) {
        return Err(Fault::new("list elements must have the same type"));
    }
    let mut pairs: Vec<(&Value, &Value)> = keys.iter().zip(items).collect();
    pairs.sort_by(|(a, _), (b, _)| a.compare(b).unwrap_or(Ordering::Equal));
    Ok(Value::list(pairs.into_iter().map(|(_, item)| item.clone()).collect()))
}
