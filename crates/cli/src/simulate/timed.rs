//! `berth simulate --for`: the cluster in virtual time.

mod arrivals;
mod compare;
mod csv;
mod events;
mod object_name;
mod plot;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use berth_cluster::Millis;
use berth_cluster::command::Scheduled;
use berth_cluster::kubelet::Timing;
use berth_cluster::report::TimedSimulationResult;
use berth_cluster::simulation::{Settings, Simulation};
use berth_model::UnixSeconds;
use berth_model::execution::duration_millis;
use berth_model::manifests::Manifests;

use super::SimulateArgs;
use crate::failure::Failure;
use crate::output::Format;
use crate::profiles::{self, Choice};
use crate::{input, notice, output};

/// How many points the series of a report have.
const POINTS: u64 = 48;
/// What the help calls the flags.
const HEADING: &str = "Virtual time";

/// Flags of runs in virtual time.
#[derive(Debug, clap::Args)]
pub(crate) struct TimeArgs {
    /// Let this much time pass, as in 90m or 24h: pods run and end, controllers make new ones, nodes fail as --events
    /// says, and the scheduler that ships places pods. A day takes seconds, and the same input gives the same result
    #[arg(long = "for", help_heading = HEADING, value_name = "DURATION", value_parser = duration)]
    pub duration: Option<Millis>,
    /// What happens in this time: nodes fail, recover and are drained, objects are applied, deleted and scaled
    /// (docs/virtual-time.md has the format)
    #[arg(long, help_heading = HEADING, value_name = "FILE", requires = "duration")]
    events: Option<PathBuf>,
    /// Pods that arrive, a line each (docs/virtual-time.md has the columns)
    #[arg(long, help_heading = HEADING, value_name = "FILE", requires = "duration")]
    arrivals: Option<PathBuf>,
    /// Tell the story of this pod (NAME or NAMESPACE/NAME), or of the first pod of this workload, and of the pods that
    /// are made instead of it
    #[arg(long, help_heading = HEADING, value_name = "NAME", requires = "duration")]
    follow: Option<String>,
    /// Write the series over time to this file, as CSV
    #[arg(long, help_heading = HEADING, value_name = "FILE", requires = "duration", conflicts_with = "compare")]
    csv: Option<PathBuf>,
    /// Write a plot of the series to this file, as SVG
    #[arg(long, help_heading = HEADING, value_name = "FILE", requires = "duration", conflicts_with = "compare")]
    plot: Option<PathBuf>,
}

fn duration(text: &str) -> Result<Millis, String> {
    match duration_millis(text) {
        Some(0) | None => Err("expected a duration such as 90m, 24h or 7d".to_owned()),
        Some(millis) => Ok(millis),
    }
}

/// What all runs of one command have in common.
struct Input {
    manifests: Manifests,
    commands: Vec<Scheduled>,
    start: UnixSeconds,
}

/// Runs the command.
///
/// # Errors
/// When the input cannot be used.
pub(super) fn run(args: &SimulateArgs, duration: Millis, format: Format) -> Result<ExitCode, Failure> {
    refuse_other_flags(args)?;
    let configuration = profiles::configuration(&args.profiles, args.input.reading.quiet)?;
    let objects = input::read(&args.input, &args.more, &args.selection)?;
    let manifests = objects.changed(&args.input.reading, &args.changes)?;
    if manifests.nodes.is_empty() {
        return Err(Failure::input("the input has no nodes, so that no pod could run")
            .hint("add those of a cluster: berth snapshot, or kubectl get nodes -o json"));
    }
    let mut commands = Vec::new();
    if let Some(path) = &args.time.events {
        commands.extend(events::read(path, &manifests, args)?);
    }
    if let Some(path) = &args.time.arrivals {
        commands.extend(arrivals::read(path, args.selection.namespace.as_deref(), args.input.reading.quiet)?);
    }
    let input = Input { start: start_of(&manifests), manifests, commands };
    if !args.compare.is_empty() {
        return compare::run(args, &configuration, &input, duration, format);
    }
    let choice = profiles::choose(&configuration, &args.profiles, args.profiles.algorithm)?;
    let result = simulate(args, choice, &input, duration)?;
    if args.input.reading.strict && !result.warnings.is_empty() {
        return Err(Failure::inputs(result.warnings).hint("--strict treats warnings as errors"));
    }
    if !args.input.reading.quiet {
        result.warnings.iter().for_each(|warning| notice::warning(warning));
    }
    write(args.time.csv.as_deref(), || csv::render(&result))?;
    write(args.time.plot.as_deref(), || plot::render(&result))?;
    let pending = result.pending.len();
    output::print(&result, format, |wide| table::render(&result, wide))?;
    Ok(args.exit_code(pending))
}

/// Flags that say nothing about a run in time.
fn refuse_other_flags(args: &SimulateArgs) -> Result<(), Failure> {
    let refused = [
        ("--drain", args.changes.has_drain(), "a drain at a time is an event (--events)"),
        ("--verify", args.verify, "it compares the decisions of a run without time"),
        ("-l", args.selection.selector.is_some(), "the report is about all pods"),
        ("--timing", args.timing, "time is virtual here"),
        (
            "--all-schedulers",
            args.profiles.all_schedulers,
            "give a configuration with their profiles (--config)",
        ),
    ];
    match refused.into_iter().find(|(_, given, _)| *given) {
        Some((flag, _, why)) => Err(Failure::input(format!("{flag} cannot be used with --for: {why}"))),
        None => Ok(()),
    }
}

fn write(path: Option<&Path>, text: impl FnOnce() -> String) -> Result<(), Failure> {
    match path {
        Some(path) => {
            fs::write(path, text()).map_err(|error| Failure::unreadable(&path.display().to_string(), &error))
        }
        None => Ok(()),
    }
}

/// The first midnight (UTC) after everything that the input has.
fn start_of(manifests: &Manifests) -> UnixSeconds {
    const DAY: UnixSeconds = 86_400;
    let pods = manifests.pods.iter().map(|entry| entry.value.pod.created.max(entry.value.pod.started));
    let workloads = manifests.workloads.iter().map(|entry| entry.value.created);
    let latest = pods.chain(workloads).flatten().max().unwrap_or(0);
    (latest + DAY - 1).div_euclid(DAY) * DAY
}

/// Lets the time pass under one choice of profiles.
fn simulate(
    args: &SimulateArgs,
    choice: Choice,
    input: &Input,
    duration: Millis,
) -> Result<TimedSimulationResult, Failure> {
    let settings = Settings {
        seed: args.profiles.seed.unwrap_or(0),
        start: input.start,
        timing: Timing::default(),
        profiles: choice.profiles,
        preemption: !args.profiles.no_preemption,
        sample_every: sample_interval(duration),
        follow: args.time.follow.clone(),
    };
    let mut simulation = Simulation::new(settings, input.manifests.clone(), input.commands.clone());
    simulation.advance(duration);
    if !simulation.problems().is_empty() {
        return Err(Failure::inputs(simulation.problems().to_vec()));
    }
    let result = simulation.result(choice.name);
    if let Some(pod) = args.time.follow.as_deref().filter(|_| result.story.is_empty()) {
        return Err(Failure::input(format!(
            "--follow {pod}: no pod and no workload with pods has this name"
        ))
        .hint("without --follow the report lists the workloads"));
    }
    Ok(result)
}

/// A round interval that gives about as many points as a report shall have.
fn sample_interval(duration: Millis) -> Millis {
    const ROUND: [Millis; 14] =
        [1, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400];
    let wanted = duration.div_ceil(POINTS * 1_000);
    let seconds = ROUND.into_iter().find(|round| *round >= wanted);
    seconds.unwrap_or_else(|| wanted.next_multiple_of(86_400)) * 1_000
}

/// The algorithms of `--compare`, each once.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_about_fifty_points_at_round_times() {
        let cases =
            [(60, 5), (3_600, 120), (86_400, 1_800), (7 * 86_400, 21_600), (365 * 86_400, 8 * 86_400)];
        for (duration, expected) in cases {
            assert_eq!(sample_interval(duration * 1_000), expected * 1_000, "{duration}");
        }
    }
}
