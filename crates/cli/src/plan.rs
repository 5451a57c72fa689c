//! `berth plan`: which nodes must be added, and which could go.

mod table;
mod types;

use std::path::PathBuf;
use std::process::ExitCode;

use berth_sim::plan::{plan, remove};
use berth_sim::run::Options;

use crate::changes::ChangeArgs;
use crate::failure::Failure;
use crate::input::{self, InputArgs, SelectionArgs};
use crate::output::{self, Format};
use crate::profiles::{self, ProfileArgs};
use types::Setting;

const EXAMPLES: &str = "\
Examples:
  Which nodes must be added so that a release fits, and what do they cost?
    berth plan --types node-types.yaml -f cluster.json -f release/

  How many nodes like n1 must be added?
    berth plan --types node/n1 -f cluster.json -f release/

  With prices and bounds from the command line:
    berth plan --types node-types.yaml --price m5.large=0.096 --max m5.large=20 -f cluster.json

  Which of today's nodes could go, and where would their pods move?
    berth plan --remove

A type is a Node: its name, labels, taints and status.allocatable are those of the nodes that are added. Its price is the annotation berth.dev/price, or --price; without any prices, the number of nodes counts.
Every plan is simulated with the real scheduler. No running pod is evicted for a pending one.

Exit codes:
  0  every pod fits with the nodes of the plan
  1  some pods stay pending whatever is added (--allow-pending makes it 0)
  2  the input or the command line cannot be used";

/// Find the cheapest nodes to add so that all pods fit, or the nodes that could go
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PlanArgs {
    /// Types of nodes that can be added: a file with a Node for each, or node/NAME for nodes like one of the cluster; may be
    /// repeated
    #[arg(short, long, value_name = "FILE", required_unless_present = "remove")]
    types: Vec<PathBuf>,
    /// The price of a node of a type, in any currency; may be repeated
    #[arg(long, value_name = "TYPE=PRICE", value_parser = types::price, conflicts_with = "remove")]
    price: Vec<Setting<String>>,
    /// How many nodes of a type can be added at most; may be repeated
    #[arg(long, value_name = "TYPE=N", value_parser = types::max, conflicts_with = "remove")]
    max: Vec<Setting<u32>>,
    /// Find nodes of the cluster that could go, one after the other, with every move of a pod
    #[arg(long, conflicts_with = "types")]
    remove: bool,
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    profiles: ProfileArgs,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "table", hide_default_value = true)]
    output: Format,
    /// Exit with 0 even if some pods stay pending
    #[arg(long)]
    allow_pending: bool,
}

/// Runs the command.
///
/// # Errors
/// When the input cannot be used.
pub(crate) fn run(args: &PlanArgs) -> Result<ExitCode, Failure> {
    let quiet = args.input.reading.quiet;
    let configuration = profiles::configuration(&args.profiles, quiet)?;
    let algorithm = args.profiles.algorithm;
    profiles::check_seed(&args.profiles, algorithm.as_slice(), quiet);
    let choice = profiles::choose(&configuration, &args.profiles, algorithm)?;
    let options = Options { preemption: false, all_schedulers: args.profiles.all_schedulers, verify: false };
    if args.remove {
        let world = input::world(&args.input, &[], &SelectionArgs::default(), &ChangeArgs::default())?;
        let warnings = world.warnings.iter().map(ToString::to_string).collect();
        let mut document = remove(world, choice.profiles, options).map_err(Failure::difference)?;
        document.warnings = warnings;
        output::print(&document, args.output, |wide| table::removal(&document, wide))?;
        return Ok(ExitCode::SUCCESS);
    }
    let objects = input::read(&args.input, &[], &SelectionArgs::default())?;
    let types = types::read(&args.types, &objects.manifests.nodes, &args.price, &args.max)?;
    let world = objects.clone().admitted(&ChangeArgs::default())?;
    input::check(&world.warnings, &args.input.reading)?;
    types::check_names(&types, &world.cluster)?;
    let types = types::bounded(types, &world);
    let (now, warnings) = (objects.now(), world.warnings.iter().map(ToString::to_string).collect());
    drop(world);
    let planned = plan(objects.manifests, now, types, choice.profiles, options);
    let mut document = planned.map_err(Failure::input)?;
    document.warnings = warnings;
    output::print(&document, args.output, |wide| table::plan(&document, wide))?;
    let pending = !document.pending.is_empty() && !args.allow_pending;
    Ok(ExitCode::from(u8::from(pending)))
}
