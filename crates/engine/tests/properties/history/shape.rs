//! Nodes and pods of all shapes.

use std::sync::Arc;

use berth_model::affinity::{
    NodeAffinity, PodAffinityTerm, PreferredNode, SpreadConstraint, Toleration, WeightedPodAffinityTerm,
};
use berth_model::labels::Labels;
use berth_model::node::{Node, Taint, TaintEffect};
use berth_model::pod::{Container, Controller, HostPort, Pod, PodSpec, Protocol};
use berth_model::quantity::Quantity;
use berth_model::selector::{LabelSelector, NodeSelector, NodeSelectorTerm, Operator, Requirement};
use berth_model::volume::{Disk, PodVolume, PodVolumeSource};
use proptest::prelude::*;

#[derive(Clone, Debug)]
pub(crate) struct NodeShape {
    number: usize,
    cpu: i64,
    pods: i64,
    zone: Option<usize>,
    disk: Option<usize>,
    taint: usize,
    cordoned: bool,
    /// Declares a feature, has a device, and has the labels and annotations of [`MARKS`].
    special: bool,
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

impl NodeShape {
    pub(super) fn any() -> impl Strategy<Value = Self> {
        let places = (proptest::option::weighted(0.8, 0usize..3), proptest::option::of(0usize..2));
        let odd = (proptest::bool::weighted(0.1), any::<bool>());
        (0usize..8, 1i64..5, 1i64..12, places, 0usize..6, odd).prop_map(
            |(number, cpu, pods, (zone, disk), taint, (cordoned, special))| Self {
                number,
                cpu,
                pods,
                zone,
                disk,
                taint,
                cordoned,
                special,
            },
        )
    }
}

impl NodeShape {
    /// A node that differs from others like it in its name and its zone alone.
    pub(super) fn plain(self) -> Self {
        Self { cpu: 4, pods: 11, disk: None, taint: 2, cordoned: false, special: false, ..self }
    }
}

impl PodShape {
    /// A small pod of few wishes: others rarely stand between it and them.
    pub(crate) fn picky() -> impl Strategy<Value = Self> {
        let bit = || 0u32..FEATURES;
        (Self::any(), bit(), bit(), any::<bool>()).prop_map(|(shape, one, two, both)| {
            let second = if both && two != GATED { 1 << two } else { 0 };
            Self { features: 1 << one | second, cpu: 100, ..shape }
        })
    }

    /// A small pod with terms on other pods or domains.
    pub(super) fn social() -> impl Strategy<Value = Self> {
        (Self::any(), 4u32..10, 0u32..13).prop_map(|(shape, one, two)| Self {
            features: 1 << one | 1 << two,
            cpu: 100,
            ..shape
        })
    }

    pub(crate) fn any() -> impl Strategy<Value = Self> {
        let features = prop_oneof![
            Just(0u32),
            (0u32..FEATURES).prop_map(|bit| 1 << bit),
            any::<u32>().prop_map(|bits| bits & !(1 << GATED)),
            any::<(u32, u32)>().prop_map(|(a, b)| a & b & !(1 << GATED))
        ];
        (0usize..3, 1i64..12, 0i32..3, features, 0usize..3, 0usize..3).prop_map(
            |(app, cpu, priority, features, key, other)| Self {
                app,
                cpu: cpu * 100,
                priority,
                features,
                key,
                other,
            },
        )
    }
}

const FEATURES: u32 = 26;
/// Gated pods are not decided about, so few are.
const GATED: u32 = 19;
pub(super) const ZONE: &str = "topology.kubernetes.io/zone";
const DEVICE: &str = "example.com/device";
/// Keys of labels and annotations that some nodes have. Add the key that a new plugin reads, or its laws hold without a
/// reason.
const MARKS: [&str; 1] = ["example.com/maintenance"];
const HOST: &str = "kubernetes.io/hostname";
const KEYS: [&str; 3] = [ZONE, HOST, "disk"];
pub(super) const APPS: [&str; 3] = ["web", "db", "batch"];

impl NodeShape {
    pub(super) fn build(&self) -> Node {
        let name = format!("n{}", self.number);
        let mut labels = Labels::from_iter([(HOST, name.as_str())]);
        if let Some(zone) = self.zone {
            labels.insert(ZONE.into(), format!("z{zone}").into());
        }
        if let Some(disk) = self.disk {
            labels.insert("disk".into(), ["ssd", "hdd"][disk].into());
        }
        let marks: Vec<(&str, &str)> =
            MARKS.iter().filter(|_| self.special).map(|&key| (key, "true")).collect();
        for &(key, value) in &marks {
            labels.insert(key.into(), value.into());
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
                (DEVICE.into(), Quantity::from_units(i64::from(self.special))),
            ],
            declared_features: if self.special {
                vec!["UserNamespacesHostNetworkSupport".into()]
            } else {
                Vec::new()
            },
            annotations: Labels::from_iter(marks),
            ..Node::default()
        }
    }
}

impl PodShape {
    fn has(&self, feature: u32) -> bool {
        self.features & (1 << feature) != 0
    }

    fn term(&self) -> PodAffinityTerm {
        let selector = if self.has(25) { ("index", "p2") } else { ("app", APPS[self.other]) };
        PodAffinityTerm {
            selector: Some(LabelSelector::from_labels(&Labels::from_iter([selector]))),
            namespaces: Vec::new(),
            namespace_selector: self
                .has(21)
                .then(|| LabelSelector::from_labels(&Labels::from_iter([("team", "a")]))),
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

    pub(super) fn build(&self) -> PodSpec {
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
            spec.tolerations = vec![Toleration {
                key: "dedicated".into(),
                exists: true,
                value: "".into(),
                effect: None,
                seconds: None,
            }];
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
        self.add_rarities(&mut spec);
        spec
    }

    /// Volumes, devices, gates, other namespaces.
    fn add_rarities(&self, spec: &mut PodSpec) {
        let claim = |number: usize| PodVolume {
            name: format!("claim{number}").into(),
            source: PodVolumeSource::Claim { name: format!("c{number}").into(), read_only: false },
        };
        if self.has(14) {
            spec.volumes.push(claim(self.key));
        }
        if self.has(15) {
            spec.volumes.push(claim((self.other + 1) % 4));
        }
        if self.has(16) {
            let disk = Disk::AwsElasticBlockStore { id: format!("vol-{}", self.other).into() };
            spec.volumes.push(PodVolume { name: "disk".into(), source: PodVolumeSource::Disk(disk) });
        }
        if self.has(17) && !self.has(14) && !self.has(15) {
            spec.namespace = "other".into();
        }
        if self.has(18) {
            let values = vec![format!("n{}", self.key).into()];
            let name = Requirement { key: "metadata.name".into(), operator: Operator::In, values };
            let term = NodeSelectorTerm { expressions: Vec::new(), fields: vec![name] };
            spec.node_affinity.required = Some(NodeSelector { terms: vec![term] });
        }
        if self.has(GATED) {
            spec.scheduling_gates = vec!["wait".into()];
        }
        if self.has(20) {
            (spec.host_network, spec.user_namespace) = (true, true);
        }
        if self.has(22) {
            spec.containers[0].requests.push((DEVICE.into(), Quantity::from_units(1)));
        }
        if self.has(23) {
            spec.controller = Some(Controller {
                api_version: "apps/v1".into(),
                kind: "ReplicaSet".into(),
                name: "set".into(),
                uid: "".into(),
            });
        }
    }

    pub(super) fn pod(&self, name: String) -> Pod {
        let mut spec = self.build();
        if self.has(24) {
            spec.labels.insert("index".into(), name.as_str().into());
        }
        waiting(name, spec)
    }
}

/// A pod that waits.
pub(crate) fn waiting(name: String, spec: PodSpec) -> Pod {
    Pod::created(name.as_str().into(), name.as_str().into(), Arc::new(spec))
}
