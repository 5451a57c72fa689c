//! Decisions about pods that claim devices: what is kept of earlier answers against a cluster that keeps nothing.

use std::sync::Arc;

use berth_engine::cluster::TrialEnd;
use berth_engine::decision::Decision;
use berth_engine::ids::PodRow;
use berth_engine::profile::Profile;
use berth_engine::scheduler::Scheduler;
use berth_model::Str;
use berth_model::device::{
    AllocationMode, Ask, Attribute, ClaimSpec, Device, DeviceClass, DeviceRequest, DeviceTaint,
    DeviceTaintEffect, DeviceTaintRule, DeviceTaintSelector, Pool, Reach, ResourceClaim, ResourceSlice,
    SubRequest,
};
use berth_model::labels::Labels;
use berth_model::node::Node;
use berth_model::pod::{ClaimSource, Container, Pod, PodResourceClaim, PodSpec};
use berth_model::quantity::Quantity;
use berth_model::selector::{NodeSelector, NodeSelectorTerm, Operator, Requirement};
use proptest::prelude::*;

use crate::config;

const DRIVER: &str = "gpu.example.com";
/// The extended resource that the class of this place in [`CLASSES`] serves; nodes may offer the first one.
const RESOURCES: [&str; 2] = ["example.com/gpu", "example.com/card"];
const CLASSES: [&str; 2] = ["gpu", "card"];

/// Something that happens in the cluster.
#[derive(Clone, Debug)]
enum Step {
    /// A node comes or changes: its number, whether it is in zone `a`, whether it offers the resource itself.
    Node(usize, bool, bool),
    /// A node goes.
    NoNode(usize),
    /// A slice comes or changes: its number, its reach, how many devices it has, whether of the new model, in which
    /// pool it is.
    Slice(usize, usize, i64, bool, usize),
    /// A slice goes.
    NoSlice(usize),
    /// A class comes or changes: its place, whether it wants the new model, whether it serves its resource.
    Class(usize, bool, bool),
    /// A rule taints the devices of a pool.
    Rule(usize),
    /// The rule goes.
    NoRule,
    /// A pod that asks in this way is created and placed.
    Pod(usize),
    /// The pod that was placed at this place goes, with its claims.
    End(usize),
    /// A claim of the pod that was placed at this place loses its devices.
    GiveBack(usize),
    /// The next steps, as many as this says, are a trial that is rolled back.
    Trial(usize),
}

impl Step {
    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            3 => (0usize..5, any::<bool>(), any::<bool>()).prop_map(|(n, a, offers)| Self::Node(n, a, offers)),
            1 => (0usize..5).prop_map(Self::NoNode),
            4 => (0usize..7, 0usize..8, 1i64..4, any::<bool>(), 0usize..7)
                .prop_map(|(n, reach, count, new, pool)| Self::Slice(n, reach, count, new, pool)),
            1 => (0usize..7).prop_map(Self::NoSlice),
            1 => (0usize..2, any::<bool>(), any::<bool>())
                .prop_map(|(class, new, serves)| Self::Class(class, new, serves)),
            1 => (0usize..7).prop_map(Self::Rule),
            1 => Just(Self::NoRule),
            6 => (0usize..WAYS).prop_map(Self::Pod),
            2 => (0usize..20).prop_map(Self::End),
            1 => (0usize..20).prop_map(Self::GiveBack),
            1 => (1usize..6).prop_map(Self::Trial),
        ]
    }
}

/// How many ways there are to ask for devices.
const WAYS: usize = 7;

fn request(name: &str, selectors: &[&str], mode: AllocationMode) -> SubRequest {
    SubRequest {
        name: name.into(),
        class: "gpu".into(),
        selectors: selectors.iter().map(|&selector| selector.into()).collect(),
        mode,
        ..SubRequest::default()
    }
}

/// The claim of a pod; `None`: the pod requests [`extended_resources`].
fn claim_spec(way: usize) -> Option<ClaimSpec> {
    const NEW: &str = r#"device.attributes["gpu.example.com"].model == "new""#;
    // It fails for devices without the attribute.
    const FAILS: &str = r#"device.attributes["gpu.example.com"].size > 3"#;
    let ask = match way {
        0 => Ask::Exactly(request("gpu", &[], AllocationMode::Count(1))),
        1 => Ask::FirstAvailable(vec![
            request("new", &[NEW], AllocationMode::Count(2)),
            request("any", &[], AllocationMode::Count(1)),
        ]),
        2 => Ask::Exactly(request("gpu", &[], AllocationMode::All)),
        3 => Ask::Exactly(request("gpu", &[FAILS], AllocationMode::Count(1))),
        _ => return None,
    };
    let request = DeviceRequest { name: "gpu".into(), ask };
    Some(ClaimSpec { requests: vec![request], ..ClaimSpec::default() })
}

/// The extended resources that a pod without a claim requests.
fn extended_resources(way: usize) -> &'static [&'static str] {
    match way {
        4 => &RESOURCES[..1],
        5 => &RESOURCES[1..],
        _ => &RESOURCES,
    }
}

/// A cluster with devices, pods that wait, and pods that were placed.
struct World {
    scheduler: Scheduler,
    waiting: Vec<PodRow>,
    placed: Vec<PodRow>,
    made: usize,
}

impl World {
    fn new() -> Self {
        let profiles = vec![Profile::standard("default-scheduler")];
        let scheduler = Scheduler::new(berth_engine::cluster::Cluster::default(), profiles);
        let mut world = Self { scheduler, waiting: Vec::new(), placed: Vec::new(), made: 0 };
        world.take(&Step::Class(0, false, true));
        world.take(&Step::Class(1, false, true));
        for way in 0..WAYS {
            let row = world.create(way);
            world.waiting.push(row);
        }
        world
    }

    fn create(&mut self, way: usize) -> PodRow {
        self.made += 1;
        let name: Str = format!("p{}", self.made).into();
        let cluster = self.scheduler.cluster_mut();
        let mut spec = PodSpec {
            namespace: "default".into(),
            scheduler_name: "default-scheduler".into(),
            ..PodSpec::default()
        };
        let mut requests = vec![("cpu".into(), Quantity::from_units(1))];
        match claim_spec(way) {
            Some(claim) => {
                spec.resource_claims =
                    vec![PodResourceClaim { name: "c".into(), source: ClaimSource::Claim(name.clone()) }];
                cluster.upsert_device_claim(ResourceClaim {
                    namespace: "default".into(),
                    name: name.clone(),
                    uid: format!("claim-{name}").into(),
                    spec: claim,
                    ..ResourceClaim::default()
                });
            }
            None => {
                let one = |name: &&str| ((*name).into(), Quantity::from_units(1));
                requests.extend(extended_resources(way).iter().map(one));
            }
        }
        spec.containers = vec![Container { name: "c".into(), requests, ..Container::default() }];
        let uid = format!("uid-{name}").into();
        cluster.add_pod(Pod::created(name, uid, Arc::new(spec)))
    }

    fn take(&mut self, step: &Step) {
        let cluster = self.scheduler.cluster_mut();
        match *step {
            Step::Node(number, in_a, offers) => drop(cluster.upsert_node(node(number, in_a, offers))),
            Step::NoNode(number) => {
                if let Some(row) = cluster.nodes().find(&format!("n{number}")) {
                    cluster.remove_node(row);
                }
            }
            Step::Slice(number, reach, count, new, pool) => {
                cluster.upsert_slice(slice(number, reach, count, new, pool));
            }
            Step::NoSlice(number) => cluster.remove_slice(&format!("s{number}")),
            Step::Class(class, new, serves) => {
                let selector: &[&str] =
                    if new { &[r#"device.attributes["gpu.example.com"].model == "new""#] } else { &[] };
                cluster.upsert_device_class(DeviceClass {
                    name: CLASSES[class].into(),
                    selectors: selector.iter().map(|&text| text.into()).collect(),
                    extended_resource_name: serves.then(|| RESOURCES[class].into()),
                    ..DeviceClass::default()
                });
            }
            Step::Rule(pool) => cluster.upsert_device_taint_rule(DeviceTaintRule {
                name: "broken".into(),
                selector: Some(DeviceTaintSelector {
                    pool: Some(format!("pool{pool}").into()),
                    ..DeviceTaintSelector::default()
                }),
                taint: DeviceTaint {
                    key: "broken".into(),
                    value: "".into(),
                    effect: DeviceTaintEffect::NoSchedule,
                },
            }),
            Step::NoRule => cluster.remove_device_taint_rule("broken"),
            Step::Pod(way) => {
                let row = self.create(way);
                match self.scheduler.decide_by(0, row) {
                    Decision::Place(node, _) => {
                        self.scheduler.place(0, row, node);
                        self.placed.push(row);
                    }
                    _ => self.end(row),
                }
            }
            Step::End(at) if !self.placed.is_empty() => {
                let row = self.placed.swap_remove(at % self.placed.len());
                self.end(row);
            }
            Step::GiveBack(at) if !self.placed.is_empty() => {
                let name = cluster.pods().entry(self.placed[at % self.placed.len()]).pod.name.clone();
                if let Some(claim) = cluster.devices().claim(&"default".into(), &name).cloned() {
                    cluster.upsert_device_claim(ResourceClaim {
                        allocation: None,
                        reserved_for: Vec::new(),
                        ..claim
                    });
                }
            }
            Step::End(_) | Step::GiveBack(_) | Step::Trial(_) => {}
        }
    }

    fn end(&mut self, row: PodRow) {
        let cluster = self.scheduler.cluster_mut();
        let pod = cluster.pods().entry(row).pod.clone();
        cluster.remove_pod(row);
        let own = |claim: &&ResourceClaim| claim.name == pod.name || claim.is_owned_by(&pod.uid);
        let claims: Vec<Str> =
            cluster.devices().claims().filter(own).map(|claim| claim.name.clone()).collect();
        claims.iter().for_each(|name| cluster.remove_device_claim(&"default".into(), name));
    }

    /// Compares the decisions about all pods that wait with those of a copy, which starts without what is kept.
    fn check(&mut self) -> Result<(), String> {
        let fresh = Scheduler::new(self.scheduler.cluster().clone(), self.scheduler.profiles().to_vec());
        for &row in &self.waiting {
            let (decided, scanned) = (self.scheduler.decide_by(0, row), fresh.scan_by(0, row));
            if decided != scanned {
                let pod = &self.scheduler.cluster().pods().entry(row).pod.name;
                return Err(format!("{pod}: decided {decided:?}, without what is kept {scanned:?}"));
            }
        }
        self.no_device_is_allocated_twice()
    }

    /// Takes steps, checks each, and takes them back: the device objects must be those of before.
    fn trial(&mut self, steps: &[Step]) -> Result<(), String> {
        let picture = |world: &Self| {
            let devices = world.scheduler.cluster().devices();
            let claims: Vec<_> =
                devices.claims().map(|claim| (claim.clone(), devices.is_in_flight(claim))).collect();
            (claims, devices.slices().clone(), devices.rules().clone(), devices.classes().clone())
        };
        let (before, placed) = (picture(self), self.placed.clone());
        let trial = self.scheduler.cluster_mut().begin_trial();
        for step in steps {
            self.take(step);
            self.check()?;
        }
        self.scheduler.cluster_mut().end_trial(trial, TrialEnd::RollBack);
        self.placed = placed;
        if picture(self) != before {
            return Err("a trial that was rolled back left a trace".to_owned());
        }
        self.check()
    }

    fn no_device_is_allocated_twice(&self) -> Result<(), String> {
        let claims = self.scheduler.cluster().devices().claims();
        let results = claims.filter_map(|claim| claim.allocation.as_ref()).flat_map(|all| &all.results);
        let mut devices: Vec<_> = results.map(|result| &result.device).collect();
        devices.sort_unstable();
        match devices.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(format!("{:?} is allocated twice", pair[0])),
            None => Ok(()),
        }
    }
}

fn node(number: usize, in_a: bool, offers: bool) -> Node {
    let mut allocatable = vec![
        ("cpu".into(), Quantity::from_units(6)),
        ("memory".into(), Quantity::from_units(8 << 30)),
        ("pods".into(), Quantity::from_units(20)),
    ];
    if offers {
        allocatable.push((RESOURCES[0].into(), Quantity::from_units(1)));
    }
    Node {
        name: format!("n{number}").into(),
        labels: Labels::from_iter([("zone", if in_a { "a" } else { "b" })]),
        allocatable,
        ..Node::default()
    }
}

fn slice(number: usize, reach: usize, count: i64, new: bool, pool: usize) -> ResourceSlice {
    let in_a = || {
        let requirement =
            Requirement { key: "zone".into(), operator: Operator::In, values: vec!["a".into()] };
        NodeSelector {
            terms: vec![NodeSelectorTerm { expressions: vec![requirement], ..NodeSelectorTerm::default() }],
        }
    };
    let model = if new { "new" } else { "old" };
    let device = |at: i64| Device {
        name: format!("d{at}").into(),
        attributes: vec![("model".into(), Attribute::String(model.into()))],
        reach: if reach == 7 { Reach::Node(format!("n{}", at % 5).into()) } else { Reach::Nowhere },
        ..Device::default()
    };
    ResourceSlice {
        name: format!("s{number}").into(),
        driver: DRIVER.into(),
        pool: Pool { name: format!("pool{pool}").into(), generation: 1, slice_count: 1 },
        reach: match reach {
            0..5 => Reach::Node(format!("n{reach}").into()),
            5 => Reach::AllNodes,
            6 => Reach::Selected(in_a()),
            _ => Reach::PerDevice,
        },
        devices: (0..count).map(device).collect(),
        shared_counters: Vec::new(),
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn answers_that_are_kept_about_devices_are_those_of_a_fresh_cluster(
        steps in proptest::collection::vec(Step::any(), 1..60),
    ) {
        let mut world = World::new();
        let mut at = 0;
        while let Some(step) = steps.get(at) {
            at += 1;
            let checked = match *step {
                Step::Trial(length) => {
                    let end = steps.len().min(at + length);
                    let within = &steps[std::mem::replace(&mut at, end)..end];
                    world.trial(within)
                }
                _ => {
                    world.take(step);
                    world.check()
                }
            };
            checked.map_err(TestCaseError::fail)?;
        }
    }
}
