//! One bad object ends the process.

use super::super::fixture::World;
use crate::input::Input;
use crate::report::Report;
use berth_model::object::{Kind, ObjectKey};

/// #110726: A missing field ends the process, and again after each restart (also #82796, #89410, #92050, #70146,
/// #38105).
/// Here: objects are checked when they are read; one that cannot be read is ignored with a warning, and scheduling
/// continues.
#[test]
fn issue_110726() {
    let mut world = World::new();
    world.node("n", 4);
    let key = ObjectKey { kind: Kind::Pod, namespace: "default".into(), name: "bad".into() };
    world.take(Input::Unreadable {
        key,
        uid: "u".into(),
        problem: "spec.topologySpreadConstraints[0]: missing".into(),
    });
    world.pod("a", 1);
    assert_eq!(world.run(), ["bind a to n"]);
    let is_expected = |report: &Report| matches!(report, Report::Warning(text) if text.contains("default/bad") && text.contains("missing"));
    assert!(world.reports.iter().any(is_expected));
}
