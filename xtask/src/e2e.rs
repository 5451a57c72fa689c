//! `cargo xtask e2e`: the end-to-end bodies, after what they need is built.

use std::process::ExitCode;

use anyhow::Result;
use berth_e2e::scheduler::Kind;
use berth_e2e::{suite, testbed};

/// Plays the end-to-end bodies on a real control plane.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Whose scheduler: berth (`$BERTH`, or built here) or upstream
    #[arg(long, default_value = "berth")]
    scheduler: Kind,
    /// Only bodies whose names hold one of these
    names: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    testbed::build(&testbed::FOR_BODIES.map(String::from))?;
    let failed = suite::play(args.scheduler, &args.names)?;
    Ok(ExitCode::from(u8::from(failed > 0)))
}
