//! Until when the lease permits writes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The time until which this process may write as the leader. It is checked before each write, so that a process that
/// was paused does not act on a lease that has expired in the meantime.
#[derive(Debug)]
pub(crate) struct LeaseGuard {
    start: Instant,
    /// In milliseconds since the start.
    until: AtomicU64,
}

impl LeaseGuard {
    /// A guard without a lease.
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), until: AtomicU64::new(0) }
    }

    /// Permits writes for a duration from this moment on, or without end if no leader is elected.
    pub(crate) fn extend(&self, from: Instant, lasts: Option<Duration>) {
        let until = lasts.map(|lasts| (from + lasts).saturating_duration_since(self.start).as_millis());
        self.until.store(until.and_then(|ms| u64::try_from(ms).ok()).unwrap_or(u64::MAX), Ordering::Release);
    }

    /// Permits no more writes.
    pub(crate) fn end(&self) {
        self.until.store(0, Ordering::Release);
    }

    /// Whether writes are permitted now.
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
        let lease_guard = LeaseGuard::new();
        assert!(!lease_guard.holds());
        lease_guard.extend(Instant::now(), Some(Duration::from_secs(60)));
        assert!(lease_guard.holds());
        lease_guard.extend(Instant::now(), Some(Duration::ZERO));
        assert!(!lease_guard.holds());
        lease_guard.extend(Instant::now(), None);
        assert!(lease_guard.holds());
        lease_guard.end();
        assert!(!lease_guard.holds());
    }
}
