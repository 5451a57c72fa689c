//! The developer's verbs, as `cargo xtask VERB`.
#![allow(clippy::print_stdout, reason = "a command's answers go to stdout")]

mod conformance;

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
}

fn main() -> Result<ExitCode> {
    match Cli::parse().verb {
        Verb::Conformance(args) => conformance::run(&args),
    }
}
