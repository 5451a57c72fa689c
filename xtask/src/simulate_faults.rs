//! `cargo xtask simulate-faults`: plays histories of the fault simulation by hand.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use berth_faults::campaign::{self, Summary};
use berth_faults::plan::Plan;
use berth_faults::shrink::shrink;
use berth_faults::world::World;
use berth_journal::part_of;

/// Which histories are played.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Play one history and print its timeline; one that violates an invariant is first made smaller
    #[arg(long, conflicts_with_all = ["from", "to"])]
    seed: Option<u64>,
    /// The first of many histories
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// The end of many histories, which is not played
    #[arg(long, required_unless_present = "seed")]
    to: Option<u64>,
    /// How many threads play; by default all cores
    #[arg(long)]
    jobs: Option<usize>,
    /// Print how often each situation occurred
    #[arg(long)]
    coverage: bool,
    /// With --seed, record each scheduler process for berth replay: the second one in FILE.2 and so on
    #[arg(long, value_name = "FILE", requires = "seed")]
    record: Option<PathBuf>,
}

/// Plays the histories. The exit code is 1 if one violates an invariant.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    if let Some(seed) = args.seed {
        return one(seed, args.record.as_deref());
    }
    let to = args.to.unwrap_or_default();
    if to <= args.from {
        bail!("--to {to} must be greater than --from {}", args.from);
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = args.jobs.unwrap_or(cores);
    let began = Instant::now();
    let summary = campaign::play(args.from..to, jobs, None);
    print(&summary, began.elapsed().as_secs_f64(), jobs, args.coverage);
    Ok(if summary.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(summary: &Summary, seconds: f64, jobs: usize, coverage: bool) {
    for (seed, violation) in &summary.violations {
        println!("seed {seed}: {}", violation.lines().next().unwrap_or_default());
    }
    let Summary { histories, bound, violations, .. } = summary;
    let rate = *histories as f64 / seconds;
    println!(
        "{histories} histories, {bound} pods bound, {} violations; {seconds:.1} s on {jobs} threads, {rate:.0} histories/s",
        violations.len()
    );
    for (fault, times) in &summary.struck {
        println!("{times:>10} {fault}");
    }
    for (focus, times) in &summary.focused {
        println!(
            "{times:>10} histories, focus: {}",
            focus.map_or("none".to_owned(), |focus| format!("{focus:?}"))
        );
    }
    if let Some(((one, other), times)) = summary.pairs.iter().min_by_key(|(_, times)| **times) {
        println!("the rarest pair of faults is {one} with {other}, in {times} histories");
    }
    for (one, other) in summary.missing_pairs() {
        println!("never in one history: {one} with {other}");
    }
    println!("{} situations occurred", summary.situations.len());
    if coverage {
        for ((place, what), times) in &summary.situations {
            println!("{times:>10} {place}: {what}");
        }
    } else if !violations.is_empty() {
        println!("to see one as a timeline: cargo xtask simulate-faults --seed N");
    }
}

/// Plays one history and prints its timeline.
fn one(seed: u64, file: Option<&Path>) -> Result<ExitCode> {
    let mut plan = Plan::draw(seed);
    let mut outcome = World::story(plan.clone(), None);
    let fails = !outcome.violations.is_empty();
    if fails {
        (plan, outcome) = shrink(&plan, None);
    }
    println!("{plan:?}");
    outcome.timeline.iter().for_each(|line| println!("{line}"));
    match file {
        Some(file) => record(&plan, file)?,
        None if fails => println!("to record it: cargo xtask simulate-faults --seed {seed} --record FILE"),
        None => {}
    }
    Ok(if fails { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Plays a history again, and writes down what each of its processes did.
fn record(plan: &Plan, file: &Path) -> Result<()> {
    let (_, recorded) = World::record(plan.clone(), None);
    for recorded in recorded {
        let file = part_of(file, recorded.part);
        std::fs::write(&file, recorded.bytes).with_context(|| file.display().to_string())?;
        println!("scheduler {}: berth replay {}", recorded.part, file.display());
    }
    Ok(())
}
