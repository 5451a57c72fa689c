//! Resource quantities (`250m`, `1.5Gi`, `1e3`), exact to a nano-unit.
//!
//! Upstream: apimachinery `pkg/api/resource/quantity.go`. The grammar is
//! `<sign><digits>[.<digits>]<suffix>` with binary suffixes `Ki Mi Gi Ti Pi Ei`, decimal suffixes
//! `n u m "" k M G T P E`, or a decimal exponent (`e3`, `E-2`). A value finer than a nano-unit is rounded up
//! (away from zero), a value beyond ±(2^63-1) is capped there, as upstream does.

use std::fmt;
use std::ops::{Add, AddAssign};

const NANO: i128 = 1_000_000_000;
const MAX: i128 = i64::MAX as i128 * NANO;

/// An amount of a resource, in nano-units of its base unit (cores, bytes, or a count).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(i128);

/// Why a text is not a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuantityError {
    /// The text is empty.
    Empty,
    /// The text does not start with an optional sign and a number.
    NoNumber,
    /// What follows the number is none of the known suffixes.
    UnknownSuffix,
}

impl fmt::Display for QuantityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "a quantity must not be empty",
            Self::NoNumber => "a quantity starts with a number, as in 500m, 2, 1.5Gi or 1e3",
            Self::UnknownSuffix => {
                "a quantity ends in one of n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei or an exponent such as e3"
            }
        })
    }
}

impl std::error::Error for QuantityError {}

impl Quantity {
    /// Nothing of a resource.
    pub const ZERO: Self = Self(0);

    /// A whole number of base units.
    pub fn from_units(units: i64) -> Self {
        Self(i128::from(units) * NANO)
    }

    /// A number of thousandths of the base unit (milli-CPU).
    pub fn from_milli(milli: i64) -> Self {
        Self(i128::from(milli) * (NANO / 1000)).capped()
    }

    /// Reads a quantity.
    ///
    /// # Errors
    /// [`QuantityError`] says which part of the text does not follow the grammar.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        if text.is_empty() {
            return Err(QuantityError::Empty);
        }
        let (negative, unsigned) = match text.as_bytes()[0] {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(QuantityError::NoNumber);
        }
        let unit = Unit::parse(suffix)?;
        let nanos = unit.nanos(whole, fraction);
        Ok(Self(if negative { -nanos } else { nanos }))
    }

    /// The amount in base units, rounded up.
    pub fn value(self) -> i64 {
        clamp(div_up(self.0, NANO))
    }

    /// The amount in thousandths of the base unit, rounded up.
    pub fn milli_value(self) -> i64 {
        clamp(div_up(self.0, NANO / 1000))
    }

    /// The same amount, or the next one that is a whole number of thousandths: the API server stores no finer amounts.
    pub fn rounded_up_to_milli(self) -> Self {
        Self(div_up(self.0, NANO / 1000) * (NANO / 1000)).capped()
    }

    /// Whether there is nothing of the resource.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Whether the amount is below zero.
    pub fn is_negative(self) -> bool {
        self.0 < 0
    }

    fn capped(self) -> Self {
        Self(self.0.clamp(-MAX, MAX))
    }
}

impl Add for Quantity {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0).capped()
    }
}

impl AddAssign for Quantity {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

enum Unit {
    /// `unit * 2^n`
    Binary(u32),
    /// `unit * 10^n`
    Decimal(i32),
}

impl Unit {
    fn parse(suffix: &str) -> Result<Self, QuantityError> {
        Ok(match suffix {
            "n" => Self::Decimal(-9),
            "u" => Self::Decimal(-6),
            "m" => Self::Decimal(-3),
            "" => Self::Decimal(0),
            "k" => Self::Decimal(3),
            "M" => Self::Decimal(6),
            "G" => Self::Decimal(9),
            "T" => Self::Decimal(12),
            "P" => Self::Decimal(15),
            "E" => Self::Decimal(18),
            "Ki" => Self::Binary(10),
            "Mi" => Self::Binary(20),
            "Gi" => Self::Binary(30),
            "Ti" => Self::Binary(40),
            "Pi" => Self::Binary(50),
            "Ei" => Self::Binary(60),
            _ => {
                let exponent = suffix.strip_prefix(['e', 'E']).ok_or(QuantityError::UnknownSuffix)?;
                let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
                if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(QuantityError::UnknownSuffix);
                }
                // An exponent that overflows is as good as the largest one: the value is capped or rounds to one nano.
                let size = digits.parse::<i32>().unwrap_or(i32::MAX).min(1000);
                Self::Decimal(if exponent.starts_with('-') { -size } else { size })
            }
        })
    }

    /// The absolute value in nano-units, rounded up and capped.
    fn nanos(&self, whole: &str, fraction: &str) -> i128 {
        let (mut mantissa, mut exponent, mut rest) = (0i128, 9i32, false);
        for (digit, is_fraction) in
            whole.bytes().map(|b| (b, false)).chain(fraction.bytes().map(|b| (b, true)))
        {
            // 33 digits always hold in an i128; later digits can only change the rounding.
            if mantissa < 10i128.pow(32) {
                mantissa = mantissa * 10 + i128::from(digit - b'0');
                exponent -= i32::from(is_fraction);
            } else {
                rest |= digit != b'0';
                exponent += i32::from(!is_fraction);
            }
        }
        let scaled = match self {
            Self::Decimal(power) => scale_by_ten(mantissa, exponent + power),
            Self::Binary(power) => binary(mantissa, exponent, *power),
        };
        let (nanos, inexact) = scaled;
        (nanos + i128::from(inexact || (rest && nanos < MAX))).min(MAX)
    }
}

/// `mantissa * 10^exponent` cut to an integer, and whether anything was cut off.
fn scale_by_ten(mantissa: i128, exponent: i32) -> (i128, bool) {
    if mantissa == 0 {
        return (0, false);
    }
    if exponent >= 0 {
        let factor = 10i128.checked_pow(exponent.unsigned_abs());
        return (factor.and_then(|f| mantissa.checked_mul(f)).unwrap_or(MAX).min(MAX), false);
    }
    match 10i128.checked_pow(exponent.unsigned_abs()) {
        Some(divisor) => (mantissa / divisor, mantissa % divisor != 0),
        None => (0, true),
    }
}

/// `mantissa * 10^exponent * 2^power` cut to an integer, and whether anything was cut off.
fn binary(mantissa: i128, exponent: i32, power: u32) -> (i128, bool) {
    if exponent >= 0 {
        let (scaled, _) = scale_by_ten(mantissa, exponent);
        return (scaled.checked_mul(1i128 << power).unwrap_or(MAX).min(MAX), false);
    }
    match (mantissa.checked_mul(1i128 << power), 10i128.checked_pow(exponent.unsigned_abs())) {
        (Some(product), Some(divisor)) => (product / divisor, product % divisor != 0),
        // So many digits that the product overflows: divide first, the error is far below a nano-unit's weight.
        (None, Some(divisor)) => ((mantissa / divisor).checked_mul(1i128 << power).unwrap_or(MAX), true),
        (_, None) => (0, mantissa != 0),
    }
}

fn div_up(nanos: i128, unit: i128) -> i128 {
    // Away from zero, as upstream rounds.
    let cut = nanos / unit;
    cut + (nanos % unit).signum()
}

fn clamp(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

impl fmt::Display for Quantity {
    /// Prints the amount in base units, with as many decimals as it has.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, nanos) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        let (whole, rest) = (nanos / NANO.unsigned_abs(), nanos % NANO.unsigned_abs());
        if rest == 0 {
            return write!(f, "{sign}{whole}");
        }
        let decimals = format!("{rest:09}");
        write!(f, "{sign}{whole}.{}", decimals.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_quantity_has_the_value_that_upstream_gives_it() {
        let cases: &[(&str, i64, i64)] = &[
            ("0", 0, 0),
            ("1", 1, 1000),
            ("+1", 1, 1000),
            ("100m", 1, 100),
            ("0.5", 1, 500),
            (".5", 1, 500),
            ("1.", 1, 1000),
            ("1500m", 2, 1500),
            ("100n", 1, 1),
            ("1u", 1, 1),
            ("0.1Mi", 104_858, 104_857_600),
            ("1.5Gi", 1_610_612_736, 1_610_612_736_000),
            ("1e3", 1000, 1_000_000),
            ("1E3", 1000, 1_000_000),
            ("5k", 5000, 5_000_000),
            ("2e-3", 1, 2),
            ("777M", 777_000_000, 777_000_000_000),
            ("-1500m", -2, -1500),
            ("1E", 1_000_000_000_000_000_000, i64::MAX),
            ("12E", i64::MAX, i64::MAX),
            ("8Ei", i64::MAX, i64::MAX),
            ("1e400", i64::MAX, i64::MAX),
            ("1e-400", 1, 1),
            ("0.0000000001", 1, 1),
        ];
        for &(text, value, milli) in cases {
            let quantity = Quantity::parse(text).unwrap();
            assert_eq!((quantity.value(), quantity.milli_value()), (value, milli), "{text}");
        }
    }

    #[test]
    fn a_text_that_breaks_the_grammar_is_refused_with_the_reason() {
        let cases = [
            ("", QuantityError::Empty),
            ("-", QuantityError::NoNumber),
            ("m", QuantityError::NoNumber),
            ("1.2.3", QuantityError::NoNumber),
            ("1 Gi", QuantityError::UnknownSuffix),
            ("1gb", QuantityError::UnknownSuffix),
            ("1e", QuantityError::UnknownSuffix),
            ("1e1.5", QuantityError::UnknownSuffix),
            ("1Gi2", QuantityError::UnknownSuffix),
            ("0x10", QuantityError::UnknownSuffix),
            ("½", QuantityError::NoNumber),
        ];
        for (text, error) in cases {
            assert_eq!(Quantity::parse(text), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_parses_or_is_refused_without_panic(text in "\\PC{0,40}") {
            let _ = Quantity::parse(&text);
        }

        #[test]
        fn text_of_number_shape_never_panics(text in "[-+]?[0-9.]{0,60}([eE][-+]?[0-9]{0,12}|[KMGTPE]i?|[numk])?") {
            if let Ok(quantity) = Quantity::parse(&text) {
                let _ = (quantity.value(), quantity.milli_value(), quantity + quantity);
            }
        }

        #[test]
        fn what_is_printed_reads_back(milli in -1_000_000_000i64..1_000_000_000) {
            let quantity = Quantity::from_milli(milli);
            prop_assert_eq!(Quantity::parse(&quantity.to_string()), Ok(quantity));
        }
    }
}
