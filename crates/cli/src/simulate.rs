//! `berth simulate`: places pending pods and shows the result.

mod changes;
mod compare;
mod page;
mod table;
mod timed;

use std::process::ExitCode;
use std::time::Instant;

use berth_engine::algorithm::Algorithm;
use berth_engine::scheduler::Scheduler;
use berth_sim::change::Changes;
use berth_sim::change::report::reports;
use berth_sim::report::{SimulationResult, Timing};
use berth_sim::run::{Options, Outcome, Run};
use berth_sim::world::World;
use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::changes::ChangeArgs;
use crate::failure::Failure;
use crate::input::{self, InputArgs, SelectionArgs};
use crate::output::{self, Format};
use crate::profiles::{self, Choice, ProfileArgs};
use crate::progress::Progress;
use crate::{human, notice};

const EXAMPLES: &str = "\
Examples:
  Will it fit? Pending pods are placed; workloads that the manifest changes are updated:
    berth snapshot | berth simulate -f - -f app.yaml

  A cluster and a folder of manifests, with another algorithm:
    berth simulate -f cluster.yaml -f apps/ --algorithm best-fit

  Which algorithm places most pods?
    berth simulate -f cluster.yaml -f apps/ --compare greedy,least-load,best-fit

  What happens if a zone fails, or if a node is drained?
    berth simulate -f cluster.yaml --without zone=eu-1a
    berth simulate -f cluster.yaml --drain node-7

  Would 20 pods fit with two more nodes?
    berth simulate -f cluster.yaml --scale deploy/web=20 --add 2=node.yaml

  What if a node fails at noon? A day in seconds, and the story of one pod:
    berth simulate -f cluster.yaml -f apps/ --for 24h --events events.yaml --follow web-0

  A page to look at and to send to others:
    berth simulate -f cluster.yaml -f apps/ -o html > cluster.html

  The names of the pending pods:
    berth simulate -f cluster.yaml -o json | jq -r '.pending[].name'

Pods are placed by priority, then by creation time, then in the order of the input.
Workloads that the input changes are rolled out to the end, as their controllers do it.

Exit codes:
  0  every pod is placed, every rollout is complete
  1  some pods stay pending, a rollout is stuck or a drain is blocked (--allow-pending makes it 0)
  2  the input or the command line cannot be used
  3  --verify found a decision that differs";

/// Show where the pods of your manifests would run, which would stay pending, and why
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SimulateArgs {
    #[command(flatten)]
    input: InputArgs,
    /// More paths: the shell expands a pattern after -f to several
    #[arg(value_name = "PATH", hide = true)]
    more: Vec<std::path::PathBuf>,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    changes: ChangeArgs,
    #[command(flatten)]
    time: timed::TimeArgs,
    #[command(flatten)]
    profiles: ProfileArgs,
    /// Run the same input with each of these algorithms and compare the results
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = profiles::algorithms(),
          conflicts_with = "algorithm")]
    compare: Vec<Algorithm>,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "table", hide_default_value = true)]
    output: Shown,
    /// Exit with 0 even if some pods stay pending, a rollout is stuck or a drain is blocked
    #[arg(long)]
    allow_pending: bool,
    /// Add the time taken to the result
    #[arg(long)]
    timing: bool,
    /// Check every decision against a scan of all nodes with all plugins (slow)
    #[arg(long)]
    verify: bool,
}

/// How the result is shown.
#[derive(Clone, Copy, Debug)]
enum Shown {
    /// As text on stdout.
    Text(Format),
    /// As a page for a browser, on stdout.
    Page,
}

impl ValueEnum for Shown {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [Shown; 5] = [
            Shown::Text(Format::Table),
            Shown::Text(Format::Wide),
            Shown::Text(Format::Json),
            Shown::Text(Format::Yaml),
            Shown::Page,
        ];
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::Text(format) => format.to_possible_value(),
            Self::Page => {
                Some(PossibleValue::new("html").help("One page for a browser, which needs no server"))
            }
        }
    }
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
        input::world(&self.input, &self.more, &self.selection, &self.changes)
    }

    /// The exit code after runs that left this many pods pending and rollouts stuck.
    fn exit_code(&self, pending: usize) -> ExitCode {
        ExitCode::from(u8::from(pending > 0 && !self.allow_pending))
    }
}

/// Runs the command.
///
/// # Errors
/// When the input cannot be used, or with `--verify` when a decision differs.
pub(crate) fn run(args: &SimulateArgs) -> Result<ExitCode, Failure> {
    let Shown::Text(format) = args.output else { return page::run(args) };
    if let Some(duration) = args.time.duration {
        return timed::run(args, duration, format);
    }
    if !args.compare.is_empty() {
        return compare::run(args, format);
    }
    let started = Instant::now();
    let configuration = profiles::configuration(&args.profiles, args.input.reading.quiet)?;
    let algorithm = args.profiles.algorithm;
    profiles::check_seed(&args.profiles, algorithm.as_slice(), args.input.reading.quiet);
    let choice = profiles::choose(&configuration, &args.profiles, algorithm)?;
    let world = args.world()?;
    let parsed = started.elapsed();
    let warnings: Vec<String> = world.warnings.iter().map(ToString::to_string).collect();
    let selection = args.selection.selection();
    let (placed, mut result) = place(world, choice, args.options(), |name, scheduler, outcome, changes| {
        let mut result = SimulationResult::of_selected(name, scheduler.cluster(), outcome, &selection);
        result.changes = reports(changes, scheduler.cluster(), outcome);
        (started.elapsed(), result)
    })?;
    result.warnings = warnings;
    if !args.input.reading.quiet {
        warn_of_other_schedulers(&result);
    }
    if args.timing {
        result.timing = Some(Timing {
            parse_seconds: parsed.as_secs_f64(),
            engine_seconds: (placed - parsed).as_secs_f64(),
            total_seconds: started.elapsed().as_secs_f64(),
        });
    }
    output::print(&result, format, |wide| table::render(&result, wide))?;
    let blocked = result.changes.iter().filter(|change| !change.blocked.is_empty()).count();
    Ok(args.exit_code(result.summary.pending + result.summary.stuck_rollouts + blocked))
}

/// Places the pods of a world and makes a report of the result.
fn place<T>(
    world: World,
    choice: Choice,
    options: Options,
    report: impl FnOnce(String, &Scheduler, &Outcome, &Changes) -> T,
) -> Result<T, Failure> {
    let mut scheduler = Scheduler::new(world.cluster, choice.profiles);
    let mut progress = Progress::new(world.waiting.len());
    let run = Run::new(&mut scheduler, &world.waiting, options)
        .rolling_out(world.rollouts)
        .draining(&world.changes);
    let outcome = run.finish(|left| progress.left(left)).map_err(Failure::difference)?;
    drop(progress);
    Ok(report(choice.name, &scheduler, &outcome, &world.changes))
}

/// Says once that pods wait for schedulers that the configuration has no profile for.
fn warn_of_other_schedulers(result: &SimulationResult) {
    let mut pods = 0;
    let mut names = std::collections::BTreeSet::new();
    for name in result.pending.iter().filter_map(|pod| pod.scheduler.as_deref()) {
        pods += 1;
        names.insert(name);
    }
    if pods > 0 {
        let names: Vec<&str> = names.into_iter().collect();
        let (pods, names) = (human::count(pods, "pod"), names.join(", "));
        notice::warning(&format!(
            "{pods} pending for other schedulers ({names}); --all-schedulers places them with the first profile"
        ));
    }
}
