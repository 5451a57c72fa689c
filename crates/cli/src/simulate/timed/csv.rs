//! The series over time as CSV.

use std::collections::BTreeSet;
use std::fmt::Write;

use berth_cluster::report::TimedSimulationResult;

use crate::human::amount;

/// A line for each point, with what is requested and allocatable of each resource in base units.
pub(super) fn render(result: &TimedSimulationResult) -> String {
    let keys = result.series.iter().flat_map(|point| point.requested.keys().chain(point.allocatable.keys()));
    let names: BTreeSet<&String> = keys.collect();
    let mut out = "seconds,pending,running,ready_nodes".to_owned();
    for name in &names {
        let _ = write!(out, ",requested.{name},allocatable.{name}");
    }
    out.push('\n');
    for point in &result.series {
        let (pending, running, nodes) = (point.pending, point.running, point.ready_nodes);
        let _ = write!(out, "{},{pending},{running},{nodes}", point.at_seconds);
        for name in &names {
            let value = |of: &std::collections::BTreeMap<String, String>| {
                of.get(*name).map_or(0.0, |text| amount(text))
            };
            let _ = write!(out, ",{},{}", value(&point.requested), value(&point.allocatable));
        }
        out.push('\n');
    }
    out
}
