//! `berth simulate`: places waiting pods and shows what came of it.

mod compare;
mod table;

use std::process::ExitCode;
use std::time::Instant;

use berth_engine::algorithm::Algorithm;
use berth_engine::scheduler::Scheduler;
use berth_sim::report::{SimulationResult, Timing};
use berth_sim::run::{Options, Outcome, Run};
use berth_sim::world::World;

use crate::failure::Failure;
use crate::input::{self, InputArgs};
use crate::output::{self, Format};
use crate::profiles::{self, Choice, ProfileArgs};
use crate::progress::Progress;

const EXAMPLES: &str = "\
Examples:
  Will it fit? What runs stays where it is, what waits is placed:
    kubectl get nodes,pods -A -o json | berth simulate -f - -f new-app.yaml

  A cluster and a folder of manifests, with another algorithm:
    berth simulate -f cluster.yaml -f apps/ --algorithm best-fit

  Which algorithm serves best?
    berth simulate -f cluster.yaml -f apps/ --compare greedy,least-load,best-fit

  The names of the pods that wait:
    berth simulate -f cluster.yaml -o json | jq -r '.pending[].name'

Pods are placed by priority, then by creation time, then in the order of the input.

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
    /// More paths, as a pattern of the shell after -f gives them
    #[arg(value_name = "PATH", hide = true)]
    more: Vec<std::path::PathBuf>,
    #[command(flatten)]
    profiles: ProfileArgs,
    /// Run the same input under each of these algorithms and compare what comes of it
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = profiles::algorithms(),
          conflicts_with = "algorithm")]
    compare: Vec<Algorithm>,
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

impl SimulateArgs {
    fn options(&self) -> Options {
        Options {
            preemption: !self.profiles.no_preemption,
            all_schedulers: self.profiles.all_schedulers,
            verify: self.verify,
        }
    }

    fn world(&self) -> Result<World, Failure> {
        let paths: Vec<_> = self.input.files.iter().chain(&self.more).cloned().collect();
        input::world(&paths, self.input.quiet)
    }

    /// How the process ends after runs that left so many pods pending.
    fn exit_code(&self, pending: usize) -> ExitCode {
        ExitCode::from(u8::from(pending > 0 && !self.allow_pending))
    }
}

/// Runs the command.
///
/// # Errors
/// Where the input cannot be used, or with `--verify` where a decision differs.
pub(crate) fn run(args: &SimulateArgs) -> Result<ExitCode, Failure> {
    if !args.compare.is_empty() {
        return compare::run(args);
    }
    let started = Instant::now();
    let configuration = profiles::configuration(&args.profiles, args.input.quiet)?;
    let algorithm = args.profiles.algorithm;
    profiles::check_seed(&args.profiles, algorithm.as_slice(), args.input.quiet);
    let choice = profiles::choose(&configuration, &args.profiles, algorithm);
    let world = args.world()?;
    let parsed = started.elapsed();
    let (placed, mut result) = place(world, choice, args.options(), |name, scheduler, outcome| {
        (started.elapsed(), SimulationResult::new(name, scheduler.cluster(), outcome))
    })?;
    if args.timing {
        result.timing = Some(Timing {
            parse_seconds: parsed.as_secs_f64(),
            engine_seconds: (placed - parsed).as_secs_f64(),
            total_seconds: started.elapsed().as_secs_f64(),
        });
    }
    output::print(&result, args.output, |wide| table::render(&result, wide))?;
    Ok(args.exit_code(result.summary.pending))
}

/// Places the pods of a world and has a report made of what came of it.
fn place<T>(
    world: World,
    choice: Choice,
    options: Options,
    report: impl FnOnce(String, &Scheduler, &Outcome) -> T,
) -> Result<T, Failure> {
    let mut scheduler = Scheduler::new(world.cluster, choice.profiles);
    let mut progress = Progress::new(world.waiting.len());
    let run = Run::new(&mut scheduler, &world.waiting, options);
    let outcome = run.finish(|left| progress.left(left)).map_err(Failure::difference)?;
    drop(progress);
    Ok(report(choice.name, &scheduler, &outcome))
}
