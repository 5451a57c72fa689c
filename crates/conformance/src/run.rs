//! Runs a scenario: each pending pod in order; a placed pod counts as running for those after it.

use anyhow::{Context, Result, anyhow};
use berth_config::Configuration;
use berth_engine::decision::Decision;
use berth_engine::ids::PodRow;
use berth_engine::preemption::{self, Preemption};
use berth_engine::profile::Profile;
use berth_engine::scheduler::Scheduler;
use berth_engine::tie_break::TieBreak;
use berth_model::object::Object;
use berth_model::pod::Pod;
use berth_sim::world::World;
use berth_wire::{Decoder, Loader};

use crate::answer::answer;
use crate::compare::{brief_differences, differences};
use crate::devices::{claims, shown};
use crate::family::Tally;
use crate::scenario::{Answer, Scenario};

/// The large scenarios record only where pods went.
const BRIEF: &str = "replay";

/// Runs a scenario and compares each answer with upstream's.
///
/// # Errors
/// When the configuration or an object cannot be read, or the answers are not as many as the pods.
pub fn run(scenario: &Scenario) -> Result<Tally> {
    let brief = scenario.family == BRIEF;
    let answers = answers(scenario)?;
    anyhow::ensure!(
        answers.len() == scenario.expected.len(),
        "{} pods but {} expected answers",
        answers.len(),
        scenario.expected.len()
    );
    let mut tally = Tally { scenarios: 1, ..Tally::default() };
    for (expected, found) in scenario.expected.iter().zip(&answers) {
        let expected = &with_defaults(expected);
        let lines = if brief { brief_differences(expected, found) } else { differences(expected, found) };
        tally.answers += 1;
        if !lines.is_empty() {
            tally.mismatches += 1;
            tally.shown.push(format!("{} {}\n    {}", scenario.name, expected.pod, lines.join("\n    ")));
        }
    }
    Ok(tally)
}

/// Upstream's answer with the defaults that it leaves out of allocations.
fn with_defaults(expected: &Answer) -> Answer {
    let mut expected = expected.clone();
    expected
        .allocations
        .iter_mut()
        .chain(&mut expected.extended_resource_claim)
        .for_each(shown::with_defaults);
    expected
}

/// The engine's answers, one a pending pod.
///
/// # Errors
/// When the configuration or an object cannot be read.
pub fn answers(scenario: &Scenario) -> Result<Vec<Answer>> {
    let configuration = configuration(&scenario.config)?;
    let mut profiles: Vec<Profile> = configuration.profiles.iter().map(berth_config::profile).collect();
    // The answers were made with the first of several best nodes.
    profiles.iter_mut().for_each(|profile| profile.tie_break = TieBreak::FirstName);
    let world = load(scenario)?;
    let mut scheduler = Scheduler::new(world.cluster, profiles);
    if !scheduler.cluster().devices().is_empty() {
        scheduler.cluster_mut().set_now(claims::RECORDED);
    }
    let mut decoder = Decoder::new();
    let mut answers = Vec::new();
    for raw in &scenario.pending {
        let mut pod = pod(&mut decoder, raw.get())?;
        world.claim_templates.make_claims(scheduler.cluster_mut(), &mut pod, claims::SUFFIX);
        let row = scheduler.cluster_mut().add_pod(pod);
        let Some(profile) = scheduler.profile_of(row) else {
            let pod = scheduler.cluster().pods().entry(row).pod.key();
            answers.push(Answer { pod, message: "no profile".into(), ..Answer::default() });
            scheduler.cluster_mut().remove_pod(row);
            continue;
        };
        let (mut answer, choice) = answer(&scheduler.profiles()[profile], scheduler.cluster(), row);
        agree(&mut scheduler, profile, row)?;
        match choice {
            Some(node) => {
                // Upstream's answers come from its scheduler alone: it has written the devices of claims, but no
                // controller binds the claims on volumes that it reserved.
                let reserved = scheduler.place(profile, row, node);
                for it in &reserved {
                    scheduler.cluster_mut().settle(&it.effect);
                }
                claims::describe(&mut answer, scheduler.cluster(), &reserved);
            }
            None => scheduler.cluster_mut().remove_pod(row),
        }
        answers.push(answer);
    }
    Ok(answers)
}

/// Holds the fast path to the scan's answer, which is the one compared with upstream's: asked once, a pod is decided
/// over columns, asked again by what is kept of its class.
fn agree(scheduler: &mut Scheduler, profile: usize, row: PodRow) -> Result<()> {
    for _ in 0..2 {
        let decision = scheduler.decide_by(profile, row);
        scheduler.verify(profile, row, &decision).map_err(|difference| anyhow!(difference))?;
        let Decision::Unschedulable { resolvable, .. } = decision else { continue };
        let chosen = scheduler.preempt(profile, row, resolvable);
        let cluster = scheduler.cluster();
        let diagnosis = scheduler.diagnose(profile, row);
        let all = preemption::evaluate(&scheduler.profiles()[profile], cluster, row, &diagnosis);
        let best =
            |found: &Preemption| preemption::best(&found.candidates, cluster).first().copied().cloned();
        anyhow::ensure!(
            best(&chosen) == best(&all) && chosen.suffix() == all.suffix(),
            "preemption: the fast path chooses {chosen:?}, of all candidates {all:?}"
        );
    }
    Ok(())
}

fn configuration(text: &str) -> Result<Configuration> {
    if text.is_empty() {
        return Ok(Configuration::default());
    }
    berth_config::parse(text.as_bytes()).context("the scenario's configuration")
}

fn load(scenario: &Scenario) -> Result<World> {
    let mut loader = Loader::new();
    for raw in &scenario.objects {
        loader.read_json_object(&scenario.name, raw.get());
    }
    let (manifests, _) = loader.finish().map_err(|problems| anyhow!("{problems}"))?;
    Ok(World::as_stored(manifests))
}

fn pod(decoder: &mut Decoder, json: &str) -> Result<Pod> {
    match decoder.object(json).map_err(|problems| anyhow!("{problems}"))? {
        Some(Object::Pod(manifest)) => Ok(manifest.pod),
        _ => Err(anyhow!("a pending object is not a pod: {json:.200}")),
    }
}
