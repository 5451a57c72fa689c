//! The lists of indexes in a job's status.
//!
//! Upstream: `pkg/controller/job/indexed_job_utils.go` (`parseIndexesFromString`).

use std::ops::RangeInclusive;

/// The ranges of a list such as `1,3-5,7`. What is not a number or out of order is left out, as upstream does.
pub(crate) fn index_ranges(text: &str) -> Vec<RangeInclusive<i32>> {
    let mut ranges: Vec<RangeInclusive<i32>> = Vec::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (Ok(first), Ok(last)) = (first.parse::<i32>(), last.parse::<i32>()) else { continue };
        if first >= 0 && first <= last && ranges.last().is_none_or(|range| *range.end() < first) {
            ranges.push(first..=last);
        }
    }
    ranges
}

/// Two lists of ranges as one, in ascending order.
pub(crate) fn merged(
    mut one: Vec<RangeInclusive<i32>>,
    other: Vec<RangeInclusive<i32>>,
) -> Vec<RangeInclusive<i32>> {
    one.extend(other);
    one.sort_unstable_by_key(|range| (*range.start(), *range.end()));
    one
}

/// How many indexes ranges hold that do not overlap.
pub(crate) fn count(ranges: &[RangeInclusive<i32>]) -> i32 {
    let total: i64 = ranges.iter().map(|range| i64::from(*range.end()) - i64::from(*range.start()) + 1).sum();
    i32::try_from(total).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_read_as_the_controller_writes_them() {
        let cases: &[(&str, &[RangeInclusive<i32>], i32)] = &[
            ("", &[], 0),
            ("0", &[0..=0], 1),
            ("1,3-5,7", &[1..=1, 3..=5, 7..=7], 5),
            ("a,2", &[2..=2], 1),
            ("5,2", &[5..=5], 1),
            ("4-2", &[], 0),
            ("0-2147483647", &[0..=i32::MAX], i32::MAX),
        ];
        for (text, expected, total) in cases {
            let ranges = index_ranges(text);
            assert_eq!(ranges, *expected, "{text}");
            assert_eq!(count(&ranges), *total, "{text}");
        }
        assert_eq!(merged(vec![1..=2, 6..=6], vec![4..=5]), [1..=2, 4..=5, 6..=6]);
    }
}
