//! Suffixes of quantities, and the amount that a number with a suffix is.

use super::{MAX, QuantityError};

/// What the suffix multiplies the number by.
pub(super) enum Unit {
    /// `unit * 2^n`
    Binary(u32),
    /// `unit * 10^n`
    Decimal(i32),
}

impl Unit {
    pub(super) fn parse(suffix: &str) -> Result<Self, QuantityError> {
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

    /// The power of ten with which upstream keeps the amount in 64 bits, if it does; it decides by the number of
    /// digits.
    pub(super) fn scale(&self, whole: &str, fraction: &str) -> Option<i32> {
        let whole = i32::try_from(whole.trim_start_matches('0').len().max(1)).ok()?;
        let fraction = i32::try_from(fraction.len()).ok()?;
        match *self {
            Self::Decimal(power) => {
                let scale = power.checked_sub(fraction)?;
                (whole.checked_add(fraction)? <= 18 && scale >= -9).then_some(scale)
            }
            // Ten binary digits are three decimal ones.
            Self::Binary(power) => (fraction == 0 && whole + power as i32 * 3 / 10 <= 14).then_some(0),
        }
    }

    /// The absolute value in nano-units, rounded up.
    pub(super) fn nanos(&self, whole: &str, fraction: &str) -> i128 {
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
        let ((nanos, inexact), cap) = match self {
            Self::Decimal(power) => (scale_by_ten(mantissa, exponent + power), i128::MAX),
            Self::Binary(power) => (binary(mantissa, exponent, *power), MAX),
        };
        nanos.saturating_add(i128::from(inexact || rest)).min(cap)
    }
}

/// `mantissa * 10^exponent` cut to an integer, and whether anything was cut off.
fn scale_by_ten(mantissa: i128, exponent: i32) -> (i128, bool) {
    if mantissa == 0 {
        return (0, false);
    }
    if exponent >= 0 {
        let factor = 10i128.checked_pow(exponent.unsigned_abs());
        return (factor.and_then(|f| mantissa.checked_mul(f)).unwrap_or(i128::MAX), false);
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
        // The product would overflow: divide first, the error is far below a nano-unit's weight.
        (None, Some(divisor)) => ((mantissa / divisor).checked_mul(1i128 << power).unwrap_or(MAX), true),
        (_, None) => (0, mantissa != 0),
    }
}
