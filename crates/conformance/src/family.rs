//! Families: files of scenarios, run and counted.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::scenario::{self, Scenario};
use crate::{devices, run};

/// What came of a family.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many scenarios were run.
    pub scenarios: usize,
    /// How many pods were asked about.
    pub answers: usize,
    /// How many answers differ from upstream's.
    pub mismatches: usize,
    /// The first differences, as text.
    pub shown: Vec<String>,
}

impl Tally {
    /// Adds another tally; differences are kept up to `show`.
    pub fn add(&mut self, other: Tally, show: usize) {
        self.scenarios += other.scenarios;
        self.answers += other.answers;
        self.mismatches += other.mismatches;
        self.shown.extend(other.shown);
        self.shown.truncate(show);
    }

    /// `20 scenarios, 240 answers, 0 mismatches`.
    pub fn line(&self) -> String {
        format!("{} scenarios, {} answers, {} mismatches", self.scenarios, self.answers, self.mismatches)
    }
}

/// The family that a file holds: its name without the extensions.
pub fn name(path: &Path) -> String {
    let file = path.file_name().map(|f| f.to_string_lossy().into_owned()).unwrap_or_default();
    file.trim_end_matches(".gz").trim_end_matches(".jsonl").to_string()
}

/// Scenario files under the paths: files as they are, folders by what they hold, sorted by name.
///
/// # Errors
/// When a path cannot be read or there is no scenario file at all.
pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        if !path.is_dir() {
            found.push(path.clone());
            continue;
        }
        let entries = std::fs::read_dir(path).with_context(|| format!("cannot list {}", path.display()))?;
        for entry in entries {
            let file = entry.with_context(|| format!("cannot list {}", path.display()))?.path();
            let file_name = file.to_string_lossy();
            if file_name.ends_with(".jsonl") || file_name.ends_with(".jsonl.gz") {
                found.push(file);
            }
        }
    }
    anyhow::ensure!(!found.is_empty(), "no .jsonl or .jsonl.gz file in {paths:?}");
    found.sort_by_key(|path| name(path));
    Ok(found)
}

/// What the lines of a file are, by the fields of the first.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Peek {
    objects: Option<serde::de::IgnoredAny>,
    expression: Option<serde::de::IgnoredAny>,
    slices: Option<serde::de::IgnoredAny>,
}

/// Runs all lines of a file: scenarios, calls of the device allocator, or device selectors.
///
/// # Errors
/// When a line is none of these, or cannot be loaded.
pub fn run_file(path: &Path, show: usize) -> Result<Tally> {
    let mut tally = Tally::default();
    for (at, line) in (1..).zip(scenario::lines(path)?) {
        let line = line?;
        let place = || format!("{}: line {at}", path.display());
        let peek: Peek = serde_json::from_str(&line).with_context(place)?;
        let outcome = match peek {
            Peek { objects: Some(_), .. } => {
                let scenario: Scenario = serde_json::from_str(&line).with_context(place)?;
                run::run(&scenario).with_context(|| format!("scenario {}", scenario.name))
            }
            Peek { expression: Some(_), .. } => devices::selector::run(&line),
            Peek { slices: Some(_), .. } => devices::allocator::run(&line),
            _ => anyhow::bail!("{}: neither a scenario nor a case of the allocator nor a selector", place()),
        };
        tally.add(outcome.with_context(place)?, show);
    }
    Ok(tally)
}
