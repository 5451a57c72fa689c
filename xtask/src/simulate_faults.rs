//! `cargo xtask simulate-faults`: plays histories of the fault simulation by hand.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use berth_faults::plan::Plan;
use berth_faults::shrink::shrink;
use berth_faults::world::World;
use berth_journal::part_of;

/// Which histories are played.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The first history
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many; one alone is told as a timeline
    #[arg(long, default_value_t = 1)]
    count: u64,
    /// Record each scheduler process for berth replay, the second one in FILE.2 and so on; of several histories that one
    /// which fails, made smaller
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

/// Plays them; the exit code is 1 where one violates an invariant, which is told made smaller.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let began = Instant::now();
    let (mut struck, mut bound) = (BTreeMap::new(), 0);
    for seed in args.seed..args.seed.saturating_add(args.count) {
        let plan = Plan::draw(seed);
        let verdict = World::play(plan.clone(), None);
        if !verdict.violations.is_empty() {
            let (small, verdict) = shrink(&plan, None);
            println!("seed {seed}, made smaller: {small:?}");
            verdict.timeline.iter().for_each(|line| println!("{line}"));
            match &args.record {
                Some(file) => record(&small, file)?,
                None => println!("to record it: cargo xtask simulate-faults --seed {seed} --record FILE"),
            }
            return Ok(ExitCode::FAILURE);
        }
        if args.count == 1 {
            println!("{plan:?}");
            verdict.timeline.iter().for_each(|line| println!("{line}"));
            if let Some(file) = &args.record {
                record(&plan, file)?;
            }
        }
        bound += verdict.bound;
        for (fault, times) in verdict.struck {
            *struck.entry(fault).or_insert(0) += times;
        }
    }
    println!(
        "{} histories, {bound} pods bound, no violation; {:.1} s",
        args.count,
        began.elapsed().as_secs_f64()
    );
    for (fault, times) in struck {
        println!("{times:>10} {fault}");
    }
    Ok(ExitCode::SUCCESS)
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
