//! `berth simulate --compare`: the same input under several algorithms.

use std::fmt::Write;
use std::process::ExitCode;
use std::time::Instant;

use berth_engine::algorithm::Algorithm;
use berth_sim::compare::{Comparison, Placements, RunSummary, Utilization};

use super::SimulateArgs;
use crate::columns::{Cell, Columns};
use crate::failure::Failure;
use crate::output::Format;
use crate::{human, output, profiles, style};

/// How many pods that differ `-o wide` names.
const NAMED: usize = 40;

/// Runs the command.
///
/// # Errors
/// As [`super::run`].
pub(super) fn run(args: &SimulateArgs, format: Format) -> Result<ExitCode, Failure> {
    let algorithms = algorithms(args)?;
    let configuration = profiles::configuration(&args.profiles, args.input.reading.quiet)?;
    profiles::check_seed(&args.profiles, &algorithms, args.input.reading.quiet);
    let world = args.world()?;
    let (nodes, pods) = (world.cluster.nodes().len(), world.cluster.pods().len());
    let (mut runs, mut seconds) = (Vec::new(), Vec::new());
    for algorithm in algorithms {
        let choice = profiles::choose(&configuration, &args.profiles, Some(algorithm))?;
        let copy = world.clone();
        let started = Instant::now();
        let run = super::place(copy, choice, args.options(), |name, scheduler, outcome, _| {
            seconds.push(started.elapsed().as_secs_f64());
            let cluster = scheduler.cluster();
            (RunSummary::new(name, cluster, outcome), Placements::new(cluster, outcome))
        })?;
        runs.push(run);
    }
    let mut comparison = Comparison::new(nodes, pods, runs);
    let pending = comparison.runs.iter().map(|run| run.pending).max().unwrap_or(0);
    if args.timing {
        for (run, &seconds) in comparison.runs.iter_mut().zip(&seconds) {
            run.engine_seconds = Some(seconds);
        }
    }
    output::print(&comparison, format, |wide| render(&comparison, wide))?;
    Ok(args.exit_code(pending))
}

/// The algorithms to compare.
///
/// # Errors
/// If one of them is named twice.
pub(super) fn algorithms(args: &SimulateArgs) -> Result<Vec<Algorithm>, Failure> {
    let mut algorithms: Vec<Algorithm> = Vec::new();
    for &algorithm in &args.compare {
        if algorithms.contains(&algorithm) {
            return Err(Failure::input(format!("--compare names {algorithm} twice")));
        }
        algorithms.push(algorithm);
    }
    Ok(algorithms)
}

/// A table with a column for each algorithm.
pub(super) fn side_by_side<'a>(algorithms: impl Iterator<Item = &'a str>) -> Columns {
    let titles = std::iter::once("").chain(algorithms);
    Columns::new(titles.map(|title| Cell::styled(title, style::HEADING)))
}

/// Adds a figure of each algorithm.
pub(super) fn figure(table: &mut Columns, title: &str, values: impl IntoIterator<Item = String>) {
    table.row(std::iter::once(Cell::from(title)).chain(values.into_iter().map(Cell::from)).collect());
}

/// The algorithms side by side, a line for each figure.
fn render(comparison: &Comparison, wide: bool) -> String {
    let runs = &comparison.runs;
    let mut table = side_by_side(runs.iter().map(|run| run.algorithm.as_str()));
    let mut line = |title: String, cells: Vec<String>| figure(&mut table, &title, cells);
    let number = |of: fn(&RunSummary) -> usize| runs.iter().map(|run| of(run).to_string()).collect();
    line("placed".into(), number(|run| run.placed));
    line("pending".into(), number(|run| run.pending));
    line("evicted".into(), number(|run| run.evicted));
    line("nodes used".into(), number(|run| run.nodes_used));
    let names = runs.iter().flat_map(|run| run.utilization.keys());
    for resource in human::resources(names, if wide { usize::MAX } else { 3 }) {
        let share = |of: fn(&Utilization) -> f64| {
            let percent = |u: &Utilization| format!("{:.1}%", of(u) * 100.0);
            runs.iter().map(|run| run.utilization.get(resource).map_or_else(|| "-".into(), percent)).collect()
        };
        let title = if wide { resource } else { human::short(resource) };
        line(format!("{title} mean"), share(|u| u.mean));
        line(format!("{title} max"), share(|u| u.max));
        line(format!("{title} imbalance"), share(|u| u.deviation));
    }
    let seconds: Vec<f64> = runs.iter().filter_map(|run| run.engine_seconds).collect();
    if seconds.len() == runs.len() {
        line("time".into(), seconds.into_iter().map(human::duration).collect());
    }
    let mut out = String::new();
    table.print(&mut out);
    let (nodes, pods) = (human::count(comparison.nodes, "node"), human::count(comparison.pods, "pod"));
    let _ = writeln!(out, "\n{nodes}, {pods}; imbalance: standard deviation of the nodes' utilization");
    by_pod(&mut out, comparison, wide);
    out
}

/// The pods that are not on the same node after all runs: how many, and with `wide` where each is.
fn by_pod(out: &mut String, comparison: &Comparison, wide: bool) {
    let differences = &comparison.differences;
    if comparison.runs.len() < 2 {
        return;
    }
    let verb = if differences.len() == 1 { "is" } else { "are" };
    let count = human::count(differences.len(), "pod");
    let hint = if wide || differences.is_empty() { "" } else { " (-o wide names them)" };
    let _ = writeln!(out, "{count} {verb} not on the same node under all algorithms{hint}");
    if !wide || differences.is_empty() {
        return;
    }
    let titles = std::iter::once("POD").chain(comparison.runs.iter().map(|run| run.algorithm.as_str()));
    let mut table = Columns::new(titles.map(|title| Cell::styled(title, style::HEADING)));
    for pod in differences.iter().take(NAMED) {
        let nodes = pod.nodes.iter().map(|node| Cell::from(node.clone().unwrap_or_else(|| "-".to_owned())));
        let name = Cell::from(format!("{}/{}", pod.namespace, pod.name));
        table.row(std::iter::once(name).chain(nodes).collect());
    }
    out.push('\n');
    table.print(out);
    if let Some(more) = differences.len().checked_sub(NAMED).filter(|more| *more > 0) {
        let _ = writeln!(out, "and {more} more (-o json lists all)");
    }
}
