//! What one run came to: the same fields for Berth and for upstream's harness.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The figures of one run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// How many pods were asked about while the clock ran: the measured ones, and those that churn brought.
    pub pods: u64,
    /// How many of them were placed.
    pub placed: u64,
    /// How many of them fit nowhere.
    pub failed: u64,
    /// How many running pods had to go for them.
    pub evicted: u64,
    /// How long the clock ran: decisions, and changes between them.
    pub seconds: f64,
    /// Pods a second of that.
    #[serde(rename = "podsPerS")]
    pub pods_per_s: f64,
    /// Half of all pods took no longer than this, in microseconds; preemption and the second attempt included.
    pub p50_us: f64,
    /// 99 in 100 pods took no longer than this.
    pub p99_us: f64,
    /// No pod took longer than this.
    pub max_us: f64,
    /// How long it took to make pods known (off the clock): upstream computes a signature, Berth finds the class.
    pub intake_seconds: f64,
    /// How long it took to read everything before the first pod was asked about.
    pub load_seconds: f64,
    /// The most memory that the process has held, in bytes; 0 where the system does not tell.
    pub peak_bytes: u64,
    /// Whether all pods were asked about; a budget may end a run early.
    pub complete: bool,
}

impl Outcome {
    /// Fills in the figures that follow from the time each pod took.
    pub fn time(&mut self, samples: &mut [u64], busy: Duration) {
        samples.sort_unstable();
        self.pods = samples.len() as u64;
        self.seconds = busy.as_secs_f64();
        self.pods_per_s = self.pods as f64 / self.seconds.max(f64::MIN_POSITIVE);
        self.p50_us = micros(samples, 50);
        self.p99_us = micros(samples, 99);
        self.max_us = micros(samples, 100);
    }

    /// Microseconds a pod.
    pub fn us_per_pod(&self) -> f64 {
        self.seconds * 1e6 / self.pods.max(1) as f64
    }

    /// The median of several runs, field by field; `None` of no runs.
    pub fn median(runs: &[Outcome]) -> Option<Outcome> {
        let first = runs.first()?;
        let of = |field: fn(&Outcome) -> f64| {
            let mut values: Vec<f64> = runs.iter().map(field).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let mut peaks: Vec<u64> = runs.iter().map(|r| r.peak_bytes).collect();
        peaks.sort_unstable();
        Some(Outcome {
            seconds: of(|r| r.seconds),
            pods_per_s: of(|r| r.pods_per_s),
            p50_us: of(|r| r.p50_us),
            p99_us: of(|r| r.p99_us),
            max_us: of(|r| r.max_us),
            intake_seconds: of(|r| r.intake_seconds),
            load_seconds: of(|r| r.load_seconds),
            peak_bytes: peaks[peaks.len() / 2],
            complete: runs.iter().all(|r| r.complete),
            ..first.clone()
        })
    }
}

/// A percentile of sorted nanoseconds, in microseconds: the smallest that so many percent do not exceed.
fn micros(sorted: &[u64], percent: usize) -> f64 {
    let at = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(at).map_or(0.0, |&nanos| nanos as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_samples() {
        let mut outcome = Outcome::default();
        let mut samples: Vec<u64> = (1..=200).rev().map(|i| i * 1000).collect();
        outcome.time(&mut samples, Duration::from_secs(2));
        let found = (outcome.pods, outcome.pods_per_s, outcome.p50_us, outcome.p99_us, outcome.max_us);
        assert_eq!(found, (200, 100.0, 100.0, 198.0, 200.0));
        assert!((outcome.us_per_pod() - 10_000.0).abs() < 1e-9);
    }

    #[test]
    fn the_median_goes_field_by_field() {
        let run = |pods_per_s, peak_bytes| Outcome { pods_per_s, peak_bytes, ..Outcome::default() };
        let median = Outcome::median(&[run(3.0, 10), run(1.0, 30), run(2.0, 20)]).unwrap();
        assert_eq!((median.pods_per_s, median.peak_bytes), (2.0, 20));
        assert_eq!(Outcome::median(&[]), None);
    }
}
