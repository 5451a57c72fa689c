//! Alternating runs of several arms on one case, and their medians.

use std::collections::BTreeMap;

use crate::arm::{Arm, ArmError, Programs};
use crate::case::Case;
use crate::outcome::Outcome;

/// One line of a table: what the arms did on a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The workload, and the variant of its size.
    pub label: String,
    /// How many nodes there are.
    pub nodes: i64,
    /// How many pods are measured.
    pub pods: i64,
    /// The median of each arm's runs.
    pub outcomes: BTreeMap<Arm, Outcome>,
}

impl Row {
    /// How many times as many pods a second Berth places as the arm; `None` where one of them did not run.
    pub fn ratio(&self, arm: Arm) -> Option<f64> {
        let (berth, other) = (self.outcomes.get(&Arm::Berth)?, self.outcomes.get(&arm)?);
        Some(berth.pods_per_s / other.pods_per_s)
    }
}

/// Runs the arms on a case in turns, `runs` times each, and takes the medians. `progress` is told of each run.
///
/// An arm whose budget ended a run early is not run again on the case: its pods a second are known well enough.
///
/// # Errors
/// When an arm fails.
pub fn compare(
    case: &Case,
    arms: &[Arm],
    runs: usize,
    programs: &Programs,
    progress: &mut dyn FnMut(&str),
) -> Result<Row, ArmError> {
    let workload = case.source.load()?;
    let plan = case.plan()?;
    let (label, nodes, pods) = (case.label(&workload), plan.nodes(), plan.measured_pods());
    let reads_file = arms.iter().any(|arm| matches!(arm, Arm::Upstream | Arm::UpstreamAll));
    let file = if reads_file { Some(programs.write_plan(case)?) } else { None };
    let mut all: BTreeMap<Arm, Vec<Outcome>> = BTreeMap::new();
    for run in 1..=runs {
        for &arm in arms {
            if all.get(&arm).is_some_and(|before| before.iter().any(|outcome| !outcome.complete)) {
                continue;
            }
            progress(&format!("{label}, {nodes} nodes: {arm}, run {run} of {runs}"));
            all.entry(arm).or_default().push(programs.run(arm, case, file.as_deref())?);
        }
    }
    let medians = all.into_iter().filter_map(|(arm, runs)| Some((arm, Outcome::median(&runs)?)));
    Ok(Row { label, nodes, pods, outcomes: medians.collect() })
}
