//! `berth simulate`: places waiting pods and shows what came of it.

mod table;

use std::process::ExitCode;
use std::time::Instant;

use berth_engine::scheduler::Scheduler;
use berth_sim::report::{SimulationResult, Timing};
use berth_sim::run::{Options, Run};
use berth_sim::world::World;

use crate::failure::Failure;
use crate::input::{self, InputArgs};
use crate::output::{self, Format};
use crate::profiles::{self, ProfileArgs};
use crate::progress::Progress;

const EXAMPLES: &str = "\
Examples:
  Will it fit? What runs stays where it is, what waits is placed:
    kubectl get nodes,pods -A -o json | berth simulate -f - -f new-app.yaml
  A cluster and a folder of manifests, with another algorithm:
    berth simulate -f cluster.yaml -f apps/ --algorithm best-fit
  For programs:
    berth simulate -f cluster.yaml -o json | jq '.pending[].name'

Exit codes:
  0  every pod has a place
  1  some pods wait (--allow-pending makes it 0)
  2  the input or the command line cannot be used
  3  --verify found a decision that differs";

/// Show where the pods of your manifests would run, and what would wait and why
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SimulateArgs {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    profiles: ProfileArgs,
    /// How the result is printed
    #[arg(short, long, value_name = "FORMAT", default_value = "table", hide_default_value = true)]
    output: Format,
    /// End with 0 though some pods wait
    #[arg(long)]
    allow_pending: bool,
    /// Add to the result how long it took
    #[arg(long)]
    timing: bool,
    /// Compare every decision with that of the naive scan (slow)
    #[arg(long)]
    verify: bool,
}

/// Runs the command.
///
/// # Errors
/// Where the input cannot be used, or with `--verify` where a decision differs.
pub(crate) fn run(args: &SimulateArgs) -> Result<ExitCode, Failure> {
    let started = Instant::now();
    let configuration = profiles::configuration(&args.profiles, args.input.quiet)?;
    let choice = profiles::choose(&configuration, &args.profiles);
    let world = World::new(&input::load(&args.input.files, args.input.quiet)?);
    let parsed = started.elapsed();
    let options = Options {
        preemption: !args.profiles.no_preemption,
        all_schedulers: args.profiles.all_schedulers,
        verify: args.verify,
    };
    let mut scheduler = Scheduler::new(world.cluster, choice.profiles);
    let mut progress = Progress::new(world.waiting.len());
    let run = Run::new(&mut scheduler, &world.waiting, options);
    let outcome = run.finish(|left| progress.left(left)).map_err(Failure::difference)?;
    let placed = started.elapsed();
    drop(progress);
    let mut result = SimulationResult::new(choice.name, scheduler.cluster(), &outcome);
    if args.timing {
        result.timing = Some(Timing {
            parse_seconds: parsed.as_secs_f64(),
            engine_seconds: (placed - parsed).as_secs_f64(),
            total_seconds: started.elapsed().as_secs_f64(),
        });
    }
    output::print(&result, args.output, |wide| table::render(&result, wide))?;
    let waits = result.summary.pending > 0 && !args.allow_pending;
    Ok(ExitCode::from(u8::from(waits)))
}
