//! `berth simulate` beside the real controllers. `cargo test --test judge` plays a representative part of the scenarios,
//! with `BERTH_JUDGE=all` all of them, and with `BERTH_JUDGE=record` all of them, to be recorded.
//! `-- PART_OF_A_NAME…` plays some.

use std::env;
use std::process::ExitCode;

use anyhow::Result;
use berth_e2e::judge::{play, scenario};
use berth_e2e::test_program::{is_chosen, run};

fn main() -> Result<ExitCode> {
    let mut scenarios = scenario::read_all()?;
    let names: Vec<String> = scenarios.iter().map(|scenario| format!("{} {}", scenario.id, scenario.name)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    run("scenarios of the judge", &names, |parts| {
        let mode = env::var("BERTH_JUDGE").unwrap_or_default();
        let records = mode == "record";
        let all = mode == "all" || records || !parts.is_empty();
        scenarios.retain(|scenario| {
            (all || scenario.is_fast) && is_chosen(&format!("{} {}", scenario.id, scenario.name), parts)
        });
        play(scenarios, records)
    })
}
