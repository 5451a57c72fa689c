//! Clocks, and how the API writes time.

use std::time::{SystemTime, UNIX_EPOCH};

use k8s_openapi::jiff::Timestamp;

/// Microseconds since the Unix epoch.
pub(crate) fn unix_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// A time as `metav1.Time` is written.
pub(crate) fn seconds(unix_micros: i64) -> String {
    written(unix_micros, "%Y-%m-%dT%H:%M:%SZ")
}

/// A time as `metav1.MicroTime` is written.
pub(crate) fn micros(unix_micros: i64) -> String {
    written(unix_micros, "%Y-%m-%dT%H:%M:%S%.6fZ")
}

fn written(unix_micros: i64, format: &str) -> String {
    Timestamp::from_microsecond(unix_micros).unwrap_or_default().strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_api_writes_them() {
        assert_eq!(seconds(1_700_000_000_123_456), "2023-11-14T22:13:20Z");
        assert_eq!(micros(1_700_000_000_120_000), "2023-11-14T22:13:20.120000Z");
    }
}
