//! All bodies with the scheduler of `$BERTH_E2E_SCHEDULER` (berth or upstream, berth if it is not set).
//!
//! `cargo test -p berth-e2e [-- PART_OF_A_NAME…]`. The testbed takes minutes to build, so nobody gets it by a mere
//! `cargo test`: where it is not built, the bodies are left out unless a scheduler is asked for.
#![allow(clippy::print_stdout, reason = "a test program's results go to stdout")]

use std::env;
use std::process::ExitCode;

use anyhow::{Context, Result};
use berth_e2e::body::BODIES;
use berth_e2e::{suite, testbed};

fn main() -> Result<ExitCode> {
    let args: Vec<String> = env::args().skip(1).collect();
    if args.iter().any(|arg| arg == "--list") {
        for body in &BODIES {
            println!("{}: test", body.name);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let filters: Vec<String> = args.into_iter().filter(|arg| !arg.starts_with('-')).collect();
    let asked = env::var("BERTH_E2E_SCHEDULER").ok();
    let missing = testbed::FOR_BODIES.iter().find_map(|name| testbed::program(name).err());
    if let (Some(missing), None) = (&missing, &asked) {
        println!("end-to-end bodies left out: {missing:#}");
        return Ok(ExitCode::SUCCESS);
    }
    let kind = asked.as_deref().unwrap_or("berth").parse().context("BERTH_E2E_SCHEDULER")?;
    let failed = suite::play(kind, &filters)?;
    Ok(ExitCode::from(u8::from(failed > 0)))
}
