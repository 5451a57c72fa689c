//! Plans against brute force, and removals against what must be kept.

use std::collections::BTreeSet;
use std::fmt::Write;

use berth_wire::Loader;

use super::*;
use crate::fixture::{Dice, documents, world};

const OPTIONS: Options = Options { preemption: false, all_schedulers: false, verify: false };
/// How many cases are tried.
const CASES: u64 = 200;

fn manifests(text: &str) -> Manifests {
    let mut loader = Loader::new();
    loader.read("in", text.as_bytes());
    loader.finish().unwrap_or_else(|problems| panic!("{problems}\nin:\n{text}")).0
}

fn profiles() -> Vec<Profile> {
    vec![Profile::standard("default-scheduler")]
}

fn node(name: &str, zone: &str, cpu: u64, memory: u64, spec: &str) -> String {
    format!(
        "---\n{{apiVersion: v1, kind: Node, metadata: {{name: {name}, labels: {{kubernetes.io/hostname: {name}, zone: {zone}}}}}, \
         spec: {{{spec}}}, status: {{allocatable: {{cpu: {cpu}, memory: {memory}Gi, pods: 5}}}}}}\n"
    )
}

/// A small cluster with pending pods, and types of nodes for it.
fn case(seed: u64) -> (Manifests, Vec<NodeType>) {
    let mut dice = Dice(seed);
    let mut text = String::new();
    for number in 0..dice.roll(3) {
        let zone = dice.pick(&["a", "b"]);
        text += &node(&format!("n{number}"), zone, 1 + dice.roll(4), 2 + dice.roll(6), "");
    }
    if dice.roll(2) == 0 {
        text += "---\n{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: agent}, spec: {selector: {matchLabels: {app: \
                 agent}}, template: {metadata: {labels: {app: agent}}, spec: {containers: [{name: c, image: i, resources: \
                 {requests: {cpu: 500m}}}]}}}}\n";
    }
    for number in 0..2 + dice.roll(6) {
        let app = dice.pick(&["a", "b"]);
        let (cpu, memory) = (dice.pick(&["500m", "1", "2", "3"]), 1 + dice.roll(4));
        let constraint = match dice.roll(7) {
            0 => "nodeSelector: {zone: a}, ".to_owned(),
            1 => format!(
                "affinity: {{podAntiAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: [{{labelSelector: \
                 {{matchLabels: {{app: {app}}}}}, topologyKey: kubernetes.io/hostname}}]}}}}, "
            ),
            2 => format!(
                "topologySpreadConstraints: [{{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, \
                 labelSelector: {{matchLabels: {{app: {app}}}}}}}], "
            ),
            3 => "tolerations: [{key: special, operator: Exists}], ".to_owned(),
            _ => String::new(),
        };
        let _ = writeln!(
            text,
            "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: p{number}, labels: {{app: {app}}}}}, spec: {{{constraint}containers: \
             [{{name: c, image: i, resources: {{requests: {{cpu: {cpu}, memory: {memory}Gi}}}}}}]}}}}"
        );
    }
    let mut types = String::new();
    for (name, zone, spec) in
        [("s", "a", ""), ("m", "b", ""), ("t", "a", "taints: [{key: special, effect: NoSchedule}]")]
    {
        types += &node(name, zone, 1 + dice.roll(7), 2 + dice.roll(7), spec);
    }
    let of = |node: &berth_model::node::Node| NodeType {
        node: node.clone(),
        price: Price(100_000 * (1 + dice.roll(12))),
        max: 3,
    };
    let types = manifests(&types).nodes.iter().map(|entry| &entry.value).map(of).collect();
    (manifests(&text), types)
}

/// The cheapest of all numbers of nodes with which every pod fits, simulated from manifests.
fn brute_force(manifests: &Manifests, types: &[NodeType]) -> Option<Price> {
    let cluster = Cluster::default();
    let candidates: Vec<Candidate> =
        types.iter().map(|of| Candidate::new(of.clone(), Vec::new(), &cluster)).collect();
    let mut simulator = Simulator::from_manifests(manifests.clone(), None, profiles(), candidates, OPTIONS);
    let mut best: Option<Price> = None;
    for s in 0..=3 {
        for m in 0..=3 {
            for t in 0..=3 {
                let counts = [s, m, t];
                let cost = Price(types.iter().zip(counts).map(|(of, count)| of.price.times(count).0).sum());
                if best.is_none_or(|best| cost < best) && simulator.fits(&counts, &BTreeSet::new()).unwrap() {
                    best = Some(cost);
                }
            }
        }
    }
    best
}

#[test]
fn a_plan_is_as_cheap_as_what_brute_force_finds() {
    let (mut planned, mut impossible, mut free) = (0, 0, 0);
    for seed in 0..CASES {
        let (manifests, types) = case(seed);
        let found = plan(manifests.clone(), None, types.clone(), profiles(), OPTIONS).unwrap();
        match brute_force(&manifests, &types) {
            None => {
                assert!(!found.pending.is_empty(), "seed {seed}: no numbers are enough, but {found:?}");
                impossible += 1;
            }
            Some(best) => {
                assert_eq!(found.pending, [], "seed {seed}: {best} is enough");
                assert_eq!(found.cost, best.to_string(), "seed {seed}: {found:?}");
                assert!(found.optimal, "seed {seed}: so few sets of nodes are all tried");
                if best.0 == 0 { free += 1 } else { planned += 1 }
            }
        }
    }
    assert!(planned > 0 && impossible + free > 0, "{planned} {impossible} {free}");
}

#[test]
fn pods_that_no_nodes_help_say_why_with_the_most_nodes_that_were_tried() {
    let mut text = node("n1", "a", 1, 4, "") + &node("n2", "b", 1, 4, "");
    for name in ["p", "q"] {
        let _ = writeln!(
            text,
            "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, labels: {{app: web}}}}, spec: {{topologySpreadConstraints: \
             [{{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {{matchLabels: {{app: web}}}}}}], \
             containers: [{{name: c, image: i, resources: {{requests: {{cpu: 2}}}}}}]}}}}"
        );
    }
    let types = manifests(&node("large", "a", 4, 16, ""));
    let of = NodeType { node: types.nodes[0].value.clone(), price: Price(1), max: 8 };
    let found = plan(manifests(&text), None, vec![of], profiles(), OPTIONS).unwrap();
    let [open] = found.pending.as_slice() else { panic!("{found:?}") };
    assert_eq!(found.tried, [TriedNodes { of: "large".to_owned(), count: 8 }]);
    let why = "0/10 nodes are available: 2 Insufficient cpu, 8 node(s) didn't match pod topology spread constraints.";
    assert_eq!(open.message_with_tried.as_deref(), Some(why));
}

const DEPLOYED: &str =
    "ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: r, controller: true}]";

fn pod(name: &str, node: &str, meta: &str, cpu: u32) -> String {
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, uid: u-{name}, labels: {{app: {name}}}, {meta}}}, spec: {{nodeName: {node}, \
         priority: 0, containers: [{{name: c, image: i, resources: {{requests: {{cpu: {cpu}}}}}}}]}}}}"
    )
}

fn removal(objects: &[&str]) -> NodeRemoval {
    remove(world(&documents(objects)), profiles(), OPTIONS).unwrap()
}

#[test]
fn nodes_go_if_their_pods_find_other_nodes_and_no_pod_moves_twice() {
    let nodes = ["n1", "n2", "n3"].map(|name| {
        format!("{{apiVersion: v1, kind: Node, metadata: {{name: {name}}}, status: {{allocatable: {{cpu: 4, pods: 9}}}}}}")
    });
    let pods = [pod("a", "n1", DEPLOYED, 1), pod("b", "n2", DEPLOYED, 1), pod("c", "n3", DEPLOYED, 2)];
    let objects: Vec<&str> = nodes.iter().chain(&pods).map(String::as_str).collect();
    let found = removal(&objects);
    let moves: Vec<(&str, Vec<(&str, &str)>)> = found
        .remove
        .iter()
        .map(|removed| {
            let moves = removed.moves.iter().map(|one| (one.name.as_str(), one.to.as_str()));
            (removed.node.as_str(), moves.collect())
        })
        .collect();
    assert_eq!(moves, [("n1", vec![("a", "n3")]), ("n2", vec![("b", "n3")])]);
    let keep: Vec<&str> = found.keep.iter().map(|kept| kept.node.as_str()).collect();
    assert_eq!(keep, ["n3"]);
    assert_eq!(found.saved, None);
}

#[test]
fn a_node_stays_if_a_pod_of_it_cannot_move() {
    let node = |name: &str, labels: &str| {
        format!(
            "{{apiVersion: v1, kind: Node, metadata: {{name: {name}, labels: {{{labels}}}, annotations: {{berth.dev/price: '0.5'}}}}, \
             status: {{allocatable: {{cpu: 4, pods: 9}}}}}}"
        )
    };
    let budget = |name: &str, allowed: u32| {
        format!(
            "{{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {{name: {name}, uid: u}}, spec: {{selector: {{matchLabels: \
             {{app: p}}}}}}, status: {{disruptionsAllowed: {allowed}}}}}"
        )
    };
    // A budget that no controller has counted yet, with a selector that selects every pod.
    let manifest = |spec: &str| {
        format!(
            "{{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {{name: spec}}, spec: {{selector: {{}}, {spec}}}}}"
        )
    };
    let here = |pod: String, more: &[String]| {
        let objects = [node("n1", ""), node("n2", "node-role.kubernetes.io/control-plane: ''"), pod];
        let all: Vec<&str> = objects.iter().chain(more).map(String::as_str).collect();
        let found = removal(&all);
        match found.keep.iter().find(|kept| kept.node == "n1") {
            Some(kept) => kept.reason.clone(),
            None => format!("goes, saves {}", found.saved.unwrap_or_default()),
        }
    };
    let cases = [
        (pod("p", "n1", DEPLOYED, 1), vec![], "goes, saves 0.5"),
        (pod("p", "n1", DEPLOYED, 1), vec![budget("one", 1)], "goes, saves 0.5"),
        (
            pod("p", "n1", DEPLOYED, 1),
            vec![budget("none", 0)],
            "default/p cannot be evicted: PodDisruptionBudget default/none allows no disruption (1 of its pods are healthy, 1 \
             must be)",
        ),
        (pod("p", "n1", DEPLOYED, 1), vec![manifest("maxUnavailable: 1")], "goes, saves 0.5"),
        (
            pod("p", "n1", DEPLOYED, 1),
            vec![manifest("minAvailable: 1")],
            "default/p cannot be evicted: PodDisruptionBudget default/spec allows no disruption (1 of its pods are healthy, 1 \
             must be)",
        ),
        (
            pod("p", "n1", DEPLOYED, 1),
            vec![budget("one", 1), budget("two", 1)],
            "default/p cannot be evicted: the API server evicts no pod with several PodDisruptionBudgets (default/one, \
             default/two)",
        ),
        (pod("p", "n1", "", 1), vec![], "default/p has no controller, so that nothing would make it again"),
        (
            pod("p", "n1", DEPLOYED, 4),
            vec![pod("q", "n2", DEPLOYED, 1)],
            "default/p fits on no other node: 0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable.",
        ),
    ];
    for (pod, more, expected) in cases {
        assert_eq!(here(pod.clone(), &more), expected, "{pod} {more:?}");
    }
}
