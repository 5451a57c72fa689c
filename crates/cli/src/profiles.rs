//! How pods are scheduled: the configuration's profiles, or another algorithm if one is named.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fmt, fs};

use berth_config::{ConfigError, Configuration, parse, parse_known_plugins};
use berth_engine::algorithm::Algorithm;
use berth_engine::profile::Profile;
use berth_engine::tie_break::TieBreak;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::failure::Failure;
use crate::notice;

/// The largest weight; upstream allows as much as does not overflow, and more than this has no other effect.
const MAX_WEIGHT: i64 = 1_000_000;

/// Which profiles decide.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct ProfileArgs {
    /// A KubeSchedulerConfiguration (v1) with the profiles to use [default: kube-scheduler's default profile]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The algorithm that scores nodes, instead of the score plugins of the profiles
    #[arg(long, value_name = "NAME", value_parser = algorithms())]
    pub algorithm: Option<Algorithm>,
    /// Another weight for a score plugin in all profiles, as in NodeResourcesFit=5; 0 leaves the plugin out of scoring.
    /// May be repeated
    #[arg(long, value_name = "PLUGIN=N", value_parser = weight)]
    pub weight: Vec<Weight>,
    /// Seed for --algorithm random [default: 0]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub seed: Option<u64>,
    /// Which of several nodes with the best score is chosen: "hashed" chooses each equally often over many pods,
    /// "first-name" the first by name [default: as the configuration says, or else hashed]
    #[arg(long, value_name = "RULE", value_parser = tie_breaks())]
    pub tie_break: Option<TieBreak>,
    /// Also place pods of other schedulers, with the first profile
    #[arg(long)]
    pub all_schedulers: bool,
    /// Do not preempt: no pod is evicted for another
    #[arg(long)]
    pub no_preemption: bool,
    /// Leave out plugins of the configuration that Berth does not have, with a warning for each
    #[arg(long, requires = "config")]
    pub ignore_unknown_plugins: bool,
}

/// A score plugin and the weight that it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Weight {
    plugin: String,
    weight: i64,
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.plugin, self.weight)
    }
}

/// Reads `PLUGIN=N`.
pub(crate) fn weight(text: &str) -> Result<Weight, String> {
    let read =
        text.split_once('=').and_then(|(plugin, weight)| Some((plugin.trim(), weight.trim().parse().ok()?)));
    match read {
        Some((plugin, weight @ 0..=MAX_WEIGHT)) if !plugin.is_empty() => {
            Ok(Weight { plugin: plugin.to_owned(), weight })
        }
        _ => Err(format!("expected PLUGIN=N with N from 0 to {MAX_WEIGHT}, as in NodeResourcesFit=5")),
    }
}

/// The profiles of a run and what they are called.
pub(crate) struct Choice {
    /// The algorithm, or the profiles' names.
    pub name: String,
    /// At least one.
    pub profiles: Vec<Profile>,
}

/// Reads the name of an algorithm.
pub(crate) fn algorithms() -> impl TypedValueParser<Value = Algorithm> {
    PossibleValuesParser::new(Algorithm::ALL.map(Algorithm::name)).try_map(|name| name.parse::<Algorithm>())
}

/// Reads the name of a rule for ties.
pub(crate) fn tie_breaks() -> impl TypedValueParser<Value = TieBreak> {
    PossibleValuesParser::new(TieBreak::ALL.map(TieBreak::name)).map(|name| {
        let found = TieBreak::ALL.into_iter().find(|rule| rule.name() == name);
        found.unwrap_or_default()
    })
}

/// Sets the rule for ties of all profiles, if one is given.
pub(crate) fn break_ties(configuration: &mut Configuration, tie_break: Option<TieBreak>) {
    if let Some(tie_break) = tie_break {
        configuration.profiles.iter_mut().for_each(|profile| profile.tie_break = tie_break);
    }
}

/// Reads the configuration, if there is one, and says on stderr what in it has no effect.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn configuration(args: &ProfileArgs, quiet: bool) -> Result<Configuration, Failure> {
    let mut configuration = match &args.config {
        None => Configuration::default(),
        Some(path) if args.ignore_unknown_plugins => read_with(path, quiet, parse_known_plugins)?,
        Some(path) => read(path, quiet)?,
    };
    if let Some(path) = args.config.as_ref().filter(|_| !quiet) {
        for (at, extender) in configuration.extenders.iter().enumerate() {
            let url = &extender.url_prefix;
            notice::warning(&format!(
                "{}: extenders[{at}] ({url}) is not called in a simulation",
                path.display()
            ));
        }
    }
    break_ties(&mut configuration, args.tie_break);
    Ok(configuration)
}

/// The profiles of a configuration.
pub(crate) fn of(configuration: &Configuration) -> Vec<Profile> {
    configuration.profiles.iter().map(berth_config::profile).collect()
}

/// Reads a configuration, and says on stderr what in it has no effect anywhere.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn read(path: &Path, quiet: bool) -> Result<Configuration, Failure> {
    read_with(path, quiet, parse)
}

fn read_with(
    path: &Path,
    quiet: bool,
    parse: fn(&[u8]) -> Result<Configuration, ConfigError>,
) -> Result<Configuration, Failure> {
    let bytes = fs::read(path).map_err(|e| Failure::unreadable(&path.display().to_string(), &e))?;
    let configuration = parse(&bytes).map_err(|e| failure(path, &e))?;
    if !quiet {
        for warning in &configuration.warnings {
            notice::warning(&format!("{}: {warning}", path.display()));
        }
    }
    Ok(configuration)
}

fn failure(path: &Path, error: &ConfigError) -> Failure {
    let name = path.display();
    let at = |at: Option<berth_config::Position>| {
        at.map(|place| format!(":{}:{}", place.line, place.column)).unwrap_or_default()
    };
    if let ConfigError::Syntax { at: place, message } = error {
        return Failure::input(format!("{name}{}: cannot be read as YAML: {message}", at(*place)));
    }
    if error.problems().is_empty() {
        return Failure::input(format!("{name}: {error}"));
    }
    Failure::inputs(error.problems().iter().map(|p| format!("{name}{}: {p}", at(p.at))).collect())
}

/// The profiles that decide, with the score plugins of an algorithm where one is named.
///
/// # Errors
/// When a weight is given for a plugin that scores in no profile.
pub(crate) fn choose(
    configuration: &Configuration,
    args: &ProfileArgs,
    algorithm: Option<Algorithm>,
) -> Result<Choice, Failure> {
    let resolved = &configuration.profiles;
    let seed = args.seed.unwrap_or(0);
    let mut profiles = match algorithm {
        None => of(configuration),
        Some(algorithm) => {
            resolved.iter().map(|profile| berth_config::with_algorithm(profile, algorithm, seed)).collect()
        }
    };
    let name = match algorithm {
        Some(algorithm) => algorithm.name().to_string(),
        None if args.config.is_none() => Algorithm::Greedy.name().to_string(),
        None => resolved.iter().map(|profile| profile.scheduler_name.as_str()).collect::<Vec<_>>().join(", "),
    };
    args.weight.iter().try_for_each(|weight| reweigh(&mut profiles, weight))?;
    Ok(Choice { name, profiles })
}

/// Gives a score plugin another weight.
fn reweigh(profiles: &mut [Profile], wanted: &Weight) -> Result<(), Failure> {
    let mut is_found = false;
    for (plugin, weight) in profiles.iter_mut().flat_map(|profile| &mut profile.score) {
        if *plugin.name() == *wanted.plugin {
            *weight = wanted.weight;
            is_found = true;
        }
    }
    if !is_found {
        let names: BTreeSet<String> = profiles
            .iter()
            .flat_map(|profile| &profile.score)
            .map(|(plugin, _)| plugin.name().to_string())
            .collect();
        let names: Vec<String> = names.into_iter().collect();
        return Err(Failure::input(format!(
            "--weight {wanted}: no plugin of this name scores; there is {}",
            names.join(", ")
        )));
    }
    profiles.iter_mut().for_each(|profile| profile.score.retain(|(_, weight)| *weight != 0));
    Ok(())
}

/// Says on stderr that a seed has no effect, where nothing is left to chance.
pub(crate) fn check_seed(args: &ProfileArgs, algorithms: &[Algorithm], quiet: bool) {
    if args.seed.is_some() && !quiet && !algorithms.contains(&Algorithm::Random) {
        notice::warning("--seed has no effect: only the algorithm random uses it");
    }
}
