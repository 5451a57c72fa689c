//! `string.format`.
//!
//! Upstream: cel-go `ext/formatting.go`, with the locale en_US.

use crate::cel::functions::convert;
use crate::cel::value::{Fault, Outcome, Value};

const DEFAULT_PRECISION: usize = 6;

/// Fills the clauses of a template with values.
pub(super) fn format(template: &str, values: &[Value]) -> Outcome {
    let mut built = String::new();
    let mut rest = template;
    let mut next = 0;
    while let Some(at) = rest.find('%') {
        built.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            built.push('%');
            rest = after;
            continue;
        }
        let Some(value) = values.get(next) else {
            return Err(Fault::new(format!("index {next} out of range")));
        };
        if rest.is_empty() {
            return Err(Fault::new("unexpected end of string"));
        }
        next += 1;
        let (clause, precision, after) =
            clause(rest).map_err(|why| Fault::new(format!("could not parse formatting clause: {why}")))?;
        let text = filled(clause, precision, value)
            .map_err(|why| Fault::new(format!("error during formatting: {why}")))?;
        built.push_str(&text);
        rest = after;
    }
    built.push_str(rest);
    Ok(Value::text(built))
}

fn clause(text: &str) -> Result<(char, Option<usize>, &str), String> {
    let (precision, rest) = match text.strip_prefix('.') {
        None => (None, text),
        Some(after) => {
            let end = after.find(|c: char| !c.is_ascii_digit());
            let end =
                end.ok_or("error while parsing precision: could not find end of precision specifier")?;
            let number = after[..end].parse().map_err(|_| {
                let digits = &after[..end];
                format!(
                    "error while parsing precision: error while converting precision to integer: strconv.Atoi: parsing \
                     {digits:?}: invalid syntax"
                )
            })?;
            (Some(number), &after[end..])
        }
    };
    let Some(letter) = rest.chars().next() else { return Err("unexpected end of string".to_owned()) };
    if matches!(letter, 's' | 'd' | 'f' | 'e' | 'b' | 'x' | 'X' | 'o') {
        Ok((letter, precision, &rest[1..]))
    } else {
        Err(format!("unrecognized formatting clause \"{letter}\""))
    }
}

fn filled(clause: char, precision: Option<usize>, value: &Value) -> Result<String, String> {
    let given = value.type_name();
    match (clause, value) {
        ('s', _) => text(value),
        ('d', Value::Int(_) | Value::Uint(_)) => Ok(value.to_string()),
        ('d', _) => Err(format!("decimal clause can only be used on integers, was given {given}")),
        ('f', _) => match number(value) {
            Some(number) => Ok(grouped(number, precision.unwrap_or(DEFAULT_PRECISION))),
            None => Err(format!("fixed-point clause can only be used on doubles, was given {given}")),
        },
        ('e', _) => match number(value) {
            Some(number) => Ok(scientific(number, precision.unwrap_or(DEFAULT_PRECISION))),
            None => Err(format!("scientific clause can only be used on doubles, was given {given}")),
        },
        ('b', Value::Int(value)) => Ok(signed(*value, |value| format!("{value:b}"))),
        ('b', Value::Uint(value)) => Ok(format!("{value:b}")),
        ('b', Value::Bool(value)) => Ok(u8::from(*value).to_string()),
        ('b', _) => Err(format!("only integers and bools can be formatted as binary, was given {given}")),
        ('o', Value::Int(value)) => Ok(signed(*value, |value| format!("{value:o}"))),
        ('o', Value::Uint(value)) => Ok(format!("{value:o}")),
        ('o', _) => Err(format!("octal clause can only be used on integers, was given {given}")),
        (case, value) => {
            let lower = match value {
                Value::Int(value) => signed(*value, |value| format!("{value:x}")),
                Value::Uint(value) => format!("{value:x}"),
                Value::String(text) => text.bytes().map(|b| format!("{b:02x}")).collect(),
                Value::Bytes(bytes) => bytes.iter().map(|b| format!("{b:02x}")).collect(),
                _ => {
                    return Err(format!(
                        "only integers, byte buffers, and strings can be formatted as hex, was given {given}"
                    ));
                }
            };
            Ok(if case == 'X' { lower.to_uppercase() } else { lower })
        }
    }
}

fn signed(value: i64, digits: fn(u64) -> String) -> String {
    format!("{}{}", if value < 0 { "-" } else { "" }, digits(value.unsigned_abs()))
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Double(value) => Some(*value),
        Value::String(text) => match &**text {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

fn special(value: f64) -> Option<String> {
    if value.is_nan() {
        return Some("NaN".to_owned());
    }
    value.is_infinite().then(|| if value > 0.0 { "∞" } else { "-∞" }.to_owned())
}

/// A number with separators between thousands.
fn grouped(value: f64, precision: usize) -> String {
    special(value).unwrap_or_else(|| {
        let plain = format!("{value:.precision$}");
        let (sign, unsigned) = plain.strip_prefix('-').map_or(("", &*plain), |unsigned| ("-", unsigned));
        let (whole, fraction) = unsigned.split_once('.').map_or((unsigned, None), |(w, f)| (w, Some(f)));
        let mut groups = String::new();
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at).is_multiple_of(3) {
                groups.push(',');
            }
            groups.push(digit);
        }
        fraction.map_or_else(|| format!("{sign}{groups}"), |fraction| format!("{sign}{groups}.{fraction}"))
    })
}

fn scientific(value: f64, precision: usize) -> String {
    special(value).unwrap_or_else(|| {
        let plain = format!("{value:.precision$e}");
        let (mantissa, exponent) = plain.split_once('e').unwrap_or((&plain, "0"));
        let (sign, digits) = exponent.strip_prefix('-').map_or(("", exponent), |digits| ("⁻", digits));
        let raised: String = format!("{digits:0>2}")
            .chars()
            .map(|c| c.to_digit(10).and_then(|d| "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().nth(d as usize)).unwrap_or(c))
            .collect();
        format!("{mantissa} × 10{sign}{raised}")
    })
}

fn text(value: &Value) -> Result<String, String> {
    Ok(match value {
        Value::List(items) => {
            let parts = items.iter().map(element).collect::<Result<Vec<_>, _>>()?;
            format!("[{}]", parts.join(", "))
        }
        Value::Map(map) => {
            let mut parts = Vec::new();
            for (key, value) in &map.entries {
                if !matches!(key, Value::String(_) | Value::Bool(_) | Value::Int(_) | Value::Uint(_)) {
                    return Err(format!("no formatting function for map key of type {}", key.type_name()));
                }
                parts.push((element(key)?, element(value)?));
            }
            parts.sort();
            let parts: Vec<String> = parts.into_iter().map(|(key, value)| format!("{key}:{value}")).collect();
            format!("{{{}}}", parts.join(", "))
        }
        Value::Null => "null".to_owned(),
        other => match convert::to_string(other) {
            Ok(Value::String(text)) => text.to_string(),
            _ => {
                return Err(format!(
                    "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, \
                     durations, and timestamps, was given {}",
                    other.type_name()
                ));
            }
        },
    })
}

/// A value within a list or a map.
fn element(value: &Value) -> Result<String, String> {
    Ok(match value {
        Value::String(text) => format!("{text:?}"),
        Value::Bytes(_) => format!("b{:?}", text(value)?),
        Value::Double(number) if number.is_finite() => format!("{number:.DEFAULT_PRECISION$}"),
        Value::Duration(_) => format!("duration({:?})", text(value)?),
        Value::Timestamp(..) => format!("timestamp({:?})", text(value)?),
        Value::Type(_) => format!("type({})", text(value)?),
        other => text(other)?,
    })
}
