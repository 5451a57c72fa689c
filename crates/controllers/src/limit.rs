//! `maxSurge` and `maxUnavailable` in numbers of pods.
//!
//! Upstream: `deployment/util/deployment_util.go` (`ResolveFenceposts`), apimachinery `util/intstr`.

use berth_model::workload::Share;

/// `maxSurge` (rounded up) and `maxUnavailable` (rounded down) of a Deployment that wants this many pods. If both are
/// 0, one pod may be unavailable: otherwise nothing could ever be replaced.
pub fn surge_and_unavailable(surge: Share, unavailable: Share, wanted: i32) -> (i32, i32) {
    match (surge.of(wanted), unavailable.rounded_down(wanted)) {
        (0, 0) => (0, 1),
        both => both,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Share::{Percent, Pods};

    #[test]
    fn surge_is_rounded_up_and_unavailability_down() {
        let cases = [
            (Percent(25), Percent(25), 10, (3, 2)),
            (Percent(0), Percent(1), 2, (0, 1)),
            (Percent(0), Percent(1), 1, (0, 1)),
            (Percent(1), Percent(25), 2, (1, 0)),
            (Percent(1), Percent(25), 1, (1, 0)),
            (Percent(1), Percent(0), 2, (1, 0)),
            (Pods(2), Pods(0), 10, (2, 0)),
            (Pods(0), Pods(0), 10, (0, 1)),
            (Percent(100), Percent(100), 7, (7, 7)),
        ];
        for (surge, unavailable, wanted, expected) in cases {
            assert_eq!(
                surge_and_unavailable(surge, unavailable, wanted),
                expected,
                "{surge:?}, {unavailable:?} of {wanted}"
            );
        }
    }
}
