//! The judge: the real controllers say whether `berth simulate` is right.
//!
//! A [scenario](scenario::Scenario) is played on a real control plane (etcd, kube-apiserver, kube-controller-manager,
//! simulated nodes, `berth scheduler`), as `berth up` starts it. Then the last step is foretold by `berth simulate`
//! from the objects before it, and all steps are played in virtual time. The ends must be equal: the pods by owner,
//! revision and node, Jobs, claims. A difference is a fault of Berth until a scenario says why it is none.
#![allow(clippy::print_stdout, reason = "a test program's results go to stdout")]

mod manifest;
mod observer;
mod real;
mod recording;
pub mod scenario;
mod simulated;
mod state;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::{Value, json};

use crate::test_program::passes;
use crate::up::machine::Machine;
use manifest::merge;
use observer::{Observer, PodEvent};
use real::{Played, Stage};
use scenario::{Action, Aspect, Scenario};

/// How many scenarios are played side by side. They wait most of the time.
const WIDTH: usize = 10;
/// The name of the control plane.
const NAME: &str = "judge";

/// Plays scenarios on one control plane and says how many failed. `records` keeps what came of them, for tests without
/// a control plane.
///
/// # Errors
/// There is no control plane.
pub fn play(scenarios: Vec<Scenario>, records: bool) -> Result<usize> {
    let start = Instant::now();
    let mut machine = Machine::new()?;
    let config = machine.file("scheduler.yaml", &simulated::configuration().to_string())?;
    let config = config.to_str().context("a path in UTF-8")?.to_owned();
    machine.up(NAME, &["--nodes", "1", "--node-grace", "4s", "--config", &config])?;
    let api = machine.api(NAME)?;
    let nodes = api.list("/api/v1/nodes")?;
    let version = nodes[0]["status"]["nodeInfo"]["kubeletVersion"].as_str().unwrap_or_default().to_owned();
    let mut classes = api.list("/apis/storage.k8s.io/v1/storageclasses")?;
    for class in &mut classes {
        merge(class, &json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass"}));
    }
    let stage =
        Stage { machine: &machine, name: NAME, observer: Observer::start(&api)?, api, version, classes };
    let count = scenarios.len();
    println!("{count} scenarios, ready after {:.1} s", start.elapsed().as_secs_f64());
    let recorded = Mutex::new(Vec::new());
    let queue = Mutex::new(VecDeque::from(scenarios));
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let work = || {
        let mut failed = 0;
        while let Some(scenario) = next() {
            let name = format!("{} {}", scenario.id, scenario.name);
            let judge = || {
                let played = stage.play(&scenario)?;
                if records {
                    let mut all = recorded.lock().unwrap_or_else(PoisonError::into_inner);
                    all.push((scenario.clone(), played.clone()));
                }
                compare_with_ties(&scenario, &played)
            };
            let judge = || {
                catch_unwind(AssertUnwindSafe(judge))
                    .unwrap_or_else(|_| Err(anyhow!("the scenario panicked")))
            };
            failed += usize::from(!passes(&name, judge));
        }
        failed
    };
    let failed = thread::scope(|scope| {
        let threads: Vec<_> = (0..WIDTH.min(count)).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or(1)).sum::<usize>()
    });
    recording::write(&recorded.into_inner().unwrap_or_else(PoisonError::into_inner))?;
    println!("{} passed, {failed} failed, {:.0} s", count - failed, start.elapsed().as_secs_f64());
    Ok(failed)
}

/// Compares what the real controllers were recorded to do with what Berth foretells; says how many scenarios differ. No
/// control plane is needed.
///
/// # Errors
/// If the recordings cannot be read.
pub fn compare_recorded(scenarios: &[Scenario]) -> Result<usize> {
    let recorded = recording::read()?;
    let begin = Instant::now();
    let mut failed = 0;
    for scenario in scenarios {
        let compared = match recorded.get(&scenario.title()) {
            Some(recorded) if recorded.is_of(scenario) => {
                catch_unwind(AssertUnwindSafe(|| compare(scenario, &recorded.played)))
                    .unwrap_or_else(|_| Err(anyhow!("the scenario panicked")))
            }
            _ => Err(anyhow!("it is not recorded; the README of the scenarios has the command")),
        };
        if let Err(error) = compared {
            println!("FAILED  {} {}\n        {error:#}", scenario.id, scenario.name);
            failed += 1;
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    println!("{} recorded scenarios compared, {failed} failed, {seconds:.1} s", scenarios.len());
    Ok(failed)
}

/// Compares what came of a scenario with what Berth foretells.
fn compare(scenario: &Scenario, played: &Played) -> Result<()> {
    let compares = |aspect| !scenario.except.contains_key(&aspect);
    let with_nodes = compares(Aspect::Nodes);
    let mut problems = Vec::new();
    if compares(Aspect::Release) {
        problems.extend(of_release(scenario, played, with_nodes).context("berth simulate")?);
    }
    if compares(Aspect::Time) {
        let (end, history) = simulated::play(scenario, &played.nodes, with_nodes).context("virtual time")?;
        let expected = simulated::state_of(&played.end, with_nodes)?;
        problems.extend(expected.differences("real", &end, "virtual time"));
        if compares(Aspect::Order) {
            problems.extend(of_order(&played.history, &history));
        }
    }
    ensure!(problems.is_empty(), "{}", problems.join("\n        "));
    Ok(())
}

/// Compares as [`compare`] does. If only nodes differ, the choice among equal nodes or pods was another one than in the
/// recording: nodes are compared exactly there. If something happens to a node, the choice also decides which pods it
/// happens to, and so the order in which pods are deleted.
fn compare_with_ties(scenario: &Scenario, played: &Played) -> Result<()> {
    let exact = compare(scenario, played);
    let mut without_nodes = scenario.clone();
    without_nodes.except.entry(Aspect::Nodes).or_default();
    if scenario.steps.iter().any(|step| matches!(step, Action::Node(..))) {
        without_nodes.except.entry(Aspect::Order).or_default();
    }
    if exact.is_err() && compare(&without_nodes, played).is_ok() {
        println!("        {} {}: equal but for nodes", scenario.id, scenario.name);
        return Ok(());
    }
    exact
}

/// The differences between the real end and what `berth simulate` foretells.
fn of_release(scenario: &Scenario, played: &Played, with_nodes: bool) -> Result<Vec<String>> {
    let Some(last) = scenario.steps.last() else { return Ok(Vec::new()) };
    let Some(foretold) = simulated::foretell(&played.before_last, last, with_nodes)? else {
        return Ok(Vec::new());
    };
    let is_pod = |object: &&Value| object["kind"] == "Pod";
    let pods: Vec<Value> = played.end.iter().filter(is_pod).cloned().collect();
    Ok(simulated::state_of(&pods, with_nodes)?.differences("real", &foretold, "simulate"))
}

/// The difference between the orders in which the pods of StatefulSets are made and deleted.
fn of_order(real: &[PodEvent], simulated: &[PodEvent]) -> Option<String> {
    let of_sets = |events: &[PodEvent]| -> Vec<String> {
        let events = events.iter().filter(|event| event.controller == "StatefulSet");
        events.map(|event| format!("{} {}", event.what, event.name)).collect()
    };
    let (real, simulated) = (of_sets(real), of_sets(simulated));
    (real != simulated)
        .then(|| format!("order: real {}; virtual time {}", real.join(", "), simulated.join(", ")))
}
