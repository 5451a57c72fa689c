//! `berth explain`: why a pod goes to its node, or why it is pending.

pub(crate) mod find;
pub(crate) mod table;

use std::process::ExitCode;

use berth_engine::ids::PodRow;
use berth_engine::scheduler::Scheduler;
use berth_model::pod::Pod;
use berth_sim::explain::{Explanation, GroupAnswer, explain, explain_group};
use berth_sim::run::{Options, Run};
use berth_sim::world::World;

use crate::changes::ChangeArgs;
use crate::failure::Failure;
use crate::input::{self, InputArgs, SelectionArgs};
use crate::output::{self, Format};
use crate::profiles::{self, Choice, ProfileArgs};
use find::Target;

const EXAMPLES: &str = "\
Examples:
  Why is it pending, and what would help?
    berth explain shop/cart-7d9f

  Why is a pod of this Deployment pending, if one is?
    berth explain deploy/cart -n shop

  Why is it placed on this node, and how close was the decision?
    berth explain web-0 -f cluster.yaml -f apps/

  Would another algorithm place it on another node?
    berth explain web-0 -f cluster.yaml -f apps/ --algorithm best-fit

Pods before it in the queue are placed first, as berth simulate does. A running pod is explained as if it were created now, in the present cluster.

Exit codes:
  0  the pod is explained, placed or not
  2  the input or the command line cannot be used";

/// Explain why a pod goes to its node, or why it is pending and what would help
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExplainArgs {
    /// A pod (a name, namespace/name, or pod/name), or a workload such as deploy/web, of which the first pod that stays
    /// pending is explained. It may be left out if -l is given
    #[arg(value_name = "POD", required_unless_present = "selector")]
    pod: Option<String>,
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    changes: ChangeArgs,
    #[command(flatten)]
    profiles: ProfileArgs,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "table", hide_default_value = true)]
    output: Format,
}

/// Runs the command.
///
/// # Errors
/// When the input cannot be used, or when no pod or more than one has the name.
pub(crate) fn run(args: &ExplainArgs) -> Result<ExitCode, Failure> {
    let (quiet, algorithm) = (args.input.reading.quiet, args.profiles.algorithm);
    let configuration = profiles::configuration(&args.profiles, quiet)?;
    profiles::check_seed(&args.profiles, algorithm.as_slice(), quiet);
    let choice = profiles::choose(&configuration, &args.profiles, algorithm)?;
    let world = input::world(&args.input, &[], &args.selection, &args.changes)?;
    let target = find::target(&world.cluster, args.pod.as_deref(), &args.selection.selection())?;
    let options = Options {
        preemption: !args.profiles.no_preemption,
        all_schedulers: args.profiles.all_schedulers,
        verify: false,
    };
    let answer = match target {
        Target::Pod(pod) => {
            let drains = args.changes.has_drain();
            GroupAnswer::Pending(Box::new(of_pod(world, choice, pod, options, drains)?))
        }
        Target::Group(group) => {
            let subject = group.to_string();
            let is_member = |pod: &Pod| group.contains(pod);
            explain_group(world, choice.profiles, subject, is_member, choice.name, options)
                .map_err(Failure::difference)?
        }
    };
    match &answer {
        GroupAnswer::Pending(document) => {
            output::print(document, args.output, |wide| table::render(document, wide))?;
        }
        GroupAnswer::Placed(document) => {
            output::print(document, args.output, |wide| table::render_group(document, wide))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Explains one pod, after the pods that are before it in the queue are placed, or after nodes are drained.
///
/// # Errors
/// When a drain leaves no pod of this name.
pub(crate) fn of_pod(
    world: World,
    choice: Choice,
    mut pod: PodRow,
    options: Options,
    drains: bool,
) -> Result<Explanation, Failure> {
    let mut scheduler = Scheduler::new(world.cluster, choice.profiles);
    if drains {
        // The pod may be evicted, and then it waits under another row.
        let key = scheduler.cluster().pods().entry(pod).pod.key();
        let run = Run::new(&mut scheduler, &world.waiting, options).draining(&world.changes);
        run.finish(|_| {}).map_err(Failure::difference)?;
        pod = find::pod(scheduler.cluster(), &key)?;
    } else if world.waiting.contains(&pod) {
        Run::new(&mut scheduler, &world.waiting, options).until(pod).map_err(Failure::difference)?;
    }
    Ok(explain(&mut scheduler, pod, choice.name, options))
}
