//! Arithmetic, order, negation, size, membership.

use std::cmp::Ordering;
use std::sync::Arc;

use super::time;
use crate::cel::value::{Fault, Outcome, Value};

const INT_OVERFLOW: &str = "integer overflow";
const UINT_OVERFLOW: &str = "unsigned integer overflow";

pub(super) fn call(function: &str, args: &[Value]) -> Option<Outcome> {
    Some(match (function, args) {
        ("!_", [Value::Bool(value)]) => Ok(Value::Bool(!value)),
        ("-_", [value]) => negate(value),
        ("_+_", [a, b]) => add(a, b),
        ("_-_", [a, b]) => subtract(a, b),
        ("_*_", [a, b]) => multiply(a, b),
        ("_/_", [a, b]) => divide(a, b),
        ("_%_", [a, b]) => modulo(a, b),
        ("_<_", [a, b]) => ordered(function, a, b, |order| order == Ordering::Less),
        ("_<=_", [a, b]) => ordered(function, a, b, |order| order != Ordering::Greater),
        ("_>_", [a, b]) => ordered(function, a, b, |order| order == Ordering::Greater),
        ("_>=_", [a, b]) => ordered(function, a, b, |order| order != Ordering::Less),
        ("@in", [value, Value::List(items)]) => {
            Ok(Value::Bool(items.iter().any(|item| value.equal(item) == Ok(true))))
        }
        ("@in", [key, Value::Map(map)]) => Ok(Value::Bool(map.get(key).is_some())),
        ("size", [Value::Ip(_) | Value::Cidr(_)]) => return None,
        ("size", [value]) => Ok(Value::Int(i64::try_from(value.sizer()?).unwrap_or(i64::MAX))),
        _ => return None,
    })
}

/// The operator does not exist for the type on the left.
fn unsupported(function: &str) -> Outcome {
    Err(Fault::new(format!("no such overload: {function}")))
}

fn int(value: Option<i64>) -> Outcome {
    value.map(Value::Int).ok_or_else(|| Fault::new(INT_OVERFLOW))
}

fn uint(value: Option<u64>) -> Outcome {
    value.map(Value::Uint).ok_or_else(|| Fault::new(UINT_OVERFLOW))
}

fn duration(nanos: Option<i64>) -> Outcome {
    nanos.map(Value::Duration).ok_or_else(|| Fault::new("duration overflow"))
}

fn negate(value: &Value) -> Outcome {
    match value {
        Value::Int(value) => int(value.checked_neg()),
        Value::Double(value) => Ok(Value::Double(-value)),
        Value::Duration(nanos) => duration(nanos.checked_neg()),
        Value::Bool(_) => Err(Fault::no_such_overload()),
        _ => unsupported("-_"),
    }
}

fn add(a: &Value, b: &Value) -> Outcome {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => int(a.checked_add(*b)),
        (Value::Uint(a), Value::Uint(b)) => uint(a.checked_add(*b)),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a + b)),
        (Value::String(a), Value::String(b)) => Ok(Value::text(format!("{a}{b}"))),
        (Value::Bytes(a), Value::Bytes(b)) => Ok(Value::Bytes(a.iter().chain(b.iter()).copied().collect())),
        (Value::List(a), Value::List(b)) => {
            Ok(Value::List(Arc::new(a.iter().chain(b.iter()).cloned().collect())))
        }
        (Value::Duration(a), Value::Duration(b)) => duration(a.checked_add(*b)),
        (Value::Timestamp(seconds, nanos), Value::Duration(by))
        | (Value::Duration(by), Value::Timestamp(seconds, nanos)) => {
            time::shifted(*seconds, *nanos, i128::from(*by))
        }
        (
            Value::Int(_)
            | Value::Uint(_)
            | Value::Double(_)
            | Value::String(_)
            | Value::Bytes(_)
            | Value::List(_)
            | Value::Duration(_)
            | Value::Timestamp(..),
            _,
        ) => Err(Fault::no_such_overload()),
        _ => unsupported("_+_"),
    }
}

fn subtract(a: &Value, b: &Value) -> Outcome {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => int(a.checked_sub(*b)),
        (Value::Uint(a), Value::Uint(b)) => uint(a.checked_sub(*b)),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a - b)),
        (Value::Duration(a), Value::Duration(b)) => duration(a.checked_sub(*b)),
        (Value::Timestamp(seconds, nanos), Value::Duration(by)) => {
            time::shifted(*seconds, *nanos, -i128::from(*by))
        }
        (Value::Timestamp(a, n), Value::Timestamp(b, m)) => {
            let nanos = i128::from(a - b) * 1_000_000_000 + i128::from(*n) - i128::from(*m);
            duration(i64::try_from(nanos).ok())
        }
        (
            Value::Int(_) | Value::Uint(_) | Value::Double(_) | Value::Duration(_) | Value::Timestamp(..),
            _,
        ) => Err(Fault::no_such_overload()),
        _ => unsupported("_-_"),
    }
}

fn multiply(a: &Value, b: &Value) -> Outcome {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => int(a.checked_mul(*b)),
        (Value::Uint(a), Value::Uint(b)) => uint(a.checked_mul(*b)),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a * b)),
        (Value::Int(_) | Value::Uint(_) | Value::Double(_), _) => Err(Fault::no_such_overload()),
        _ => unsupported("_*_"),
    }
}

fn divide(a: &Value, b: &Value) -> Outcome {
    match (a, b) {
        (Value::Int(_), Value::Int(0)) | (Value::Uint(_), Value::Uint(0)) => {
            Err(Fault::new("division by zero"))
        }
        (Value::Int(a), Value::Int(b)) => int(a.checked_div(*b)),
        (Value::Uint(a), Value::Uint(b)) => Ok(Value::Uint(a / b)),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a / b)),
        (Value::Int(_) | Value::Uint(_) | Value::Double(_), _) => Err(Fault::no_such_overload()),
        _ => unsupported("_/_"),
    }
}

fn modulo(a: &Value, b: &Value) -> Outcome {
    match (a, b) {
        (Value::Int(_), Value::Int(0)) | (Value::Uint(_), Value::Uint(0)) => {
            Err(Fault::new("modulus by zero"))
        }
        (Value::Int(a), Value::Int(b)) => int(a.checked_rem(*b)),
        (Value::Uint(a), Value::Uint(b)) => Ok(Value::Uint(a % b)),
        (Value::Int(_) | Value::Uint(_), _) => Err(Fault::no_such_overload()),
        _ => unsupported("_%_"),
    }
}

fn ordered(function: &str, a: &Value, b: &Value, holds: fn(Ordering) -> bool) -> Outcome {
    if a.is_comparable() { Ok(Value::Bool(holds(a.compare(b)?))) } else { unsupported(function) }
}
