//! The command line `berth`: one file a subcommand, and what they share.
//!
//! Data goes to stdout; problems, warnings and progress go to stderr. Exit codes: 0 done, 1 done but some pods stay
//! pending, 2 the input or the command line cannot be used, 3 `--verify` found a decision that differs.

use std::path::Path;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, Parser, Subcommand};

mod changes;
mod columns;
mod completions;
mod explain;
mod failure;
mod fit;
mod human;
mod input;
mod man;
#[cfg(unix)]
mod node;
mod notice;
mod output;
mod plan;
mod profiles;
mod progress;
mod replay;
mod scheduler;
mod section;
mod shorten;
mod simulate;
mod snapshot;
mod style;
#[cfg(unix)]
mod up;
mod usage;
mod view;

const EXAMPLES: &str = "\
Examples:
  Where would all pods run, which would stay pending, and why?
    berth simulate -f cluster.yaml -f apps/

  Why is this pod pending, and what would help?
    berth explain web-0 -f cluster.yaml -f apps/

  How many more of these pods fit, and what stops the next one?
    berth fit -f pod.yaml -f cluster.yaml

Exit codes:
  0  done; every pod is placed
  1  done, but some pods stay pending (--allow-pending makes it 0)
  2  the input or the command line cannot be used";

/// A Kubernetes scheduler, and a simulator of it that works on manifests without a cluster
#[derive(Debug, Parser)]
#[command(name = "berth", version, after_help = EXAMPLES, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "there is one of it")]
enum Command {
    Simulate(simulate::SimulateArgs),
    Explain(explain::ExplainArgs),
    View(view::ViewArgs),
    Usage(usage::UsageArgs),
    Plan(plan::PlanArgs),
    Fit(fit::FitArgs),
    Scheduler(scheduler::SchedulerArgs),
    Snapshot(snapshot::SnapshotArgs),
    #[cfg(unix)]
    Up(up::UpArgs),
    #[cfg(unix)]
    Node(node::NodeArgs),
    Replay(replay::ReplayArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

/// The whole command line as a declaration, for documentation.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the command of the command line; returns the exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // If the text cannot be printed, there is no other way to report it.
            let _ = error.print();
            if let Some(ContextValue::String(text)) = error.get(ContextKind::InvalidArg)
                && Path::new(text).exists()
            {
                notice::hint(&format!("each file needs its own -f: -f {text}"));
            }
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let done = match &cli.command {
        Command::Simulate(args) => simulate::run(args),
        Command::Explain(args) => explain::run(args),
        Command::View(args) => view::run(args),
        Command::Usage(args) => usage::run(args),
        Command::Plan(args) => plan::run(args),
        Command::Fit(args) => fit::run(args),
        Command::Scheduler(args) => scheduler::run(args),
        Command::Snapshot(args) => snapshot::run(args),
        #[cfg(unix)]
        Command::Up(args) => up::run(args),
        #[cfg(unix)]
        Command::Node(args) => node::run(args),
        Command::Replay(args) => replay::run(args),
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args),
    };
    done.unwrap_or_else(|failure| {
        notice::failure(&failure);
        ExitCode::from(failure.exit_code)
    })
}
