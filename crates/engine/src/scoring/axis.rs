//! Resources as scores look at them: what a node offers, what is used there, and what the pod adds.
//!
//! Upstream: `noderesources/resource_allocation.go`. Two plugins score by allocation, and they count differently:
//! NodeResourcesFit takes containers without CPU or memory requests for a default amount and does not look at requests
//! at the level of the pod; NodeResourcesBalancedAllocation counts exactly what filters count.
//!
//! Sums and products wrap as they do upstream, so amounts near the limits of 64 bits give the same answers.

use berth_model::Str;
use berth_model::device::DeviceClass;
use berth_model::pod::{PodSpec, Resize};
use smallvec::SmallVec;

use crate::cluster::{Cluster, Nodes};
use crate::ids::ResourceId;
use crate::ids::resources::is_scalar;
use crate::plugin::bounds::UsageBounds;
use crate::plugin::view::PodView;

/// A resource that a score looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightedResource {
    /// The resource's name.
    pub name: Str,
    /// How much it counts, 1 to 100.
    pub weight: i64,
}

/// CPU and memory with the same weight: what upstream's plugins score by default.
pub fn cpu_and_memory() -> Vec<WeightedResource> {
    ["cpu", "memory"].map(|name| WeightedResource { name: name.into(), weight: 1 }).into()
}

/// How the CPU and memory of pods are counted; other resources are always counted exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    /// As requested.
    Exact,
    /// Containers without a request count a default amount; requests at the level of the waiting pod do not count.
    WithDefaults,
}

/// One resource of a score, for one pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    resource: ResourceId,
    used: Used,
    ask: i64,
    weight: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Used {
    ScoredCpu,
    ScoredMemory,
    Requested,
}

/// An axis over all nodes: the columns are indexed by row.
#[derive(Clone, Copy, Debug)]
pub struct AxisColumns<'a> {
    allocatable: &'a [i64],
    used: &'a [i64],
    ask: i64,
    /// How much the resource counts.
    pub weight: i64,
}

/// A node's amounts of one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amounts {
    /// What the node offers, never zero.
    pub allocatable: i64,
    /// What its pods use.
    pub used: i64,
    /// What they would use with the waiting pod.
    pub used_with_pod: i64,
}

/// The axes of a score for a pod, in the order of `resources`.
///
/// A scalar resource that the pod does not request is left out, as is one that no object of the cluster mentions.
pub fn axes(pod: PodView<'_>, resources: &[WeightedResource], counting: Counting) -> Vec<Axis> {
    let asks = Asks::of(pod, counting);
    let axis = |wanted: &WeightedResource| {
        let resource = pod.cluster.resources().find(&wanted.name)?;
        let ask = asks.of_resource(pod, resource, &wanted.name);
        let native = [ResourceId::CPU, ResourceId::MEMORY, ResourceId::EPHEMERAL_STORAGE].contains(&resource);
        if !native && (ask == 0 || !is_scalar(&wanted.name)) {
            return None;
        }
        let used = match (counting, resource) {
            (Counting::WithDefaults, ResourceId::CPU) => Used::ScoredCpu,
            (Counting::WithDefaults, ResourceId::MEMORY) => Used::ScoredMemory,
            _ => Used::Requested,
        };
        Some(Axis { resource, used, ask, weight: wanted.weight })
    };
    resources.iter().filter_map(axis).collect()
}

/// Where a pod's own amounts are read from.
enum Asks {
    Class { scored: bool },
    Spec(berth_model::requests::PodRequests),
}

impl Asks {
    fn of(pod: PodView<'_>, counting: Counting) -> Self {
        let spec = &pod.class.spec;
        if counting == Counting::WithDefaults && spec.has_pod_level_requests() {
            let bare = PodSpec { pod_requests: None, resize: Resize::default(), ..PodSpec::clone(spec) };
            return Self::Spec(bare.total_requests());
        }
        Self::Class { scored: counting == Counting::WithDefaults }
    }

    fn of_resource(&self, pod: PodView<'_>, resource: ResourceId, name: &str) -> i64 {
        match (self, resource) {
            (Self::Class { scored: true }, ResourceId::CPU) => pod.class.scored_cpu,
            (Self::Class { scored: true }, ResourceId::MEMORY) => pod.class.scored_memory,
            (Self::Class { .. }, _) => pod.class.request(resource),
            (Self::Spec(total), ResourceId::CPU) => total.scored_cpu_milli,
            (Self::Spec(total), ResourceId::MEMORY) => total.scored_memory_bytes,
            (Self::Spec(total), _) => total.exact.get(name).map_or(0, |amount| amount.value()),
        }
    }
}

/// What is certain of some nodes that offer the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// How much of the resource is used is not known.
    Unknown,
    /// Between these two.
    Known {
        /// As on the node that uses least.
        least: Amounts,
        /// As on the node that uses most.
        most: Amounts,
    },
}

/// Amounts below this can be added, and multiplied by a hundred, without overflow.
const TAME: i64 = 1 << 55;

impl Axis {
    /// The weight in the mean over resources.
    pub fn weight(&self) -> i64 {
        self.weight
    }

    /// The amounts on the nodes of a span; `None` where they do not offer the resource.
    pub fn ends(&self, nodes: &Nodes, bounds: &UsageBounds) -> Option<Ends> {
        let allocatable = nodes.allocatable(bounds.row, self.resource);
        let used = match self.used {
            Used::ScoredCpu => bounds.scored(ResourceId::CPU),
            Used::ScoredMemory => bounds.scored(ResourceId::MEMORY),
            Used::Requested => bounds.requested(self.resource),
        };
        let amounts = |used: i64| Amounts { allocatable, used, used_with_pod: used.wrapping_add(self.ask) };
        let ends = used.map_or(Ends::Unknown, |used| {
            let tame = [allocatable, used.low, used.high, self.ask].iter().all(|a| (0..TAME).contains(a));
            let known = Ends::Known { least: amounts(used.low), most: amounts(used.high) };
            if tame { known } else { Ends::Unknown }
        });
        (allocatable != 0).then_some(ends)
    }

    /// Whether a device class serves the resource on nodes that offer none.
    pub fn is_served(&self, cluster: &Cluster) -> bool {
        self.served_by(cluster).is_some()
    }

    /// The device class that serves the resource on nodes that offer none.
    pub fn served_by<'a>(&self, cluster: &'a Cluster) -> Option<&'a DeviceClass> {
        cluster.devices().class_of_resource(cluster.resources().name(self.resource))
    }

    /// How much of the resource the pod adds.
    pub fn ask(&self) -> i64 {
        self.ask
    }

    /// What the nodes offer and use, by row; `None` where no node offers the resource.
    pub fn amounts(&self, nodes: &Nodes) -> Option<(Vec<i64>, Vec<i64>)> {
        self.columns(nodes).map(|columns| (columns.allocatable.to_vec(), columns.used.to_vec()))
    }

    /// The axis over the nodes; `None` where no node offers the resource.
    pub fn columns<'a>(&self, nodes: &'a Nodes) -> Option<AxisColumns<'a>> {
        let at = self.resource.index();
        let used: &[i64] = match self.used {
            Used::ScoredCpu => &nodes.scored_cpu,
            Used::ScoredMemory => &nodes.scored_memory,
            Used::Requested => nodes.requested.get(at)?,
        };
        Some(AxisColumns {
            allocatable: nodes.allocatable.get(at)?,
            used,
            ask: self.ask,
            weight: self.weight,
        })
    }
}

impl<'a> AxisColumns<'a> {
    /// The same axis over other amounts.
    pub fn over(self, allocatable: &'a [i64], used: &'a [i64]) -> Self {
        Self { allocatable, used, ..self }
    }

    /// The amounts of the node in row `at`; `None` where the node offers nothing of the resource.
    pub fn amounts(&self, at: usize) -> Option<Amounts> {
        let (allocatable, used) = (self.allocatable[at], self.used[at]);
        (allocatable != 0).then(|| Amounts { allocatable, used, used_with_pod: used.wrapping_add(self.ask) })
    }
}

/// The columns of several axes.
pub fn columns<'a>(axes: &[Axis], nodes: &'a Nodes) -> SmallVec<[AxisColumns<'a>; 3]> {
    axes.iter().filter_map(|axis| axis.columns(nodes)).collect()
}
