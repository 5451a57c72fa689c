//! `berth fit`: how many more of some pods fit, where, and what stops the next one.

mod table;

use std::process::ExitCode;

use berth_engine::ids::PodRow;
use berth_engine::scheduler::Scheduler;
use berth_sim::change::report::reports;
use berth_sim::device_claims::release;
use berth_sim::fit::{Added, Fit, FitReport, Shape, fit, is_new, workload_rows};
use berth_sim::run::{Options, Run};
use berth_sim::world::World;

use crate::changes::ChangeArgs;
use crate::explain::find;
use crate::failure::Failure;
use crate::input::{self, InputArgs, SelectionArgs};
use crate::output::{self, Format};
use crate::profiles::{self, ProfileArgs};

const EXAMPLES: &str = "\
Examples:
  How many pods like this one fit into the cluster?
    berth fit -f pod.yaml -f cluster.yaml

  How many more of a workload that runs already, in the cluster that kubectl uses?
    berth fit deploy/web

  Two web servers for each cache: the proportion is that of the replicas
    berth fit -f web.yaml -f cache.yaml -f cluster.yaml

  What does one more node give, and what is left without a zone?
    berth fit -f pod.yaml -f cluster.yaml --add 1=node.yaml
    berth fit -f pod.yaml -f cluster.yaml --without zone=eu-1a

The other pending pods of the input are placed first. Then the pods are placed one by one, without preemption, until
the next one does not fit. Pods that are named or new are counted, not placed first.

Exit codes:
  0  at least one fits
  1  none fits
  2  the input or the command line cannot be used";

/// Show how many more of some pods fit, on which nodes, and what stops the next one
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct FitArgs {
    /// The pods to count: a pod or a workload as in berth explain, such as deploy/web. Several are counted in
    /// proportion to their replicas [default: all pods of the input that are new, without a creation time]
    #[arg(value_name = "POD")]
    pods: Vec<String>,
    #[command(flatten)]
    input: InputArgs,
    /// Count no further than this
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    #[command(flatten)]
    changes: ChangeArgs,
    #[command(flatten)]
    profiles: ProfileArgs,
    /// Check every decision against a scan of all nodes with all plugins (slow)
    #[arg(long)]
    verify: bool,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "table", hide_default_value = true)]
    output: Format,
}

/// Runs the command.
///
/// # Errors
/// When the input cannot be used, no pods are named or new, or with `--verify` when a decision differs.
pub(crate) fn run(args: &FitArgs) -> Result<ExitCode, Failure> {
    let quiet = args.input.reading.quiet;
    let configuration = profiles::configuration(&args.profiles, quiet)?;
    profiles::check_seed(&args.profiles, args.profiles.algorithm.as_slice(), quiet);
    let objects = input::read(&args.input, &[], &SelectionArgs::default())?;
    let base = args.changes.without_additions();
    let larger = args.changes.has_additions().then(|| objects.clone());
    let world = objects.world(&args.input.reading, &base)?;
    let warnings: Vec<String> = world.warnings.iter().map(ToString::to_string).collect();
    let choice = || profiles::choose(&configuration, &args.profiles, args.profiles.algorithm);
    let mut counted = count(args, world, choice()?)?;
    if let Some(objects) = larger {
        let world = objects.quietly().world(&args.input.reading, &args.changes)?;
        let nodes = world.changes.added_nodes();
        let more = count(args, world, choice()?)?;
        counted.report.added = Some(Added {
            nodes,
            count: more.fit.sets,
            gain: more.fit.sets as i64 - counted.fit.sets as i64,
            stop: more.report.stop,
        });
    }
    let mut report = counted.report;
    report.warnings = warnings;
    output::print(&report, args.output, |wide| table::render(&report, wide))?;
    let most = report.added.as_ref().map_or(report.count, |added| added.count);
    Ok(ExitCode::from(u8::from(most == 0)))
}

/// What was counted, and the answer.
struct Counted {
    fit: Fit,
    report: FitReport,
}

/// Places what waits, and then counts the pods that are asked about.
fn count(args: &FitArgs, mut world: World, choice: profiles::Choice) -> Result<Counted, Failure> {
    let options = Options {
        preemption: !args.profiles.no_preemption,
        all_schedulers: args.profiles.all_schedulers,
        verify: args.verify,
    };
    let asked = asked(&world, &args.pods)?;
    let shapes = Shape::in_proportion(&world.cluster, &asked);
    let is_asked = |row: &PodRow| asked.contains(row) && is_new(&world.cluster.pods().entry(*row).pod);
    let (counted, waiting): (Vec<PodRow>, Vec<PodRow>) = world.waiting.iter().partition(|row| is_asked(row));
    for row in counted {
        let pod = world.cluster.pods().entry(row).pod.clone();
        world.cluster.remove_pod(row);
        release(&mut world.cluster, &pod, false);
    }
    let mut scheduler = Scheduler::new(world.cluster, choice.profiles);
    let run =
        Run::new(&mut scheduler, &waiting, options).rolling_out(world.rollouts).draining(&world.changes);
    let outcome = run.finish(|_| {}).map_err(Failure::difference)?;
    let changes = reports(&world.changes, scheduler.cluster(), &outcome);
    let limit = args.limit.unwrap_or(usize::MAX);
    let fit = fit(&mut scheduler, &world.claim_templates, &shapes, limit, options);
    let fit = fit.map_err(Failure::difference)?;
    let mut report = FitReport::new(choice.name, scheduler.cluster(), &shapes, &fit);
    report.changes = changes;
    Ok(Counted { fit, report })
}

/// The pods that are asked about: those that are named, or all that are new.
fn asked(world: &World, names: &[String]) -> Result<Vec<PodRow>, Failure> {
    let cluster = &world.cluster;
    if names.is_empty() {
        let moved = world.changes.moved_pods();
        let is_asked = |row: &PodRow| {
            let pod = &cluster.pods().entry(*row).pod;
            is_new(pod) && !moved.contains(&(&pod.spec.namespace, &pod.name))
        };
        let rows: Vec<PodRow> = world.waiting.iter().copied().filter(is_asked).collect();
        return match rows.as_slice() {
            [] => {
                Err(Failure::input("no pod of the input is new, so that it is not clear which pods to count")
                    .hint("name a pod or a workload, as in: berth fit deploy/web -f cluster.yaml"))
            }
            _ => Ok(rows),
        };
    }
    let mut rows = Vec::new();
    for name in names {
        let row = find::pod(cluster, name)?;
        let is_pod = name.rsplit('/').next() == Some(&*cluster.pods().entry(row).pod.name);
        let named = if is_pod { vec![row] } else { workload_rows(cluster, row) };
        rows.extend(named.into_iter().filter(|row| !rows.contains(row)).collect::<Vec<_>>());
    }
    Ok(rows)
}
