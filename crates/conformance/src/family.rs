//! Families: files of scenarios, run and counted.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::run;
use crate::scenario;

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

/// Runs all scenarios of a file.
///
/// # Errors
/// When the file is not a scenario file or a scenario cannot be loaded.
pub fn run_file(path: &Path, show: usize) -> Result<Tally> {
    let mut tally = Tally::default();
    for scenario in scenario::read(path)? {
        let scenario = scenario?;
        let outcome = run::run(&scenario).with_context(|| format!("scenario {}", scenario.name))?;
        tally.add(outcome, show);
    }
    Ok(tally)
}
