//! Jobs: pods that end.
//!
//! Upstream: `job/job_controller.go` (`manageJob`, `activePodsForRemoval`), `indexed_job_utils.go`
//! (`firstPendingIndexes`, `appendDuplicatedIndexPodsForRemoval`).

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use berth_model::UnixSeconds;

use crate::change::{NewPod, PodChange};
use crate::deletion_order::first_by_readiness;
use crate::pod::PodState;

/// What the controller sees.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// `spec.parallelism`.
    pub parallelism: i32,
    /// `spec.completions`; `None`: one success is enough.
    pub completions: Option<i32>,
    /// `spec.completionMode: Indexed`.
    pub indexed: bool,
    /// `spec.suspend`: its pods are deleted.
    pub suspended: bool,
    /// It is complete or has failed, or `metadata.deletionTimestamp` is set: it does nothing.
    pub finished: bool,
    /// `spec.podReplacementPolicy: TerminatingOrFailed`: a terminating pod is replaced at once.
    pub replaces_terminating: bool,
    /// How many pods have succeeded, among them those that do not exist any more.
    pub succeeded: i32,
    /// Indexes that have succeeded or failed, in ascending order.
    pub ended: &'a [RangeInclusive<i32>],
    /// Its pods; [`index`](PodState::index) is the completion index.
    pub pods: &'a [PodState],
}

/// One sync. It deletes pods or makes some, never both.
pub fn reconcile(view: &View<'_>, _now: UnixSeconds) -> Vec<PodChange> {
    if view.finished {
        return Vec::new();
    }
    let active: Vec<&PodState> = view.pods.iter().filter(|pod| pod.is_active()).collect();
    let count = i32::try_from(active.len()).unwrap_or(i32::MAX);
    if view.suspended {
        return remove(view, &active, active.len());
    }
    let wanted = match view.completions {
        None if view.succeeded > 0 => count,
        None => view.parallelism,
        Some(completions) => (completions - view.succeeded).clamp(0, view.parallelism.max(0)),
    };
    let removed = remove(view, &active, usize::try_from(count - wanted).unwrap_or(0));
    if !removed.is_empty() {
        return removed;
    }
    let terminating = view.pods.iter().filter(|pod| pod.terminating && !pod.has_ended());
    let waited_for = if view.replaces_terminating { 0 } else { terminating.count() };
    let missing = i64::from(wanted) - i64::from(count) - waited_for as i64;
    let missing = usize::try_from(missing).unwrap_or(0);
    if !view.indexed {
        return vec![PodChange::Create(NewPod::Replica); missing];
    }
    free_indexes(view, missing).into_iter().map(|index| PodChange::Create(NewPod::Index(index))).collect()
}

/// Deletes at least this many pods. Of an indexed Job also those whose index is not wanted or occurs twice.
fn remove(view: &View<'_>, active: &[&PodState], at_least: usize) -> Vec<PodChange> {
    let mut gone: Vec<u32> = Vec::new();
    if let (true, Some(completions)) = (view.indexed, view.completions) {
        let mut by_index: Vec<(i32, Vec<&PodState>)> = Vec::new();
        let mut sorted: Vec<&PodState> = active.to_vec();
        sorted.sort_by_key(|pod| pod.index);
        for pod in sorted {
            let Some(index) = pod.index.filter(|index| *index < completions) else {
                gone.push(pod.id);
                continue;
            };
            match by_index.last_mut() {
                Some((last, pods)) if *last == index => pods.push(pod),
                _ => by_index.push((index, vec![pod])),
            }
        }
        for (_, pods) in by_index {
            gone.extend(first_by_readiness(&pods, pods.len() - 1).into_iter().map(|at| pods[at].id));
        }
    }
    if gone.len() < at_least {
        let left: Vec<&PodState> = active.iter().copied().filter(|pod| !gone.contains(&pod.id)).collect();
        let more = first_by_readiness(&left, at_least - gone.len());
        gone.extend(more.into_iter().map(|at| left[at].id));
    }
    gone.into_iter().map(PodChange::Delete).collect()
}

/// The lowest indexes that have not ended and have no pod.
fn free_indexes(view: &View<'_>, count: usize) -> Vec<i32> {
    let holds = |pod: &&PodState| pod.is_active() || (pod.terminating && !view.replaces_terminating);
    let taken: BTreeSet<i32> = view.pods.iter().filter(holds).filter_map(|pod| pod.index).collect();
    let mut free = Vec::with_capacity(count);
    let (mut next, mut ended) = (0, view.ended.iter().peekable());
    while next < view.completions.unwrap_or(0) && free.len() < count {
        match ended.peek() {
            Some(range) if *range.end() < next => drop(ended.next()),
            Some(range) if range.contains(&next) => next = range.end().saturating_add(1),
            _ => {
                if !taken.contains(&next) {
                    free.push(next);
                }
                next += 1;
            }
        }
    }
    free
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::running;
    use crate::pod::Phase;
    use PodChange::Delete;

    const REPLICA: PodChange = PodChange::Create(NewPod::Replica);

    fn job(parallelism: i32, completions: Option<i32>, pods: &[PodState]) -> View<'_> {
        View {
            parallelism,
            completions,
            indexed: false,
            suspended: false,
            finished: false,
            replaces_terminating: true,
            succeeded: 0,
            ended: &[],
            pods,
        }
    }

    fn pods(count: u32) -> Vec<PodState> {
        (0..count).map(|id| running(&id.to_string(), 0)).collect()
    }

    fn made(indexes: &[i32]) -> Vec<PodChange> {
        indexes.iter().map(|&index| PodChange::Create(NewPod::Index(index))).collect()
    }

    #[test]
    fn at_most_parallelism_and_what_is_left_to_complete_runs() {
        // parallelism, completions, succeeded, active, made or deleted (negative)
        let cases = [
            (2, Some(5), 0, 0, 2),
            (2, Some(5), 4, 0, 1),
            (2, Some(5), 5, 0, 0),
            (2, Some(5), 0, 3, -1),
            (2, Some(5), 4, 2, -1),
            (5, Some(5), 0, 3, 2),
            (2, None, 0, 0, 2),
            (2, None, 0, 3, -1),
            (2, None, 1, 1, 0),
            (2, None, 1, 2, 0),
            (0, Some(5), 0, 2, -2),
        ];
        for (parallelism, completions, succeeded, active, expected) in cases {
            let pods = pods(active);
            let changes = reconcile(&View { succeeded, ..job(parallelism, completions, &pods) }, 0);
            let count: i32 = changes.iter().map(|c| if *c == REPLICA { 1 } else { -1 }).sum();
            assert_eq!(count, expected, "{parallelism} {completions:?} {succeeded} {active}");
        }
    }

    #[test]
    fn a_suspended_job_loses_its_pods_and_a_finished_one_keeps_them() {
        let pods = pods(2);
        assert_eq!(reconcile(&View { suspended: true, ..job(2, None, &pods) }, 0), [Delete(0), Delete(1)]);
        assert_eq!(reconcile(&View { finished: true, ..job(5, None, &pods) }, 0), []);
    }

    #[test]
    fn the_policy_decides_whether_a_terminating_pod_is_waited_for() {
        let pods = [PodState { terminating: true, ..running("0", 0) }];
        assert_eq!(reconcile(&job(1, Some(1), &pods), 0), [REPLICA]);
        assert_eq!(reconcile(&View { replaces_terminating: false, ..job(1, Some(1), &pods) }, 0), []);
    }

    #[test]
    fn a_failed_pod_is_made_again() {
        let pods = [PodState { phase: Phase::Failed, ready: false, ..running("0", 0) }];
        assert_eq!(reconcile(&job(1, Some(1), &pods), 0), [REPLICA]);
    }

    #[test]
    fn an_indexed_job_makes_the_lowest_free_indexes() {
        let at = |index| PodState { index: Some(index), ..running(&index.to_string(), 0) };
        type Case = (&'static [RangeInclusive<i32>], Vec<PodState>, i32, Vec<i32>);
        let cases: [Case; 4] = [
            (&[], vec![], 0, vec![0, 1, 2]),
            (&[], vec![at(1)], 0, vec![0, 2]),
            (&[0..=1, 3..=3], vec![at(4)], 3, vec![2, 5]),
            (&[0..=8], vec![], 9, vec![9]),
        ];
        for (ended, pods, succeeded, expected) in cases {
            let view = View { indexed: true, ended, succeeded, ..job(3, Some(10), &pods) };
            assert_eq!(reconcile(&view, 0), made(&expected), "{ended:?} {pods:?}");
        }
    }

    #[test]
    fn pods_of_one_index_and_beyond_the_last_are_deleted_before_others_are_made() {
        let at = |id: &str, index, ready| PodState { index: Some(index), ready, ..running(id, 0) };
        let pods = [at("0", 0, true), at("1", 0, false), at("2", 7, true)];
        let view = View { indexed: true, ..job(5, Some(5), &pods) };
        assert_eq!(reconcile(&view, 0), [Delete(2), Delete(1)]);
    }
}
