//! Durations in buckets of about 6 percent, so that two intervals can be merged and few bytes hold many pods.

use std::collections::BTreeMap;

/// Each power of two has this many buckets, as a number of bits.
const BITS: u32 = 4;

/// How many durations each bucket has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct WaitCounts(BTreeMap<u32, u64>);

impl WaitCounts {
    /// Counts a duration in milliseconds.
    pub(super) fn add(&mut self, millis: u64) {
        *self.0.entry(bucket(millis)).or_default() += 1;
    }

    /// Adds the counts of another one.
    pub(super) fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.0 {
            *self.0.entry(*bucket).or_default() += count;
        }
    }

    /// The largest duration of the bucket up to which this share of the durations is; `None` without durations.
    pub(super) fn at(&self, share: f64) -> Option<u64> {
        let all: u64 = self.0.values().sum();
        let wanted = (all as f64 * share).ceil().max(1.0);
        let mut passed = 0_u64;
        let found = self.0.iter().find(|(_, count)| {
            passed += **count;
            passed as f64 >= wanted
        });
        found.map(|(bucket, _)| largest(*bucket))
    }
}

/// The bucket of a duration: exact below 16 ms, then 16 buckets for each power of two.
fn bucket(millis: u64) -> u32 {
    let shift = millis.max(1).ilog2().saturating_sub(BITS);
    // The shifted value has five bits at most.
    let digits = u32::try_from(millis >> shift).unwrap_or(u32::MAX);
    (shift << BITS) + digits
}

/// The largest duration of a bucket.
fn largest(bucket: u32) -> u64 {
    let shift = (bucket >> BITS).saturating_sub(1);
    let digits = u64::from(bucket - (shift << BITS));
    (digits << shift) + ((1_u64 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_at_most_7_percent_wide_and_holds_its_durations() {
        let mut before = 0;
        for millis in (0..5_000).chain([86_400_000, 86_400_001, 1 << 40]) {
            let (at, high) = (bucket(millis), largest(bucket(millis)));
            assert!(at >= before, "{millis}");
            assert!(high >= millis && (high - millis) as f64 <= 0.07 * millis as f64, "{millis}: {high}");
            assert_eq!(bucket(high), at, "{millis}");
            before = at;
        }
    }

    #[test]
    fn shares_are_read_from_merged_counts() {
        let counts = |range: std::ops::Range<u64>| {
            let mut counts = WaitCounts::default();
            range.for_each(|millis| counts.add(millis));
            counts
        };
        let mut merged = counts(0..7);
        merged.merge(&counts(7..10));
        assert_eq!(merged, counts(0..10));
        assert_eq!([0.5, 0.9, 0.99].map(|share| merged.at(share)), [Some(4), Some(8), Some(9)]);
        assert_eq!(WaitCounts::default().at(0.5), None);
    }
}
