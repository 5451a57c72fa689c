//! `berth usage`: who uses the cluster.

mod table;

use std::process::ExitCode;

use berth_sim::usage::{By, Sort, usage};
use clap::ValueEnum;

use crate::changes::ChangeArgs;
use crate::failure::Failure;
use crate::input::{self, InputArgs, SelectionArgs};
use crate::output::{self, Format};

const EXAMPLES: &str = "\
Examples:
  Which nodes request more than they use, and which use more than they request?
    berth usage

  Which namespaces have the GPUs and the memory?
    berth usage --by namespace --sort requests

  The workloads of one namespace whose requests are too high, from a file:
    berth usage -f cluster.json --by workload -n shop --sort over

Usage comes from the metrics API: NodeMetrics and PodMetrics, which berth snapshot writes too. If a pod or node has none, its usage is not known.
Only pods that are on a node count. Shares are parts of what the node offers; for other rows, of what all nodes offer.

Exit codes:
  0  the report is printed
  2  the input or the command line cannot be used";

/// Show requests, limits and measured usage by node, namespace, workload or pod
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct UsageArgs {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    selection: SelectionArgs,
    /// What the rows are
    #[arg(long, value_name = "WHAT", default_value = "node")]
    by: Rows,
    /// The order of the rows
    #[arg(long, value_name = "ORDER", default_value = "difference")]
    sort: Order,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "table", hide_default_value = true)]
    output: Format,
}

/// What rows are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Rows {
    Node,
    Namespace,
    /// The controller of pods, or the Deployment of their ReplicaSet
    Workload,
    Pod,
}

/// The order of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Order {
    /// The largest difference between requests and usage first; if usage is not known, the largest requests first
    Difference,
    /// The most that is requested and not used first
    Over,
    /// The most that is used beyond the requests first
    Under,
    Requests,
    Limits,
    Usage,
    Name,
}

/// Runs the command.
///
/// # Errors
/// When the input cannot be used.
pub(crate) fn run(args: &UsageArgs) -> Result<ExitCode, Failure> {
    let by = match args.by {
        Rows::Node => By::Node,
        Rows::Namespace => By::Namespace,
        Rows::Workload => By::Workload,
        Rows::Pod => By::Pod,
    };
    let sort = match args.sort {
        Order::Difference => Sort::Difference,
        Order::Over => Sort::Over,
        Order::Under => Sort::Under,
        Order::Requests => Sort::Requests,
        Order::Limits => Sort::Limits,
        Order::Usage => Sort::Usage,
        Order::Name => Sort::Name,
    };
    let world = input::world(&args.input, &[], &args.selection, &ChangeArgs::default())?;
    let mut report = usage(&world.cluster, &world.measured, by, sort, &args.selection.selection());
    report.warnings = world.warnings.iter().map(ToString::to_string).collect();
    output::print(&report, args.output, |wide| table::render(&report, wide))?;
    Ok(ExitCode::SUCCESS)
}
