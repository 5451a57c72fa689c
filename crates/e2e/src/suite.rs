//! Plays bodies one after the other on one control plane, and says of each how it went and how long it took.
#![allow(clippy::print_stdout, reason = "a test program's results go to stdout")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use anyhow::{Result, anyhow};

use crate::body::{BODIES, Body};
use crate::control_plane::ControlPlane;
use crate::scheduler::{self, Kind, Scheduler};
use crate::stage::Stage;
use crate::test_program::{is_chosen, passes};

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
        .filter(|body| is_chosen(body.name, filters))
        .collect();
    scheduler::program(kind)?;
    let mut plane = ControlPlane::start()?;
    let start = Instant::now();
    let mut running = None;
    let mut failed = Vec::new();
    println!("{} bodies with the scheduler of {kind}", chosen.len());
    for body in &chosen {
        if !passes(body.name, || play_one(&mut plane, kind, body, &mut running)) {
            failed.push(body.name);
            show_log(&plane);
            running = None;
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
