//! Whoever is asked about is named, whatever was placed, taken away and relabelled before.

use std::sync::Arc;

use berth_model::affinity::{PodAffinityTerm, WeightedPodAffinityTerm};
use berth_model::labels::Labels;
use berth_model::selector::{LabelSelector, Operator, Requirement};
use proptest::prelude::*;

use crate::cluster::Cluster;
use crate::fixture::World;
use crate::ids::{PodClassId, PodRow};
use crate::pod_class::matcher::Matcher;
use crate::pod_class::{PodClass, Term};

const KEYS: [&str; 2] = ["app", "tier"];
const VALUES: [&str; 3] = ["a", "b", "c"];

/// A pod's labels and its one term: a selector, and whether it excludes or attracts.
#[derive(Clone, Debug)]
struct Sketch {
    labels: Vec<(usize, usize)>,
    selector: Option<Vec<Requirement>>,
    excludes: bool,
}

fn requirement() -> impl Strategy<Value = Requirement> {
    let values = proptest::collection::vec(0usize..3, 1..4);
    (0usize..2, 0usize..4, values).prop_map(|(key, operator, values)| {
        let operator = [Operator::In, Operator::NotIn, Operator::Exists, Operator::DoesNotExist][operator];
        let values = match operator {
            Operator::In | Operator::NotIn => values.into_iter().map(|v| VALUES[v].into()).collect(),
            _ => vec![],
        };
        Requirement { key: KEYS[key].into(), operator, values }
    })
}

fn sketch() -> impl Strategy<Value = Sketch> {
    let labels = proptest::collection::vec((0usize..2, 0usize..3), 0..3);
    let selector = proptest::option::weighted(0.9, proptest::collection::vec(requirement(), 0..3));
    (labels, selector, any::<bool>()).prop_map(|(labels, selector, excludes)| Sketch {
        labels,
        selector,
        excludes,
    })
}

fn add(world: &mut World, name: &str, sketch: &Sketch) -> PodRow {
    let selector = sketch.selector.clone().map(|requirements| LabelSelector { requirements });
    let term = PodAffinityTerm {
        selector,
        namespaces: vec![],
        namespace_selector: None,
        topology_key: "zone".into(),
    };
    world.pod(name, |pod, spec| {
        pod.node = Some("n".into());
        spec.labels =
            sketch.labels.iter().map(|&(key, value)| (KEYS[key], VALUES[value])).collect::<Labels>();
        if sketch.excludes {
            spec.pod_anti_affinity.required = vec![term];
        } else {
            spec.pod_affinity.preferred = vec![WeightedPodAffinityTerm { weight: 1, term }];
        }
    })
}

fn selects(term: &Term, class: &PodClass, cluster: &Cluster) -> bool {
    term.selector.as_ref().is_some_and(|selector| selector.matches(&class.labels, cluster.symbols()))
}

/// What an answer leaves out of those that have pods, and names twice.
fn check(cluster: &Cluster, own: &PodClass) -> Result<(), TestCaseError> {
    let pods = cluster.pods();
    let placed: Vec<(PodClassId, &PodClass)> = pods
        .classes()
        .filter(|(_, _, placements)| !placements.entries().is_empty())
        .map(|(id, class, _)| (id, class))
        .collect();
    let preferred = || own.preferred_affinity.iter().map(|(_, term)| term);
    let excluding = pods.class_index().excluding(own.anti_affinity.iter(), &own.labels);
    let attracting = pods.class_index().attracting(preferred(), &own.labels);
    for (id, class) in placed {
        let excluded = own.anti_affinity.iter().any(|term| selects(term, class, cluster));
        let excludes = class.anti_affinity.iter().any(|term| selects(term, own, cluster));
        prop_assert!(!(excluded || excludes) || excluding.contains(&id), "{:?} to {:?}", class, own);
        let attracted = preferred().any(|term| selects(term, class, cluster));
        let attracts = class.preferred_affinity.iter().any(|(_, term)| selects(term, own, cluster));
        prop_assert!(!(attracted || attracts) || attracting.contains(&id), "{:?} to {:?}", class, own);
        let selectors = own.anti_affinity.iter().chain(preferred()).filter_map(|term| term.selector.as_ref());
        for selector in selectors.collect::<Vec<&Matcher>>() {
            let selectable = pods.class_index().selectable_in(own.namespace, selector);
            let selected = selector.matches(&class.labels, cluster.symbols());
            prop_assert!(!selected || selectable.contains(&id), "{:?} by {:?}", class, selector);
        }
    }
    for mut ids in [excluding, attracting] {
        ids.sort_unstable();
        prop_assert!(ids.is_sorted_by(|a, b| a < b), "named twice: {:?}", ids);
        let known = ids.iter().all(|&id| !pods.placements(id).entries().is_empty());
        prop_assert!(known, "some of {:?} have no pods", ids);
    }
    Ok(())
}

proptest! {
    #[test]
    fn whoever_is_selected_or_selects_is_named_once(
        steps in proptest::collection::vec((sketch(), proptest::option::weighted(0.3, any::<usize>())), 1..40),
    ) {
        let mut world = World::default();
        world.node("n", |_| {});
        let mut there: Vec<PodRow> = Vec::new();
        for (at, (sketch, leaving)) in steps.iter().enumerate() {
            if let Some(which) = leaving.and_then(|which| which.checked_rem(there.len())) {
                world.cluster.remove_pod(there.swap_remove(which));
            }
            there.push(add(&mut world, &format!("p{at}"), sketch));
            let own = Arc::new(world.cluster.pods().class_of(there[there.len() - 1]).clone());
            check(&world.cluster, &own)?;
        }
    }
}
