//! The order of pods, and their backoff.

use super::*;
use berth_engine::name::PluginName;

const BACKOFF: Backoff = Backoff { initial_millis: 1_000, max_millis: 10_000 };

fn group() -> RejectionGroup {
    RejectionGroup { profile: 0, class: PodClassId(0), plugins: vec![PluginName::new("NodeResourcesFit")] }
}

fn pod(number: u32) -> PodRow {
    PodRow(number)
}

fn queue(priorities: &[i32]) -> SchedulingQueue {
    let mut queue = SchedulingQueue::new(BACKOFF);
    for (number, &priority) in (0..).zip(priorities) {
        queue.add(pod(number), priority, false, 0);
    }
    queue
}

fn drain(queue: &mut SchedulingQueue, now: u64) -> Vec<u32> {
    std::iter::from_fn(|| queue.pop(now)).map(|pod| pod.0).collect()
}

#[test]
fn pods_are_tried_by_priority_then_by_arrival() {
    assert_eq!(drain(&mut queue(&[0, 5, 0, 5]), 0), [1, 3, 0, 2]);
}

#[test]
fn a_backoff_doubles_with_each_failure_up_to_a_limit() {
    let expected = [(0, 0), (1, 1_000), (2, 2_000), (3, 4_000), (4, 8_000), (5, 10_000), (90, 10_000)];
    for (failures, millis) in expected {
        assert_eq!(BACKOFF.after(failures), millis, "{failures}");
    }
}

#[test]
fn a_requeued_pod_waits_for_its_backoff_while_others_are_active() {
    let mut queue = queue(&[9]);
    queue.pop(0).unwrap();
    queue.reject(pod(0), group(), 100);
    assert_eq!(queue.pop(99_999), None, "no event may help");
    assert_eq!(queue.requeue(pod(0), 500), Some("backoff"));
    queue.add(pod(1), 0, false, 500);
    assert_eq!(queue.pop(500), Some(pod(1)), "an active pod of lower priority is first");
    queue.add(pod(2), 0, false, 1_100);
    assert_eq!(queue.pop(1_100), Some(pod(0)), "the backoff is over");
}

#[test]
fn a_requeued_pod_skips_its_backoff_if_no_pod_is_active() {
    let mut queue = queue(&[0]);
    queue.pop(0).unwrap();
    queue.reject(pod(0), group(), 0);
    queue.requeue(pod(0), 1);
    assert_eq!(queue.pop(1), Some(pod(0)));
}

#[test]
fn a_pod_that_failed_with_an_error_waits_for_its_backoff() {
    let mut queue = queue(&[0]);
    queue.pop(0).unwrap();
    queue.fail(pod(0), 0);
    assert_eq!(queue.next_timer(None), Some(1_000));
    assert_eq!(queue.pop(999), None);
    assert_eq!(queue.pop(1_000), Some(pod(0)));
}

#[test]
fn a_pod_requeued_after_its_backoff_is_active() {
    let mut queue = queue(&[0]);
    queue.pop(0).unwrap();
    queue.reject(pod(0), group(), 0);
    assert_eq!(queue.requeue(pod(0), 1_000), Some("active"));
    assert_eq!(queue.requeue(pod(0), 1_000), None, "it is not unschedulable any more");
}

#[test]
fn a_gated_pod_is_active_once_its_gate_is_removed() {
    let mut queue = SchedulingQueue::new(BACKOFF);
    queue.add(pod(0), 0, true, 0);
    assert_eq!((queue.pop(0), queue.activate(pod(0))), (None, false));
    assert_eq!(queue.set_gated(pod(0), false, 5), Some("active"));
    assert_eq!(queue.pop(5), Some(pod(0)));
}

#[test]
fn a_pod_is_overdue_after_the_given_time() {
    let mut queue = queue(&[0, 0]);
    for (number, now) in [(0, 100), (1, 200)] {
        queue.pop(now).unwrap();
        queue.reject(pod(number), group(), now);
    }
    assert_eq!(queue.next_timer(Some(1_000)), Some(1_100));
    assert_eq!(queue.overdue(1_150, 1_000), [pod(0)]);
}

#[test]
fn a_removed_pod_is_in_no_part_of_the_queue() {
    for place in 0..5 {
        let mut queue = SchedulingQueue::new(BACKOFF);
        queue.add(pod(0), 0, place == 4, 0);
        if place < 4 && place > 0 {
            queue.pop(0).unwrap();
        }
        match place {
            2 => queue.reject(pod(0), group(), 0),
            3 => queue.fail(pod(0), 0),
            _ => {}
        }
        queue.remove(pod(0));
        assert_eq!(queue.counts(), Counts::default(), "{place}");
        assert_eq!(
            (queue.pop(u64::MAX), queue.next_timer(Some(0)), queue.has_unschedulable()),
            (None, None, false)
        );
    }
}

#[test]
fn the_longest_backoff_does_not_overflow() {
    let mut queue = SchedulingQueue::new(Backoff { initial_millis: u64::MAX, max_millis: u64::MAX });
    queue.add(pod(0), 0, false, 7);
    queue.pop(7).unwrap();
    queue.fail(pod(0), 7);
    assert_eq!((queue.pop(u64::MAX - 1), queue.next_timer(None)), (None, Some(u64::MAX)));
    assert_eq!(queue.pop(u64::MAX), Some(pod(0)));
    queue.reject(pod(0), group(), 7);
    assert_eq!(queue.requeue(pod(0), 8), Some("backoff"));
}
