//! `berth-bench`: measures the scheduling engine on workloads of scheduler_perf's shapes, beside upstream's engine.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use berth_bench::case::Suite;
use berth_bench::gate;
use berth_bench::request::{Output, Request};
use berth_bench::subject::Method;
use clap::Parser;

const EXAMPLES: &str = "\
Examples:
  All workloads at 5,000 nodes:
    berth-bench
  One workload beside upstream's engine (Go builds it first):
    berth-bench --workload basic --against upstream
  Growth from 1,000 to 100,000 nodes, with a plot:
    berth-bench --suite scale --nodes 100000 --plot scale.svg
  Check every decision against the naive scan:
    berth-bench --workload mix --verify
  Write 5,000 nodes and 50,000 pods as manifests, and simulate them:
    berth-bench --workload mix --size fleet --write-manifests fleet.yaml && berth simulate -f fleet.yaml";

/// Measure how many pods a second the scheduling engine decides
#[derive(Debug, Parser)]
#[command(name = "berth-bench", version, after_help = EXAMPLES)]
struct Args {
    /// Sizes to run: perf (5,000 nodes), scale (1,000 to 1,000,000 nodes) or smoke (small)
    #[arg(long, default_value = "perf")]
    suite: Suite,
    /// Run only this workload, by name or file
    #[arg(long, value_name = "NAME|FILE")]
    workload: Option<String>,
    /// Size of the workload, instead of the suite's
    #[arg(long)]
    size: Option<String>,
    /// Number of nodes, if the size does not set it; in the scale suite the largest number
    #[arg(long)]
    nodes: Option<i64>,
    /// Also run upstream's engine (upstream, needs Go) or the naive scan (scan); may be repeated
    #[arg(long, value_name = "upstream|scan")]
    against: Vec<Baseline>,
    /// Number of runs of each contender, in turns
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// End a run after this time
    #[arg(long, value_name = "SECONDS")]
    budget: Option<u64>,
    /// Output format: table, json or markdown
    #[arg(short, long, default_value = "table")]
    output: Output,
    /// Write a plot of the scale suite to this file
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Run once and compare each decision with the naive scan (needs --workload)
    #[arg(long)]
    verify: bool,
    /// Write the steps of the workload to a file and run nothing (needs --workload)
    #[arg(long, value_name = "FILE")]
    write_plan: Option<PathBuf>,
    /// Write the objects of the workload to a file for `berth simulate`, and run nothing (needs --workload)
    #[arg(long, value_name = "FILE")]
    write_manifests: Option<PathBuf>,
    /// Compare the fast path with the naive scan on each workload of the smoke suite, and fail if a ratio is too low
    #[arg(long, conflicts_with_all = ["workload", "against", "verify", "write_plan", "write_manifests"])]
    gate: bool,
    /// Run once in this process and print the outcome as JSON
    #[arg(long, hide = true)]
    once: bool,
    /// fast or scan, with --once
    #[arg(long, hide = true, default_value = "fast")]
    method: Method,
}

/// What to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Baseline {
    /// Upstream's engine.
    Upstream,
    /// The naive scan.
    Scan,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::from(2)
        }
    }
}

/// Prints a line to stderr. A reader that is gone does not end the run.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if args.gate {
        let slow = gate::check(&mut say)?;
        slow.iter().for_each(|line| say(line));
        return Ok(if slow.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let request = Request {
        suite: args.suite,
        workload: args.workload.clone(),
        size: args.size.clone(),
        nodes: args.nodes,
        upstream: args.against.contains(&Baseline::Upstream),
        scan: args.against.contains(&Baseline::Scan),
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
    request.carry_out(&mut std::io::stdout().lock(), &mut say)?;
    Ok(ExitCode::SUCCESS)
}
