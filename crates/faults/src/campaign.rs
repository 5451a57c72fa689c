//! Plays many histories on all cores, and sums up what they covered.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::coverage::{Situation, add_up};
use crate::injected_bug::InjectedBug;
use crate::plan::{Fault, Focus, Plan};
use crate::world::{HistoryOutcome, World};

/// How many seeds a thread takes at a time.
const BATCH: u64 = 64;

/// The outcome of many histories.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many were played.
    pub histories: u64,
    /// How many pods were bound.
    pub bound: u64,
    /// Each seed that violates an invariant, with its first violation.
    pub violations: BTreeMap<u64, String>,
    /// How often each fault was injected.
    pub struck: BTreeMap<Fault, u64>,
    /// In how many histories both faults were injected, the lesser one first.
    pub pairs: BTreeMap<(Fault, Fault), u64>,
    /// How many histories had which focus.
    pub focused: BTreeMap<Option<Focus>, u64>,
    /// How often each situation occurred.
    pub situations: BTreeMap<Situation, u64>,
}

impl Summary {
    fn add(&mut self, plan: &Plan, outcome: HistoryOutcome) {
        self.histories += 1;
        self.bound += outcome.bound as u64;
        *self.focused.entry(plan.focus).or_default() += 1;
        if let Some(first) = outcome.violations.into_iter().next() {
            self.violations.insert(plan.seed, first);
        }
        let faults: Vec<Fault> = outcome.struck.keys().copied().collect();
        for (at, &one) in faults.iter().enumerate() {
            for &other in &faults[at + 1..] {
                *self.pairs.entry((one, other)).or_default() += 1;
            }
        }
        add_up(&mut self.struck, outcome.struck);
        add_up(&mut self.situations, outcome.situations);
    }

    fn merge(&mut self, other: Self) {
        self.histories += other.histories;
        self.bound += other.bound;
        self.violations.extend(other.violations);
        add_up(&mut self.struck, other.struck);
        add_up(&mut self.pairs, other.pairs);
        add_up(&mut self.focused, other.focused);
        add_up(&mut self.situations, other.situations);
    }

    /// Pairs of faults that were never injected in one history.
    pub fn missing_pairs(&self) -> Vec<(Fault, Fault)> {
        let pairs = Fault::ALL.iter().enumerate();
        let pairs = pairs.flat_map(|(at, &one)| Fault::ALL[at + 1..].iter().map(move |&other| (one, other)));
        pairs.filter(|pair| !self.pairs.contains_key(pair)).collect()
    }
}

/// Plays the histories of these seeds on `jobs` threads. The result does not depend on the number of threads.
pub fn play(seeds: Range<u64>, jobs: usize, bug: Option<InjectedBug>) -> Summary {
    let next = AtomicU64::new(seeds.start);
    let worker = || {
        let mut summary = Summary::default();
        loop {
            let from = next.fetch_add(BATCH, Ordering::Relaxed);
            if from >= seeds.end {
                return summary;
            }
            for seed in from..seeds.end.min(from + BATCH) {
                let plan = Plan::draw(seed);
                summary.add(&plan, World::play(plan.clone(), bug));
            }
        }
    };
    let mut all = Summary::default();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs.max(1)).map(|_| scope.spawn(worker)).collect();
        for worker in workers {
            match worker.join() {
                Ok(summary) => all.merge(summary),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    all
}
