//! Memory that grows.

use super::super::fixture::World;
use crate::queue::Counts;
use crate::settings::Extender;
use berth_model::object::Kind;

/// #120622: The list of events in flight grows without limit while one pod is slow (also #122661, #122725, PR #122289).
/// Here: there is no such list: a pod in flight is judged again with all that is known then.
#[test]
fn issue_120622() {
    let slow = Extender {
        name: "slow".into(),
        filters: true,
        weight: None,
        preempts: false,
        binds: false,
        managed_resources: Vec::new(),
        ignorable: false,
    };
    let mut world = World::with(|settings| settings.extenders = vec![slow]);
    world.node("n", 4);
    world.pod("a", 1);
    world.run();
    for round in 0..1_000 {
        world.node("n", 4 + round % 2);
        world.run();
    }
    assert_eq!((world.flow.in_flight(), world.flow.pending().active), (1, 0));
}

/// #126962: A code path that skips a pod does not release it (also koordinator #3190).
/// Here: a pod that is skipped leaves the queue, and no other structure holds it.
#[test]
fn issue_126962() {
    let mut world = World::new();
    world.node("n", 4);
    world.apply(
        r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"default","uid":"u",
            "deletionTimestamp":"2026-01-01T00:00:00Z"},"spec":{"containers":[{"name":"c"}]}}"#,
    );
    world.run();
    assert_eq!((world.flow.in_flight(), world.flow.pending()), (0, Counts::default()));
    world.delete(Kind::Pod, "a");
    assert_eq!((world.flow.pending_pods().count(), world.flow.count(Kind::Pod)), (0, 0));
}
