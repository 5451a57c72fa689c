//! Waiting longer after every failure.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

/// Waits that double, with a random part, so that many clients do not come at once.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    /// How long to wait now: at least half of the current step.
    pub(crate) fn next(&mut self) -> Duration {
        let step = self.next;
        self.next = (step * 2).min(self.longest);
        let half = step / 2;
        half + Duration::from_micros(random(u64::try_from(half.as_micros()).unwrap_or(u64::MAX)))
    }

    /// All is well again.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

/// A number up to `limit`, by chance. Nothing secret may depend on it.
pub(crate) fn random(limit: u64) -> u64 {
    RandomState::new().build_hasher().finish() % limit.saturating_add(1).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_begin_anew() {
        let (first, longest) = (Duration::from_millis(100), Duration::from_millis(300));
        let mut backoff = Backoff::new(first, longest);
        for step in [100, 200, 300, 300] {
            let waits = backoff.next();
            assert!(
                waits >= Duration::from_millis(step / 2) && waits <= Duration::from_millis(step),
                "{waits:?}"
            );
        }
        backoff.reset();
        assert!(backoff.next() <= first);
    }
}
