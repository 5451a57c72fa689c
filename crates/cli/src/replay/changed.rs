//! `berth replay --config` and `--tie-break`: which pods would have gone elsewhere.

use std::fmt::Write;
use std::io::Read;
use std::process::ExitCode;

use berth_flow::Settings;
use berth_journal::{Comparison, Placement, Reader, compare};
use serde::Serialize;

use crate::columns::{Cell, Columns};
use crate::failure::Failure;
use crate::output::{self, Format};
use crate::{human, style};

/// What would have differed (`ReplayComparison` of `berth.dev/v1alpha1`).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    api_version: &'static str,
    kind: &'static str,
    /// How many pods there were to place.
    pods: usize,
    /// Pods that would have been on another node, or in vain where they were not.
    differing: usize,
    recorded: Side,
    other: Side,
    /// Those that differ, by name.
    differences: Vec<Line>,
}

/// One of the two configurations.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Side {
    placed: usize,
    pending: usize,
    /// Each time that a pod had to go for another one.
    evicted: usize,
    /// Of the pods that it placed: the mean, in milliseconds.
    mean_wait_millis: u64,
}

/// A pod that would have been elsewhere.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    pod: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded: Option<Place>,
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<Place>,
}

/// Where it was put.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    node: String,
    wait_millis: u64,
}

/// Runs the command.
///
/// # Errors
/// Where the recording or the configuration cannot be used.
pub(super) fn run<R: Read>(
    reader: &mut Reader<R>,
    [recorded, other]: [Settings; 2],
    format: Format,
    name: &str,
) -> Result<ExitCode, Failure> {
    let comparison = compare(reader, recorded, other).map_err(|error| super::unreadable(name, &error))?;
    let document = Document::of(&comparison);
    output::print(&document, format, |_| table(&document))?;
    Ok(ExitCode::SUCCESS)
}

impl Document {
    fn of(comparison: &Comparison) -> Self {
        let place = |landing: &Option<Placement>| {
            let landing = landing.as_ref()?;
            Some(Place { node: landing.node.to_string(), wait_millis: landing.waited_millis })
        };
        let node = |landing: &Option<Placement>| landing.as_ref().map(|landing| landing.node.clone());
        let differs = |pair: &&[Option<Placement>; 2]| node(&pair[0]) != node(&pair[1]);
        let differences: Vec<Line> = comparison
            .pods
            .iter()
            .filter(|(_, pair)| differs(pair))
            .map(|(pod, [recorded, other])| Line {
                pod: pod.clone(),
                recorded: place(recorded),
                other: place(other),
            })
            .collect();
        Self {
            api_version: "berth.dev/v1alpha1",
            kind: "ReplayComparison",
            pods: comparison.pods.len(),
            differing: differences.len(),
            recorded: Side::of(comparison, 0),
            other: Side::of(comparison, 1),
            differences,
        }
    }
}

impl Side {
    fn of(comparison: &Comparison, side: usize) -> Self {
        let landings = comparison.pods.values().filter_map(|pair| pair[side].as_ref());
        let waits: Vec<u64> = landings.map(|landing| landing.waited_millis).collect();
        let mean = waits.iter().sum::<u64>() / (waits.len() as u64).max(1);
        Self {
            placed: waits.len(),
            pending: comparison.pods.len() - waits.len(),
            evicted: comparison.evicted[side].len(),
            mean_wait_millis: mean,
        }
    }
}

fn table(document: &Document) -> String {
    let mut out = String::new();
    let mut sides = Columns::new(["", "RECORDED", "OTHER"].map(|title| Cell::styled(title, style::HEADING)));
    let mut row = |title: &str, of: fn(&Side) -> String| {
        sides.row(vec![title.into(), of(&document.recorded).into(), of(&document.other).into()]);
    };
    row("placed", |side| side.placed.to_string());
    row("pending", |side| side.pending.to_string());
    row("evicted", |side| side.evicted.to_string());
    row("mean wait", |side| format!("{} ms", side.mean_wait_millis));
    sides.print(&mut out);
    if !document.differences.is_empty() {
        out.push('\n');
        let titles = ["POD", "RECORDED", "OTHER", "WAITED"];
        let mut pods = Columns::new(titles.map(|title| Cell::styled(title, style::HEADING)));
        for line in &document.differences {
            let node =
                |place: &Option<Place>| place.as_ref().map_or("-".to_owned(), |place| place.node.clone());
            let wait = |place: &Option<Place>| {
                place.as_ref().map_or("-".to_owned(), |place| format!("{} ms", place.wait_millis))
            };
            let waited = format!("{}, {}", wait(&line.recorded), wait(&line.other));
            pods.row(vec![
                line.pod.as_str().into(),
                node(&line.recorded).into(),
                node(&line.other).into(),
                waited.into(),
            ]);
        }
        pods.print(&mut out);
    }
    let pods = human::count(document.pods, "pod");
    let _ = writeln!(out, "\n{} of {pods} would have been elsewhere", document.differing);
    out
}
