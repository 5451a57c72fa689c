//! A small world for the tests of the plugin, and hypotheticals against clusters where they came true.

use berth_model::affinity::SpreadConstraint;
use berth_model::node::{Taint, TaintEffect};
use berth_model::pod::{Pod, PodSpec};
use berth_model::selector::LabelSelector;
use proptest::prelude::*;

use super::PodTopologySpread;
use crate::fixture::{World, labels, state};
use crate::ids::PodRow;
use crate::plugin::view::{Delta, NodeView};

/// Nodes a1 and a2 in zone a, b1 in zone b, and one without a zone.
pub(super) fn zones() -> World {
    let mut world = World::default();
    for (name, zone) in [("a1", Some("a")), ("a2", Some("a")), ("b1", Some("b")), ("bare", None)] {
        world.node(name, |node| {
            if let Some(zone) = zone {
                node.labels.insert("topology.kubernetes.io/zone".into(), zone.into());
                node.labels.insert("zone".into(), zone.into());
            }
        });
    }
    world
}

pub(super) fn taint(key: &str) -> Taint {
    Taint { key: key.into(), value: "".into(), effect: TaintEffect::NoSchedule }
}

/// A constraint on pods with `app=web` that decides.
pub(super) fn spread(key: &str, max_skew: i64) -> SpreadConstraint {
    SpreadConstraint {
        max_skew,
        topology_key: key.into(),
        required: true,
        selector: Some(LabelSelector::from_labels(&labels(&[("app", "web")]))),
        min_domains: None,
        honor_node_affinity: true,
        honor_node_taints: false,
        match_label_keys: vec![],
    }
}

/// A constraint on pods with `app=web` that prefers.
pub(super) fn prefer(key: &str, max_skew: i64) -> SpreadConstraint {
    SpreadConstraint { required: false, ..spread(key, max_skew) }
}

/// A pod with the label `app`, on a node or waiting.
pub(super) fn on(
    world: &mut World,
    app: &str,
    node: &str,
    change: impl FnOnce(&mut Pod, &mut PodSpec),
) -> PodRow {
    world.pod(app, |pod, spec| {
        pod.node = (!node.is_empty()).then(|| node.into());
        spec.labels = labels(&[("app", app)]);
        change(pod, spec);
    })
}

/// So many pods with `app=web` on each node.
pub(super) fn webs(world: &mut World, counts: &[(&str, usize)]) {
    for &(node, count) in counts {
        for _ in 0..count {
            on(world, "web", node, |_, _| {});
        }
    }
}

/// A waiting pod with `app=web` and these constraints.
pub(super) fn web(world: &mut World, constraints: &[SpreadConstraint]) -> PodRow {
    on(world, "web", "", |_, spec| spec.spread = constraints.to_vec())
}

#[derive(Clone, Debug)]
struct Sketch {
    app: &'static str,
    namespace: &'static str,
    place: usize,
    /// Whether the hypothetical moves it.
    moves: bool,
}

fn sketch() -> impl Strategy<Value = Sketch> {
    let app = prop::sample::select(vec!["web", "web", "db"]);
    let namespace = prop::sample::select(vec!["default", "default", "other"]);
    (app, namespace, 0..6usize, any::<bool>()).prop_map(|(app, namespace, place, moves)| Sketch {
        app,
        namespace,
        place,
        moves,
    })
}

fn constraint() -> impl Strategy<Value = SpreadConstraint> {
    let key = prop::sample::select(vec!["zone", "kubernetes.io/hostname"]);
    let min_domains = prop::option::of(1..4i64);
    (key, 1..4i64, min_domains, any::<bool>(), any::<bool>()).prop_map(
        |(key, max_skew, min_domains, honor_node_affinity, honor_node_taints)| SpreadConstraint {
            min_domains,
            honor_node_affinity,
            honor_node_taints,
            ..spread(key, max_skew)
        },
    )
}

proptest! {
    #[test]
    fn a_hypothetical_is_judged_as_the_cluster_in_which_it_came_true(
        constraints in prop::collection::vec(constraint(), 1..3),
        others in prop::collection::vec(sketch(), 0..12),
        tainted in prop::option::of(prop::sample::select(vec!["a1", "b1"])),
        zone_b_only in prop::bool::weighted(0.2),
    ) {
        let mut world = zones();
        world.node("c1", |node| {
            node.labels.insert("zone".into(), "c".into());
            node.taints = vec![taint("spot")];
        });
        if let Some(name) = tainted {
            world.node(name, |node| {
                node.labels.insert("zone".into(), "a".into());
                node.taints = vec![taint("spot")];
            });
        }
        let pod = on(&mut world, "web", "", |_, spec| {
            spec.spread.clone_from(&constraints);
            if zone_b_only {
                spec.node_selector = labels(&[("zone", "b")]);
            }
        });
        let node = world.cluster.nodes().find("a1").unwrap();
        let mut delta = Delta::default();
        let mut real = World { cluster: world.cluster.clone() };
        for other in &others {
            let place = ["a1", "", "a2", "b1", "bare", "c1"][other.place];
            let add = |world: &mut World| {
                on(world, other.app, place, |_, spec| spec.namespace = other.namespace.into())
            };
            let row = add(&mut world);
            prop_assert_eq!(row, add(&mut real));
            match place {
                "a1" if other.moves => {
                    delta.remove(row, &world.cluster);
                    real.cluster.unassign(row);
                }
                "" if other.moves => {
                    delta.add(row, &world.cluster);
                    real.cluster.assign(row, node);
                }
                _ => {}
            }
        }
        let plugin = PodTopologySpread::default();
        let (before, after) = (state(&plugin, &world, pod), state(&plugin, &real, pod));
        let imagined = before.check(NodeView::with_delta(&world.cluster, node, &delta));
        prop_assert_eq!(imagined, after.check(NodeView::new(&real.cluster, node)));
    }
}
