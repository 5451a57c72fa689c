//! Which pods a ReplicaSet or a Job deletes first.
//!
//! Upstream: `controller_utils.go` (`ActivePodsWithRanks`, `ActivePods`), `replicaset/replica_set.go`
//! (`getPodsToDelete`, `getPodsRankedByRelatedPodsOnSameNode`).

use std::cmp::{Ordering, Reverse};

use berth_model::UnixSeconds;

use crate::pod::PodState;

/// The places of the `count` pods that go first, in the order in which they go. `rank` is how many active pods of the
/// same group are on a node: pods on crowded nodes go first. The time matters on a logarithmic scale only.
pub fn first_by_rank(
    pods: &[&PodState],
    count: usize,
    now: UnixSeconds,
    rank: impl Fn(Option<u32>) -> u32,
) -> Vec<usize> {
    select(pods, count, |a, b| {
        let cost = a.deletion_cost.cmp(&b.deletion_cost);
        let crowd = || rank(b.node).cmp(&rank(a.node));
        let ready =
            || if a.ready { newer_first(a.ready_since, b.ready_since, a, b, now) } else { Ordering::Equal };
        readiness(a, b)
            .then(cost)
            .then_with(crowd)
            .then_with(ready)
            .then_with(|| b.restarts.cmp(&a.restarts))
            .then_with(|| newer_first(a.created, b.created, a, b, now))
            .then_with(|| by_identity(a, b))
    })
}

/// As [`first_by_rank`], for Jobs: neither rank nor cost counts, and times are compared as they are.
pub fn first_by_readiness(pods: &[&PodState], count: usize) -> Vec<usize> {
    select(pods, count, |a, b| {
        let ready = || if a.ready { none_then_newer(a.ready_since, b.ready_since) } else { Ordering::Equal };
        readiness(a, b)
            .then_with(ready)
            .then_with(|| b.restarts.cmp(&a.restarts))
            .then_with(|| none_then_newer(a.created, b.created))
            .then_with(|| by_identity(a, b))
    })
}

fn select(pods: &[&PodState], count: usize, order: impl Fn(&PodState, &PodState) -> Ordering) -> Vec<usize> {
    let mut places: Vec<usize> = (0..pods.len()).collect();
    let count = count.min(places.len());
    let by_pod = |a: &usize, b: &usize| order(pods[*a], pods[*b]);
    if count == 1 {
        return places.into_iter().min_by(by_pod).into_iter().collect();
    }
    if 0 < count && count < places.len() {
        places.select_nth_unstable_by(count - 1, by_pod);
    }
    places.truncate(count);
    places.sort_unstable_by(by_pod);
    places
}

/// Pods without a node first, then by phase, then those that are not ready.
fn readiness(a: &PodState, b: &PodState) -> Ordering {
    let key = |pod: &PodState| (pod.node.is_some(), pod.phase, pod.ready);
    key(a).cmp(&key(b))
}

/// Upstream leaves the order of equal pods to its sort; here the name decides.
fn by_identity(a: &PodState, b: &PodState) -> Ordering {
    (&a.uid, &a.name, a.id).cmp(&(&b.uid, &b.name, b.id))
}

/// Pods without a time first, then newer ones (`afterOrZero`).
fn none_then_newer(a: Option<UnixSeconds>, b: Option<UnixSeconds>) -> Ordering {
    (a.is_some(), Reverse(a)).cmp(&(b.is_some(), Reverse(b)))
}

/// As [`none_then_newer`], but two times count as equal if they are of the same power of two before now; then the uid
/// decides, so that the choice is spread over pods of about the same age.
fn newer_first(
    a: Option<UnixSeconds>,
    b: Option<UnixSeconds>,
    of_a: &PodState,
    of_b: &PodState,
    now: UnixSeconds,
) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) if a != b => {
            logarithm(now - a).cmp(&logarithm(now - b)).then_with(|| by_identity(of_a, of_b))
        }
        _ => none_then_newer(a, b),
    }
}

/// The logarithm of an age, of base 2, in nanoseconds as upstream takes it; -1 for a time that is not in the past.
fn logarithm(age: UnixSeconds) -> i64 {
    if age <= 0 {
        return -1;
    }
    i64::from((i128::from(age) * 1_000_000_000).ilog2())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::running;
    use crate::pod::Phase;

    fn first(a: PodState, b: PodState, ranks: &[u32]) -> usize {
        let rank = |node: Option<u32>| node.map_or(0, |node| ranks[node as usize]);
        first_by_rank(&[&a, &b], 1, 1_000_000, rank)[0]
    }

    #[test]
    fn the_first_rule_that_distinguishes_two_pods_decides() {
        let base = || PodState { ready_since: Some(0), created: Some(0), ..running("a", 0) };
        let late = || PodState { name: "b".into(), uid: "b".into(), ..base() };
        let cases: [(&str, PodState, PodState); 9] = [
            ("without a node", PodState { ready: true, ..base() }, PodState { node: None, ..late() }),
            ("pending", base(), PodState { phase: Phase::Pending, ..late() }),
            ("unknown", base(), PodState { phase: Phase::Unknown, ..late() }),
            ("not ready", base(), PodState { ready: false, ..late() }),
            ("of lower cost", base(), PodState { deletion_cost: -1, ..late() }),
            ("on a crowded node", base(), PodState { node: Some(1), ..late() }),
            ("ready for a shorter time", base(), PodState { ready_since: Some(999_999), ..late() }),
            ("restarted more often", base(), PodState { restarts: 1, ..late() }),
            ("younger", base(), PodState { created: Some(999_999), ..late() }),
        ];
        for (rule, stays, goes) in cases {
            assert_eq!(first(stays, goes, &[1, 2]), 1, "the pod that is {rule} goes first");
        }
    }

    #[test]
    fn pods_of_about_the_same_age_go_by_uid() {
        let pod = |uid: &str, ready_since| PodState {
            uid: uid.into(),
            ready_since: Some(ready_since),
            ..running(uid, 0)
        };
        // Ready for 1,000,000 s and 999,000 s: the same power of two. The older goes, since its uid is less.
        assert_eq!(first(pod("b", 1_000), pod("a", 0), &[1]), 1);
        // Ready for 1,000,000 s and 100 s: the younger goes.
        assert_eq!(first(pod("b", 999_900), pod("a", 0), &[1]), 0);
    }

    #[test]
    fn a_selection_of_many_is_in_the_order_of_one_after_another() {
        let pods: Vec<PodState> = (0..20_u32)
            .map(|i| PodState {
                deletion_cost: (i as i32 * 7) % 5,
                restarts: (i as i32 * 3) % 4,
                ..running(&i.to_string(), i % 3)
            })
            .collect();
        let rank = |node: Option<u32>| node.unwrap_or(0) % 2;
        let all: Vec<&PodState> = pods.iter().collect();
        let mut left = all.clone();
        let mut one_by_one = Vec::new();
        while !left.is_empty() {
            let at = first_by_rank(&left, 1, 10, rank)[0];
            one_by_one.push(left.remove(at).id);
        }
        for count in 0..=20 {
            let many: Vec<u32> =
                first_by_rank(&all, count, 10, rank).into_iter().map(|at| all[at].id).collect();
            assert_eq!(many, one_by_one[..count], "{count}");
        }
    }

    #[test]
    fn a_job_does_not_look_at_cost_and_rank() {
        let cheap = PodState { deletion_cost: -5, created: Some(1), ..running("a", 0) };
        let young = PodState { created: Some(2), ..running("b", 1) };
        assert_eq!(first_by_readiness(&[&cheap, &young], 1), [1]);
    }
}
