//! The fast path against the scan: random clusters, random pods, random changes in between. They agree on every
//! decision, at every step: node, score, and the sentence where nothing fits.

mod history;

use history::{History, Step};
use proptest::prelude::*;

fn cases() -> u32 {
    std::env::var("BERTH_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(400)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 4000, ..ProptestConfig::default() })]

    #[test]
    fn every_decision_is_the_scans(steps in proptest::collection::vec(Step::any(), 1..60)) {
        let mut history = History::default();
        for step in &steps {
            if let Err(difference) = history.take(step) {
                return Err(TestCaseError::fail(difference));
            }
        }
    }
}
