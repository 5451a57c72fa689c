//! Trials against histories without them: a trial that is rolled back leaves no trace in the state nor in any decision
//! that comes later, and one that is committed is as if there had been none.

use std::fmt::Write;

use berth_engine::cluster::{Cluster, TrialEnd};
use berth_engine::plugins::least_load::LeastLoad;
use berth_engine::profile::Profile;
use proptest::prelude::*;

use crate::config;
use crate::history::{History, Step};

/// All that a cluster knows, as text; rows and orders included. The statistics of a node's pods are left out: they are
/// bounds, which a pod that left may keep wider for a while.
fn describe(cluster: &Cluster) -> String {
    let mut out = String::new();
    let nodes = cluster.nodes();
    for row in nodes.rows() {
        let requested: Vec<i64> =
            cluster.resources().iter().map(|(resource, _)| nodes.requested(row, resource)).collect();
        let loads = cluster.loads();
        let load = (loads.cpu_milli(row, 30), loads.memory_bytes(row, 30));
        let _ = writeln!(out, "{row:?} {:?} {:?} {requested:?}", nodes.object(row), nodes.pods(row));
        let _ = writeln!(out, "  {load:?} {:?} {:?}", cluster.nominated(row), nodes.allowed_pods(row));
    }
    for row in cluster.pods().rows() {
        let entry = cluster.pods().entry(row);
        let missing = entry.pod.node.as_ref().map(|node| cluster.pods_on_missing_node(node));
        let _ = writeln!(out, "{row:?} {:?} on {:?} {missing:?}", entry.pod, entry.row);
    }
    let owners: Vec<_> = cluster.all_owners().map(|owner| &owner.object).collect();
    let budgets: Vec<_> = cluster.budgets().iter().map(|budget| &budget.object).collect();
    let _ = writeln!(out, "{:?} {owners:?} {budgets:?} {:?}", cluster.namespaces(), cluster.loads().now());
    let _ = writeln!(out, "{:?}", cluster.storage());
    out
}

/// The default profile, and one that reads measured load.
fn profiles() -> Vec<Profile> {
    let mut by_load = Profile::standard("default-scheduler");
    by_load.score = vec![(std::sync::Arc::new(LeastLoad::default()), 1)];
    vec![Profile::standard("default-scheduler"), by_load]
}

fn play(history: &mut History, steps: &[Step]) -> Result<(), String> {
    steps.iter().try_for_each(|step| history.take(step, &mut |_, _| Ok(())))
}

/// Plays some steps in a trial, and within it others in a trial that is rolled back.
fn play_in_trial(history: &mut History, steps: &[Step], inner: &[Step], end: TrialEnd) -> Result<(), String> {
    let outer = history.begin_trial();
    play(history, steps)?;
    let within = history.begin_trial();
    play(history, inner)?;
    history.end_trial(within, TrialEnd::RollBack);
    history.end_trial(outer, end);
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_trial_that_is_rolled_back_leaves_no_trace(
        by_load in any::<bool>(),
        before in proptest::collection::vec(Step::any(), 1..30),
        tried in proptest::collection::vec(Step::any(), 1..20),
        inner in proptest::collection::vec(Step::any(), 0..10),
        after in proptest::collection::vec(Step::any(), 1..20),
    ) {
        let profile = profiles().swap_remove(usize::from(by_load));
        let mut with = History::with_profiles(vec![profile.clone()]);
        let mut without = History::with_profiles(vec![profile]);
        let mut run = || -> Result<(), String> {
            play(&mut with, &before)?;
            play(&mut without, &before)?;
            play_in_trial(&mut with, &tried, &inner, TrialEnd::RollBack)?;
            let states = [&with, &without].map(|history| describe(history.scheduler().cluster()));
            if states[0] != states[1] {
                return Err(format!("with a trial:\n{}without:\n{}", states[0], states[1]));
            }
            play(&mut with, &after)?;
            play(&mut without, &after)
        };
        run().map_err(TestCaseError::fail)?;
        prop_assert_eq!(&with.decisions, &without.decisions);
    }

    #[test]
    fn a_trial_that_is_committed_is_as_if_there_had_been_none(
        before in proptest::collection::vec(Step::any(), 1..20),
        tried in proptest::collection::vec(Step::any(), 1..20),
        after in proptest::collection::vec(Step::any(), 1..20),
    ) {
        let (mut with, mut without) = (History::default(), History::default());
        let mut run = || -> Result<(), String> {
            play(&mut with, &before)?;
            play_in_trial(&mut with, &tried, &[], TrialEnd::Commit)?;
            play(&mut with, &after)?;
            play(&mut without, &before)?;
            play(&mut without, &tried)?;
            play(&mut without, &after)
        };
        run().map_err(TestCaseError::fail)?;
        prop_assert_eq!(&with.decisions, &without.decisions);
        prop_assert_eq!(describe(with.scheduler().cluster()), describe(without.scheduler().cluster()));
    }
}
