//! A quantity that remembers how it is written, for values that go back to the API server.
//!
//! Upstream: apimachinery `pkg/api/resource/quantity.go`. A [`Quantity`] is only a value; a [`Amount`] has a format
//! too, which decides how a sum or a rounded value is printed (`2Gi`, not `2147483648`).

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Add, Sub};

use super::{NANO, Quantity, QuantityError};
use crate::Str;

/// The family of suffixes with which an amount is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `k`, `M`, `G`, …
    Decimal,
    /// `Ki`, `Mi`, `Gi`, …
    Binary,
    /// `e3`, `e6`, …
    Exponent,
}

/// Why a text is not an amount, in upstream's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmountError {
    /// The text is no number with a suffix.
    Format,
    /// The suffix is unknown.
    Suffix,
}

impl fmt::Display for AmountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Format => {
                "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
            }
            Self::Suffix => "unable to parse quantity's suffix",
        })
    }
}

impl std::error::Error for AmountError {}

/// A quantity with its format.
///
/// Amounts are equal when their values are; [`Self::same_representation`] compares more.
#[derive(Clone, Debug)]
pub struct Amount {
    quantity: Quantity,
    format: Format,
    /// The text it was read from, if that was in canonical form. Upstream keeps it beside the value.
    text: Option<Str>,
}

impl Amount {
    /// A whole number of base units.
    pub fn new(units: i64, format: Format) -> Self {
        Self { quantity: Quantity::from_units(units), format, text: None }
    }

    /// Reads an amount.
    ///
    /// # Errors
    /// [`AmountError`] has upstream's text for what is wrong.
    pub fn parse(text: &str) -> Result<Self, AmountError> {
        let number_end = shape(text)?;
        let suffix = &text[number_end..];
        let number = &text[..number_end];
        let digits = number.trim_start_matches(['+', '-']);
        let readable =
            if digits.is_empty() || digits == "." { format!("0{suffix}") } else { text.to_owned() };
        let quantity = Quantity::parse(&readable).map_err(|error| match error {
            QuantityError::UnknownSuffix => AmountError::Suffix,
            QuantityError::Empty | QuantityError::NoNumber => AmountError::Format,
        })?;
        let mut format = match suffix {
            "Ki" | "Mi" | "Gi" | "Ti" | "Pi" | "Ei" => Format::Binary,
            "E" => Format::Decimal,
            _ if suffix.starts_with(['e', 'E']) => Format::Exponent,
            _ => Format::Decimal,
        };
        if quantity.scale.is_none() && format == Format::Binary && (1..NANO).contains(&quantity.nanos.abs()) {
            format = Format::Decimal;
        }
        let canonical = text == "0" || is_canonical(&quantity, format, digits);
        Ok(Self { quantity, format, text: canonical.then(|| text.into()) })
    }

    /// The value alone.
    pub fn quantity(&self) -> Quantity {
        self.quantity
    }

    /// The value in base units, rounded away from zero; what does not fit wraps as upstream's does.
    pub fn value(&self) -> i64 {
        self.quantity.value()
    }

    /// The family of suffixes.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The value in base units, if upstream keeps it as a whole 64-bit number.
    pub fn as_integer(&self) -> Option<i64> {
        let scale = self.quantity.scale?;
        (scale >= 0).then(|| i64::try_from(self.quantity.nanos / NANO).ok())?
    }

    /// The value as a floating-point number, which may lose precision.
    pub fn as_float(&self) -> f64 {
        match self.quantity.scale {
            Some(scale) => {
                let unit = u32::try_from(scale + 9).ok().and_then(|power| 10i128.checked_pow(power));
                let base = unit.map_or(0.0, |unit| (self.quantity.nanos / unit) as f64);
                if scale == 0 { base } else { base * 10f64.powi(scale) }
            }
            None => self.quantity.nanos as f64 / NANO as f64,
        }
    }

    /// Whether the value is below zero.
    pub fn is_negative(&self) -> bool {
        self.quantity.is_negative()
    }

    /// Whether upstream's two structs are equal: value, scale, format and kept text. Amounts that upstream keeps as
    /// decimal numbers of any length are compared by their address there, so they are never the same.
    pub fn same_representation(&self, other: &Self) -> bool {
        let narrow = self.quantity.scale.is_some() && self.quantity.scale == other.quantity.scale;
        narrow && self.quantity == other.quantity && self.format == other.format && self.text == other.text
    }

    fn combine(&self, other: &Self, sum: Quantity, keeps_zero_format: bool) -> Self {
        let format = if keeps_zero_format && self.quantity.is_zero() { other.format } else { self.format };
        Self { quantity: sum, format, text: None }
    }
}

impl Add for &Amount {
    type Output = Amount;
    fn add(self, other: Self) -> Amount {
        self.combine(other, self.quantity + other.quantity, true)
    }
}

impl Sub for &Amount {
    type Output = Amount;
    fn sub(self, other: Self) -> Amount {
        let negated = Quantity { nanos: -other.quantity.nanos, scale: other.quantity.scale };
        self.combine(other, self.quantity + negated, true)
    }
}

impl PartialEq for Amount {
    fn eq(&self, other: &Self) -> bool {
        self.quantity == other.quantity
    }
}

impl Eq for Amount {}

impl Hash for Amount {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.quantity.hash(state);
    }
}

impl PartialOrd for Amount {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Amount {
    fn cmp(&self, other: &Self) -> Ordering {
        self.quantity.cmp(&other.quantity)
    }
}

impl fmt::Display for Amount {
    /// The canonical form: the largest suffix with which the number is whole.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(text) = &self.text {
            return f.write_str(text);
        }
        let nanos = self.quantity.nanos;
        let whole = nanos % NANO == 0;
        if nanos == 0 {
            return f.write_str("0");
        }
        if self.format == Format::Binary && whole && (nanos / NANO).abs() >= 1024 {
            let (mut number, mut power) = (nanos / NANO, 0);
            while number % 1024 == 0 && power < 6 {
                (number, power) = (number / 1024, power + 1);
            }
            return write!(f, "{number}{}", ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"][power]);
        }
        let (mut number, mut exponent) = (nanos, -9);
        while number % 1000 == 0 && (exponent < 18 || self.format == Format::Exponent) {
            (number, exponent) = (number / 1000, exponent + 3);
        }
        match (self.format, exponent) {
            (_, 0) => write!(f, "{number}"),
            (Format::Exponent, _) => write!(f, "{number}e{exponent}"),
            _ => write!(
                f,
                "{number}{}",
                ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"][(exponent / 3 + 3) as usize]
            ),
        }
    }
}

/// Where the number ends and the suffix begins, if the text has the shape of a quantity.
fn shape(text: &str) -> Result<usize, AmountError> {
    let bytes = text.as_bytes();
    if bytes.is_empty() {
        return Err(AmountError::Format);
    }
    let run = |from: usize, part: fn(u8) -> bool| {
        bytes[from..].iter().position(|b| !part(*b)).map_or(bytes.len(), |length| from + length)
    };
    let digit = |b: u8| b.is_ascii_digit();
    let mut at = usize::from(matches!(bytes[0], b'+' | b'-'));
    at = run(at, digit);
    if bytes.get(at) == Some(&b'.') {
        at = run(at + 1, digit);
    }
    let number_end = at;
    at = run(at, |b| b"eEinumkKMGTP".contains(&b));
    if matches!(bytes.get(at), Some(b'+' | b'-')) {
        at += 1;
    }
    if run(at, digit) == bytes.len() { Ok(number_end) } else { Err(AmountError::Format) }
}

/// Whether upstream keeps the text beside the value: it took the fast path, and the text is (nearly) canonical.
fn is_canonical(quantity: &Quantity, format: Format, digits: &str) -> bool {
    let Some(scale) = quantity.scale else { return false };
    let shifted: String = digits.trim_start_matches('0').chars().filter(char::is_ascii_digit).collect();
    match format {
        Format::Binary => shifted.parse::<i64>().is_ok_and(|value| value & 7 != 0),
        _ => scale % 3 == 0 && !shifted.ends_with("000") && !shifted.is_empty() && !digits.starts_with("0."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_printed_as_upstream_prints_it() {
        let cases = [
            ("1500Mi", "1500Mi"),
            ("2048Mi", "2Gi"),
            ("0.5Gi", "512Mi"),
            ("1000", "1k"),
            ("1000m", "1"),
            ("0.25", "250m"),
            ("1e9", "1e9"),
            ("1000e6", "1e9"),
            ("24G", "24G"),
            ("512", "512"),
            ("1Ki", "1Ki"),
            ("0", "0"),
            ("-5000", "-5k"),
        ];
        for (text, printed) in cases {
            assert_eq!(Amount::parse(text).unwrap().to_string(), printed, "{text}");
        }
    }

    #[test]
    fn sums_keep_the_format_of_the_first_unless_it_is_zero() {
        let cases = [
            ("1Gi", "1G", "2073741824"),
            ("0", "1Gi", "1Gi"),
            ("1G", "1Gi", "2073741824"),
            ("1Gi", "1Gi", "2Gi"),
        ];
        for (a, b, sum) in cases {
            assert_eq!(
                (&Amount::parse(a).unwrap() + &Amount::parse(b).unwrap()).to_string(),
                sum,
                "{a} + {b}"
            );
        }
    }

    #[test]
    fn a_text_that_is_no_amount_is_refused_in_upstreams_words() {
        for text in ["", "h100", "x y", "1.2.3", "1gb", "gpu.example.com"] {
            assert_eq!(Amount::parse(text), Err(AmountError::Format), "{text}");
        }
        for text in ["1Gi2", "1KK", "1e"] {
            assert_eq!(Amount::parse(text), Err(AmountError::Suffix), "{text}");
        }
    }
}
