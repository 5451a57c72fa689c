//! Pauses that grow after every failure.

use std::time::Duration;

/// Pauses that double, with a random part, so that many clients do not retry at the same time.
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

    /// The next pause: between half of the current step and all of it.
    pub(crate) fn next(&mut self) -> Duration {
        let step = self.next;
        self.next = (step * 2).min(self.longest);
        let half = step / 2;
        half + half.mul_f64(fastrand::f64())
    }

    /// Begins with the shortest pause again, after a success.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
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
