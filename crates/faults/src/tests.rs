//! Thousands of histories, and the planted violations that prove the judge.

use std::collections::BTreeMap;

use crate::plan::{Fault, Plan};
use crate::sabotage::Sabotage;
use crate::shrink::shrink;
use crate::world::World;

/// How many histories are played; `BERTH_SEEDS` says otherwise.
fn seeds() -> u64 {
    std::env::var("BERTH_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2_000)
}

fn story(seed: u64, sabotage: Option<Sabotage>) -> String {
    let (plan, verdict) = shrink(&Plan::draw(seed), sabotage);
    format!("seed {seed}, made smaller: {plan:?}\n{}", verdict.timeline.join("\n"))
}

#[test]
fn no_history_violates_an_invariant_and_every_fault_occurs() {
    let mut struck: BTreeMap<Fault, u64> = BTreeMap::new();
    let mut bound = 0;
    for seed in 0..seeds() {
        let verdict = World::play(Plan::draw(seed), None);
        assert!(verdict.violations.is_empty(), "{}", story(seed, None));
        bound += verdict.bound;
        for (fault, times) in verdict.struck {
            *struck.entry(fault).or_default() += times;
        }
    }
    println!("{} histories, {bound} pods bound, faults: {struck:?}", seeds());
    for fault in Fault::ALL {
        assert!(seeds() < 500 || struck.contains_key(&fault), "{fault} never occurred");
    }
}

#[test]
fn the_same_seed_makes_the_same_history() {
    for seed in 0..20 {
        let play = || World::play(Plan::draw(seed), None);
        assert_eq!(play(), play(), "{seed}");
    }
}

#[test]
fn every_planted_violation_is_found_within_two_hundred_seeds() {
    for sabotage in Sabotage::ALL {
        let found =
            (0..200).find(|&seed| !World::play(Plan::draw(seed), Some(sabotage)).violations.is_empty());
        assert!(found.is_some(), "{sabotage:?} goes unnoticed");
        println!("{sabotage:?} is found by seed {}", found.unwrap_or_default());
    }
}

#[test]
fn a_failing_history_becomes_smaller() {
    let sabotage = Some(Sabotage::LostPod);
    let plan =
        (0..200).map(Plan::draw).find(|plan| !World::play(plan.clone(), sabotage).violations.is_empty());
    let plan = plan.unwrap();
    let (small, verdict) = shrink(&plan, sabotage);
    assert!(!verdict.violations.is_empty());
    assert!(small.rates.is_empty() && small.steps <= plan.steps, "{small:?}");
}
