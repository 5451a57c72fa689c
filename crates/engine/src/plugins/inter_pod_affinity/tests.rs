//! A small world for the tests of the plugin, and hypotheticals against clusters where they came true.

use berth_model::affinity::{PodAffinityTerm, WeightedPodAffinityTerm};
use berth_model::pod::PodSpec;
use berth_model::selector::LabelSelector;
use proptest::prelude::*;

use super::InterPodAffinity;
use crate::fixture::{World, labels, state};
use crate::ids::PodRow;
use crate::plugin::view::{Delta, NodeView};

/// Nodes a1 and a2 in zone a, b1 in zone b, and one without a zone.
pub(super) fn zones() -> World {
    let mut world = World::default();
    for (name, zone) in [("a1", Some("a")), ("a2", Some("a")), ("b1", Some("b")), ("bare", None)] {
        world.node(name, |node| {
            if let Some(zone) = zone {
                node.labels.insert("zone".into(), zone.into());
            }
        });
    }
    world
}

/// A pod with the label `app`, on a node or waiting.
pub(super) fn on(world: &mut World, app: &str, node: &str, change: impl FnOnce(&mut PodSpec)) -> PodRow {
    world.pod(app, |pod, spec| {
        pod.node = (!node.is_empty()).then(|| node.into());
        spec.labels = labels(&[("app", app)]);
        change(spec);
    })
}

/// A term on pods with this `app`.
pub(super) fn near(key: &str, app: &str) -> PodAffinityTerm {
    let selector = Some(LabelSelector::from_labels(&labels(&[("app", app)])));
    PodAffinityTerm { selector, namespaces: vec![], namespace_selector: None, topology_key: key.into() }
}

/// A term on all pods of the namespace.
pub(super) fn anywhere(key: &str) -> PodAffinityTerm {
    PodAffinityTerm { selector: Some(LabelSelector::default()), ..near(key, "") }
}

pub(super) fn weighted(weight: i64, term: PodAffinityTerm) -> WeightedPodAffinityTerm {
    WeightedPodAffinityTerm { weight, term }
}

#[derive(Clone, Debug)]
struct Sketch {
    app: &'static str,
    namespace: &'static str,
    affinity: Vec<(&'static str, &'static str)>,
    anti_affinity: Vec<(&'static str, &'static str)>,
    /// On the node of the hypothetical, waiting, or on another one.
    place: usize,
    /// Whether the hypothetical moves it.
    moves: bool,
}

fn sketch() -> impl Strategy<Value = Sketch> {
    let app = || prop::sample::select(vec!["x", "y"]);
    let key = prop::sample::select(vec!["zone", "kubernetes.io/hostname", "rack"]);
    let terms = || prop::collection::vec((key.clone(), app()), 0..3);
    let rarely = prop_oneof![2 => Just(vec![]), 1 => terms()];
    let namespace = prop::sample::select(vec!["default", "default", "other"]);
    (app(), namespace, terms(), rarely, 0..4usize, any::<bool>()).prop_map(
        |(app, namespace, affinity, anti_affinity, place, moves)| Sketch {
            app,
            namespace,
            affinity,
            anti_affinity,
            place,
            moves,
        },
    )
}

fn spec(sketch: &Sketch, spec: &mut PodSpec) {
    let terms = |list: &[(&str, &str)]| list.iter().map(|(key, app)| near(key, app)).collect();
    spec.namespace = sketch.namespace.into();
    spec.pod_affinity.required = terms(&sketch.affinity);
    spec.pod_anti_affinity.required = terms(&sketch.anti_affinity);
}

proptest! {
    #[test]
    fn a_hypothetical_is_judged_as_the_cluster_in_which_it_came_true(
        incoming in sketch(),
        others in prop::collection::vec(sketch(), 0..8),
    ) {
        let mut world = zones();
        let pod = on(&mut world, incoming.app, "", |s| spec(&incoming, s));
        let node = world.cluster.nodes().find("a1").unwrap();
        let mut delta = Delta::default();
        let mut real = World { cluster: world.cluster.clone() };
        for other in &others {
            let place = ["a1", "", "a2", "b1"][other.place];
            let row = on(&mut world, other.app, place, |s| spec(other, s));
            prop_assert_eq!(row, on(&mut real, other.app, place, |s| spec(other, s)));
            match other.place {
                0 if other.moves => {
                    delta.remove(row, &world.cluster);
                    real.cluster.unassign(row);
                }
                1 if other.moves => {
                    delta.add(row, &world.cluster);
                    real.cluster.assign(row, node);
                }
                _ => {}
            }
        }
        let plugin = InterPodAffinity::default();
        let imagined = state(&plugin, &world, pod).check(NodeView::with_delta(&world.cluster, node, &delta));
        let truth = state(&plugin, &real, pod).check(NodeView::new(&real.cluster, node));
        prop_assert_eq!(imagined, truth);
    }
}
