//! How loaded nodes are, by resource: what is used there over what there is.
//!
//! Of CPU and memory, what is used is the larger of what the pods request (containers without a request count a default
//! amount, as in upstream's scores) and what was measured; see [`crate::cluster::Loads`]. Other resources count as
//! requested. Two names stand for what no pod requests and only measurements show: [`DISK`] and [`NETWORK`].
//!
//! Fractions are integers in units of 2^-56, rounded down: there is no floating point, and two loads that differ by
//! less count as equal. For amounts below 2^27 of the unit in which they are given (CPUs in milli-CPU, memory in MiB)
//! different fractions never count as equal.

use berth_model::Str;

use crate::cluster::{Cluster, Loads, Nodes};
use crate::ids::{NodeRow, ResourceId};
use crate::plugin::bounds::UsageBounds;
use crate::plugin::view::PodView;
use crate::scoring::axis::WeightedResource;

/// The name under which the measured utilization of disks is listed among resources.
pub const DISK: &str = "disk";
/// The name under which the measured utilization of the network is listed among resources.
pub const NETWORK: &str = "network";

/// A load of one: all that there is, is used.
pub const WHOLE: i64 = 1 << 56;

/// After how many seconds a measurement counts as absent, where the arguments do not say.
///
/// metrics-server measures every 15 seconds, and some agents only once a minute; one missed turn is no reason to
/// forget.
pub const FRESHNESS_SECONDS: i64 = 180;

/// What is measured in thousandths offers a thousand of them.
const MILLI: i64 = 1000;

/// One resource of a load, for one pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadAxis {
    name: Str,
    resource: Option<ResourceId>,
    /// How much the resource counts, 1 to 100.
    pub weight: i64,
    /// What the waiting pod adds.
    pub ask: i64,
}

impl LoadAxis {
    /// The resource's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The resource; `None` for disk and network, and where no object of the cluster mentions it.
    pub fn resource(&self) -> Option<ResourceId> {
        self.resource
    }

    /// What each node of a span uses at least, whatever was measured, and what it offers; `None` where that is not
    /// known.
    fn least(&self, nodes: &Nodes, bounds: &UsageBounds) -> Option<(i64, i64)> {
        let resource = self.resource?;
        let offered = nodes.allocatable(bounds.row, resource);
        let used = bounds.scored(resource)?;
        (offered > 0).then_some((used.low, offered))
    }
}

/// The axes of a load for a pod, in the order of `resources`.
pub fn axes(pod: PodView<'_>, resources: &[WeightedResource]) -> Vec<LoadAxis> {
    let find = |name: &str| {
        let found = pod.cluster.resources().find(name);
        found.filter(|_| ![DISK, NETWORK].contains(&name))
    };
    let ask = |resource| match resource {
        Some(ResourceId::CPU) => pod.class.scored_cpu,
        Some(ResourceId::MEMORY) => pod.class.scored_memory,
        Some(other) => pod.class.request(other),
        None => 0,
    };
    let axis = |r: &WeightedResource| {
        let resource = find(&r.name);
        LoadAxis { name: r.name.clone(), resource, weight: r.weight, ask: ask(resource) }
    };
    resources.iter().map(axis).collect()
}

/// The largest weight of the axes, at least one.
pub fn heaviest(axes: &[LoadAxis]) -> i64 {
    axes.iter().map(|axis| axis.weight).max().unwrap_or(1).max(1)
}

/// One resource over all nodes.
#[derive(Clone, Copy, Debug)]
pub struct LoadColumn<'a> {
    /// The axis.
    pub axis: &'a LoadAxis,
    source: Source<'a>,
    loads: &'a Loads,
    freshness_seconds: i64,
}

#[derive(Clone, Copy, Debug)]
enum Source<'a> {
    Cpu(Amounts<'a>),
    Memory(Amounts<'a>),
    Requested(Amounts<'a>),
    Disk,
    Network,
}

#[derive(Clone, Copy, Debug)]
struct Amounts<'a> {
    offered: &'a [i64],
    used: &'a [i64],
}

/// The columns of axes. A resource that no object of the cluster mentions has none.
pub fn columns<'a>(
    axes: &'a [LoadAxis],
    cluster: &'a Cluster,
    freshness_seconds: i64,
) -> Vec<LoadColumn<'a>> {
    let nodes = cluster.nodes();
    let column = |axis: &'a LoadAxis| {
        let of = |used: &'a [i64]| {
            let offered = nodes.allocatable.get(axis.resource?.index())?;
            Some(Amounts { offered, used })
        };
        let source = match axis.resource {
            _ if &*axis.name == DISK => Source::Disk,
            _ if &*axis.name == NETWORK => Source::Network,
            Some(ResourceId::CPU) => Source::Cpu(of(&nodes.scored_cpu)?),
            Some(ResourceId::MEMORY) => Source::Memory(of(&nodes.scored_memory)?),
            Some(other) => Source::Requested(of(nodes.requested.get(other.index())?)?),
            None => return None,
        };
        Some(LoadColumn { axis, source, loads: cluster.loads(), freshness_seconds })
    };
    axes.iter().filter_map(column).collect()
}

impl LoadColumn<'_> {
    /// What is used on a node, and what the node offers, never zero; `None` where nothing is offered or known.
    pub fn amounts(&self, row: NodeRow) -> Option<(i64, i64)> {
        let both = |amounts: Amounts<'_>, measured: Option<i64>| {
            let (used, offered) = (amounts.used[row.index()], amounts.offered[row.index()]);
            (offered > 0).then(|| (used.max(measured.unwrap_or(0)), offered))
        };
        match self.source {
            Source::Cpu(amounts) => both(amounts, self.loads.cpu_milli(row, self.freshness_seconds)),
            Source::Memory(amounts) => both(amounts, self.loads.memory_bytes(row, self.freshness_seconds)),
            Source::Requested(amounts) => both(amounts, None),
            Source::Disk => Some((self.loads.disk_milli(row, self.freshness_seconds)?, MILLI)),
            Source::Network => Some((self.loads.network_milli(row, self.freshness_seconds)?, MILLI)),
        }
    }
}

/// The largest of a node's shares, each made from what is used and what is offered of a resource; [`i64::MAX`] where
/// there is none: a node of which nothing is known counts as full.
pub fn dominant(columns: &[LoadColumn<'_>], row: NodeRow, share: impl Fn(&LoadAxis, i64, i64) -> i64) -> i64 {
    let share = |column: &LoadColumn<'_>| {
        let (used, offered) = column.amounts(row)?;
        Some(share(column.axis, used, offered))
    };
    columns.iter().filter_map(share).max().unwrap_or(i64::MAX)
}

/// What [`dominant`] comes to at least on the nodes of a span.
pub fn least_dominant(
    axes: &[LoadAxis],
    nodes: &Nodes,
    bounds: &UsageBounds,
    share: impl Fn(&LoadAxis, i64, i64) -> i64,
) -> i64 {
    let share = |axis: &LoadAxis| {
        let (used, offered) = axis.least(nodes, bounds)?;
        Some(share(axis, used, offered))
    };
    axes.iter().filter_map(share).max().unwrap_or(0)
}

/// `numerator / denominator` in units of [`WHOLE`], rounded down, at most [`i64::MAX`].
pub fn fraction(numerator: i128, denominator: i128) -> i64 {
    scaled(numerator, denominator, WHOLE.trailing_zeros())
}

/// `numerator / denominator` in units of 2^-`bits` (at most 62), rounded down, at most [`i64::MAX`].
///
/// The denominator counts with its highest 126 - `bits` bits; any product of two amounts of nodes has fewer.
pub fn scaled(numerator: i128, denominator: i128, bits: u32) -> i64 {
    let (numerator, denominator) = (numerator.max(0), denominator.max(1));
    if numerator < denominator && denominator <= i128::from(u64::MAX) {
        // Nearly always so, and then one division does.
        let fraction = (numerator.unsigned_abs() << bits) / denominator.unsigned_abs();
        return i64::try_from(fraction).unwrap_or(i64::MAX);
    }
    let length = i128::BITS - denominator.leading_zeros();
    let cut = (length + bits).saturating_sub(126);
    let (numerator, denominator) = (numerator >> cut, denominator >> cut);
    let unit = 1i128 << bits;
    // The remainder is shorter than the denominator, so its product fits; the quotient may be beyond all bounds.
    let rest = (numerator % denominator) * unit / denominator;
    let sum = (numerator / denominator).checked_mul(unit).and_then(|n| n.checked_add(rest));
    sum.and_then(|n| i64::try_from(n).ok()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fractions_are_exact_to_their_unit_and_never_overflow() {
        let cases: &[(i128, i128, i64)] = &[
            (0, 5, 0),
            (1, 2, WHOLE / 2),
            (5, 4, WHOLE + WHOLE / 4),
            (1, 3, WHOLE / 3),
            (-7, 3, 0),
            (127, 1, 127 * WHOLE),
            (128, 1, i64::MAX),
            (i128::from(i64::MAX) * 100_000, 1, i64::MAX),
            (i128::from(i64::MAX) << 40, i128::from(i64::MAX) << 41, WHOLE / 2),
        ];
        for &(numerator, denominator, expected) in cases {
            assert_eq!(fraction(numerator, denominator), expected, "{numerator} / {denominator}");
        }
    }

    proptest! {
        #[test]
        fn fractions_of_amounts_below_2_to_the_27_compare_as_the_exact_ones_do(
            a in 0i128..1 << 28, b in 1i128..1 << 27, c in 0i128..1 << 28, d in 1i128..1 << 27
        ) {
            prop_assume!(a / b < 128 && c / d < 128);
            prop_assert_eq!(fraction(a, b).cmp(&fraction(c, d)), (a * d).cmp(&(c * b)));
        }
    }
}
