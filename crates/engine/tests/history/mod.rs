//! Random histories of a small cluster.

use std::sync::Arc;

use berth_engine::cluster::Cluster;
use berth_engine::decision::Decision;
use berth_engine::ids::PodRow;
use berth_engine::preemption::{self, Preemption};
use berth_engine::profile::Profile;
use berth_engine::scheduler::Scheduler;
use berth_model::affinity::{
    NodeAffinity, PodAffinityTerm, PreferredNode, SpreadConstraint, Toleration, WeightedPodAffinityTerm,
};
use berth_model::labels::Labels;
use berth_model::node::{Node, Taint, TaintEffect};
use berth_model::pod::{Container, HostPort, Pod, PodSpec, Protocol};
use berth_model::quantity::Quantity;
use berth_model::selector::{LabelSelector, NodeSelectorTerm, Operator, Requirement};
use proptest::prelude::*;

/// One thing that happens.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A node comes, or the one of the same number changes.
    Node(NodeShape),
    /// A node goes.
    RemoveNode(usize),
    /// Pods of one shape come, and each is decided about and placed.
    Schedule(PodShape, usize),
    /// A pod goes.
    RemovePod(usize),
    /// A placed pod starts to terminate.
    Terminate(usize),
    /// A waiting pod of high priority is nominated to a node.
    Nominate(PodShape, usize),
}

#[derive(Clone, Debug)]
pub(crate) struct NodeShape {
    number: usize,
    cpu: i64,
    pods: i64,
    zone: Option<usize>,
    disk: Option<usize>,
    taint: usize,
    cordoned: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct PodShape {
    app: usize,
    cpu: i64,
    priority: i32,
    /// Which optional features the pod has, a bit each.
    features: u32,
    key: usize,
    other: usize,
}

impl Step {
    pub(crate) fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            3 => node().prop_map(Step::Node),
            1 => (0usize..8).prop_map(Step::RemoveNode),
            8 => (pod(), 1usize..5).prop_map(|(shape, count)| Step::Schedule(shape, count)),
            2 => any::<usize>().prop_map(Step::RemovePod),
            1 => any::<usize>().prop_map(Step::Terminate),
            1 => (pod(), any::<usize>()).prop_map(|(shape, node)| Step::Nominate(shape, node)),
        ]
    }
}

fn node() -> impl Strategy<Value = NodeShape> {
    let places = (proptest::option::weighted(0.8, 0usize..3), proptest::option::of(0usize..2));
    (0usize..8, 1i64..5, 1i64..12, places, 0usize..6, proptest::bool::weighted(0.1)).prop_map(
        |(number, cpu, pods, (zone, disk), taint, cordoned)| NodeShape {
            number,
            cpu,
            pods,
            zone,
            disk,
            taint,
            cordoned,
        },
    )
}

fn pod() -> impl Strategy<Value = PodShape> {
    let features = prop_oneof![Just(0u32), (0u32..14).prop_map(|bit| 1 << bit), any::<u32>()];
    (0usize..3, 1i64..12, 0i32..3, features, 0usize..3, 0usize..3).prop_map(
        |(app, cpu, priority, features, key, other)| PodShape {
            app,
            cpu: cpu * 100,
            priority,
            features,
            key,
            other,
        },
    )
}

const ZONE: &str = "topology.kubernetes.io/zone";
const HOST: &str = "kubernetes.io/hostname";
const KEYS: [&str; 3] = [ZONE, HOST, "disk"];
const APPS: [&str; 3] = ["web", "db", "batch"];

impl NodeShape {
    fn build(&self) -> Node {
        let name = format!("n{}", self.number);
        let mut labels = Labels::from_iter([(HOST, name.as_str())]);
        if let Some(zone) = self.zone {
            labels.insert(ZONE.into(), format!("z{zone}").into());
        }
        if let Some(disk) = self.disk {
            labels.insert("disk".into(), ["ssd", "hdd"][disk].into());
        }
        let taint = |effect| Taint { key: "dedicated".into(), value: "".into(), effect };
        Node {
            name: name.into(),
            labels,
            unschedulable: self.cordoned,
            taints: match self.taint {
                0 => vec![taint(TaintEffect::NoSchedule)],
                1 => vec![taint(TaintEffect::PreferNoSchedule)],
                _ => Vec::new(),
            },
            allocatable: vec![
                ("cpu".into(), Quantity::from_units(self.cpu)),
                ("memory".into(), Quantity::from_units(8 << 30)),
                ("pods".into(), Quantity::from_units(self.pods)),
            ],
            ..Node::default()
        }
    }
}

impl PodShape {
    fn has(&self, feature: u32) -> bool {
        self.features & (1 << feature) != 0
    }

    fn term(&self) -> PodAffinityTerm {
        PodAffinityTerm {
            selector: Some(LabelSelector::from_labels(&Labels::from_iter([("app", APPS[self.other])]))),
            namespaces: Vec::new(),
            namespace_selector: None,
            topology_key: KEYS[self.key].into(),
        }
    }

    fn weighted(&self, weight: i64) -> WeightedPodAffinityTerm {
        WeightedPodAffinityTerm { weight, term: self.term() }
    }

    fn spread(&self, required: bool) -> SpreadConstraint {
        SpreadConstraint {
            max_skew: 1 + self.other as i64,
            topology_key: KEYS[self.key].into(),
            required,
            selector: Some(LabelSelector::from_labels(&Labels::from_iter([("app", APPS[self.app])]))),
            min_domains: (required && self.has(12)).then_some(2),
            honor_node_affinity: !self.has(10),
            honor_node_taints: self.has(11),
            match_label_keys: Vec::new(),
        }
    }

    fn build(&self) -> PodSpec {
        let mut spec = PodSpec {
            namespace: "default".into(),
            scheduler_name: "default-scheduler".into(),
            labels: Labels::from_iter([("app", APPS[self.app])]),
            priority: self.priority,
            ..PodSpec::default()
        };
        let mut container = Container {
            name: "main".into(),
            requests: vec![("cpu".into(), Quantity::from_milli(self.cpu))],
            ..Container::default()
        };
        if self.has(0) {
            container.host_ports = vec![HostPort { ip: "0.0.0.0".into(), protocol: Protocol::Tcp, port: 80 }];
        }
        spec.containers = vec![container];
        if self.has(1) {
            spec.tolerations =
                vec![Toleration { key: "dedicated".into(), exists: true, value: "".into(), effect: None }];
        }
        if self.has(2) {
            spec.node_selector = Labels::from_iter([("disk", "ssd")]);
        }
        if self.has(3) {
            let ssd = Requirement { key: "disk".into(), operator: Operator::Exists, values: Vec::new() };
            let term = NodeSelectorTerm { expressions: vec![ssd], fields: Vec::new() };
            spec.node_affinity =
                NodeAffinity { required: None, preferred: vec![PreferredNode { weight: 7, term }] };
        }
        if self.has(4) {
            spec.pod_affinity.required = vec![self.term()];
        }
        if self.has(5) {
            spec.pod_anti_affinity.required = vec![self.term()];
        }
        if self.has(6) {
            spec.pod_affinity.preferred = vec![self.weighted(10)];
        }
        if self.has(7) {
            spec.pod_anti_affinity.preferred = vec![self.weighted(5)];
        }
        if self.has(8) {
            spec.spread.push(self.spread(true));
        }
        if self.has(9) {
            spec.spread.push(self.spread(false));
        }
        spec
    }

    fn pod(&self, name: String) -> Pod {
        Pod {
            uid: name.as_str().into(),
            name: name.into(),
            created: None,
            spec: Arc::new(self.build()),
            node: None,
            nominated_node: None,
            started: None,
            terminating: false,
            preempted: false,
        }
    }
}

/// A scheduler and the pods that it placed.
pub(crate) struct History {
    scheduler: Scheduler,
    pods: Vec<PodRow>,
    names: usize,
}

impl Default for History {
    fn default() -> Self {
        let scheduler = Scheduler::new(Cluster::default(), vec![Profile::standard("default-scheduler")]);
        Self { scheduler, pods: Vec::new(), names: 0 }
    }
}

impl History {
    /// Goes one step on. Every decision on the way is compared with the scan's.
    pub(crate) fn take(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Node(shape) => {
                self.scheduler.cluster_mut().upsert_node(shape.build());
            }
            Step::RemoveNode(number) => {
                if let Some(row) = self.scheduler.cluster().nodes().find(&format!("n{number}")) {
                    self.scheduler.cluster_mut().remove_node(row);
                }
            }
            Step::Schedule(shape, count) => {
                for _ in 0..*count {
                    self.schedule(shape)?;
                }
            }
            Step::RemovePod(at) => {
                if !self.pods.is_empty() {
                    let pod = self.pods.swap_remove(at % self.pods.len());
                    self.scheduler.cluster_mut().remove_pod(pod);
                }
            }
            Step::Terminate(at) => {
                if !self.pods.is_empty() {
                    let pod = self.pods[at % self.pods.len()];
                    self.scheduler.cluster_mut().mark_terminating(pod, false);
                }
            }
            Step::Nominate(shape, node) => {
                let nodes: Vec<_> = self.scheduler.cluster().nodes().rows().collect();
                if !nodes.is_empty() {
                    let pod = self.add(shape);
                    self.scheduler.cluster_mut().nominate(pod, Some(nodes[node % nodes.len()]));
                    self.decide(pod)?;
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, shape: &PodShape) -> PodRow {
        self.names += 1;
        let row = self.scheduler.cluster_mut().add_pod(shape.pod(format!("p{}", self.names)));
        self.pods.push(row);
        row
    }

    fn schedule(&mut self, shape: &PodShape) -> Result<(), String> {
        let pod = self.add(shape);
        match self.decide(pod)? {
            Decision::Place(node, _) => self.scheduler.cluster_mut().assign(pod, node),
            decision => {
                self.preempt(pod, &decision)?;
                self.pods.pop();
                self.scheduler.cluster_mut().remove_pod(pod);
            }
        }
        Ok(())
    }

    /// The best candidate for preemption is the one that trying every node finds, and so is the sentence without one.
    fn preempt(&mut self, pod: PodRow, decision: &Decision) -> Result<(), String> {
        let Decision::Unschedulable { resolvable, .. } = decision else { return Ok(()) };
        let chosen = self.scheduler.preempt(0, pod, *resolvable);
        let cluster = self.scheduler.cluster();
        let assessment = self.scheduler.assess(0, pod);
        let all = preemption::evaluate(&self.scheduler.profiles()[0], cluster, pod, &assessment);
        let best =
            |outcome: &Preemption| preemption::best(&outcome.candidates, cluster).first().copied().cloned();
        let (ours, theirs) = (best(&chosen), best(&all));
        if ours != theirs || chosen.suffix() != all.suffix() {
            return Err(format!(
                "preemption: chosen {ours:?} {:?}, of all {theirs:?} {:?}",
                chosen.suffix(),
                all.suffix()
            ));
        }
        Ok(())
    }

    fn decide(&mut self, pod: PodRow) -> Result<Decision, String> {
        let decision = self.scheduler.decide_by(0, pod);
        self.scheduler.verify(0, pod, &decision)?;
        Ok(decision)
    }
}
