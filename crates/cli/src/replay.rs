//! `berth replay`: a recording's decisions again, up to any moment, or under another configuration.

mod changed;

use std::fmt::Write;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use berth_config::Configuration;
use berth_engine::scheduler::Scheduler;
use berth_engine::tie_break::TieBreak;
use berth_flow::Settings;
use berth_journal::{ReadError, Reader, Replay, ReplayedAttempt, Until, replay};
use berth_sim::explain::explain;
use berth_sim::run::Options;
use berth_view::time;
use jiff::Timestamp;
use serde::Serialize;

use crate::columns::{Cell, Columns};
use crate::explain::table as explanation;
use crate::failure::Failure;
use crate::output::{self, Format};
use crate::{human, profiles, style};

const EXAMPLES: &str = "\
Examples:
  Does it decide today as it did then?
    berth replay incident.rec

  Why did this pod wait, in the moment in which it was tried last?
    berth replay incident.rec --explain shop/cart-7d9f

  Who would have gone elsewhere under another configuration?
    berth replay incident.rec --config other.yaml

A recording is made by berth scheduler --record FILE, and of simulated histories by cargo xtask simulate-faults --record FILE.

Exit codes:
  0  replayed, and everything is as it was recorded
  2  the recording or the command line cannot be used, or the recording is damaged
  3  the replay does something else than was recorded";

/// Replay a recording of berth scheduler --record: verify it, explain a pod, or run it with another configuration
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ReplayArgs {
    /// The recording
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Until after the last attempt up to this time (RFC 3339, as in 2026-11-24T10:00:00Z)
    #[arg(long, value_name = "TIME", conflicts_with = "config")]
    until: Option<Timestamp>,
    /// Explain the last scheduling attempt of this pod (namespace/name)
    #[arg(long, value_name = "POD", conflicts_with = "config")]
    explain: Option<String>,
    /// Run it with this KubeSchedulerConfiguration, and show which decisions differ
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Run it with this rule for ties, and show which decisions differ
    #[arg(long, value_name = "RULE", value_parser = profiles::tie_breaks(), conflicts_with_all = ["until", "explain"])]
    tie_break: Option<TieBreak>,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "table", hide_default_value = true)]
    output: Format,
}

/// What a replay came to (`Replay` of `berth.dev/v1alpha1`).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    api_version: &'static str,
    kind: &'static str,
    /// How many requests and events were compared with the recording.
    compared: u64,
    /// Whether all were as recorded.
    identical: bool,
    /// The recording ends in the midst of a block: the process was stopped. Everything before that was replayed.
    torn: bool,
    /// How many pods were placed, and how many attempts placed none.
    placed: usize,
    unplaced: usize,
    decisions: Vec<Line>,
}

/// One attempt.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    time: String,
    pod: String,
    attempt: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// When the recording cannot be used.
pub(crate) fn run(args: &ReplayArgs) -> Result<ExitCode, Failure> {
    let name = args.file.display().to_string();
    let mut reader = open(&args.file)?;
    let settings = recorded_settings(&reader, &name)?;
    if args.config.is_some() || args.tie_break.is_some() {
        let other = changed_settings(args, &reader, &settings)?;
        return changed::run(&mut reader, [settings, other], args.output, &name);
    }
    if let Some(pod) = &args.explain {
        return explained(args, settings, pod, &name);
    }
    let replay = replay(&mut reader, settings, stop(args)?).map_err(|error| unreadable(&name, &error))?;
    let document = Document::of(&replay);
    output::print(&document, args.output, |_| table(&document))?;
    if let Some(difference) = &replay.difference {
        let when = time(difference.unix_micros);
        return Err(Failure::difference(format!(
            "{name}: at {when} the replay has done {} things, the recording {}: from here on they differ. Is it a recording \
             of another version of berth ({})?",
            difference.replayed,
            difference.recorded,
            reader.header().version
        )));
    }
    Ok(ExitCode::SUCCESS)
}

/// Replays to the last attempt of a pod, and explains it there.
fn explained(args: &ReplayArgs, settings: Settings, pod: &str, name: &str) -> Result<ExitCode, Failure> {
    let wanted = if pod.contains('/') { pod.to_owned() } else { format!("default/{pod}") };
    let played =
        |stop| replay(&mut open(&args.file)?, settings.clone(), stop).map_err(|e| unreadable(name, &e));
    let Some(last) = played(stop(args)?)?.decided.into_iter().rfind(|decided| decided.pod == wanted) else {
        return Err(
            Failure::input(format!("{name}: no pod {wanted} was tried")).hint("name it as namespace/name")
        );
    };
    // The moment before that attempt, which the explanation makes again.
    let replayed = played(Until::Attempt(last.number))?;
    let (namespace, pod_name) = wanted.split_once('/').unwrap_or(("default", &wanted));
    let Some(row) = replayed.flow.find_pod(&namespace.into(), &pod_name.into()) else {
        return Err(Failure::input(format!("{name}: pod {wanted} was not there yet when it was tried")));
    };
    let scheduler = replayed.flow.scheduler();
    let options = Options { preemption: true, all_schedulers: false, verify: false };
    let mut scheduler = Scheduler::new(scheduler.cluster().clone(), scheduler.profiles().to_vec());
    let algorithm =
        scheduler.profile_of(row).map(|profile| scheduler.profiles()[profile].scheduler_name.to_string());
    let document = explain(&mut scheduler, row, algorithm.unwrap_or_default(), options);
    output::print(&document, args.output, |wide| explanation::render(&document, wide))?;
    Ok(ExitCode::SUCCESS)
}

/// Opens a recording.
///
/// # Errors
/// If it cannot be read or is none.
pub(crate) fn open(file: &Path) -> Result<Reader<BufReader<File>>, Failure> {
    let name = file.display().to_string();
    let opened = File::open(file).map_err(|error| Failure::unreadable(&name, &error))?;
    Reader::new(BufReader::new(opened)).map_err(|error| unreadable(&name, &error))
}

/// Where the replay ends.
fn stop(args: &ReplayArgs) -> Result<Until, Failure> {
    Ok(match args.until {
        None => Until::End,
        Some(until) => Until::after(&mut open(&args.file)?, until.as_microsecond()),
    })
}

/// Says which recording cannot be read, and why.
pub(crate) fn unreadable(name: &str, error: &ReadError) -> Failure {
    Failure::input(format!("{name}: {error}"))
}

/// The configuration in a recording.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn recorded_configuration<R: std::io::Read>(
    reader: &Reader<R>,
    name: &str,
) -> Result<Configuration, Failure> {
    let text = &reader.header().configuration;
    berth_config::parse(text.as_bytes())
        .map_err(|error| Failure::input(format!("{name}: the configuration in it cannot be read: {error}")))
}

fn recorded_settings<R: std::io::Read>(reader: &Reader<R>, name: &str) -> Result<Settings, Failure> {
    let configuration = recorded_configuration(reader, name)?;
    Ok(reader.header().as_recorded(settings(&configuration)))
}

/// The settings that the command line asks for in place of the recorded ones.
fn changed_settings<R: std::io::Read>(
    args: &ReplayArgs,
    reader: &Reader<R>,
    recorded: &Settings,
) -> Result<Settings, Failure> {
    let mut changed = match &args.config {
        None => recorded.clone(),
        Some(config) => reader.header().as_recorded(settings(&profiles::read(config, false)?)),
    };
    if let Some(tie_break) = args.tie_break {
        changed.profiles.iter_mut().for_each(|profile| profile.tie_break = tie_break);
    }
    Ok(changed)
}

/// The settings of a flow by a configuration.
pub(crate) fn settings(configuration: &Configuration) -> Settings {
    berth_live::settings(configuration, profiles::of(configuration))
}

impl Document {
    fn of(replay: &Replay) -> Self {
        let line = |decided: &ReplayedAttempt| Line {
            time: time(decided.unix_micros),
            pod: decided.pod.clone(),
            attempt: decided.attempt,
            node: decided.node.as_ref().map(|(node, _)| node.to_string()),
            score: decided.node.as_ref().map(|(_, score)| *score),
            message: Some(decided.message.clone()).filter(|message| !message.is_empty()),
        };
        let placed = replay.decided.iter().filter(|d| d.node.is_some()).count();
        Self {
            api_version: "berth.dev/v1alpha1",
            kind: "Replay",
            compared: replay.compared,
            identical: replay.difference.is_none(),
            torn: replay.torn,
            placed,
            unplaced: replay.decided.len() - placed,
            decisions: replay.decided.iter().map(line).collect(),
        }
    }
}

fn table(document: &Document) -> String {
    let mut out = String::new();
    let titles = ["TIME", "POD", "TRY", "NODE", "SCORE", "WHY NOT"];
    let mut columns = Columns::new(titles.map(|title| Cell::styled(title, style::HEADING)));
    for line in &document.decisions {
        columns.row(vec![
            line.time.as_str().into(),
            line.pod.as_str().into(),
            line.attempt.to_string().into(),
            line.node.as_deref().unwrap_or("-").into(),
            line.score.map(|score| score.to_string()).unwrap_or_default().into(),
            line.message.as_deref().unwrap_or_default().into(),
        ]);
    }
    columns.print(&mut out);
    let same = if document.identical { "all as recorded" } else { "not as recorded" };
    let torn = if document.torn { "; the recording ends in the midst of a block" } else { "" };
    let (placed, unplaced) = (document.placed, document.unplaced);
    let _ = writeln!(
        out,
        "\n{placed} placed, {unplaced} attempts in vain; {} compared: {same}{torn}",
        human::count(usize::try_from(document.compared).unwrap_or(usize::MAX), "request and event")
            .replace("request and events", "requests and events")
    );
    out
}
