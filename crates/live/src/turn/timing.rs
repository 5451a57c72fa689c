//! What an attempt took, step by step, and how many alternatives may be looked for meanwhile.

use std::time::{Duration, Instant};

use berth_flow::Step;

/// So many alternatives to a placement are told.
const ALTERNATIVES: usize = 3;
/// Who reads a line a decision (`-v=2`) is told of alternatives as far as that takes one part in so many of the time.
const SHARE: u32 = 4;

/// What an attempt took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Timing {
    /// All of it, but for what was only told.
    pub(crate) total: Duration,
    /// The decision.
    pub(crate) decision: Duration,
    /// Reserving what goes with a placement.
    pub(crate) reserve: Option<Duration>,
    /// Looking for pods that may have to go.
    pub(crate) post_filter: Option<Duration>,
    /// Looking for alternatives.
    pub(crate) comparison: Duration,
}

/// Measures an attempt.
pub(super) struct Stopwatch {
    began: Instant,
    last: Instant,
    timing: Timing,
}

impl Stopwatch {
    pub(super) fn start() -> Self {
        let now = Instant::now();
        Self { began: now, last: now, timing: Timing::default() }
    }

    /// A step is over.
    pub(super) fn over(&mut self, step: Step) {
        let now = Instant::now();
        let took = now - std::mem::replace(&mut self.last, now);
        match step {
            Step::Decision => self.timing.decision = took,
            Step::Comparison => self.timing.comparison = took,
            Step::Reserve => self.timing.reserve = Some(took),
            Step::PostFilter => self.timing.post_filter = Some(took),
        }
    }

    pub(super) fn stop(self) -> Timing {
        let comparison = self.timing.comparison;
        Timing { total: self.began.elapsed().saturating_sub(comparison), ..self.timing }
    }
}

/// Which decisions are told with their alternatives: looking for them takes longer than the decision itself.
#[derive(Debug)]
pub(crate) struct Curiosity {
    verbosity: u8,
    /// Not before.
    next: Instant,
}

impl Curiosity {
    /// That of who reads the log at this verbosity.
    pub(crate) fn new(verbosity: u8) -> Self {
        Self { verbosity, next: Instant::now() }
    }

    /// How many alternatives are looked for now.
    pub(super) fn alternatives(&self, now: Instant) -> usize {
        match self.verbosity {
            0 | 1 => 0,
            2 if now < self.next => 0,
            _ => ALTERNATIVES,
        }
    }

    /// Looking for them took so long, until now.
    pub(super) fn took(&mut self, comparison: Duration, now: Instant) {
        self.next = now + comparison * (SHARE - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternatives_take_a_part_of_the_time_unless_more_is_asked_for() {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        for (verbosity, at_first, at_once, later) in [(1, 0, 0, 0), (2, 3, 0, 3), (3, 3, 3, 3)] {
            let mut curiosity = Curiosity::new(verbosity);
            assert_eq!(curiosity.alternatives(now + second), at_first, "-v={verbosity}");
            curiosity.took(second, now);
            assert_eq!(curiosity.alternatives(now + second), at_once, "-v={verbosity}");
            assert_eq!(curiosity.alternatives(now + 3 * second), later, "-v={verbosity}");
        }
    }

    #[test]
    fn what_is_only_told_is_no_part_of_an_attempt() {
        let mut watch = Stopwatch::start();
        watch.over(Step::Decision);
        std::thread::sleep(Duration::from_millis(20));
        watch.over(Step::Comparison);
        watch.over(Step::Reserve);
        let timing = watch.stop();
        assert!(timing.comparison >= Duration::from_millis(20) && timing.total < timing.comparison);
        assert!(timing.reserve.is_some() && timing.post_filter.is_none());
    }
}
