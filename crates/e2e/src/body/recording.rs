//! What was recorded on a real control plane replays, and what is damaged is not believed.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::preemption::take_place;
use super::restart::{fill, once_each, room_for_all};
use crate::scheduler::{Kind, Scheduler, program};
use crate::stage::Stage;

pub(super) fn replays(stage: &mut Stage) -> Result<()> {
    stage.nobody_schedules();
    let count = room_for_all(stage)?;
    let file = stage.plane.folder.join("flow.rec");
    let flags = ["-v=2".to_owned(), format!("--record={}", file.display())];
    let berth = program(Kind::Berth)?;
    let mut scheduler =
        Scheduler::run_with(Kind::Berth, &berth, stage.plane, &json!({}), "recorded", &flags)?;
    fill(stage, count)?;
    once_each(stage, count)?;
    end(&mut scheduler)?;

    let began = Instant::now();
    let replayed = replay(&berth, &file)?;
    let took = began.elapsed();
    ensure!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stderr));
    let document: Value = serde_json::from_slice(&replayed.stdout)?;
    ensure!(document["identical"] == true && document["torn"] == false, "{document:#}");
    let placed = document["placed"].as_u64().context("how many were placed")?;
    ensure!(placed >= count as u64, "{placed} of {count} pods are placed in the replay");
    let bytes = fs::read(&file)?;
    ensure!(took < Duration::from_secs(20), "the replay took {took:?}");

    let mut damaged = bytes;
    let at = damaged.len() / 2;
    damaged[at] ^= 1;
    fs::write(&file, damaged)?;
    let refused = replay(&berth, &file)?;
    ensure!(refused.status.code() == Some(2), "a flipped byte is believed");
    ensure!(String::from_utf8_lossy(&refused.stderr).contains("damaged"), "a flipped byte is not told of");
    Ok(())
}

/// Preemption, and a process that is killed in the midst of it.
pub(super) fn killed(stage: &mut Stage) -> Result<()> {
    stage.nobody_schedules();
    let file = stage.plane.folder.join("torn.rec");
    let flags = [format!("--record={}", file.display())];
    let berth = program(Kind::Berth)?;
    let mut scheduler = Scheduler::run_with(Kind::Berth, &berth, stage.plane, &json!({}), "torn", &flags)?;
    take_place(stage, "1")?;
    std::thread::sleep(Duration::from_secs(2)); // what is older than a second is in the file
    scheduler.process.kill()?;
    let replayed = replay(&berth, &file)?;
    ensure!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stderr));
    let document: Value = serde_json::from_slice(&replayed.stdout)?;
    ensure!(document["identical"] == true, "{document:#}");
    let of_urgent = |decision: &&Value| decision["pod"].as_str().is_some_and(|pod| pod.ends_with("/urgent"));
    let decisions = document["decisions"].as_array().context("decisions")?;
    ensure!(decisions.iter().any(|decision| of_urgent(&decision)), "the preemptor was tried: {document:#}");
    Ok(())
}

fn end(scheduler: &mut Scheduler) -> Result<()> {
    scheduler.process.terminate()?;
    let status = scheduler.process.ended(Duration::from_secs(30))?;
    ensure!(status.success(), "asked to end, it ended with {status}");
    Ok(())
}

fn replay(berth: &Path, file: &Path) -> Result<Output> {
    Command::new(berth)
        .arg("replay")
        .arg(file)
        .args(["-o", "json"])
        .output()
        .context("cannot run berth replay")
}
