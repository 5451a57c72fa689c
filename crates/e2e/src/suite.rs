//! Plays bodies one after the other on one control plane, and says of each how it went and how long it took.
#![allow(clippy::print_stdout, reason = "a test program's results go to stdout")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use anyhow::{Result, anyhow};

use crate::body::{BODIES, Body};
use crate::control_plane::ControlPlane;
use crate::scheduler::{self, Kind, Scheduler};
use crate::stage::Stage;

/// How much of the scheduler's log a failure shows.
const LOG_LINES: usize = 30;

/// Plays the bodies whose names hold one of `filters`, all if there is none; says how many failed.
///
/// # Errors
/// There is no control plane or no scheduler to test.
pub fn play(kind: Kind, filters: &[String]) -> Result<usize> {
    let chosen: Vec<&Body> = BODIES
        .iter()
        .filter(|body| !body.only_berth || kind == Kind::Berth)
        .filter(|body| filters.is_empty() || filters.iter().any(|part| body.name.contains(part.as_str())))
        .collect();
    scheduler::program(kind)?;
    let mut plane = ControlPlane::start()?;
    let start = Instant::now();
    let mut running = None;
    let mut failed = Vec::new();
    println!("{} bodies with the scheduler of {kind}", chosen.len());
    for body in &chosen {
        let start = Instant::now();
        let answer = play_one(&mut plane, kind, body, &mut running);
        let seconds = start.elapsed().as_secs_f64();
        match answer {
            Ok(()) => println!("ok      {seconds:6.1} s  {}", body.name),
            Err(error) => {
                println!("FAILED  {seconds:6.1} s  {}\n        {error:#}", body.name);
                failed.push(body.name);
                show_log(&plane);
                running = None;
            }
        }
    }
    let passed = chosen.len() - failed.len();
    println!("{passed} passed, {} failed, {:.0} s with {kind}", failed.len(), start.elapsed().as_secs_f64());
    for name in &failed {
        println!("failed: {name}");
    }
    Ok(failed.len())
}

fn play_one(
    plane: &mut ControlPlane,
    kind: Kind,
    body: &Body,
    running: &mut Option<Scheduler>,
) -> Result<()> {
    let mut stage = Stage::new(plane, kind, &body.name.replace(' ', "-"), running)?;
    // Also a body that panics must leave an empty stage to the next one.
    let answer = catch_unwind(AssertUnwindSafe(|| (body.play)(&mut stage)))
        .unwrap_or_else(|_| Err(anyhow!("the body panicked")));
    answer.and(stage.clear())
}

fn show_log(plane: &ControlPlane) {
    let log = std::fs::read_to_string(plane.folder.join("logs/scheduler.log")).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    for line in &lines[lines.len().saturating_sub(LOG_LINES)..] {
        println!("        | {line}");
    }
}
