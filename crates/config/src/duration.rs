//! Durations in Go's notation: `300ms`, `-1.5h`, `1h2m3s`.

use crate::quote::quoted;
use std::fmt;

const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000 * MICROSECOND;
const SECOND: u64 = 1_000 * MILLISECOND;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// A span of time in nanoseconds, below zero too, since upstream allows that where nothing depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Duration {
    nanos: i64,
}

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self { nanos: 0 };

    /// A whole number of seconds.
    pub const fn from_seconds(seconds: u32) -> Self {
        Self { nanos: seconds as i64 * SECOND as i64 }
    }

    /// The length in nanoseconds.
    pub const fn as_nanos(self) -> i64 {
        self.nanos
    }

    /// The same span in Rust's terms; none where it is below zero.
    pub fn to_std(self) -> Option<std::time::Duration> {
        u64::try_from(self.nanos).ok().map(std::time::Duration::from_nanos)
    }

    /// Reads Go's notation.
    ///
    /// # Errors
    /// Go's own words (`time.ParseDuration`), as in `time: missing unit in duration "5"`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let invalid = || format!("time: invalid duration {}", quoted(text));
        let (negative, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if rest == "0" {
            return Ok(Self::ZERO);
        }
        if rest.is_empty() {
            return Err(invalid());
        }
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let (whole, after) = digits(rest);
            let (fraction, after) = match after.strip_prefix('.') {
                Some(after) => digits(after),
                None => ("", after),
            };
            if whole.is_empty() && fraction.is_empty() {
                return Err(invalid());
            }
            let end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
            let (name, after) = after.split_at(end);
            if name.is_empty() {
                return Err(format!("time: missing unit in duration {}", quoted(text)));
            }
            let unit = unit(name)
                .ok_or_else(|| format!("time: unknown unit {} in duration {}", quoted(name), quoted(text)))?;
            let part = part(whole, fraction, unit).ok_or_else(invalid)?;
            total = total.checked_add(part).filter(|t| *t <= 1 << 63).ok_or_else(invalid)?;
            rest = after;
        }
        let nanos = if negative { -i128::from(total) } else { i128::from(total) };
        i64::try_from(nanos).map(|nanos| Self { nanos }).map_err(|_| invalid())
    }
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn unit(name: &str) -> Option<u64> {
    match name {
        "ns" => Some(1),
        // Both the micro sign and the Greek letter.
        "us" | "\u{b5}s" | "\u{3bc}s" => Some(MICROSECOND),
        "ms" => Some(MILLISECOND),
        "s" => Some(SECOND),
        "m" => Some(MINUTE),
        "h" => Some(HOUR),
        _ => None,
    }
}

/// `whole.fraction` of `unit` in nanoseconds; none where that overflows. Digits past the eighteenth are below one.
fn part(whole: &str, fraction: &str, unit: u64) -> Option<u64> {
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction = &fraction[..fraction.len().min(18)];
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let below: u128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let below = u64::try_from(below * u128::from(unit) / scale).ok()?;
    whole.checked_mul(unit)?.checked_add(below).filter(|n| *n <= 1 << 63)
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.nanos.unsigned_abs();
        if self.nanos < 0 {
            f.write_str("-")?;
        }
        match nanos {
            0 => f.write_str("0s"),
            1..MICROSECOND => write!(f, "{nanos}ns"),
            MICROSECOND..MILLISECOND => write!(f, "{}\u{b5}s", Decimal(nanos, MICROSECOND)),
            MILLISECOND..SECOND => write!(f, "{}ms", Decimal(nanos, MILLISECOND)),
            _ => {
                let (hours, minutes) = (nanos / HOUR, nanos / MINUTE % 60);
                if hours > 0 {
                    write!(f, "{hours}h")?;
                }
                if hours > 0 || minutes > 0 {
                    write!(f, "{minutes}m")?;
                }
                write!(f, "{}s", Decimal(nanos % MINUTE, SECOND))
            }
        }
    }
}

/// The first over the second, a power of ten, without zeros at the end.
struct Decimal(u64, u64);

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, below) = (self.0 / self.1, self.0 % self.1);
        if below == 0 {
            return write!(f, "{whole}");
        }
        let width = self.1.ilog10() as usize;
        write!(f, "{whole}.{}", format!("{below:0width$}").trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_as_go_does() {
        for (text, expected) in [
            ("0", "0s"),
            ("-0", "0s"),
            ("15s", "15s"),
            ("90s", "1m30s"),
            ("+1.5h", "1h30m0s"),
            (".5m", "30s"),
            ("1h2m3s4ms5us6ns", "1h2m3.004005006s"),
            ("5µs", "5µs"),
            ("5μs", "5µs"),
            ("-1m30s", "-1m30s"),
            ("1500us", "1.5ms"),
            ("999ns", "999ns"),
            ("-9223372036854775808ns", "-2562047h47m16.854775808s"),
            ("9223372036854775807ns", "2562047h47m16.854775807s"),
            ("0.3333333333333333333h", "19m59.999999999s"),
        ] {
            assert_eq!(Duration::parse(text).map(|d| d.to_string()), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_in_gos_words() {
        for (text, expected) in [
            ("", "time: invalid duration \"\""),
            ("soon", "time: invalid duration \"soon\""),
            ("-", "time: invalid duration \"-\""),
            (".s", "time: invalid duration \".s\""),
            ("5", "time: missing unit in duration \"5\""),
            ("1m5", "time: missing unit in duration \"1m5\""),
            ("5x", "time: unknown unit \"x\" in duration \"5x\""),
            ("9223372036854775808ns", "time: invalid duration \"9223372036854775808ns\""),
            ("10000000000h", "time: invalid duration \"10000000000h\""),
            ("99999999999999999999s", "time: invalid duration \"99999999999999999999s\""),
        ] {
            assert_eq!(Duration::parse(text), Err(expected.to_owned()), "{text}");
        }
    }
}
