//! `berth up` with the real components: what a user sees of it. Each test starts control planes of its own, one after
//! the other. `cargo test --test up -- PART_OF_A_NAME…` runs some of them.

use std::panic::catch_unwind;
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use berth_e2e::test_program::{is_chosen, passes, run};
use berth_e2e::up::TESTS;

fn main() -> Result<ExitCode> {
    let names = TESTS.each_ref().map(|test| test.name);
    run("tests of berth up", &names, |parts| {
        let chosen = TESTS.iter().filter(|test| is_chosen(test.name, parts));
        let play = |play: fn() -> Result<()>| {
            catch_unwind(play).unwrap_or_else(|_| Err(anyhow!("the test panicked")))
        };
        Ok(chosen.filter(|test| !passes(test.name, || play(test.play))).count())
    })
}
