//! How long to wait after failures.

/// A time that is doubled with each failure, up to a limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    pub(crate) initial_millis: u64,
    pub(crate) max_millis: u64,
}

impl Backoff {
    /// How long to wait after so many failures in a row, in milliseconds.
    pub(crate) fn after(self, failures: u32) -> u64 {
        match failures.checked_sub(1) {
            None => 0,
            Some(shift) if shift >= 32 || self.initial_millis > self.max_millis >> shift => self.max_millis,
            Some(shift) => self.initial_millis << shift,
        }
    }
}
