//! The fast path against the scan, by generated profiles: several plugins of every kind, weights that are negative or
//! huge, disabled plugins, two profiles on one cluster, measured load.

use std::sync::Arc;

use berth_engine::plugin::Plugin;
use berth_engine::plugins::{
    REGISTRY, node_resources_fit::NodeResourcesFit, node_resources_fit::Strategy as Fit,
};
use berth_engine::profile::Profile;
use berth_engine::registry::ExtensionPoint;
use berth_engine::shape::ShapePoint;
use proptest::prelude::*;

use crate::config;
use crate::history::{History, Step};

/// Weights that a configuration may have, far beyond 32 bits once they are multiplied by scores.
fn weight() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => 1i64..5,
        1 => Just(-1),
        1 => Just(30_000_000),
        1 => Just(i64::from(i32::MAX)),
        1 => Just(i64::from(i32::MIN)),
    ]
}

/// Every plugin of the registry that scores, and NodeResourcesFit with other strategies.
fn scoring() -> Vec<Arc<dyn Plugin>> {
    let curve = [(0, 1), (50, 10), (100, 4)].map(|(utilization, score)| ShapePoint { utilization, score });
    let strategies = [Fit::MostAllocated, Fit::RequestedToCapacityRatio(curve.into())];
    let fit = |strategy| -> Arc<dyn Plugin> {
        Arc::new(NodeResourcesFit { strategy, ..NodeResourcesFit::default() })
    };
    let scores = REGISTRY.iter().filter(|entry| entry.extends(ExtensionPoint::Score));
    scores.filter_map(|entry| entry.build()).chain(strategies.map(fit)).collect()
}

/// The default profile with other scores, and without some plugins. A plugin may be disabled at PreFilter alone, at
/// Filter alone, or at both.
fn profile() -> impl Strategy<Value = Profile> {
    let score = proptest::collection::vec((0..scoring().len(), weight()), 0..6);
    let default_scores = proptest::bool::weighted(0.3);
    let disabled = || proptest::collection::vec(proptest::bool::weighted(0.1), REGISTRY.len());
    (score, default_scores, disabled(), disabled()).prop_map(|(score, default_scores, pre_filter, filter)| {
        let mut profile = Profile::standard("default-scheduler");
        let stays = |plugin: &Arc<dyn Plugin>, disabled: &[bool]| {
            !REGISTRY.iter().zip(disabled).any(|(entry, disabled)| *disabled && entry.name == plugin.name())
        };
        profile.pre_filter.retain(|plugin| stays(plugin, &pre_filter));
        profile.filter.retain(|plugin| stays(plugin, &filter));
        if !default_scores {
            profile.score.clear();
        }
        let plugins = scoring();
        profile.score.extend(score.into_iter().map(|(at, weight)| (plugins[at].clone(), weight)));
        profile
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_decision_is_the_scans_whatever_the_weights(
        weights in proptest::collection::vec(proptest::option::weighted(0.8, weight()), 9),
        steps in proptest::collection::vec(Step::any(), 1..60),
    ) {
        let mut profile = Profile::standard("default-scheduler");
        let weighted = std::mem::take(&mut profile.score).into_iter().zip(weights);
        profile.score = weighted.filter_map(|((plugin, _), weight)| Some((plugin, weight?))).collect();
        let mut history = History::with_profiles(vec![profile]);
        for step in &steps {
            history.take(step, &mut |_, _| Ok(())).map_err(TestCaseError::fail)?;
        }
    }

    #[test]
    fn every_decision_is_the_scans_by_any_profiles(
        profiles in proptest::collection::vec(profile(), 1..3),
        steps in proptest::collection::vec(Step::any(), 1..60),
    ) {
        let mut history = History::with_profiles(profiles);
        for step in &steps {
            history.take(step, &mut |_, _| Ok(())).map_err(TestCaseError::fail)?;
        }
    }
}
