//! `berth explain`: why one pod goes where it goes, or waits.

mod find;
pub(crate) mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use berth_engine::scheduler::Scheduler;
use berth_live::Server;
use berth_sim::explain::explain;
use berth_sim::run::{Options, Run};

use crate::failure::Failure;
use crate::input;
use crate::output::{self, Format};
use crate::profiles::{self, ProfileArgs};

const EXAMPLES: &str = "\
Examples:
  Why is it pending, and what would help?
    berth explain shop/cart-7d9f

  Why does it go there, and by how much?
    berth explain web-0 -f cluster.yaml -f apps/

  Would another algorithm put it elsewhere?
    berth explain web-0 -f cluster.yaml -f apps/ --algorithm best-fit

Pods that come before it in the queue are placed first, as berth simulate places them. A running pod is judged as if it came now, to the cluster as it is.

Exit codes:
  0  explained, whatever becomes of the pod
  2  the input or the command line cannot be used";

/// Explain for one pod why it goes to its node, or why it waits and what would help
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExplainArgs {
    /// The pod: a name, or namespace/name
    #[arg(value_name = "POD")]
    pod: String,
    /// Kubernetes objects, YAML or JSON: a file, a folder (with all below it), or - for stdin; may be repeated. Without it, the
    /// cluster that kubectl talks to is asked
    #[arg(short = 'f', long = "filename", value_name = "PATH")]
    files: Vec<PathBuf>,
    /// Which cluster to ask, if no -f is given
    #[arg(long, value_name = "FILE", conflicts_with = "files")]
    kubeconfig: Option<PathBuf>,
    /// Print no warnings
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    profiles: ProfileArgs,
    /// How the result is printed
    #[arg(short, long, value_name = "FORMAT", default_value = "table", hide_default_value = true)]
    output: Format,
}

/// Runs the command.
///
/// # Errors
/// Where the input cannot be used, or where no pod or more than one has the name.
pub(crate) fn run(args: &ExplainArgs) -> Result<ExitCode, Failure> {
    let (quiet, algorithm) = (args.quiet, args.profiles.algorithm);
    let configuration = profiles::configuration(&args.profiles, quiet)?;
    profiles::check_seed(&args.profiles, algorithm.as_slice(), quiet);
    let choice = profiles::choose(&configuration, &args.profiles, algorithm);
    let world = if args.files.is_empty() {
        input::live(&Server { kubeconfig: args.kubeconfig.clone(), master: None }, quiet)?
    } else {
        input::world(&args.files, quiet)?
    };
    let pod = find::pod(&world.cluster, &args.pod)?;
    let options = Options {
        preemption: !args.profiles.no_preemption,
        all_schedulers: args.profiles.all_schedulers,
        verify: false,
    };
    let mut scheduler = Scheduler::new(world.cluster, choice.profiles);
    if world.waiting.contains(&pod) {
        Run::new(&mut scheduler, &world.waiting, options).until(pod).map_err(Failure::difference)?;
    }
    let document = explain(&mut scheduler, pod, choice.name, options);
    output::print(&document, args.output, |wide| table::render(&document, wide))?;
    Ok(ExitCode::SUCCESS)
}
