//! `berth node`: adds, fails, recovers and drains the simulated nodes of `berth up`.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use berth_up::instance::Instance;
use berth_up::node_commands::{Listed, Nodes};
use berth_up::nodes::Shape;

use crate::failure::Failure;
use crate::notice;
use crate::up::{Named, broken, duration, quantity};

const EXAMPLES: &str = "\
Examples:
  A node fails: it sends no heartbeats any more. After the grace period of berth up (--node-grace) it is NotReady, and its pods run elsewhere:
    berth node fail node-2
    kubectl get pods -o wide --watch
    berth node recover node-2

  Three more nodes:
    berth node add 3 --cpu 16 --memory 64Gi

A node that has failed has the annotation berth.dev/failed-node, so kubectl annotate does the same.";

/// Add, fail, recover and drain the simulated nodes of berth up
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct NodeArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Add nodes
    Add {
        /// How many
        #[arg(default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        count: u32,
        /// CPUs of each
        #[arg(long, value_name = "QUANTITY", default_value = "8", value_parser = quantity)]
        cpu: String,
        /// Memory of each
        #[arg(long, value_name = "QUANTITY", default_value = "32Gi", value_parser = quantity)]
        memory: String,
        #[command(flatten)]
        named: Named,
    },
    /// Cut nodes off: no heartbeats, and no action on their pods
    Fail(Chosen),
    /// Bring failed nodes back
    Recover(Chosen),
    /// Cordon nodes and evict their pods, except those of DaemonSets; disruption budgets hold
    Drain {
        #[command(flatten)]
        chosen: Chosen,
        /// Time after which the command gives up
        #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration)]
        timeout: Duration,
    },
    /// List the nodes
    List(Named),
}

/// Nodes of a control plane.
#[derive(Debug, clap::Args)]
struct Chosen {
    /// Names of the nodes
    #[arg(required = true, value_name = "NODE")]
    nodes: Vec<String>,
    #[command(flatten)]
    named: Named,
}

/// Runs the command.
///
/// # Errors
/// If the control plane does not run, or a node is not there.
pub(crate) fn run(args: &NodeArgs) -> Result<ExitCode, Failure> {
    match &args.verb {
        Verb::Add { count, cpu, memory, named } => {
            let shape = Shape { cpu: cpu.clone(), memory: memory.clone(), ..Shape::default() };
            let added = nodes(named)?.add(*count as usize, &shape).map_err(broken)?;
            added.iter().try_for_each(|name| print(&format!("{name}\n")))?;
        }
        Verb::Fail(chosen) => nodes(&chosen.named)?.set_failed(&chosen.nodes, true).map_err(broken)?,
        Verb::Recover(chosen) => nodes(&chosen.named)?.set_failed(&chosen.nodes, false).map_err(broken)?,
        Verb::Drain { chosen, timeout } => {
            let evicted = nodes(&chosen.named)?.drain(&chosen.nodes, *timeout).map_err(broken)?;
            notice::note(&format!("{evicted} pods were evicted from {}", chosen.nodes.join(", ")));
        }
        Verb::List(named) => table(&nodes(named)?.list().map_err(broken)?)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn nodes(named: &Named) -> Result<Nodes, Failure> {
    let instance = Instance::named(&named.name, None).map_err(broken)?;
    Nodes::of(&instance).map_err(broken)
}

fn table(nodes: &[Listed]) -> Result<(), Failure> {
    let wide = |head: &str, of: fn(&Listed) -> &str| {
        nodes.iter().map(|node| of(node).len()).max().unwrap_or_default().max(head.len())
    };
    let name = wide("NODE", |node| &node.name);
    let state = wide("STATE", |node| &node.state);
    let zone = wide("ZONE", |node| &node.zone);
    print(&format!("{:name$}  {:state$}  {:zone$}  PODS  CPU  MEMORY\n", "NODE", "STATE", "ZONE"))?;
    for node in nodes {
        let start = format!("{:name$}  {:state$}  {:zone$}", node.name, node.state, node.zone);
        print(&format!("{start}  {:4}  {:3}  {}\n", node.pods, node.cpu, node.memory))?;
    }
    Ok(())
}

fn print(text: &str) -> Result<(), Failure> {
    let written = std::io::stdout().lock().write_all(text.as_bytes());
    written.map_err(|error| Failure::unreadable("stdout", &error))
}
