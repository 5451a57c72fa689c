//! `berth up` with the real components: what a user sees of it. Each test starts control planes of its own, one after
//! the other.
//!
//! As with the bodies, nothing is built for a mere `cargo test`: without the testbed all tests are left out, unless
//! `$BERTH_E2E_SCHEDULER` is set. `cargo test --test up -- PART_OF_A_NAME…` runs some of them.
#![allow(clippy::print_stdout, reason = "a test program's results go to stdout")]

use std::env;
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, anyhow};
use berth_e2e::testbed;
use berth_e2e::up::TESTS;

fn main() -> Result<ExitCode> {
    let args: Vec<String> = env::args().skip(1).collect();
    if args.iter().any(|arg| arg == "--list") {
        for test in &TESTS {
            println!("{}: test", test.name);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let filters: Vec<String> = args.into_iter().filter(|arg| !arg.starts_with('-')).collect();
    let missing = testbed::FOR_BODIES.iter().find_map(|name| testbed::program(name).err());
    if let (Some(missing), None) = (&missing, env::var_os("BERTH_E2E_SCHEDULER")) {
        println!("tests of berth up left out: {missing:#}");
        return Ok(ExitCode::SUCCESS);
    }
    let mut failed = 0;
    for test in &TESTS {
        if !filters.is_empty() && !filters.iter().any(|part| test.name.contains(part.as_str())) {
            continue;
        }
        let start = Instant::now();
        let answer = catch_unwind(test.play).unwrap_or_else(|_| Err(anyhow!("the test panicked")));
        let seconds = start.elapsed().as_secs_f64();
        match answer {
            Ok(()) => println!("ok      {seconds:6.1} s  {}", test.name),
            Err(error) => {
                println!("FAILED  {seconds:6.1} s  {}\n        {error:#}", test.name);
                failed += 1;
            }
        }
    }
    Ok(ExitCode::from(u8::from(failed > 0)))
}
