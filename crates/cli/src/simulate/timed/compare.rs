//! `berth simulate --for --compare`: the same time under several algorithms.

use std::process::ExitCode;

use berth_cluster::Millis;
use berth_cluster::report::TimedSimulationResult;
use berth_config::Configuration;
use berth_sim::report::API_VERSION;
use serde::Serialize;

use super::table::span;
use super::{Input, simulate};
use crate::failure::Failure;
use crate::output::Format;
use crate::simulate::SimulateArgs;
use crate::simulate::compare::{algorithms, figure, side_by_side};
use crate::{human, output, profiles};

/// The document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TimedComparison {
    api_version: &'static str,
    kind: &'static str,
    runs: Vec<TimedSimulationResult>,
}

/// Runs the command.
///
/// # Errors
/// As [`super::run`].
pub(super) fn run(
    args: &SimulateArgs,
    configuration: &Configuration,
    input: &Input,
    duration: Millis,
    format: Format,
) -> Result<ExitCode, Failure> {
    let mut runs = Vec::new();
    for algorithm in algorithms(args)? {
        let choice = profiles::choose(configuration, &args.profiles, Some(algorithm))?;
        runs.push(simulate(args, choice, input, duration)?);
    }
    let pending = runs.iter().map(|run| run.pending.len()).max().unwrap_or(0);
    let comparison = TimedComparison { api_version: API_VERSION, kind: "TimedComparison", runs };
    output::print(&comparison, format, |wide| render(&comparison, wide))?;
    Ok(args.exit_code(pending))
}

/// The algorithms side by side, a line for each figure.
fn render(comparison: &TimedComparison, wide: bool) -> String {
    let runs = &comparison.runs;
    let mut table = side_by_side(runs.iter().map(|run| run.algorithm.as_str()));
    let mut line = |title: &str, of: &dyn Fn(&TimedSimulationResult) -> String| {
        figure(&mut table, title, runs.iter().map(of));
    };
    line("pods", &|run| run.summary.created.to_string());
    line("succeeded", &|run| run.summary.succeeded.to_string());
    line("pending at the end", &|run| run.summary.pending.to_string());
    line("evicted", &|run| run.summary.evictions.values().sum::<u64>().to_string());
    line("wait p50", &|run| span(run.waits[0].p50_seconds));
    line("wait p90", &|run| span(run.waits[0].p90_seconds));
    line("wait p99", &|run| span(run.waits[0].p99_seconds));
    line("longest wait", &|run| span(run.waits[0].max_seconds));
    let lacking = |run: &TimedSimulationResult| -> f64 {
        let services = run.workloads.iter().filter_map(|workload| workload.service.as_ref());
        services.map(|service| service.lacking_pod_seconds).fold(0.0, |sum, lacking| sum + lacking)
    };
    line("lacking pods, over time", &|run| span(lacking(run)));
    let names = runs.iter().flat_map(|run| run.resources.iter().map(|resource| &resource.name));
    for name in human::resources(names.filter(|name| *name != "pods"), if wide { usize::MAX } else { 3 }) {
        let title = format!("{} requested", if wide { name } else { human::short(name) });
        line(&title, &|run| {
            let found = run.resources.iter().find(|resource| resource.name == name);
            found.map_or_else(|| "-".to_owned(), |resource| format!("{:.1}%", resource.utilization * 100.0))
        });
    }
    let mut out = String::new();
    table.print(&mut out);
    out
}
