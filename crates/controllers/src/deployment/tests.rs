//! The numbers are those of upstream's `rolling_test.go`, `recreate_test.go` and `sync_test.go`.

use super::*;
use Share::{Percent, Pods};

/// A ReplicaSet with available pods only. `age` is larger for older ones.
fn set(name: &str, replicas: i32, age: i64) -> ReplicaSetState {
    ReplicaSetState {
        name: name.into(),
        created: Some(1_000 - age),
        revision: Some(10 - age),
        updated: age == 0,
        replicas,
        actual: replicas,
        available: replicas,
        not_ended: replicas,
        ..ReplicaSetState::default()
    }
}

fn rolling(surge: Share, unavailable: Share) -> Strategy {
    Strategy::RollingUpdate { surge, unavailable }
}

fn view(replicas: i32, strategy: Strategy, sets: &[ReplicaSetState]) -> View<'_> {
    View { replicas, strategy, paused: false, terminating: false, history_limit: None, sets }
}

/// The sizes after one sync; a ReplicaSet that is made comes last.
fn sizes(view: &View<'_>) -> Vec<i32> {
    let mut sizes: Vec<i32> = view.sets.iter().map(|set| set.replicas).collect();
    for change in reconcile(view, 0) {
        match change {
            Change::Create { replicas, .. } => sizes.push(replicas),
            Change::Scale { set, replicas, .. } => sizes[set] = replicas,
            Change::SetRevision { .. } | Change::Delete { .. } => {}
        }
    }
    sizes
}

#[test]
fn the_new_replica_set_grows_as_far_as_the_surge_allows() {
    // surge, old size, new size, new size after the sync
    let cases = [(0, 10, 0, 0), (2, 10, 0, 2), (2, 5, 0, 7), (2, 10, 2, 2), (2, 2, 11, 10)];
    for (surge, old, new, expected) in cases {
        let mut sets = [set("new", new, 0), set("old", old, 1)];
        sets[0].available = 0;
        let view = view(10, rolling(Pods(surge), Pods(0)), &sets);
        assert_eq!(sizes(&view)[0], expected, "surge {surge}, {old} old, {new} new");
    }
}

#[test]
fn old_replica_sets_shrink_as_far_as_enough_pods_stay_available() {
    // unavailable, old size, old available, new size, new available, old size after the sync
    let cases = [
        (0, 10, 10, 0, 0, 9),
        (2, 10, 10, 0, 0, 8),
        (2, 10, 8, 0, 0, 8),
        (2, 10, 9, 0, 0, 8),
        (2, 8, 8, 2, 0, 8),
        (0, 10, 10, 3, 3, 7),
        (0, 10, 10, 3, 0, 10),
    ];
    for (unavailable, old, old_available, new, new_available, expected) in cases {
        let mut sets = [set("new", new, 0), set("old", old, 1)];
        sets[0].available = new_available;
        sets[1].available = old_available;
        let surge = Pods((old + new - 10).max(0));
        let view = view(10, rolling(surge, Pods(unavailable)), &sets);
        assert_eq!(
            sizes(&view)[1],
            expected,
            "{unavailable}: {old}/{old_available} old, {new}/{new_available} new"
        );
    }
}

#[test]
fn a_new_template_makes_a_replica_set_and_shrinks_the_old_one_in_one_sync() {
    let sets = [set("old", 10, 1)];
    let view = view(10, rolling(Percent(25), Percent(25)), &sets);
    assert_eq!(sizes(&view), [8, 3]);
    let scaled_for = ScaledFor { desired: 10, max: 13 };
    assert_eq!(reconcile(&view, 0)[0], Change::Create { replicas: 3, revision: 10, scaled_for });
}

#[test]
fn a_second_new_template_starts_with_no_pods_if_the_surge_is_used() {
    let mut sets = [set("old", 8, 2), set("broken", 5, 1)];
    sets[1].available = 0;
    // The five pods that are not available go at once.
    assert_eq!(sizes(&view(10, rolling(Pods(3), Pods(2)), &sets)), [8, 0, 0]);
}

#[test]
fn pods_that_are_not_available_are_removed_first_and_from_the_oldest() {
    let mut sets = [set("new", 2, 0), set("older", 3, 2), set("old", 8, 1)];
    sets[1].available = 1;
    sets[2].available = 8;
    // 13 - 8 = 5 may go: two that are not available, then three of eleven available ones.
    assert_eq!(sizes(&view(10, rolling(Pods(3), Pods(2)), &sets)), [2, 0, 6]);
}

#[test]
fn recreate_waits_until_all_old_pods_are_gone() {
    let old = |replicas, not_ended| ReplicaSetState {
        replicas,
        not_ended,
        actual: 0,
        available: 0,
        ..set("old", 0, 1)
    };
    let cases = [(old(5, 5), vec![0]), (old(0, 1), vec![0]), (old(0, 0), vec![0, 5])];
    for (old, expected) in cases {
        let sets = [old];
        assert_eq!(sizes(&view(5, Strategy::Recreate, &sets)), expected, "{sets:?}");
    }
}

#[test]
fn a_change_of_size_is_shared_in_proportion() {
    // size before and after, surge before and after, sizes (new first), expected sizes
    type Case = (i32, i32, i32, i32, &'static [i32], &'static [i32]);
    let cases: [Case; 12] = [
        (10, 12, 0, 0, &[10], &[12]),
        (10, 5, 0, 0, &[10], &[5]),
        (5, 10, 0, 0, &[2, 3], &[4, 6]),
        (5, 3, 0, 0, &[2, 3], &[1, 2]),
        (9, 4, 0, 0, &[8, 1], &[4, 0]),
        (7, 10, 0, 0, &[2, 3, 2], &[3, 4, 3]),
        (13, 8, 0, 0, &[2, 8, 3], &[1, 5, 2]),
        (3, 4, 0, 0, &[1, 1, 1], &[2, 1, 1]),
        (3, 2, 0, 0, &[1, 1, 1], &[1, 1, 0]),
        (6, 0, 0, 0, &[3, 2, 1], &[0, 0, 0]),
        (10, 20, 2, 2, &[6, 6], &[11, 11]),
        (10, 50, 3, 6, &[5, 8], &[22, 34]),
    ];
    for (before, after, surge_before, surge, found, expected) in cases {
        let scaled_for = Some(ScaledFor { desired: before, max: before + surge_before });
        let names = ["v3", "v2", "v1"];
        let sets: Vec<ReplicaSetState> = (0..found.len())
            .map(|at| ReplicaSetState { scaled_for, ..set(names[at], found[at], at as i64) })
            .collect();
        let view = view(after, rolling(Pods(surge), Pods(1)), &sets);
        assert_eq!(sizes(&view), expected, "{before} to {after}: {found:?}");
    }
}

#[test]
fn a_change_of_size_and_template_scales_first_and_rolls_out_then() {
    let scaled_for = Some(ScaledFor { desired: 10, max: 10 });
    let sets = [
        ReplicaSetState { scaled_for, ..set("v2", 7, 1) },
        ReplicaSetState { scaled_for, ..set("v1", 3, 2) },
    ];
    assert_eq!(sizes(&view(14, rolling(Pods(0), Pods(1)), &sets)), [10, 4]);
}

#[test]
fn a_paused_deployment_is_scaled_but_gets_no_new_replica_set() {
    let sets = [set("old", 10, 1)];
    let paused = View { paused: true, ..view(12, rolling(Percent(25), Percent(25)), &sets) };
    assert_eq!(sizes(&paused), [12]);
    assert_eq!(sizes(&View { sets: &[], ..paused }), [0; 0]);
}

#[test]
fn old_replica_sets_beyond_the_limit_are_deleted_when_the_rollout_is_complete() {
    let sets = [set("v4", 3, 0), set("v3", 0, 1), set("v1", 0, 3), set("v2", 0, 2)];
    let complete = View { history_limit: Some(1), ..view(3, rolling(Pods(1), Pods(0)), &sets) };
    assert_eq!(reconcile(&complete, 0), [Change::Delete { set: 2 }, Change::Delete { set: 3 }]);
    let mut waiting = sets.clone();
    waiting[0].available = 2;
    assert_eq!(reconcile(&View { sets: &waiting, ..complete }, 0), []);
    assert_eq!(reconcile(&View { history_limit: None, ..complete }, 0), []);
}

#[test]
fn going_back_to_an_old_template_gives_its_replica_set_the_highest_revision() {
    let mut sets = [set("v1", 0, 3), set("v2", 3, 2)];
    sets[0].updated = true;
    let changes = reconcile(&view(3, rolling(Pods(1), Pods(0)), &sets), 0);
    let scaled_for = ScaledFor { desired: 3, max: 4 };
    assert_eq!(
        changes,
        [Change::SetRevision { set: 0, revision: 9 }, Change::Scale { set: 0, replicas: 1, scaled_for }]
    );
}

#[test]
fn of_two_replica_sets_with_the_template_the_older_is_the_new_one() {
    let sets = [
        ReplicaSetState { updated: true, ..set("b", 1, 1) },
        ReplicaSetState { updated: true, ..set("a", 1, 2) },
    ];
    assert_eq!(new_set(&sets), Some(1));
}

#[test]
fn a_deployment_that_is_being_deleted_does_nothing() {
    let sets = [set("old", 10, 1)];
    let view = View { terminating: true, ..view(10, rolling(Pods(1), Pods(0)), &sets) };
    assert_eq!(reconcile(&view, 0), []);
}
