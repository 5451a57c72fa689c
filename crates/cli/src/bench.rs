//! `berth bench`: how fast decisions are made, on workloads of scheduler_perf's shapes, beside upstream's own engine.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use berth_bench::case::Suite;
use berth_bench::request::{Output, Request};
use berth_bench::subject::Method;

use crate::failure::Failure;

const EXAMPLES: &str = "\
Examples:
  The workloads at 5,000 nodes:
    berth bench
  One of them beside upstream's engine, which is built with Go first:
    berth bench --workload basic --against upstream
  Growth from 1,000 to 100,000 nodes, with a plot:
    berth bench --suite scale --nodes 100000 --plot scale.svg
  Check every decision against the naive scan:
    berth bench --workload mix --verify
  5,000 nodes and 50,000 pods as manifests, to simulate:
    berth bench --workload mix --size fleet --write-manifests fleet.yaml && berth simulate -f fleet.yaml";

/// Measure how many scheduling decisions a second the engine makes
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BenchArgs {
    /// The suite: perf (5,000 nodes), scale (1,000 to 1,000,000 nodes) or smoke (small, to check that all workloads run)
    #[arg(long, default_value = "perf")]
    suite: Suite,
    /// One workload, by name or file [default: all workloads of the suite]
    #[arg(long, value_name = "NAME|FILE")]
    workload: Option<String>,
    /// The size of the workload [default: the suite's]
    #[arg(long)]
    size: Option<String>,
    /// The number of nodes, if the size does not set it; in the scale suite the largest number
    #[arg(long)]
    nodes: Option<i64>,
    /// Engines to compare with: upstream (needs Go) or scan (every plugin on every node); may be given twice
    #[arg(long, value_name = "upstream|scan")]
    against: Vec<Rival>,
    /// Number of runs of each engine
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Seconds after which a run is stopped
    #[arg(long, value_name = "SECONDS")]
    budget: Option<u64>,
    /// Output format: table, json or markdown
    #[arg(short, long, default_value = "table")]
    output: Output,
    /// Write a plot of the scale suite to this file
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Run once and check each decision against the scan (needs --workload)
    #[arg(long)]
    verify: bool,
    /// Write the steps of the workload to this file and run nothing (needs --workload)
    #[arg(long, value_name = "FILE")]
    write_plan: Option<PathBuf>,
    /// Write the objects of the workload to this file, for `berth simulate`, and run nothing (needs --workload)
    #[arg(long, value_name = "FILE")]
    write_manifests: Option<PathBuf>,
    /// Run once in this process and print the result as JSON: one run of a comparison
    #[arg(long, hide = true)]
    once: bool,
    /// With --once: fast or scan
    #[arg(long, hide = true, default_value = "fast")]
    method: Method,
}

/// Whom to run beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Rival {
    /// Upstream's engine.
    Upstream,
    /// The naive scan.
    Scan,
}

/// Runs the command.
///
/// # Errors
/// Where a workload cannot be used, a run fails, or a decision differs from the scan's.
pub(crate) fn run(args: &BenchArgs) -> Result<ExitCode, Failure> {
    let request = Request {
        suite: args.suite,
        workload: args.workload.clone(),
        size: args.size.clone(),
        nodes: args.nodes,
        upstream: args.against.contains(&Rival::Upstream),
        scan: args.against.contains(&Rival::Scan),
        runs: args.runs.max(1),
        budget: args.budget.map(Duration::from_secs),
        output: args.output,
        plot: args.plot.clone(),
        once: args.once,
        method: args.method,
        verify: args.verify,
        write_plan: args.write_plan.clone(),
        write_manifests: args.write_manifests.clone(),
    };
    let mut out = anstream::stdout().lock();
    let mut say = |line: &str| {
        // Where the reader of stderr is gone nobody misses the line.
        let _ = writeln!(anstream::stderr(), "{line}");
    };
    request.carry_out(&mut out, &mut say).map_err(|error| Failure::input(error.to_string()))?;
    Ok(ExitCode::SUCCESS)
}
