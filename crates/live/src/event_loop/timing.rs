//! The durations of an attempt's steps, and the time that may be spent on alternatives for the log.

use std::time::{Duration, Instant};

use berth_flow::Step;

/// The number of alternatives that are logged.
const ALTERNATIVES: usize = 3;
/// At `-v=2`, at most one part in this many of the time is spent on alternatives.
const SHARE: u32 = 4;

/// The durations of an attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Timing {
    /// The attempt without the comparison.
    pub(crate) total: Duration,
    /// Filtering and scoring.
    pub(crate) decision: Duration,
    /// The extension point Reserve.
    pub(crate) reserve: Option<Duration>,
    /// The extension point PostFilter: preemption.
    pub(crate) post_filter: Option<Duration>,
    /// Computing alternatives for the log.
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

    /// Ends a step.
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

/// Chooses the decisions that are logged with alternatives, since computing these takes longer than the decision.
#[derive(Debug)]
pub(crate) struct AlternativesSampler {
    verbosity: u8,
    /// No alternatives before this time.
    next: Instant,
}

impl AlternativesSampler {
    /// For a log of this verbosity.
    pub(crate) fn new(verbosity: u8) -> Self {
        Self { verbosity, next: Instant::now() }
    }

    /// The number of alternatives to compute now.
    pub(super) fn alternatives(&self, now: Instant) -> usize {
        match self.verbosity {
            0 | 1 => 0,
            2 if now < self.next => 0,
            _ => ALTERNATIVES,
        }
    }

    /// Notes the time that alternatives took, until now.
    pub(super) fn took(&mut self, comparison: Duration, now: Instant) {
        self.next = now + comparison * (SHARE - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternatives_take_a_part_of_the_time_at_verbosity_two() {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        for (verbosity, at_first, at_once, later) in [(1, 0, 0, 0), (2, 3, 0, 3), (3, 3, 3, 3)] {
            let mut sampler = AlternativesSampler::new(verbosity);
            assert_eq!(sampler.alternatives(now + second), at_first, "-v={verbosity}");
            sampler.took(second, now);
            assert_eq!(sampler.alternatives(now + second), at_once, "-v={verbosity}");
            assert_eq!(sampler.alternatives(now + 3 * second), later, "-v={verbosity}");
        }
    }

    #[test]
    fn alternatives_are_not_part_of_an_attempt() {
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
