//! The command line `berth`: one file a subcommand, and what they share.
//!
//! Data goes to stdout, all else (problems, warnings, progress) to stderr. Exit codes: 0 done, 1 done but some pods wait,
//! 2 the input or the command line cannot be used, 3 `--verify` found a decision that differs.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

mod columns;
mod completions;
mod explain;
mod failure;
mod human;
mod input;
mod man;
mod notice;
mod output;
mod profiles;
mod progress;
mod replay;
mod scheduler;
mod simulate;
mod snapshot;
mod style;

const EXAMPLES: &str = "\
Examples:
  Where would everything run, what would wait, and why?
    berth simulate -f cluster.yaml -f apps/

  Why does one pod wait, and what would help?
    berth explain web-0 -f cluster.yaml -f apps/

Exit codes:
  0  done; every pod has a place
  1  done, but some pods wait (--allow-pending makes it 0)
  2  the input or the command line cannot be used";

/// Finds every pod its berth: what a Kubernetes scheduler would do with your manifests, without a cluster
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
    Scheduler(scheduler::SchedulerArgs),
    Snapshot(snapshot::SnapshotArgs),
    Replay(replay::ReplayArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

/// The whole command line as a declaration, for documentation.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Reads the command line, does what it says, and tells how it went.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Where the text cannot be printed nothing is left to be said.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let done = match &cli.command {
        Command::Simulate(args) => simulate::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Scheduler(args) => scheduler::run(args),
        Command::Snapshot(args) => snapshot::run(args),
        Command::Replay(args) => replay::run(args),
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args),
    };
    done.unwrap_or_else(|failure| {
        notice::failure(&failure);
        ExitCode::from(failure.exit_code)
    })
}
