//! What came of scenarios on a real control plane, kept in compressed files, a file a family.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;

use anyhow::Result;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use super::real::Played;
use super::scenario::{Scenario, folder};

/// What came of a scenario.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Recorded {
    /// The scenario as it was played.
    scenario: String,
    /// What came of it.
    pub(super) played: Played,
}

impl Recorded {
    /// Whether the scenario is still the same.
    pub(super) fn is_of(&self, scenario: &Scenario) -> bool {
        self.scenario == described(scenario)
    }
}

fn described(scenario: &Scenario) -> String {
    format!("{} {:?} {:?} {:?}", scenario.id, scenario.nodes, scenario.before, scenario.steps)
}

fn file(family: &str) -> PathBuf {
    folder().join("recorded").join(format!("{family}.json.gz"))
}

/// All recordings, by the titles of the scenarios.
///
/// # Errors
/// If a file cannot be read.
pub(super) fn read() -> Result<BTreeMap<String, Recorded>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder().join("recorded"))? {
        let path = entry?.path();
        let family: BTreeMap<String, Recorded> = serde_json::from_reader(GzDecoder::new(File::open(&path)?))
            .map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
        all.extend(family);
    }
    Ok(all)
}

/// Adds to the recordings.
///
/// # Errors
/// If a file cannot be read or written.
pub(super) fn write(played: &[(Scenario, Played)]) -> Result<()> {
    let mut families: BTreeMap<String, Vec<&(Scenario, Played)>> = BTreeMap::new();
    for one in played {
        families.entry(one.0.family.clone()).or_default().push(one);
    }
    fs::create_dir_all(folder().join("recorded"))?;
    for (family, played) in families {
        let path = file(&family);
        let mut all: BTreeMap<String, Recorded> = match File::open(&path) {
            Ok(file) => serde_json::from_reader(GzDecoder::new(file))?,
            Err(_) => BTreeMap::new(),
        };
        for (scenario, played) in played {
            let recorded = Recorded { scenario: described(scenario), played: played.clone() };
            all.insert(scenario.title(), recorded);
        }
        let mut encoder = GzEncoder::new(File::create(&path)?, Compression::best());
        serde_json::to_writer(&mut encoder, &all)?;
        encoder.finish()?;
    }
    Ok(())
}
