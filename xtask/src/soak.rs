//! `cargo xtask soak`: a scheduler under churn.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use berth_e2e::scheduler::Kind;
use berth_e2e::{soak, testbed};

/// Pods come and go, nodes are cordoned, relabelled and lost; memory must stay flat and no pod that fits may wait.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// Whose scheduler: berth (`$BERTH`, or built here) or upstream
    #[arg(long, default_value = "berth")]
    scheduler: Kind,
}

/// Memory may grow by this much in the last third: allocators keep some of what they got. Before that it may grow while
/// the record of written events fills, which holds some minutes.
const GROWTH: f64 = 1.1;

/// The exit code is 1 where memory has grown or the scheduler has logged errors.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    testbed::build(&testbed::FOR_BODIES.map(String::from))?;
    let report = soak::run(args.scheduler, Duration::from_secs(60 * args.minutes))?;
    let tenths: Vec<String> = report.resident_mb.iter().map(|mb| format!("{mb:.0}")).collect();
    println!("{}: {} pods in {} minutes", args.scheduler, report.pods, args.minutes);
    println!("longest wait of a pod that fits: {:.1} s", report.longest_wait_s);
    println!("CPU: {:.1} s; resident memory by tenth: {} MB", report.cpu_s, tenths.join(", "));
    println!("errors logged: {}", report.errors.len());
    for line in report.errors.iter().take(10) {
        println!("  {line}");
    }
    let memory = &report.resident_mb;
    let grown =
        matches!((memory.get(memory.len() * 2 / 3), memory.last()), (Some(a), Some(z)) if a * GROWTH < *z);
    if grown {
        println!("memory has grown");
    }
    Ok(ExitCode::from(u8::from(grown || !report.errors.is_empty())))
}
