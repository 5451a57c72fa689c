//! Keeps pods off nodes that lack room for what they request, and scores nodes by how full they are.
//!
//! - **Filter**: the node must have room for one more pod and for each requested amount. Every missing resource is
//!   named; where one request exceeds all that the node offers, no eviction would help.
//! - **Score**: by the strategy of the profile: the emptier the better (`LeastAllocated`, the default), the fuller the
//!   better (`MostAllocated`), or a curve over utilization (`RequestedToCapacityRatio`). Containers without CPU or
//!   memory requests count a default amount here, and requests at the level of the pod count only for pods that are
//!   on the node already.
//! - **Depends on** what the node offers and what its pods request. If a node offers nothing of an extended resource
//!   that a DeviceClass serves, DynamicResources decides, and its devices count in the score if the arguments list the
//!   resource.
//! - **Unblocked by** a pod that leaves a node or changes there, a new node, or one that offers more of something,
//!   where the pod fits on that node then (upstream: if a pod leaves any node), and by device classes.
//! - **Upstream**: plugins/noderesources `fit.go`, `resource_allocation.go`.
//! - **Cost**: one comparison a requested resource and node; a division or two a scored resource and node.

mod devices;
mod strategy;

use std::sync::Arc;

use berth_model::Str;
use berth_model::node::Node;
use smallvec::SmallVec;

use crate::cluster::{Change, Cluster, Nodes};
use crate::ids::name::PluginName;
use crate::ids::resources::{is_extended, is_scalar};
use crate::ids::{NodeRow, ResourceId};
use crate::plugin::bounds::UsageBounds;
use crate::plugin::detail::Detail;
use crate::plugin::event::ClusterEvent;
use crate::plugin::registry::{ExtensionPoint, PluginEntry};
use crate::plugin::view::{NodeView, PodView};
use crate::plugin::{
    BatchFilter, CacheScope, CachedFilter, CachedScore, Filter, FilterHints, MAX_SCORE, Plugin, PreFilter,
    PreScore, QueueingHint, RangeFilter, RawScore, Representative, Score, ScoreBound, ScoreHints, Validity,
    accepts,
};
use crate::scoring::axis::{Amounts, Axis, AxisColumns, Counting, Ends, WeightedResource, axes, columns};
use crate::verdict::{Code, Reason, Rejection};

pub use crate::scoring::shape::ShapePoint;

/// The plugin's name in configurations.
pub const NAME: &str = "NodeResourcesFit";

/// The registry entry.
pub const ENTRY: PluginEntry = PluginEntry::new(
    NAME,
    &[
        ExtensionPoint::PreFilter,
        ExtensionPoint::Filter,
        ExtensionPoint::PreScore,
        ExtensionPoint::Score,
        ExtensionPoint::PlacementScore,
    ],
    || Arc::new(NodeResourcesFit::default()),
)
.in_default_profile(1)
.with_arguments();

const TOO_MANY_PODS: &str = "Too many pods";

/// The plugin and its arguments (`NodeResourcesFitArgs`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeResourcesFit {
    /// Extended resources that the filter does not look at.
    pub ignored_resources: Vec<Str>,
    /// Prefixes (before the `/`) of extended resources that the filter does not look at.
    pub ignored_resource_groups: Vec<Str>,
    /// How a node's score follows from how full it is.
    pub strategy: Strategy,
    /// The resources that count in the score, with weights.
    pub resources: Vec<WeightedResource>,
}

/// How a node's score follows from how full it is (`ScoringStrategyType`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// The emptier, the better.
    LeastAllocated,
    /// The fuller, the better.
    MostAllocated,
    /// A curve over utilization.
    RequestedToCapacityRatio(Vec<ShapePoint>),
}

/// Upstream's defaults: nothing is ignored, the emptier the better, CPU and memory count the same.
impl Default for NodeResourcesFit {
    fn default() -> Self {
        Self {
            ignored_resources: Vec::new(),
            ignored_resource_groups: Vec::new(),
            strategy: Strategy::LeastAllocated,
            resources: crate::scoring::axis::cpu_and_memory(),
        }
    }
}

/// What the pod needs, with the sentence for a node that lacks it.
#[derive(Debug)]
struct FitFilter(SmallVec<[Need; 4]>);

#[derive(Debug)]
struct Need {
    resource: ResourceId,
    amount: i64,
    reason: Reason,
    /// A device class serves the resource on nodes that offer none.
    served: bool,
}

impl Need {
    /// Whether DynamicResources decides on a node that offers this much.
    fn is_left_to_devices(&self, offered: i64) -> bool {
        self.served && offered <= 0
    }
}

/// Of one resource: what nodes offer, what their pods request, and what the pod needs.
type Room<'a, 'n> = (&'a [i64], &'a [i64], &'n Need);

/// The axes of the score and the strategy over them.
#[derive(Debug)]
struct FitScore {
    strategy: Strategy,
    axes: Vec<Axis>,
}

impl NodeResourcesFit {
    fn needs(&self, pod: PodView<'_>) -> FitFilter {
        let resources = pod.cluster.resources();
        let mut needs: SmallVec<[Need; 4]> = SmallVec::new();
        for &(resource, amount) in pod.class.requests.iter().filter(|(_, amount)| *amount > 0) {
            let name = resources.name(resource);
            let reason = match resource {
                ResourceId::CPU => Reason::Fixed("Insufficient cpu"),
                ResourceId::MEMORY => Reason::Fixed("Insufficient memory"),
                ResourceId::EPHEMERAL_STORAGE => Reason::Fixed("Insufficient ephemeral-storage"),
                _ if !is_scalar(name) || self.ignores(name) => continue,
                _ => format!("Insufficient {name}").into(),
            };
            let served = pod.cluster.devices().class_of_resource(name).is_some();
            needs.push(Need { resource, amount, reason, served });
        }
        // The rest by name, because ids depend on the order in which objects came.
        let scalar = |need: &Need| need.resource > ResourceId::EPHEMERAL_STORAGE;
        needs.sort_by(|a, b| scalar(a).cmp(&scalar(b)).then_with(|| a.reason.text().cmp(b.reason.text())));
        FitFilter(needs)
    }

    fn ignores(&self, name: &str) -> bool {
        let listed = |list: &[Str], text: &str| list.iter().any(|entry| &**entry == text);
        is_extended(name)
            && (listed(&self.ignored_resources, name)
                || name
                    .split_once('/')
                    .is_some_and(|(group, _)| listed(&self.ignored_resource_groups, group)))
    }
}

impl Plugin for NodeResourcesFit {
    fn name(&self) -> PluginName {
        PluginName::new(NAME)
    }

    fn pre_filter<'a>(&'a self, pod: PodView<'a>) -> PreFilter<'a> {
        PreFilter::cached(self.needs(pod))
    }

    fn pre_score<'a>(&'a self, pod: PodView<'a>) -> PreScore<'a> {
        let axes = axes(pod, &self.resources, Counting::WithDefaults);
        let fullness = FitScore { strategy: self.strategy.clone(), axes };
        match devices::columns(pod, &fullness.axes) {
            columns if columns.is_empty() => PreScore::cached(fullness),
            columns => PreScore::Run(Box::new(devices::WithDevices { fullness, columns })),
        }
    }

    fn queueing_hint(&self, pod: PodView<'_>, event: &ClusterEvent<'_>) -> QueueingHint {
        let cluster = pod.cluster;
        QueueingHint::queue_if(match *event {
            ClusterEvent::Itself => true,
            ClusterEvent::Node { row, old } => {
                old.is_none_or(|old| offers_more(cluster.nodes().object(row), old)) && accepts(self, pod, row)
            }
            ClusterEvent::PodLeft { pod: gone } => {
                gone.node(cluster).is_some_and(|row| accepts(self, pod, row))
            }
            ClusterEvent::PodChanged { pod: changed, .. } => {
                cluster.pods().entry(changed).row.is_some_and(|row| accepts(self, pod, row))
            }
            ClusterEvent::Devices => {
                let resources = cluster.resources();
                pod.class.requests.iter().any(|(id, _)| is_extended(resources.name(*id)))
            }
            _ => false,
        })
    }
}

/// Whether a node offers more of anything than it did.
fn offers_more(now: &Node, old: &Node) -> bool {
    let before = |name: &Str| old.allocatable.iter().find(|(n, _)| n == name).map(|(_, amount)| *amount);
    now.allocatable.iter().any(|(name, amount)| before(name).is_none_or(|before| *amount > before))
}

impl FitFilter {
    /// Whether a node has room, as a look at a few columns.
    fn by_columns<'a>(&'a self, nodes: &'a Nodes) -> impl Fn(NodeRow) -> bool + use<'a> {
        // A column exists for every resource of a class that the cluster knows.
        let columns: SmallVec<[Room<'a, 'a>; 4]> = self
            .0
            .iter()
            .map(|need| {
                let id = need.resource.index();
                (&*nodes.allocatable[id], &*nodes.requested[id], need)
            })
            .collect();
        move |row| {
            let at = row.index();
            (nodes.pods[at].len() as i64) < nodes.allowed_pods[at]
                && columns.iter().all(|&(offer, used, need)| {
                    need.amount <= offer[at].wrapping_sub(used[at]) || need.is_left_to_devices(offer[at])
                })
        }
    }
}

impl Filter for FitFilter {
    fn check(&self, node: NodeView<'_>) -> Option<Rejection> {
        let mut reasons: SmallVec<[Reason; 1]> = SmallVec::new();
        let mut code = Code::Unschedulable;
        if node.pod_count() >= node.cluster.nodes().allowed_pods(node.row) {
            reasons.push(Reason::Fixed(TOO_MANY_PODS));
        }
        for need in &self.0 {
            let allocatable = node.allocatable(need.resource);
            if need.is_left_to_devices(allocatable) {
                continue;
            }
            if need.amount > allocatable.wrapping_sub(node.requested(need.resource)) {
                reasons.push(need.reason.clone());
                if need.amount > allocatable {
                    code = Code::UnschedulableAndUnresolvable;
                }
            }
        }
        (!reasons.is_empty()).then_some(Rejection { code, reasons })
    }

    fn explain(&self, node: NodeView<'_>, details: &mut Vec<Detail>) {
        let (running, allowed) = (node.pod_count(), node.cluster.nodes().allowed_pods(node.row));
        if running >= allowed {
            details.push(Detail::Pods { running, allowed });
        }
        for &Need { resource, amount: need, .. } in &self.0 {
            let offered = node.allocatable(resource);
            let free = offered.wrapping_sub(node.requested(resource));
            if need > free {
                details.push(Detail::Resource { resource, need, free, offered });
            }
        }
    }

    fn hints(&self) -> FilterHints<'_> {
        FilterHints {
            batch: Some(self),
            range: Some(self),
            never_errs: true,
            checks_requests: true,
            ..FilterHints::default()
        }
    }
}

impl BatchFilter for FitFilter {
    fn check_all(
        &self,
        cluster: &Cluster,
        rows: &[NodeRow],
        verdict: &mut dyn FnMut(NodeRow, Option<Rejection>),
    ) {
        let fits = self.by_columns(cluster.nodes());
        for &row in rows {
            verdict(row, if fits(row) { None } else { self.check(NodeView::new(cluster, row)) });
        }
    }

    fn retain(&self, cluster: &Cluster, rows: &mut Vec<NodeRow>) -> bool {
        let fits = self.by_columns(cluster.nodes());
        rows.retain(|&row| fits(row));
        true
    }
}

impl RangeFilter for FitFilter {
    fn rejects_all(&self, cluster: &Cluster, bounds: &UsageBounds) -> bool {
        let nodes = cluster.nodes();
        let lacks = |need: &Need| {
            let offered = nodes.allocatable(bounds.row, need.resource);
            let used = bounds.requested(need.resource).filter(|_| !need.is_left_to_devices(offered));
            used.is_some_and(|used| lacks(offered, used.low, need.amount))
        };
        bounds.pods as i64 >= nodes.allowed_pods(bounds.row) || self.0.iter().any(lacks)
    }
}

impl CachedFilter for FitFilter {
    fn scope(&self) -> CacheScope<'_> {
        CacheScope::NodeUsage
    }

    fn apply_change(&mut self, cluster: &Cluster, change: Change) -> Validity {
        let is_served = |need: &Need| {
            cluster.devices().class_of_resource(cluster.resources().name(need.resource)).is_some()
        };
        let same_classes =
            !matches!(change, Change::Devices(_)) || self.0.iter().all(|need| need.served == is_served(need));
        Validity::valid_if(!change.invalidates_all() && same_classes)
    }
}

/// Whether an amount is certainly too much for a node on which at least so much is used.
fn lacks(offered: i64, used: i64, amount: i64) -> bool {
    offered.checked_sub(used).is_some_and(|free| amount > free)
}

impl FitScore {
    fn score_over(&self, columns: &[AxisColumns<'_>], feasible: &[Representative], out: &mut [i64]) {
        let score = |at: usize| match &self.strategy {
            Strategy::LeastAllocated => weighted_mean(columns, at, strategy::least_allocated),
            Strategy::MostAllocated => weighted_mean(columns, at, strategy::most_allocated),
            Strategy::RequestedToCapacityRatio(shape) => {
                strategy::requested_to_capacity_ratio(shape, columns, at)
            }
        };
        for (out, group) in out.iter_mut().zip(feasible) {
            *out = score(group.row.index());
        }
    }
}

impl Score for FitScore {
    fn score(&self, cluster: &Cluster, feasible: &[Representative], out: &mut [i64]) {
        self.score_over(&columns(&self.axes, cluster.nodes()), feasible, out);
    }

    fn hints(&self) -> ScoreHints<'_> {
        ScoreHints { raw: RawScore::Final(self), ignores_counts: true, ..ScoreHints::default() }
    }
}

impl ScoreBound for FitScore {
    fn highest(&self, cluster: &Cluster, bounds: &UsageBounds) -> i64 {
        let best = |ends: Ends| match (&self.strategy, ends) {
            (Strategy::LeastAllocated, Ends::Known { least, .. }) => strategy::least_allocated(least),
            // What is over the top scores zero.
            (Strategy::MostAllocated, Ends::Known { most, .. }) if most.used_with_pod <= most.allocatable => {
                strategy::most_allocated(most)
            }
            _ => MAX_SCORE,
        };
        mean(
            self.axes
                .iter()
                .filter_map(|axis| Some((best(axis.ends(cluster.nodes(), bounds)?), axis.weight()))),
        )
    }
}

impl CachedScore for FitScore {
    fn scope(&self) -> CacheScope<'_> {
        CacheScope::NodeUsage
    }

    fn apply_change(&mut self, cluster: &Cluster, change: Change) -> Validity {
        let unserved = || self.axes.iter().all(|axis| !axis.is_served(cluster));
        Validity::valid_if(!change.invalidates_all() && (!matches!(change, Change::Devices(_)) || unserved()))
    }
}

/// The weighted mean over the resources that the node offers, cut to an integer.
fn weighted_mean(columns: &[AxisColumns<'_>], at: usize, score: impl Fn(Amounts) -> i64) -> i64 {
    mean(columns.iter().filter_map(|column| Some((score(column.amounts(at)?), column.weight))))
}

/// The mean of scores with weights, cut to an integer; zero of none.
fn mean(scores: impl Iterator<Item = (i64, i64)>) -> i64 {
    let (mut sum, mut weights) = (0i64, 0i64);
    for (score, weight) in scores {
        sum = sum.wrapping_add(score.wrapping_mul(weight));
        weights += weight;
    }
    if weights == 0 { 0 } else { sum / weights }
}

#[cfg(test)]
mod tests;
