//! `berth simulate` beside the real controllers. `cargo test --test judge` compares with what they were recorded to do in
//! all scenarios, and plays a representative part of the scenarios on a real control plane. `BERTH_JUDGE` chooses:
//! `recorded` plays none, `all` plays all, `record` plays all and records them. `-- PART_OF_A_NAME…` chooses scenarios.

use std::env;
use std::process::ExitCode;

use anyhow::Result;
use berth_e2e::judge::{compare_recorded, play, scenario};
use berth_e2e::test_program::{is_chosen, run};

fn main() -> Result<ExitCode> {
    let mut scenarios = scenario::read_all()?;
    let title = |scenario: &scenario::Scenario| format!("{} {}", scenario.id, scenario.name);
    let titles: Vec<String> = scenarios.iter().map(title).collect();
    let names: Vec<&str> = titles.iter().map(String::as_str).collect();
    let mode = env::var("BERTH_JUDGE").unwrap_or_default();
    let (mut parts, lists) = (env::args().skip(1).peekable(), env::args().any(|arg| arg == "--list"));
    let chosen = parts.peek().is_some();
    let parts: Vec<String> = parts.filter(|arg| !arg.starts_with('-')).collect();
    if mode != "record" && !lists {
        let compared: Vec<_> =
            scenarios.iter().filter(|one| is_chosen(&title(one), &parts)).cloned().collect();
        if compare_recorded(&compared)? > 0 {
            return Ok(ExitCode::FAILURE);
        }
    }
    if mode == "recorded" {
        return Ok(ExitCode::SUCCESS);
    }
    run("scenarios of the judge", &names, |parts| {
        let all = matches!(&*mode, "all" | "record") || chosen;
        scenarios.retain(|scenario| (all || scenario.is_fast) && is_chosen(&title(scenario), parts));
        play(scenarios, mode == "record")
    })
}
