//! Pods on more nodes than are looked at one by one: few kinds of nodes, many of them equal. What is left out by
//! bounds, or not compared with the nodes that it ties with, must never be the scan's choice.

use std::sync::Arc;

use berth_engine::cluster::Cluster;
use berth_engine::decision::Decision;
use berth_engine::ids::PodRow;
use berth_engine::plugin::Plugin;
use berth_engine::plugins::best_fit::BestFit;
use berth_engine::plugins::least_load::LeastLoad;
use berth_engine::plugins::random::Random;
use berth_engine::plugins::weighted_least_load::WeightedLeastLoad;
use berth_engine::profile::Profile;
use berth_engine::scheduler::Scheduler;
use berth_engine::tie_break::TieBreak;
use berth_model::Str;
use berth_model::affinity::{
    NodeAffinity, PodAffinityTerm, PreferredNode, SpreadConstraint, WeightedPodAffinityTerm,
};
use berth_model::labels::Labels;
use berth_model::node::{Node, NodeImage, Taint, TaintEffect};
use berth_model::pod::{Container, Pod, PodSpec};
use berth_model::quantity::Quantity;
use berth_model::selector::{LabelSelector, NodeSelectorTerm, Operator, Requirement};
use proptest::prelude::*;

use crate::config;
use crate::history::waiting;

const ZONE: &str = "topology.kubernetes.io/zone";
const HOST: &str = "kubernetes.io/hostname";

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    Schedule(Wish),
    /// Pods come that are equal to one that came before.
    Again(usize, usize),
    /// A pod goes.
    Remove(usize),
    /// A node goes, comes back, or changes its zone and its taint.
    Node(usize, usize),
}

/// A pod's requests in hundredths of the smallest node, and what else it wishes, a bit each.
#[derive(Clone, Debug)]
struct Wish {
    cpu: i64,
    memory: i64,
    group: usize,
    wishes: u32,
}

impl Step {
    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            12 => Wish::any().prop_map(Self::Schedule),
            3 => (any::<usize>(), 1usize..30).prop_map(|(which, count)| Self::Again(which, count)),
            2 => any::<usize>().prop_map(Self::Remove),
            1 => (any::<usize>(), 0usize..3).prop_map(|(node, how)| Self::Node(node, how)),
        ]
    }
}

fn amounts(list: &[(&str, i64)]) -> Vec<(berth_model::Str, Quantity)> {
    let mut list: Vec<_> = list
        .iter()
        .map(|(name, amount)| ((*name).into(), Quantity::parse(&amount.to_string()).expect("a number")))
        .collect();
    list.sort();
    list
}

/// The node of a number: three zones, two sizes, some with an image, some tainted.
fn node(number: usize, zone: usize) -> Node {
    let name = format!("n{number}");
    let size = 1 + (number % 2) as i64;
    let taint = Taint { key: "lane".into(), value: "".into(), effect: TaintEffect::PreferNoSchedule };
    Node {
        labels: Labels::from_iter([(HOST, name.as_str()), (ZONE, ["a", "b", "c"][zone % 3])]),
        name: name.into(),
        allocatable: amounts(&[("cpu", size * 10), ("memory", size * (10 << 30)), ("pods", 20)]),
        taints: if zone % 5 == 4 { vec![taint] } else { Vec::new() },
        images: if number % 7 == 3 {
            vec![NodeImage { names: vec!["app:1".into()], size_bytes: 800 << 20 }]
        } else {
            Vec::new()
        },
        ..Node::default()
    }
}

fn term(key: &str, selector: &LabelSelector) -> PodAffinityTerm {
    PodAffinityTerm {
        selector: Some(selector.clone()),
        namespaces: vec![],
        namespace_selector: None,
        topology_key: key.into(),
    }
}

fn spread(key: &str, required: bool, selector: &LabelSelector) -> SpreadConstraint {
    SpreadConstraint {
        max_skew: 1,
        topology_key: key.into(),
        required,
        selector: Some(selector.clone()),
        min_domains: None,
        honor_node_affinity: true,
        honor_node_taints: false,
        match_label_keys: vec![],
    }
}

fn in_zone(zone: &str) -> NodeSelectorTerm {
    let requirement = Requirement { key: ZONE.into(), operator: Operator::In, values: vec![zone.into()] };
    NodeSelectorTerm { expressions: vec![requirement], fields: vec![] }
}

impl Wish {
    fn any() -> impl Strategy<Value = Self> {
        (0i64..60, 0i64..60, 0usize..4, any::<(u32, u32)>())
            .prop_map(|(cpu, memory, group, (one, other))| Self { cpu, memory, group, wishes: one & other })
    }

    fn has(&self, bit: u32) -> bool {
        self.wishes & 1 << bit != 0
    }

    fn pod(&self, name: String) -> Pod {
        let group = format!("g{}", self.group);
        let selector = LabelSelector::from_labels(&Labels::from_iter([("group", group.as_str())]));
        let term = |key| term(key, &selector);
        let mut spec = PodSpec {
            namespace: "default".into(),
            scheduler_name: "default-scheduler".into(),
            labels: Labels::from_iter([("group", group.as_str())]),
            ..PodSpec::default()
        };
        let requests = Quantity::parse(&format!("{}m", self.cpu * 100)).expect("a number");
        let mut requests = vec![("cpu".into(), requests)];
        requests.extend(amounts(&[("memory", self.memory * (10 << 30) / 100)]));
        let image = if self.has(0) { "app:1".into() } else { "".into() };
        spec.containers = vec![Container { name: "main".into(), requests, image, ..Container::default() }];
        if self.has(1) {
            let preferred = vec![PreferredNode { weight: 5, term: in_zone("a") }];
            spec.node_affinity = NodeAffinity { required: None, preferred };
        }
        if self.has(2) {
            spec.node_selector = Labels::from_iter([(ZONE, "b")]);
        }
        if self.has(3) {
            spec.pod_anti_affinity.required = vec![term(HOST)];
        }
        if self.has(4) {
            spec.spread = vec![spread(ZONE, true, &selector)];
        }
        if self.has(5) {
            spec.pod_affinity.preferred = vec![WeightedPodAffinityTerm { weight: 3, term: term(ZONE) }];
        }
        if self.has(6) {
            spec.pod_affinity.required = vec![term(ZONE)];
        }
        if self.has(7) && self.has(8) {
            spec.pod_anti_affinity.preferred = vec![WeightedPodAffinityTerm { weight: 3, term: term(HOST) }];
        }
        if self.has(9) && self.has(10) {
            spec.spread = vec![spread(HOST, false, &selector)];
        }
        waiting(name, spec)
    }
}

/// The standard profile, or one whose only score is that of an algorithm.
fn profile(algorithm: usize) -> Profile {
    let mut profile = Profile::standard("default-scheduler");
    let only: Arc<dyn Plugin> = match algorithm {
        0 => return profile,
        1 => Arc::new(LeastLoad::default()),
        2 => Arc::new(WeightedLeastLoad::default()),
        3 => Arc::new(BestFit::default()),
        _ => Arc::new(Random::default()),
    };
    profile.score = vec![(only, 2)];
    profile
}

/// Schedules a pod, and compares the decision with the scan's.
fn schedule(scheduler: &mut Scheduler, pod: Pod, running: &mut Vec<PodRow>) -> Result<(), String> {
    let pod = scheduler.cluster_mut().add_pod(pod);
    let decision = scheduler.decide_by(0, pod);
    scheduler.verify(0, pod, &decision)?;
    match decision {
        Decision::Place(node, _) => {
            scheduler.place(0, pod, node);
            running.push(pod);
        }
        _ => scheduler.cluster_mut().remove_pod(pod),
    }
    Ok(())
}

fn play(profile: Profile, count: usize, steps: &[Step]) -> Result<(), String> {
    let mut cluster = Cluster::default();
    for number in 0..count {
        cluster.upsert_node(node(number, number / 2));
    }
    let mut scheduler = Scheduler::new(cluster, vec![profile]);
    let (mut running, mut wishes) = (Vec::new(), Vec::new());
    for (at, step) in steps.iter().enumerate() {
        match step {
            Step::Schedule(wish) => {
                schedule(&mut scheduler, wish.pod(format!("p{at}")), &mut running)?;
                wishes.push(wish);
            }
            Step::Again(which, times) => {
                let Some(which) = which.checked_rem(wishes.len()) else { continue };
                for time in 0..*times {
                    let pod = wishes[which].pod(format!("p{at}-{time}"));
                    schedule(&mut scheduler, pod, &mut running)?;
                }
            }
            Step::Remove(which) => {
                if let Some(which) = which.checked_rem(running.len()) {
                    let pod = running.swap_remove(which);
                    scheduler.cluster_mut().remove_pod(pod);
                }
            }
            Step::Node(which, how) => {
                let number = which % count;
                let known = scheduler.cluster().nodes().find(&format!("n{number}"));
                match (known, how) {
                    (Some(row), 0) => scheduler.cluster_mut().remove_node(row),
                    (_, how) => {
                        scheduler.cluster_mut().upsert_node(node(number, how * 4));
                    }
                }
            }
        }
    }
    Ok(())
}

/// The nodes that pods get where nodes come in an order.
fn place(order: &[usize], wishes: &[(Wish, usize)]) -> Vec<Option<Str>> {
    let mut cluster = Cluster::default();
    for &number in order {
        cluster.upsert_node(node(number, number / 2));
    }
    let mut scheduler = Scheduler::new(cluster, vec![profile(0)]);
    let pods = wishes.iter().enumerate();
    let pods = pods.flat_map(|(at, (wish, count))| (0..*count).map(move |n| wish.pod(format!("p{at}-{n}"))));
    let mut placed = Vec::new();
    for pod in pods {
        let pod = scheduler.cluster_mut().add_pod(pod);
        placed.push(match scheduler.decide_by(0, pod) {
            Decision::Place(node, _) => {
                scheduler.place(0, pod, node);
                Some(scheduler.cluster().nodes().name(node).clone())
            }
            _ => None,
        });
    }
    placed
}

proptest! {
    #![proptest_config(ProptestConfig { cases: config().cases / 10, ..config() })]

    #[test]
    fn the_best_of_many_nodes_is_the_scans_though_most_are_never_looked_at(
        algorithm in prop_oneof![4 => Just(0usize), 4 => 1usize..5],
        tie_break in prop_oneof![3 => Just(TieBreak::Hashed), 1 => Just(TieBreak::FirstName)],
        count in 1usize..300,
        steps in proptest::collection::vec(Step::any(), 1..150),
    ) {
        let profile = Profile { tie_break, ..profile(algorithm) };
        play(profile, count, &steps).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn placements_do_not_depend_on_the_order_of_nodes(
        order in Just((0usize..60).collect::<Vec<_>>()).prop_shuffle(),
        wishes in proptest::collection::vec((Wish::any(), 1usize..10), 1..10),
    ) {
        let sorted: Vec<usize> = (0..60).collect();
        let placements = [&sorted, &order].map(|order| place(order, &wishes));
        prop_assert_eq!(&placements[0], &placements[1]);
    }
}
