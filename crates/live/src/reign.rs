//! Until when this process leads, for all who act in its name.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Until when this process may act. Whoever sends something that only a leader may send looks here first, so that a process
/// that was paused does not act on a lease that has run out meanwhile.
#[derive(Debug)]
pub(crate) struct Reign {
    start: Instant,
    /// In milliseconds since the start.
    until: AtomicU64,
}

impl Reign {
    /// A reign that has not begun.
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), until: AtomicU64::new(0) }
    }

    /// Lets it last for so long from a moment on; for ever where nothing is said.
    pub(crate) fn extend(&self, from: Instant, lasts: Option<Duration>) {
        let until = lasts.map(|lasts| (from + lasts).saturating_duration_since(self.start).as_millis());
        self.until.store(until.and_then(|ms| u64::try_from(ms).ok()).unwrap_or(u64::MAX), Ordering::Release);
    }

    /// Ends it.
    pub(crate) fn end(&self) {
        self.until.store(0, Ordering::Release);
    }

    /// Whether it lasts now.
    pub(crate) fn holds(&self) -> bool {
        let until = self.until.load(Ordering::Acquire);
        until == u64::MAX || self.start.elapsed().as_millis() < u128::from(until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reign_ends_with_its_time_or_at_once() {
        let reign = Reign::new();
        assert!(!reign.holds());
        reign.extend(Instant::now(), Some(Duration::from_secs(60)));
        assert!(reign.holds());
        reign.extend(Instant::now(), Some(Duration::ZERO));
        assert!(!reign.holds());
        reign.extend(Instant::now(), None);
        assert!(reign.holds());
        reign.end();
        assert!(!reign.holds());
    }
}
