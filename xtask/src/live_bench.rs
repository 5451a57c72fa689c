//! `cargo xtask live-bench`: Berth and kube-scheduler under the same load through a real API server, or Berth with and
//! without a recording or an open page.

use std::process::ExitCode;

use anyhow::Result;
use berth_e2e::live_bench::{self, Run, Side};
use berth_e2e::scheduler::Kind;
use berth_e2e::testbed;

/// Measures two schedulers alternately, each time on a fresh control plane.
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
    #[arg(long, conflicts_with = "record")]
    scheduler: Option<Kind>,
    /// What recording costs: Berth with --record, alternately with Berth without
    #[arg(long)]
    record: bool,
    /// What the page costs: Berth with --ui, whose page is open in three browsers (chromium), alternately with Berth
    /// without. The browsers need cores of their own
    #[arg(long, conflicts_with_all = ["record", "scheduler"])]
    ui: bool,
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
    let berth = Side::Plain(Kind::Berth);
    let sides = match args.scheduler {
        Some(kind) => vec![Side::Plain(kind)],
        None if args.record => vec![berth, Side::Recording],
        None if args.ui => vec![berth, Side::Watched],
        None => vec![berth, Side::Plain(Kind::Upstream)],
    };
    let mut runs: Vec<Run> = Vec::new();
    for _ in 0..args.runs {
        for side in &sides {
            let run = live_bench::run(*side, args.nodes, args.pods)?;
            eprintln!("{side}: {:.0} pods/s", run.pods_per_s);
            runs.push(run);
        }
    }
    match args.output {
        Output::Markdown => print!("{}", live_bench::table(&runs)),
        Output::Json => println!("{:#}", live_bench::report(&runs)),
    }
    Ok(ExitCode::SUCCESS)
}
