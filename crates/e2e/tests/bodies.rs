//! All bodies with the scheduler of `$BERTH_E2E_SCHEDULER` (berth or upstream; berth if it is not set).
//!
//! `cargo test -p berth-e2e [-- PART_OF_A_NAME…]`.

use std::env;
use std::process::ExitCode;

use anyhow::{Context, Result};
use berth_e2e::body::BODIES;
use berth_e2e::{suite, test_program};

fn main() -> Result<ExitCode> {
    let names = BODIES.each_ref().map(|body| body.name);
    test_program::run("end-to-end bodies", &names, |parts| {
        let asked = env::var("BERTH_E2E_SCHEDULER").ok();
        let kind = asked.as_deref().unwrap_or("berth").parse().context("BERTH_E2E_SCHEDULER")?;
        suite::play(kind, parts)
    })
}
