//! The developer's verbs, as `cargo xtask VERB`.
#![allow(clippy::print_stdout, reason = "a command's answers go to stdout")]

mod conformance;
mod deploy;
mod e2e;
mod e2e_upstream;
mod failure_modes;
mod fit_judge;
mod generated;
mod live_bench;
mod plugin_doc;
mod plugin_docs;
mod purity;
mod reference;
mod simulate_faults;
mod soak;
mod testbed;
mod tidy;
mod tree;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The developer's verbs")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Compares the engine with upstream's golden answers
    Conformance(conformance::Args),
    /// Checks the rules of the source that no compiler checks
    Tidy,
    /// Writes docs/plugins.md from the plugins' own files
    PluginDocs(generated::Args),
    /// Writes docs/reference.md from the command line, the configuration and the JSON schemas
    Reference(generated::Args),
    /// Checks that what is in deploy/ fits together, and fits the program
    Deploy,
    /// Writes docs/failure-modes.md from the scenarios of upstream's issues
    FailureModes(generated::Args),
    /// Plays histories of the fault simulation
    SimulateFaults(simulate_faults::Args),
    /// Proves that the pure crates cannot use clocks, chance, environment, files or hash order
    Purity,
    /// Builds upstream's components, or starts a control plane of them
    Testbed(testbed::Args),
    /// Plays the end-to-end bodies with Berth's scheduler or upstream's
    E2e(e2e::Args),
    /// Runs upstream's own end-to-end suite for schedulers
    E2eUpstream(e2e_upstream::Args),
    /// Measures Berth and kube-scheduler through a real API server
    LiveBench(live_bench::Args),
    /// Counts how many pods fit with berth fit and with cluster-capacity
    FitJudge(fit_judge::Args),
    /// Runs a scheduler under churn
    Soak(soak::Args),
}

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<ExitCode> {
    match Cli::parse().verb {
        Verb::Conformance(args) => conformance::run(&args),
        Verb::Tidy => tidy::run(),
        Verb::PluginDocs(args) => plugin_docs::run(&args),
        Verb::Reference(args) => reference::run(&args),
        Verb::Deploy => deploy::run(),
        Verb::FailureModes(args) => failure_modes::run(&args),
        Verb::SimulateFaults(args) => simulate_faults::run(&args),
        Verb::Purity => purity::run(),
        Verb::Testbed(args) => testbed::run(&args),
        Verb::E2e(args) => e2e::run(&args),
        Verb::E2eUpstream(args) => e2e_upstream::run(&args),
        Verb::LiveBench(args) => live_bench::run(&args),
        Verb::FitJudge(args) => fit_judge::run(&args),
        Verb::Soak(args) => soak::run(&args),
    }
}
