//! Resource quantities (`250m`, `1.5Gi`, `1e3`), exact to a nano-unit.
//!
//! Upstream: apimachinery `pkg/api/resource/quantity.go`. The grammar is `<sign><digits>[.<digits>]<suffix>` with
//! binary suffixes `Ki Mi Gi Ti Pi Ei`, decimal suffixes `n u m "" k M G T P E`, or a decimal exponent (`e3`, `E-2`). A
//! value finer than a nano-unit is rounded up (away from zero).
//!
//! Amounts beyond 64 bits have the values that upstream gives them: one with a binary suffix is capped at 2^63-1;
//! a short decimal one (`12E`, `1e30`) counts as nothing or wraps, by its power of ten; a long one, and a sum that no
//! longer fits, wraps. Whatever is absurd even so, beyond 10^29 base units, may come out different.

mod amount;
mod unit;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Add, AddAssign};

pub use amount::{Amount, AmountError, Format};
use unit::Unit;

const NANO: i128 = 1_000_000_000;
const MAX: i128 = i64::MAX as i128 * NANO;

/// An amount of a resource, in nano-units of its base unit (cores, bytes, or a count).
///
/// Amounts are equal when their values are, however they were written.
#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    nanos: i128,
    /// Upstream keeps most amounts as 64 bits times a power of ten; this is that power. `None` where it keeps a decimal
    /// number of any length: too many digits, or a binary suffix after a fraction. It matters beyond 64 bits only.
    scale: Option<i32>,
}

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
    pub const ZERO: Self = Self { nanos: 0, scale: Some(0) };

    /// A whole number of base units.
    pub fn from_units(units: i64) -> Self {
        Self { nanos: i128::from(units) * NANO, scale: Some(0) }
    }

    /// A number of thousandths of the base unit (milli-CPU).
    pub fn from_milli(milli: i64) -> Self {
        Self { nanos: i128::from(milli) * (NANO / 1000), scale: Some(-3) }
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
        Ok(Self { nanos: if negative { -nanos } else { nanos }, scale: unit.scale(whole, fraction) })
    }

    /// The amount as a text that [`Self::parse`] reads as the very same: beyond 64 bits an amount's value depends on
    /// the power of ten that it was written with.
    pub fn to_exact_string(self) -> String {
        let Some(power) = self.scale.filter(|power| *power > 0 && !self.is_zero()) else {
            return self.to_string();
        };
        let unit = u32::try_from(power + 9).ok().and_then(|zeros| 10i128.checked_pow(zeros));
        // Where the unit itself is too large, every amount of it is the largest there is.
        let count = unit.map_or(self.nanos.signum(), |unit| div_up(self.nanos, unit));
        format!("{count}e{power}")
    }

    /// The amount in thousand millionths of the base unit, exact; for sums that must not lose anything.
    pub fn nanos(self) -> i128 {
        self.nanos
    }

    /// The amount in base units, rounded up.
    pub fn value(self) -> i64 {
        self.at_scale(0)
    }

    /// The amount in thousandths of the base unit, rounded up.
    pub fn milli_value(self) -> i64 {
        self.at_scale(-3)
    }

    /// The amount in units of a power of ten, rounded up.
    fn at_scale(self, power: i32) -> i64 {
        let amount = div_up(self.nanos, if power == 0 { NANO } else { NANO / 1000 });
        i64::try_from(amount).unwrap_or_else(|_| match self.scale {
            // Upstream multiplies by these powers of ten at one stroke, by all others step by step until it overflows.
            Some(scale) if ![1, 2, 3, 6, 9].contains(&(scale - power)) => 0,
            _ => amount as i64, // wraps
        })
    }

    /// The same amount, or the next one that is a whole number of thousandths: the API server stores no finer amounts.
    pub fn rounded_up_to_milli(self) -> Self {
        let nanos = div_up(self.nanos, NANO / 1000).saturating_mul(NANO / 1000);
        Self { nanos, scale: self.scale.map(|scale| scale.max(-3)) }
    }

    /// Whether there is no fraction of the base unit, by upstream's way to tell.
    pub fn is_whole(self) -> bool {
        self.milli_value() % 1000 == 0
    }

    /// Whether the amount, in base units rounded up, is a number of 64 bits. Upstream's arithmetic wraps if it is not.
    pub fn fits_64_bits(self) -> bool {
        i64::try_from(div_up(self.nanos, NANO)).is_ok()
    }

    /// Whether there is nothing of the resource.
    pub fn is_zero(self) -> bool {
        self.nanos == 0
    }

    /// Whether the amount is below zero.
    pub fn is_negative(self) -> bool {
        self.nanos < 0
    }
}

impl Default for Quantity {
    fn default() -> Self {
        Self::ZERO
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl Hash for Quantity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.nanos.hash(state);
    }
}

impl Add for Quantity {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let nanos = self.nanos.saturating_add(other.nanos);
        let scale = match (self.scale, other.scale) {
            (Some(_), Some(_)) if other.is_zero() => self.scale,
            (Some(_), Some(_)) if self.is_zero() => other.scale,
            (Some(a), Some(b)) => {
                let scale = a.min(b);
                let fits = |nanos| fits_at(nanos, scale);
                (fits(self.nanos) && fits(other.nanos) && fits(nanos)).then_some(scale)
            }
            _ => None,
        };
        Self { nanos, scale }
    }
}

/// Whether an amount is 64 bits times this power of ten.
fn fits_at(nanos: i128, scale: i32) -> bool {
    let unit = u32::try_from(scale + 9).ok().and_then(|power| 10i128.checked_pow(power));
    unit.is_none_or(|unit| i64::try_from(nanos / unit).is_ok())
}

impl AddAssign for Quantity {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

fn div_up(nanos: i128, unit: i128) -> i128 {
    // Away from zero, as upstream rounds.
    let cut = nanos / unit;
    cut + (nanos % unit).signum()
}

impl fmt::Display for Quantity {
    /// Prints the amount in base units, with as many decimals as it has.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, nanos) = (if self.is_negative() { "-" } else { "" }, self.nanos.unsigned_abs());
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
            ("1E", 1_000_000_000_000_000_000, 0),
            ("12E", 0, 0),
            ("8Ei", i64::MAX, -1000),
            ("9223372036854775807", i64::MAX, -1000),
            ("9223372036854775808", i64::MIN, 0),
            ("1e19", 0, 0),
            ("10000000000000000000", -8_446_744_073_709_551_616, 1_864_712_049_423_024_128),
            ("1e400", 0, 0),
            ("1e-400", 1, 1),
            ("0.0000000001", 1, 1),
        ];
        for &(text, value, milli) in cases {
            let quantity = Quantity::parse(text).unwrap();
            assert_eq!((quantity.value(), quantity.milli_value()), (value, milli), "{text}");
        }
    }

    #[test]
    fn sums_beyond_64_bits_have_the_values_that_upstream_gives_them() {
        let cases = [
            ("12E", "0", 0),
            ("12E", "12E", 0),
            ("12E", "5k", -6_446_744_073_709_546_616),
            ("12E", "5M", -6_446_744_073_704_551_616),
            ("12E", "5e4", 0),
            ("12E", "1", -6_446_744_073_709_551_615),
            ("8Ei", "1", i64::MIN),
            ("8Ei", "8Ei", -2),
            ("9E", "900P", 0),
            ("1Gi", "0.5Gi", 3 << 29),
        ];
        for (a, b, expected) in cases {
            let (a, b) = (Quantity::parse(a).unwrap(), Quantity::parse(b).unwrap());
            assert_eq!([(a + b).value(), (b + a).value()], [expected; 2], "{a} + {b}");
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
        fn what_is_written_exactly_counts_alike_alone_and_in_sums(
            text in "[0-9]{1,21}(\\.[0-9]{1,12})?([eE]-?[0-9]{1,2}|[KMGTPE]i|[kMGTPEmun])?",
            other in "[0-9]{1,4}([eE][0-9]{1,2}|[kMGTPEm])?",
        ) {
            let quantity = Quantity::parse(&text).unwrap().rounded_up_to_milli();
            let again = Quantity::parse(&quantity.to_exact_string()).unwrap().rounded_up_to_milli();
            let other = Quantity::parse(&other).unwrap();
            for (a, b) in [(quantity, again), (quantity + other, again + other)] {
                prop_assert_eq!((a, a.value(), a.milli_value()), (b, b.value(), b.milli_value()), "{}", text);
            }
        }

        #[test]
        fn what_is_printed_reads_back(milli in -1_000_000_000i64..1_000_000_000) {
            let quantity = Quantity::from_milli(milli);
            prop_assert_eq!(Quantity::parse(&quantity.to_string()), Ok(quantity));
        }
    }
}
