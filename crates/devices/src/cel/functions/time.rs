//! Durations and timestamps.
//!
//! Upstream: cel-go `common/types/{duration,timestamp}.go`; Go's `time`. Time zones by name other than UTC are not
//! known
//! here: the pure crates have no time zone database.

use super::convert::error;
use crate::cel::value::{Fault, Outcome, Value};

const SECOND: i128 = 1_000_000_000;
/// The first and the last second of the years 1 to 9999.
const FIRST: i64 = -62_135_596_800;
const LAST: i64 = 253_402_300_799;

pub(super) fn call(function: &str, args: &[Value]) -> Option<Outcome> {
    let (value, zone) = match args {
        [value] => (value, None),
        [value, Value::String(zone)] => (value, Some(zone)),
        _ => return None,
    };
    let part = match value {
        Value::Duration(nanos) => match function {
            "getHours" => nanos / 3_600_000_000_000,
            "getMinutes" => nanos / 60_000_000_000,
            "getSeconds" => nanos / 1_000_000_000,
            "getMilliseconds" => nanos / 1_000_000,
            _ => return None,
        },
        Value::Timestamp(seconds, nanos) => {
            let offset = match zone.map_or(Ok(0), |zone| zone_offset(zone)) {
                Ok(offset) => offset,
                Err(fault) => return Some(Err(fault)),
            };
            let seconds = seconds + offset;
            let (year, month, day) = civil(seconds.div_euclid(86_400));
            match function {
                "getFullYear" => year,
                "getMonth" => month - 1,
                "getDayOfMonth" => day - 1,
                "getDate" => day,
                "getDayOfYear" => seconds.div_euclid(86_400) - days(year, 1, 1),
                "getDayOfWeek" => (seconds.div_euclid(86_400) + 4).rem_euclid(7),
                "getHours" => seconds.rem_euclid(86_400) / 3600,
                "getMinutes" => seconds.rem_euclid(3600) / 60,
                "getSeconds" => seconds.rem_euclid(60),
                "getMilliseconds" => i64::from(nanos / 1_000_000),
                _ => return None,
            }
        }
        _ => return None,
    };
    Some(Ok(Value::Int(part)))
}

fn zone_offset(zone: &str) -> Result<i64, Fault> {
    let Some((hours, minutes)) = zone.split_once(':') else {
        return match zone {
            "" | "UTC" => Ok(0),
            _ => Err(Fault::new(format!("unknown time zone {zone}"))),
        };
    };
    let number = |text: &str| {
        let invalid = || Fault::new(format!("strconv.Atoi: parsing {text:?}: invalid syntax"));
        text.parse::<i64>().map_err(|_| invalid())
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    if !(0..60).contains(&minutes) {
        return Err(Fault::new(format!("timezone offset minutes out of range [0, 59]: {zone}")));
    }
    Ok((hours * 60 + if zone.starts_with('-') { -minutes } else { minutes }) * 60)
}

/// The timestamp moved by nanoseconds.
pub(super) fn shifted(seconds: i64, nanos: u32, by: i128) -> Outcome {
    let total = i128::from(seconds) * SECOND + i128::from(nanos) + by;
    let (seconds, nanos) = (total.div_euclid(SECOND), total.rem_euclid(SECOND));
    match i64::try_from(seconds) {
        Ok(seconds) if (FIRST..=LAST).contains(&seconds) => Ok(Value::Timestamp(seconds, nanos as u32)),
        _ => Err(Fault::new("timestamp overflow")),
    }
}

pub(super) fn to_timestamp(value: &Value) -> Outcome {
    match value {
        Value::Timestamp(..) => Ok(value.clone()),
        Value::Int(seconds) => shifted(*seconds, 0, 0),
        Value::String(text) => match parse_timestamp(text) {
            Some((seconds, nanos)) => shifted(seconds, nanos, 0),
            None => Err(error(value, "google.protobuf.Timestamp")),
        },
        _ => Err(error(value, "google.protobuf.Timestamp")),
    }
}

/// A time of RFC 3339.
fn parse_timestamp(text: &str) -> Option<(i64, u32)> {
    let number = |range: std::ops::Range<usize>| -> Option<i64> {
        let part = text.get(range)?;
        part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok())?
    };
    let bytes = text.as_bytes();
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators.iter().any(|(at, separator)| bytes.get(*at) != Some(separator)) {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let last_day = days(if month == 12 { year + 1 } else { year }, month % 12 + 1, 1) - days(year, month, 1);
    let valid =
        (1..=12).contains(&month) && (1..=last_day).contains(&day) && hour < 24 && minute < 60 && second < 60;
    let mut at = 19;
    let mut nanos = 0;
    if matches!(bytes.get(at), Some(b'.' | b',')) {
        let end = bytes[at + 1..].iter().position(|b| !b.is_ascii_digit()).map(|length| at + 1 + length)?;
        let digits = text.get(at + 1..end).filter(|digits| !digits.is_empty())?;
        nanos = format!("{digits:0<9}").get(..9)?.parse().ok()?;
        at = end;
    }
    let offset = match text.get(at..)? {
        "Z" => 0,
        zone => {
            let sign = match zone.as_bytes().first()? {
                b'+' => 1,
                b'-' => -1,
                _ => return None,
            };
            let (hours, minutes) = (number(at + 1..at + 3)?, number(at + 4..at + 6)?);
            if zone.len() != 6 || zone.as_bytes()[3] != b':' || hours > 24 || minutes > 60 {
                return None;
            }
            sign * (hours * 3600 + minutes * 60)
        }
    };
    valid.then(|| (days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset, nanos))
}

/// Days from the epoch to a date of the proleptic Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The date this number of days after the epoch.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// A duration as Go reads it (`1h30m`, `-1.5s`), in nanoseconds.
pub(super) fn parse_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total: i128 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let unit: i128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1000,
            "ms" => 1_000_000,
            "s" => SECOND,
            "m" => 60 * SECOND,
            "h" => 3600 * SECOND,
            _ => return None,
        };
        let digits = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<i128>().ok() };
        let fraction = fraction.get(..fraction.len().min(18))?;
        total += digits(whole)?.checked_mul(unit)?;
        total += digits(fraction)? * unit / 10i128.pow(fraction.len() as u32);
        rest = after;
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

/// A duration as `string` converts it: seconds.
pub(crate) fn duration_text(nanos: i64) -> String {
    format!("{}s", nanos as f64 / 1e9)
}

/// A time of RFC 3339 in UTC, with as many decimals as it has.
pub(crate) fn timestamp_text(seconds: i64, nanos: u32) -> String {
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    let of_day = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3600, of_day % 3600 / 60, of_day % 60);
    let decimals = format!(".{nanos:09}");
    let decimals = decimals.trim_end_matches('0').trim_end_matches('.');
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{decimals}Z")
}
