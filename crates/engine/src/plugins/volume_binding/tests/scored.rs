//! How full the storage would be.

use super::*;
use crate::fixture::score;

#[test]
fn emptier_storage_scores_higher() {
    let mut world = world();
    of_class(&mut world, "data", "local", |_| {});
    of_class(&mut world, "more", "later", |_| {});
    local(&mut world, "v1", "n1", 10, |_| {});
    local(&mut world, "v2", "n2", 40, |_| {});
    capacity(&mut world, "a", Some("a"), 20, None);
    capacity(&mut world, "b", Some("b"), 100, None);
    publishes_capacity(&mut world);
    let mut check = |claims: &[&str], expected: Expect| {
        let pod = pod(&mut world, claims);
        expected.assert_eq(&score(&VolumeBinding::default(), &world, pod));
    };
    check(&[], expect!["n1: 0, n2: 0, n3: 0"]);
    check(&["data"], expect!["n1: 0, n2: 75, n3: 0"]);
    check(&["more"], expect!["n1: 50, n2: 90, n3: 90"]);
    check(&["more", "more"], expect!["n1: 0, n2: 80, n3: 80"]);
    // Where a volume is taken, new ones do not count.
    check(&["data", "more"], expect!["n1: 0, n2: 75, n3: 0"]);
}

#[test]
fn the_administrators_curve_decides_the_score() {
    let mut world = world();
    of_class(&mut world, "data", "local", |_| {});
    local(&mut world, "v1", "n1", 10, |_| {});
    local(&mut world, "v2", "n2", 40, |_| {});
    let pod = pod(&mut world, &["data"]);
    let shape = [(0, 0), (50, 8), (100, 10)].map(|(utilization, score)| ShapePoint { utilization, score });
    let plugin = VolumeBinding { shape: shape.into() };
    assert_eq!(score(&plugin, &world, pod), "n1: 100, n2: 40, n3: 0");
}
