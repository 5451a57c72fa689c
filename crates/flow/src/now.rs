//! Time, as the shell tells it.

/// A moment on two clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now {
    /// Milliseconds on a clock that never goes back: what waits, waits by it.
    pub millis: u64,
    /// Microseconds since the Unix epoch: what is written for others is stamped with it.
    pub unix_micros: i64,
}

impl Now {
    /// Whole seconds since the Unix epoch.
    pub fn unix_seconds(self) -> i64 {
        self.unix_micros.div_euclid(1_000_000)
    }
}
