//! Thousands of histories without a violation, and injected bugs that must be found.

use std::collections::BTreeMap;

use berth_engine::profile::Profile;
use berth_journal::{ReadError, Reader, Replay, Until, replay};

use crate::campaign::play;
use crate::injected_bug::InjectedBug;
use crate::instance;
use crate::plan::{Fault, Plan};
use crate::shrink::shrink;
use crate::world::{HistoryOutcome, World};

/// How many histories are played; `BERTH_SEEDS` overrides it.
fn seeds() -> u64 {
    std::env::var("BERTH_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2_000)
}

fn story(seed: u64, bug: Option<InjectedBug>) -> String {
    let (plan, outcome) = shrink(&Plan::draw(seed), bug);
    let timeline = outcome.timeline.join("\n");
    format!(
        "seed {seed}, made smaller: {plan:?}\n{timeline}\n\
         to look into it: cargo xtask simulate-faults --seed {seed} --record FILE, then berth replay FILE"
    )
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[test]
fn no_history_violates_an_invariant_and_every_fault_occurs() {
    let summary = play(0..seeds(), cores(), None);
    if let Some(seed) = summary.violations.keys().next() {
        panic!("{}", story(*seed, None));
    }
    println!("{} histories, {} pods bound, faults: {:?}", seeds(), summary.bound, summary.struck);
    for fault in Fault::ALL {
        assert!(seeds() < 500 || summary.struck.contains_key(&fault), "{fault} never occurred");
    }
    assert!(seeds() < 2_000 || summary.missing_pairs().is_empty(), "{:?}", summary.missing_pairs());
}

#[test]
fn situations_with_past_violations_occur() {
    let summary = play(0..2_000, cores(), None);
    let needed = [
        ("being evicted", "bound as assumed"),
        ("being evicted", "delivered again"),
        ("binding", "bound by another"),
        ("binding", "relabelled"),
        ("binding", "bound as assumed, relabelled"),
        ("unschedulable", "nominated"),
        ("unschedulable", "relabelled"),
        ("lease lost", "extending"),
        ("extending", "relabelled"),
        ("lease lost", "binding"),
        ("extending", "created again"),
        ("binding", "created again"),
        ("Evict", "refused"),
        ("nominate", "no answer"),
    ];
    for situation in needed {
        let times = summary.situations.get(&situation);
        assert!(times.is_some(), "{situation:?} never occurred: {:#?}", summary.situations);
    }
}

#[test]
fn the_number_of_threads_changes_no_result() {
    assert_eq!(play(0..200, 1, None), play(0..200, 3, None));
}

#[test]
fn the_same_seed_makes_the_same_history() {
    for seed in 0..20 {
        let play = || World::story(Plan::draw(seed), None);
        assert_eq!(play(), play(), "{seed}");
    }
}

#[test]
fn connections_that_fail_change_no_history() {
    for seed in 0..40 {
        let plan = Plan::draw(seed);
        let other = Plan { connections: !seed, ..plan.clone() };
        // Situations differ: a list that breaks off delivers objects twice.
        let played = |plan| HistoryOutcome { situations: BTreeMap::new(), ..World::story(plan, None) };
        assert_eq!(played(plan), played(other), "{seed}");
    }
}

#[test]
fn every_injected_bug_is_found_within_two_thousand_seeds() {
    for bug in InjectedBug::ALL {
        let found = (0..2_000).find(|&seed| !World::play(Plan::draw(seed), Some(bug)).violations.is_empty());
        assert!(found.is_some(), "{bug:?} goes unnoticed");
        println!("{bug:?} is found by seed {}", found.unwrap_or_default());
    }
}

#[test]
fn a_failing_history_becomes_smaller() {
    let bug = Some(InjectedBug::LostPod);
    let plan = (0..200).map(Plan::draw).find(|plan| !World::play(plan.clone(), bug).violations.is_empty());
    let plan = plan.unwrap();
    let (small, outcome) = shrink(&plan, bug);
    assert!(!outcome.violations.is_empty());
    assert!(small.rates.is_empty() && small.steps <= plan.steps, "{small:?}");
}

/// Replays the recording of a scheduler.
fn replayed(bytes: &[u8]) -> Result<Replay, ReadError> {
    let mut reader = Reader::new(bytes)?;
    let profiles = vec![Profile::standard("default-scheduler")];
    let settings = reader.header().as_recorded(instance::settings(profiles));
    replay(&mut reader, settings, Until::End)
}

#[test]
fn every_recorded_process_replays_without_a_difference() {
    let (mut torn, mut compared, mut processes) = (0, 0, 0);
    for seed in 0..60 {
        let (outcome, recorded) = World::record(Plan::draw(seed), None);
        assert_eq!(outcome, World::play(Plan::draw(seed), None), "a recording changes nothing");
        for process in recorded {
            let replay = replayed(&process.bytes).unwrap();
            assert_eq!(replay.difference, None, "seed {seed}, scheduler {}", process.part);
            torn += usize::from(replay.torn);
            compared += replay.compared;
            processes += 1;
        }
    }
    assert!(processes > 200 && torn > 150 && compared > 1_500, "{processes} {torn} {compared}");
}

#[test]
fn a_flipped_byte_of_a_recording_is_reported() {
    let (_, recorded) = World::record(Plan::draw(1), None);
    let bytes = &recorded.last().unwrap().bytes;
    for at in (0..bytes.len()).step_by(97) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x10;
        assert!(
            replayed(&flipped).is_ok_and(|replay| replay.torn) || replayed(&flipped).is_err(),
            "byte {at}"
        );
    }
}
