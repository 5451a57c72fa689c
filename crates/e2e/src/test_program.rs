//! What the test programs of this crate share: they list their tests, leave them out without the testbed, run those whose
//! names hold a part that is given, and print how each went.
#![allow(clippy::print_stdout, reason = "a test program's results go to stdout")]

use std::env;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;

use crate::testbed;

/// Runs a test program. `play` runs the tests whose names hold one of the given parts, or all if none is given, and
/// returns how many failed. Nothing is built by a plain `cargo test`: without the testbed all tests are left out, unless
/// `$BERTH_E2E_SCHEDULER` is set.
///
/// # Errors
/// Those of `play`.
pub fn run(what: &str, names: &[&str], play: impl FnOnce(&[String]) -> Result<usize>) -> Result<ExitCode> {
    let args: Vec<String> = env::args().skip(1).collect();
    if args.iter().any(|arg| arg == "--list") {
        for name in names {
            println!("{name}: test");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let missing = testbed::FOR_BODIES.iter().find_map(|name| testbed::program(name).err());
    if let (Some(missing), None) = (&missing, env::var_os("BERTH_E2E_SCHEDULER")) {
        println!("{what} left out: {missing:#}");
        return Ok(ExitCode::SUCCESS);
    }
    let parts: Vec<String> = args.into_iter().filter(|arg| !arg.starts_with('-')).collect();
    let failed = play(&parts)?;
    Ok(ExitCode::from(u8::from(failed > 0)))
}

/// Whether a test is run: its name holds one of these parts, or there is none.
pub fn is_chosen(name: &str, parts: &[String]) -> bool {
    parts.is_empty() || parts.iter().any(|part| name.contains(part.as_str()))
}

/// Runs a test, prints how it went and how long it took, and returns whether it passed.
pub fn passes(name: &str, test: impl FnOnce() -> Result<()>) -> bool {
    let start = Instant::now();
    let answer = test();
    let seconds = start.elapsed().as_secs_f64();
    match &answer {
        Ok(()) => println!("ok      {seconds:6.1} s  {name}"),
        Err(error) => println!("FAILED  {seconds:6.1} s  {name}\n        {error:#}"),
    }
    answer.is_ok()
}
