//! Runs a scenario: each pending pod in order; a placed pod counts as running for those after it.

use anyhow::{Context, Result, anyhow};
use berth_config::Configuration;
use berth_engine::cluster::Cluster;
use berth_engine::ids::{NodeRow, PodRow};
use berth_engine::profile::Profile;
use berth_engine::view::PodView;
use berth_model::pod::Pod;
use berth_sim::world::World;
use berth_wire::{Decoder, Loader, Object};

use crate::answer::answer;
use crate::compare::{brief_differences, differences};
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
        let lines = if brief { brief_differences(expected, found) } else { differences(expected, found) };
        tally.answers += 1;
        if !lines.is_empty() {
            tally.mismatches += 1;
            tally.shown.push(format!("{} {}\n    {}", scenario.name, expected.pod, lines.join("\n    ")));
        }
    }
    Ok(tally)
}

/// The engine's answers, one a pending pod.
///
/// # Errors
/// When the configuration or an object cannot be read.
pub fn answers(scenario: &Scenario) -> Result<Vec<Answer>> {
    let configuration = configuration(&scenario.config)?;
    let profiles: Vec<Profile> = configuration.profiles.iter().map(berth_config::profile).collect();
    let mut world = load(scenario)?;
    let mut decoder = Decoder::new();
    let mut answers = Vec::new();
    for raw in &scenario.pending {
        let pod = pod(&mut decoder, raw.get())?;
        let wanted = &pod.spec.scheduler_name;
        let Some(profile) = profiles.iter().find(|p| p.scheduler_name == *wanted) else {
            answers.push(Answer { pod: pod.key(), message: "no profile".into(), ..Answer::default() });
            continue;
        };
        let row = world.cluster.add_pod(pod);
        let (answer, choice) = answer(profile, &world.cluster, row);
        answers.push(answer);
        match choice {
            Some(node) => place(&mut world.cluster, profile, row, node),
            None => world.cluster.remove_pod(row),
        }
    }
    Ok(answers)
}

/// Upstream's answers come from its scheduler alone: no controller binds the claims whose volumes it reserved.
fn place(cluster: &mut Cluster, profile: &Profile, row: PodRow, node: NodeRow) {
    let pod = PodView::new(cluster, row);
    let effects: Vec<_> = profile.reserve.iter().flat_map(|plugin| plugin.reserve(pod, node)).collect();
    for effect in &effects {
        cluster.apply(effect);
    }
    cluster.assign(row, node);
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
    Ok(World::as_stored(&manifests))
}

fn pod(decoder: &mut Decoder, json: &str) -> Result<Pod> {
    match decoder.object(json).map_err(|problems| anyhow!("{problems}"))? {
        Some(Object::Pod(manifest)) => Ok(manifest.pod),
        _ => Err(anyhow!("a pending object is not a pod: {json:.200}")),
    }
}
