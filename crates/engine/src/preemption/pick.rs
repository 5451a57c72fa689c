//! The candidate that does the least harm.

use berth_model::UnixSeconds;

use crate::cluster::Cluster;
use crate::preemption::Candidate;

/// The candidates that upstream may pick, in their order: those that tie by all of its rules.
///
/// The rules, each only for those that tie by the ones before: fewest budget violations; lowest highest priority among
/// the victims; smallest sum of priorities; fewest victims; latest start among the most important victims.
pub fn best<'a>(candidates: &'a [Candidate], cluster: &Cluster) -> Vec<&'a Candidate> {
    let Some(least) = candidates.iter().map(|c| harm(c, cluster)).min() else { return Vec::new() };
    candidates.iter().filter(|c| harm(c, cluster) == least).collect()
}

/// Compared in the order of the fields; less is better.
pub(super) type Harm = (usize, i32, i64, usize, std::cmp::Reverse<(bool, Option<UnixSeconds>)>);

/// The harm that evicting the victims of a candidate does.
pub(super) fn harm(candidate: &Candidate, cluster: &Cluster) -> Harm {
    let pods = cluster.pods();
    let priority = |&row: &crate::ids::PodRow| pods.class_of(row).spec.priority;
    let highest = candidate.victims.iter().map(priority).max().unwrap_or(i32::MIN);
    // Shifted to be positive, so that more victims are never better than fewer.
    let sum = candidate.victims.iter().map(|v| i64::from(priority(v)) + i64::from(i32::MAX) + 1).sum();
    let earliest = candidate
        .victims
        .iter()
        .filter(|v| priority(v) == highest)
        .map(|&v| pods.entry(v).pod.started)
        .map(|started| (started.is_none(), started))
        .min()
        .unwrap_or_default();
    (candidate.violations, highest, sum, candidate.victims.len(), std::cmp::Reverse(earliest))
}
