//! Conversions between types.
//!
//! Upstream: `ConvertToType` of cel-go `common/types`.

use std::sync::Arc;

use super::time;
use crate::cel::value::{Fault, Outcome, Value};

pub(super) fn call(function: &str, args: &[Value]) -> Option<Outcome> {
    let [value] = args else { return None };
    Some(match function {
        "dyn" => Ok(value.clone()),
        "type" => Ok(Value::Type(Box::new(value.type_of()))),
        "bool" => to_bool(value),
        "int" => to_int(value),
        "uint" => to_uint(value),
        "double" => to_double(value),
        "string" => to_string(value),
        "bytes" => match value {
            Value::Bytes(_) => Ok(value.clone()),
            Value::String(text) => Ok(Value::Bytes(Arc::from(text.as_bytes()))),
            _ => Err(error(value, "bytes")),
        },
        "duration" => match value {
            Value::Duration(_) => Ok(value.clone()),
            Value::String(text) => time::parse_duration(text)
                .map(Value::Duration)
                .ok_or_else(|| error(value, "google.protobuf.Duration")),
            _ => Err(error(value, "google.protobuf.Duration")),
        },
        "timestamp" => time::to_timestamp(value),
        _ => return None,
    })
}

/// The values cannot be converted.
pub(super) fn error(value: &Value, to: &str) -> Fault {
    let from = value.type_name();
    Fault::new(format!("type conversion error from '{from}' to '{to}'"))
}

fn to_bool(value: &Value) -> Outcome {
    match value {
        Value::Bool(_) => Ok(value.clone()),
        Value::String(text) => match &**text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
            _ => Err(error(value, "bool")),
        },
        _ => Err(error(value, "bool")),
    }
}

fn to_int(value: &Value) -> Outcome {
    let overflow = || Fault::new("integer overflow");
    match value {
        Value::Int(_) => Ok(value.clone()),
        Value::Uint(value) => i64::try_from(*value).map(Value::Int).map_err(|_| overflow()),
        // Upstream leaves out the bounds themselves, which a double cannot tell from what is beyond them.
        Value::Double(value) => {
            let bound = 2f64.powi(63);
            if value.is_finite() && *value > -bound && *value < bound {
                Ok(Value::Int(*value as i64))
            } else {
                Err(overflow())
            }
        }
        Value::String(text) => text.parse().map(Value::Int).map_err(|_| error(value, "int")),
        Value::Timestamp(seconds, _) => Ok(Value::Int(*seconds)),
        Value::Duration(nanos) => Ok(Value::Int(*nanos)),
        _ => Err(error(value, "int")),
    }
}

fn to_uint(value: &Value) -> Outcome {
    let overflow = || Fault::new("unsigned integer overflow");
    match value {
        Value::Uint(_) => Ok(value.clone()),
        Value::Int(value) => u64::try_from(*value).map(Value::Uint).map_err(|_| overflow()),
        Value::Double(value) => {
            if value.is_finite() && *value >= 0.0 && *value < 2f64.powi(64) {
                Ok(Value::Uint(*value as u64))
            } else {
                Err(overflow())
            }
        }
        Value::String(text) if !text.starts_with('+') => {
            text.parse().map(Value::Uint).map_err(|_| error(value, "uint"))
        }
        _ => Err(error(value, "uint")),
    }
}

fn to_double(value: &Value) -> Outcome {
    match value {
        Value::Double(_) => Ok(value.clone()),
        Value::Int(value) => Ok(Value::Double(*value as f64)),
        Value::Uint(value) => Ok(Value::Double(*value as f64)),
        Value::String(text) => text.parse().map(Value::Double).map_err(|_| error(value, "double")),
        _ => Err(error(value, "double")),
    }
}

/// The value as a text.
pub(super) fn to_string(value: &Value) -> Outcome {
    Ok(match value {
        Value::String(_) => value.clone(),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Value::text(text),
            Err(_) => return Err(Fault::new("invalid UTF-8 in bytes, cannot convert to string")),
        },
        Value::Bool(_)
        | Value::Int(_)
        | Value::Uint(_)
        | Value::Double(_)
        | Value::Null
        | Value::Duration(_)
        | Value::Timestamp(..)
        | Value::Type(_)
        | Value::Ip(_)
        | Value::Cidr(_) => Value::text(value.to_string()),
        _ => return Err(error(value, "string")),
    })
}

/// A number as Go's `%g` prints it.
pub(crate) fn general(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let power: i32 = exponent.parse().unwrap_or_default();
    if (-4..21).contains(&power) {
        return format!("{value}");
    }
    let sign = if power < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", power.unsigned_abs())
}

/// Why the value of a whole expression is no truth value, in upstream's words.
pub(crate) fn not_bool(value: &Value) -> String {
    let reason = match value {
        Value::Int(_) | Value::Uint(_) => {
            format!("unsupported type conversion from '{}' to bool", value.type_name())
        }
        Value::String(_) => "unsupported native conversion from string to 'bool'".to_owned(),
        Value::Double(_) => "type conversion error from Double to 'bool'".to_owned(),
        Value::List(_) => "type conversion error from list to 'bool'".to_owned(),
        Value::Map(_) => "type conversion error from map to 'bool'".to_owned(),
        Value::Bytes(_) => "type conversion error from Bytes to 'bool'".to_owned(),
        Value::Semver(_) => "type conversion error from 'Semver' to 'bool'".to_owned(),
        Value::Quantity(..) => "type conversion error from 'Quantity' to 'bool'".to_owned(),
        Value::Format(_) => "type conversion error from 'Format' to 'bool'".to_owned(),
        Value::Ip(_) => "type conversion error from 'IP' to 'bool'".to_owned(),
        Value::Cidr(_) => "type conversion error from 'CIDR' to 'bool'".to_owned(),
        Value::Url(_) => "type conversion error from 'URL' to 'bool'".to_owned(),
        Value::Duration(_) => "type conversion error from 'Duration' to 'bool'".to_owned(),
        Value::Timestamp(..) => "type conversion error from 'Timestamp' to 'bool'".to_owned(),
        other => format!("type conversion error from '{}' to 'bool'", other.type_name()),
    };
    format!("CEL result of type {} could not be converted to bool: {reason}", value.type_name())
}
