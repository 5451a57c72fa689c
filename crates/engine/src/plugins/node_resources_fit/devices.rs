//! Devices that count in the score, for extended resources that a device class serves.
//!
//! Upstream: `resource_allocation.go` (`calculateDRAExtendedResourceAllocatableRequest`, KEP-5004).

use berth_devices as devices;

use super::FitScore;
use crate::cluster::Cluster;
use crate::plugin::view::PodView;
use crate::plugin::{Representative, Score, ScoreHints};
use crate::scoring::axis::{self, Axis};

/// What nodes have of a resource, devices included where a node offers none.
pub(super) struct Column {
    /// The axis.
    axis: usize,
    allocatable: Vec<i64>,
    used: Vec<i64>,
}

/// The columns of those axes that a device class serves.
pub(super) fn columns(pod: PodView<'_>, axes: &[Axis]) -> Vec<Column> {
    let cluster = pod.cluster;
    let column = |(at, axis): (usize, &Axis)| {
        let class = axis.served_by(cluster)?;
        let nodes = cluster.nodes();
        let (mut allocatable, mut used) = axis.amounts(nodes)?;
        for (_, row) in nodes.by_name() {
            let node = nodes.object(row);
            let view = devices::NodeView { name: &node.name, labels: &node.labels };
            if allocatable[row.index()] == 0 {
                let totals = cluster.devices().totals(view, class);
                (allocatable[row.index()], used[row.index()]) = match totals.capacity {
                    0 => (0, 0),
                    capacity => (capacity, totals.allocated),
                };
            }
        }
        Some(Column { axis: at, allocatable, used })
    };
    axes.iter().enumerate().filter_map(column).collect()
}

/// How full nodes are, with devices.
pub(super) struct WithDevices {
    pub(super) fullness: FitScore,
    pub(super) columns: Vec<Column>,
}

impl Score for WithDevices {
    fn score(&self, cluster: &Cluster, feasible: &[Representative], out: &mut [i64]) {
        let mut columns = axis::columns(&self.fullness.axes, cluster.nodes());
        for column in &self.columns {
            columns[column.axis] = columns[column.axis].over(&column.allocatable, &column.used);
        }
        self.fullness.score_over(&columns, feasible, out);
    }

    fn hints(&self) -> ScoreHints<'_> {
        ScoreHints { ignores_counts: true, ..ScoreHints::default() }
    }
}
