//! The fast path against the scan, by profiles other than the default one.

use berth_engine::profile::Profile;
use proptest::prelude::*;

use crate::config;
use crate::history::{History, Step};

/// The default plugins with these weights, in their order. A plugin without a weight does not score.
fn weighted(weights: &[Option<i64>]) -> Profile {
    let mut profile = Profile::standard("default-scheduler");
    let plugins = std::mem::take(&mut profile.score);
    let weighted = plugins.into_iter().zip(weights);
    profile.score = weighted.filter_map(|((plugin, _), weight)| Some((plugin, (*weight)?))).collect();
    profile
}

/// Weights that a configuration may have, far beyond 32 bits once they are multiplied by scores.
fn weight() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![
        2 => Just(None),
        4 => (1i64..5).prop_map(Some),
        1 => Just(Some(-1)),
        1 => Just(Some(30_000_000)),
        1 => Just(Some(i64::from(i32::MAX))),
        1 => Just(Some(i64::from(i32::MIN))),
    ]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_decision_is_the_scans_whatever_the_weights(
        weights in proptest::collection::vec(weight(), 9),
        steps in proptest::collection::vec(Step::any(), 1..60),
    ) {
        let mut history = History::with_profiles(vec![weighted(&weights)]);
        for step in &steps {
            history.take(step, &mut |_, _| Ok(())).map_err(TestCaseError::fail)?;
        }
    }
}
