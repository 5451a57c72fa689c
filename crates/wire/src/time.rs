//! Times as the API writes them.

use berth_model::UnixSeconds;
use jiff::SignedDuration;
use jiff::civil::{DateTime, date};

/// The digits and separators of an RFC 3339 time before the fraction and the zone.
const SHAPE: &[u8; 19] = b"0000-00-00T00:00:00";
const EPOCH: DateTime = date(1970, 1, 1).at(0, 0, 0, 0);

/// Reads an RFC 3339 time, such as `2026-01-31T12:00:00Z`; fractions of a second are cut off.
pub(crate) fn parse_rfc3339(text: &str) -> Option<UnixSeconds> {
    // The calendar's parser takes more forms than Go's.
    let (head, rest) = text.split_at_checked(SHAPE.len())?;
    let has_shape = head.bytes().zip(SHAPE).all(|(found, wanted)| match wanted {
        b'0' => found.is_ascii_digit(),
        b'T' => matches!(found, b'T' | b't'),
        separator => found == *separator,
    });
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    let time = has_shape.then(|| head.parse::<DateTime>().ok())??;
    Some(time.duration_since(EPOCH).as_secs() - offset(zone)?)
}

/// The offset of a zone from UTC in seconds: `Z`, or as in `+01:00`.
fn offset(zone: &str) -> Option<i64> {
    let (sign, hours, minutes) = match zone.as_bytes() {
        [b'Z' | b'z'] => return Some(0),
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => (*sign, zone.get(1..3)?, zone.get(4..6)?),
        _ => return None,
    };
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<i64>().ok())?;
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let seconds = hours * 3600 + minutes * 60;
    (hours < 24 && minutes < 60).then_some(if sign == b'-' { -seconds } else { seconds })
}

/// The seconds of the last time that has a year of four digits, and of the first.
const LAST: UnixSeconds = 253_402_300_799;
const FIRST: UnixSeconds = -62_167_219_200;

/// Writes a time as the API does. A time whose year does not have four digits becomes the nearest that has.
pub(crate) fn rfc3339(seconds: UnixSeconds) -> String {
    let since = SignedDuration::from_secs(seconds.clamp(FIRST, LAST));
    format!("{}Z", EPOCH.saturating_add(since))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_counts_seconds_since_1970_in_any_zone() {
        let cases = [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2000-02-29T12:34:56Z", Some(951_827_696)),
            ("2026-11-24T20:26:00Z", Some(1_795_551_960)),
            ("2026-11-24T21:26:00.123456Z", Some(1_795_555_560)),
            ("2026-11-24T21:26:00+01:00", Some(1_795_551_960)),
            ("1969-12-31T23:59:59Z", Some(-1)),
            ("2026-02-29T00:00:00Z", None),
            ("2026-13-01T00:00:00Z", None),
            ("2026-01-01 00:00:00Z", None),
            ("2026-01-01T00:00:00", None),
            ("yesterday", None),
            ("2026-01-01T00:00:00+0100", None),
            ("२०२६-01-01T00:00:00Z", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_rfc3339(text), expected, "{text}");
        }
    }

    #[test]
    fn a_time_that_is_written_reads_back() {
        let days =
            (FIRST / 86_400..=LAST / 86_400).step_by(7).map(|day| day * 86_400 + day.rem_euclid(86_400));
        for seconds in days.chain([FIRST, -1, 0, 951_827_696, 1_795_551_960, LAST]) {
            assert_eq!(parse_rfc3339(&rfc3339(seconds)), Some(seconds), "{seconds}");
        }
        assert_eq!(rfc3339(951_827_696), "2000-02-29T12:34:56Z");
        assert_eq!(rfc3339(i64::MAX), "9999-12-31T23:59:59Z");
        assert_eq!(rfc3339(i64::MIN), "0000-01-01T00:00:00Z");
    }
}
