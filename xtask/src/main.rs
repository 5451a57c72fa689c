//! The developer's verbs, as `cargo xtask VERB`.
#![allow(clippy::print_stdout, reason = "a command's answers go to stdout")]

mod conformance;
mod generated;
mod plugin_doc;
mod plugin_docs;
mod purity;
mod reference;
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
    /// Proves that the pure crates cannot use clocks, chance, environment, files or hash order
    Purity,
}

fn main() -> Result<ExitCode> {
    match Cli::parse().verb {
        Verb::Conformance(args) => conformance::run(&args),
        Verb::Tidy => tidy::run(),
        Verb::PluginDocs(args) => plugin_docs::run(&args),
        Verb::Reference(args) => reference::run(&args),
        Verb::Purity => purity::run(),
    }
}
