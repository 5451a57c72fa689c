//! Scalars: strings, integers, quantities, times.

use berth_model::quantity::Quantity;
use berth_model::{Str, UnixSeconds};

use super::{Decode, Scalar};
use crate::context::{Context, quoted};
use crate::time::parse_rfc3339;

pub(super) const INTEGER: &str = "an integer";
pub(super) const BOOLEAN: &str = "true or false";

impl Decode<'_> for Str {
    const EXPECTED: &'static str = "a string";

    fn scalar(found: &Scalar<'_>, cx: &mut Context) -> Option<Self> {
        match found {
            Scalar::Text(text) => Some(cx.intern(text)),
            _ => None,
        }
    }
}

/// A string that hardly occurs twice (a name, a uid), so that sharing it is not worth a look-up.
#[derive(Clone, Debug, Default)]
pub(crate) struct UninternedStr(pub(crate) Str);

impl Decode<'_> for UninternedStr {
    const EXPECTED: &'static str = "a string";

    fn scalar(found: &Scalar<'_>, _: &mut Context) -> Option<Self> {
        match found {
            Scalar::Text(text) => Some(Self(Str::from(*text))),
            _ => None,
        }
    }
}

impl Decode<'_> for bool {
    const EXPECTED: &'static str = BOOLEAN;

    fn scalar(found: &Scalar<'_>, _: &mut Context) -> Option<Self> {
        match found {
            Scalar::Bool(value) => Some(*value),
            _ => None,
        }
    }
}

impl Decode<'_> for i64 {
    const EXPECTED: &'static str = INTEGER;

    fn scalar(found: &Scalar<'_>, _: &mut Context) -> Option<Self> {
        match *found {
            Scalar::Int(value) => Some(value),
            Scalar::Unsigned(value) => value.try_into().ok(),
            _ => None,
        }
    }
}

impl Decode<'_> for i32 {
    const EXPECTED: &'static str = INTEGER;

    fn scalar(found: &Scalar<'_>, cx: &mut Context) -> Option<Self> {
        let wide = i64::scalar(found, cx)?;
        if let Ok(value) = wide.try_into() {
            return Some(value);
        }
        cx.problem(format!("found {wide}, expected an integer from {} to {}", i32::MIN, i32::MAX));
        Some(0)
    }
}

/// A quantity, as text or as a plain number.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Amount(pub(crate) Quantity);

impl Decode<'_> for Amount {
    const EXPECTED: &'static str = "a quantity such as 500m, 2 or 1.5Gi";

    fn scalar(found: &Scalar<'_>, cx: &mut Context) -> Option<Self> {
        let parsed = match found {
            Scalar::Text(text) => Quantity::parse(text),
            Scalar::Int(value) => Ok(Quantity::from_units(*value)),
            Scalar::Unsigned(_) | Scalar::Float(_) => Quantity::parse(&found.to_string()),
            Scalar::Bool(_) => return None,
        };
        match parsed {
            // Upstream's defaulting rounds each amount of a resource list up to a thousandth.
            Ok(quantity) => Some(Self(quantity.rounded_up_to_milli())),
            Err(why) => {
                cx.problem(format!("found {found}, but {why}"));
                Some(Self::default())
            }
        }
    }
}

/// A time (RFC 3339), in seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Time(pub(crate) UnixSeconds);

impl Decode<'_> for Time {
    const EXPECTED: &'static str = "a time such as 2026-01-31T12:00:00Z";

    fn scalar(found: &Scalar<'_>, cx: &mut Context) -> Option<Self> {
        let Scalar::Text(text) = found else { return None };
        match parse_rfc3339(text) {
            Some(seconds) => Some(Self(seconds)),
            None => {
                cx.problem(format!("found {}, expected {}", quoted(text), Self::EXPECTED));
                Some(Self::default())
            }
        }
    }
}
