//! How pods are scheduled: the configuration's profiles, with another algorithm where one is named.

use std::fs;
use std::path::{Path, PathBuf};

use berth_config::{ConfigError, Configuration};
use berth_engine::algorithm::Algorithm;
use berth_engine::profile::Profile;

use crate::failure::Failure;
use crate::notice;

/// Which profiles decide.
#[derive(Debug, clap::Args)]
pub(crate) struct ProfileArgs {
    /// A KubeSchedulerConfiguration (v1) with the profiles that decide; without it, what kube-scheduler does by default
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Place pods of other schedulers too, with the first profile
    #[arg(long)]
    pub all_schedulers: bool,
    /// Evict no pods
    #[arg(long)]
    pub no_preemption: bool,
}

/// The profiles of a run and what they are called.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// The algorithm, or the profiles' names.
    pub name: String,
    /// At least one.
    pub profiles: Vec<Profile>,
}

/// Reads the configuration, if there is one, and says on stderr what in it has no effect.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn configuration(args: &ProfileArgs, quiet: bool) -> Result<Configuration, Failure> {
    let Some(path) = &args.config else { return Ok(Configuration::default()) };
    let bytes = fs::read(path).map_err(|e| Failure::input(format!("{}: {e}", path.display())))?;
    let configuration = berth_config::parse(&bytes).map_err(|e| failure(path, &e))?;
    if !quiet {
        for warning in &configuration.warnings {
            notice::warning(&format!("{}: {warning}", path.display()));
        }
        if !configuration.extenders.is_empty() {
            let count = configuration.extenders.len();
            notice::warning(&format!(
                "{}: extenders: no call is made to them here ({count})",
                path.display()
            ));
        }
    }
    Ok(configuration)
}

fn failure(path: &Path, error: &ConfigError) -> Failure {
    let name = path.display();
    let at = |at: Option<berth_config::Position>| {
        at.map(|p| format!(":{}:{}", p.line, p.column)).unwrap_or_default()
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
pub(crate) fn choose(configuration: &Configuration, args: &ProfileArgs) -> Choice {
    let profiles: Vec<Profile> = configuration.profiles.iter().map(berth_config::profile).collect();
    let name = match args.config {
        None => Algorithm::Greedy.name().to_string(),
        Some(_) => profiles.iter().map(|p| &*p.scheduler_name).collect::<Vec<_>>().join(", "),
    };
    Choice { name, profiles }
}
