//! `cargo xtask e2e-upstream`: upstream's own suite for schedulers.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use berth_e2e::scheduler::Kind;
use berth_e2e::{testbed, upstream_suite};

/// Runs upstream's suite on real controllers and fake kubelets.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Whose scheduler: berth (`$BERTH`, or built here) or upstream
    #[arg(long, default_value = "berth")]
    scheduler: Kind,
    /// Which specs, as a regular expression
    #[arg(long, default_value = upstream_suite::FOCUS)]
    focus: String,
    /// Where the logs go; target/testbed/upstream-suite if it is not given
    #[arg(long)]
    logs: Option<PathBuf>,
}

/// The exit code is 1 where a spec failed, and where there was none.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    testbed::build(&[])?;
    let logs =
        args.logs.clone().unwrap_or_else(|| testbed::workspace().join("target/testbed/upstream-suite"));
    let specs = upstream_suite::run(args.scheduler, &args.focus, &logs)?;
    for spec in &specs {
        println!("{} {:6.1} s  {}", if spec.passed { "passed" } else { "FAILED" }, spec.took_s, spec.name);
        if !spec.passed {
            println!("       {}", spec.failure.replace('\n', "\n       "));
        }
    }
    let passed = specs.iter().filter(|spec| spec.passed).count();
    let failed = specs.len() - passed;
    println!("{passed} passed, {failed} failed with {}; logs in {}", args.scheduler, logs.display());
    Ok(ExitCode::from(u8::from(failed > 0 || passed == 0)))
}
