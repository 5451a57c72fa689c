//! `berth explain`: why a pod goes to its node, or why it is pending.

pub(crate) mod find;
pub(crate) mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use berth_engine::scheduler::Scheduler;
use berth_live::Server;
use berth_sim::explain::explain;
use berth_sim::run::{Options, Run};

use crate::changes::ChangeArgs;
use crate::failure::Failure;
use crate::input::{self, ReadingArgs};
use crate::output::{self, Format};
use crate::profiles::{self, ProfileArgs};

const EXAMPLES: &str = "\
Examples:
  Why is it pending, and what would help?
    berth explain shop/cart-7d9f

  Why is it placed on this node, and how close was the decision?
    berth explain web-0 -f cluster.yaml -f apps/

  Why would it be pending if this zone failed?
    berth explain web-0 -f cluster.yaml --without zone=eu-1a

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
    /// The pod: a name, namespace/name, pod/name, or a workload such as deploy/web, of which the first pod without a
    /// node is taken
    #[arg(value_name = "POD")]
    pod: String,
    /// Kubernetes objects in YAML or JSON: a file, a folder (with all folders below it), or - for stdin; may be
    /// repeated. Without
    /// -f the objects of the cluster that kubectl uses are read
    #[arg(short = 'f', long = "filename", value_name = "PATH")]
    files: Vec<PathBuf>,
    /// The kubeconfig of the cluster to read, if no -f is given
    #[arg(long, value_name = "FILE", conflicts_with = "files")]
    kubeconfig: Option<PathBuf>,
    #[command(flatten)]
    reading: ReadingArgs,
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
    let (quiet, algorithm) = (args.reading.quiet, args.profiles.algorithm);
    let configuration = profiles::configuration(&args.profiles, quiet)?;
    profiles::check_seed(&args.profiles, algorithm.as_slice(), quiet);
    let choice = profiles::choose(&configuration, &args.profiles, algorithm);
    let world = if args.files.is_empty() {
        input::live(
            &Server { kubeconfig: args.kubeconfig.clone(), master: None },
            &args.reading,
            &args.changes,
        )?
    } else {
        input::world(&args.files, &args.reading, &args.changes)?
    };
    let mut pod = find::pod(&world.cluster, &args.pod)?;
    let options = Options {
        preemption: !args.profiles.no_preemption,
        all_schedulers: args.profiles.all_schedulers,
        verify: false,
    };
    let mut scheduler = Scheduler::new(world.cluster, choice.profiles);
    if args.changes.has_drain() {
        // The pod may be evicted, and then it waits under another row.
        let run = Run::new(&mut scheduler, &world.waiting, options).draining(&world.changes);
        run.finish(|_| {}).map_err(Failure::difference)?;
        pod = find::pod(scheduler.cluster(), &args.pod)?;
    } else if world.waiting.contains(&pod) {
        Run::new(&mut scheduler, &world.waiting, options).until(pod).map_err(Failure::difference)?;
    }
    let document = explain(&mut scheduler, pod, choice.name, options);
    output::print(&document, args.output, |wide| table::render(&document, wide))?;
    Ok(ExitCode::SUCCESS)
}
