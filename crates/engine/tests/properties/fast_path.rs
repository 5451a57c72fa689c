//! The fast path against the scan: they agree on every decision, at every step: node, score, and where nothing fits the
//! sentence and which plugins rejected the pod.

use proptest::prelude::*;

use crate::config;
use crate::history::{History, Step};

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_decision_is_the_scans_while_nodes_come_and_go(
        steps in proptest::collection::vec(Step::churn(), 10..120),
    ) {
        let mut history = History::default();
        for step in &steps {
            history.take(step, &mut |_, _| Ok(())).map_err(TestCaseError::fail)?;
        }
    }

    #[test]
    fn every_decision_is_the_scans(steps in proptest::collection::vec(Step::any(), 1..60)) {
        let mut history = History::default();
        for step in &steps {
            history.take(step, &mut |_, _| Ok(())).map_err(TestCaseError::fail)?;
        }
    }
}
