//! The wall clock, and the formats of times in the API.

use jiff::Timestamp;

/// Microseconds since the Unix epoch.
pub(crate) fn unix_micros() -> i64 {
    Timestamp::now().as_microsecond()
}

/// A time in the format of `metav1.Time`.
pub(crate) fn seconds(unix_micros: i64) -> String {
    formatted(unix_micros, "%Y-%m-%dT%H:%M:%SZ")
}

/// A time in the format of `metav1.MicroTime`.
pub(crate) fn micros(unix_micros: i64) -> String {
    formatted(unix_micros, "%Y-%m-%dT%H:%M:%S%.6fZ")
}

fn formatted(unix_micros: i64, format: &str) -> String {
    Timestamp::from_microsecond(unix_micros).unwrap_or_default().strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_formats_of_the_api() {
        assert_eq!(seconds(1_700_000_000_123_456), "2023-11-14T22:13:20Z");
        assert_eq!(micros(1_700_000_000_120_000), "2023-11-14T22:13:20.120000Z");
    }
}
