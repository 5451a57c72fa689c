//! `cargo xtask live-bench`: Berth and kube-scheduler under the same load through a real API server.

use std::process::ExitCode;

use anyhow::Result;
use berth_e2e::live_bench::{self, Run};
use berth_e2e::scheduler::Kind;
use berth_e2e::testbed;

/// Measures both schedulers alternately, each time on a fresh control plane.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[arg(long, default_value_t = 1000)]
    nodes: u32,
    /// Created at once
    #[arg(long, default_value_t = 5000)]
    pods: u32,
    /// How many times each is measured
    #[arg(long, default_value_t = 3)]
    runs: u32,
    /// Only this one: berth or upstream
    #[arg(long)]
    scheduler: Option<Kind>,
    #[arg(short, long, default_value = "markdown")]
    output: Output,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    Markdown,
    Json,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    testbed::build(&["etcd", "kube-apiserver", "kube-scheduler", "loadgen"].map(String::from))?;
    let kinds = args.scheduler.map_or(vec![Kind::Berth, Kind::Upstream], |kind| vec![kind]);
    let mut runs: Vec<Run> = Vec::new();
    for _ in 0..args.runs {
        for kind in &kinds {
            let run = live_bench::run(*kind, args.nodes, args.pods)?;
            eprintln!("{kind}: {:.0} pods/s", run.pods_per_s);
            runs.push(run);
        }
    }
    match args.output {
        Output::Markdown => print!("{}", live_bench::table(&runs)),
        Output::Json => println!("{:#}", live_bench::report(&runs)),
    }
    Ok(ExitCode::SUCCESS)
}
