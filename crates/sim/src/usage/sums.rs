//! Amounts of resources, added up over pods.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use berth_engine::cluster::Cluster;
use berth_engine::ids::PodRow;
use berth_model::Str;
use berth_model::device::Reach;
use berth_model::load::PodMetrics;
use berth_model::node::ResourceList;
use berth_model::pod::PodSpec;
use berth_model::requests::{CPU, MEMORY};
use rustc_hash::FxHashMap;

/// The name under which nodes tell how many pods they take.
const PODS: &str = "pods";
const NANO: i128 = 1_000_000_000;

/// Amounts by resource, in thousand millionths of the base unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Amounts(BTreeMap<Str, i128>);

impl Amounts {
    pub(super) fn of(list: &ResourceList) -> Self {
        let mut amounts = Self::default();
        list.iter().filter(|(name, _)| &**name != PODS).for_each(|(name, a)| amounts.add(name, a.nanos()));
        amounts
    }

    /// What all nodes offer together.
    pub(super) fn offered(cluster: &Cluster) -> Self {
        let mut sum = Self::default();
        for row in cluster.nodes().rows() {
            sum.add_all(&Self::of(&cluster.nodes().object(row).allocatable));
        }
        sum
    }

    fn add(&mut self, name: &Str, nanos: i128) {
        let sum = self.0.entry(name.clone()).or_default();
        *sum = sum.saturating_add(nanos);
    }

    fn add_all(&mut self, other: &Self) {
        other.0.iter().for_each(|(name, nanos)| self.add(name, *nanos));
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &Str> {
        self.0.iter().filter(|(_, nanos)| **nanos != 0).map(|(name, _)| name)
    }

    pub(super) fn find(&self, name: &str) -> Option<i128> {
        self.0.get(name).copied()
    }

    pub(super) fn get(&self, name: &str) -> i128 {
        self.find(name).unwrap_or(0)
    }

    /// The largest part of what is offered of any resource.
    pub(super) fn largest_share(&self, offered: &Self) -> f64 {
        self.0.iter().filter_map(|(name, nanos)| share(*nanos, offered.get(name))).fold(0.0, f64::max)
    }
}

/// What the pods of a row use.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    pub(super) pods: usize,
    pub(super) measured: usize,
    pub(super) requests: Amounts,
    pub(super) limits: Amounts,
    /// The devices of claims, each once.
    pub(super) devices: BTreeSet<(Str, Str, Str)>,
    /// What the node was measured to use.
    pub(super) node_usage: Option<Amounts>,
    /// What the measured pods use.
    pod_usage: Amounts,
    /// What the pods request whose usage counts.
    compared: Amounts,
}

impl Sums {
    /// What was measured, if anything was.
    pub(super) fn usage(&self) -> Option<&Amounts> {
        self.node_usage.as_ref().or(Some(&self.pod_usage).filter(|_| self.measured > 0))
    }

    /// Takes the usage of all nodes, if all of them were measured.
    pub(super) fn take_node_usage<'a>(&mut self, nodes: impl Iterator<Item = &'a Self>) {
        let mut sum = Amounts::default();
        for node in nodes {
            let Some(usage) = &node.node_usage else { return };
            sum.add_all(usage);
        }
        self.node_usage = Some(sum);
    }

    /// The largest difference between requests and usage of CPU or memory, as a part of what is offered: positive if
    /// more is requested than used.
    pub(super) fn difference(&self, offered: &Amounts) -> Option<f64> {
        let usage = self.usage()?;
        let requests = if self.node_usage.is_some() { &self.requests } else { &self.compared };
        let of = |name: &str| share(requests.get(name) - usage.find(name)?, offered.get(name));
        let (cpu, memory) = (of(CPU), of(MEMORY));
        cpu.into_iter().chain(memory).max_by(|a, b| a.abs().total_cmp(&b.abs()))
    }
}

/// Adds pods to rows.
pub(super) struct Adder<'c> {
    cluster: &'c Cluster,
    /// Requests and limits of specs that were seen.
    known: FxHashMap<*const PodSpec, Arc<(Amounts, Amounts)>>,
    /// The devices of pods, by uid.
    devices: BTreeMap<&'c str, Vec<(Str, Str, Str)>>,
    /// How many devices each node offers that only it can reach.
    offered: BTreeMap<&'c str, usize>,
    all_devices: usize,
}

impl<'c> Adder<'c> {
    pub(super) fn new(cluster: &'c Cluster) -> Self {
        let mut devices: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for claim in cluster.devices().claims() {
            let results = claim.allocation.iter().flat_map(|allocation| &allocation.results);
            let ids: Vec<_> = results
                .map(|r| (r.device.driver.clone(), r.device.pool.clone(), r.device.device.clone()))
                .collect();
            for user in claim.reserved_for.iter().filter(|user| !user.uid.is_empty()) {
                devices.entry(&user.uid).or_default().extend(ids.iter().cloned());
            }
        }
        let mut offered: BTreeMap<&str, usize> = BTreeMap::new();
        let mut all_devices = 0;
        for slice in cluster.devices().slices().values() {
            all_devices += slice.devices.len();
            if let Reach::Node(node) = &slice.reach {
                *offered.entry(node).or_default() += slice.devices.len();
            }
        }
        Self { cluster, known: FxHashMap::default(), devices, offered, all_devices }
    }

    /// How many devices a node offers, or the whole cluster; `None` if no slice describes any.
    pub(super) fn offered_devices(&self, node: Option<&str>) -> Option<usize> {
        let count = match node {
            Some(node) => self.offered.get(node).copied().unwrap_or(0),
            None => self.all_devices,
        };
        Some(count).filter(|_| self.all_devices > 0)
    }

    /// Counts a pod with what was measured of it.
    pub(super) fn add(&mut self, sums: &mut Sums, row: PodRow, metrics: Option<&PodMetrics>) {
        let pod = &self.cluster.pods().entry(row).pod;
        let amounts =
            self.known.entry(Arc::as_ptr(&pod.spec)).or_insert_with(|| Arc::new(amounts(&pod.spec)));
        let (requests, limits) = &**amounts;
        sums.pods += 1;
        sums.requests.add_all(requests);
        sums.limits.add_all(limits);
        if !pod.uid.is_empty() {
            sums.devices.extend(self.devices.get(&*pod.uid).into_iter().flatten().cloned());
        }
        if let Some(metrics) = metrics {
            sums.measured += 1;
            sums.compared.add_all(requests);
            metrics.containers.iter().for_each(|(_, usage)| sums.pod_usage.add_all(&Amounts::of(usage)));
        }
    }
}

/// What a pod requests and what it is limited to.
///
/// Upstream: component-helpers `resource/helpers.go` (`PodRequests`, `PodLimits`).
fn amounts(spec: &PodSpec) -> (Amounts, Amounts) {
    let exact = spec.total_requests().exact;
    let requests = Amounts(exact.into_iter().map(|(name, amount)| (name, amount.nanos())).collect());
    let peak = spec.peak_of_containers(|container| &container.limits);
    let mut limits = Amounts(peak.into_iter().map(|(name, amount)| (name, amount.nanos())).collect());
    for (name, amount) in &spec.pod_limits {
        limits.0.insert(name.clone(), amount.nanos());
    }
    for (name, amount) in &spec.overhead {
        if limits.get(name) > 0 {
            limits.add(name, amount.nanos());
        }
    }
    (requests, limits)
}

/// A part of what is offered, to six decimals; `None` if nothing is.
pub(super) fn share(amount: i128, offered: i128) -> Option<f64> {
    (offered > 0).then(|| (amount as f64 / offered as f64 * 1e6).round() / 1e6)
}

/// An amount as a Kubernetes quantity: CPU in cores or thousandths, all else in whole units, rounded up.
pub(super) fn printed(name: &str, nanos: i128) -> String {
    let up = |unit: i128| -(-nanos).div_euclid(unit);
    match name {
        CPU if up(NANO / 1000) % 1000 != 0 => format!("{}m", up(NANO / 1000)),
        _ => up(NANO).to_string(),
    }
}
