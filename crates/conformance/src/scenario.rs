//! Scenario files: one JSON object a line, plain or compressed with gzip.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result};
use flate2::read::GzDecoder;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// One scenario.
#[derive(Debug, Deserialize)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// Its family.
    #[serde(default)]
    pub family: String,
    /// A `KubeSchedulerConfiguration`; empty for upstream's defaults.
    #[serde(default)]
    pub config: String,
    /// The cluster, as Kubernetes objects.
    pub objects: Vec<Box<RawValue>>,
    /// The pods to place, in order.
    pub pending: Vec<Box<RawValue>>,
    /// Upstream's answers, one a pod.
    #[serde(default)]
    pub expected: Vec<Answer>,
}

/// What was said of one pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Answer {
    /// `namespace/name`.
    pub pod: String,
    /// The pod may not enter the queue.
    pub pre_enqueue: Option<Status>,
    /// The pod was rejected before any node was looked at.
    pub pre_filter: Option<Status>,
    /// Why each rejected node was rejected, by name.
    pub rejected: BTreeMap<String, Status>,
    /// What is said of nodes that were narrowed away.
    pub absent: Option<Status>,
    /// By feasible node: weighted score by plugin, and `total`.
    pub scores: BTreeMap<String, BTreeMap<String, i64>>,
    /// The nodes with the highest total, sorted.
    pub best: Vec<String>,
    /// Where the pod was put.
    pub node: String,
    /// Upstream's text where nothing fits.
    pub message: String,
    /// What preemption would do.
    pub preemption: Option<PreemptionAnswer>,
    /// The attempt ended in an error: every text that it may have, sorted.
    pub errors: Vec<String>,
    /// A placed pod's claims on devices, in the order of its spec.
    pub allocations: Vec<Value>,
    /// The claim that was made for its extended resources.
    pub extended_resource_claim: Option<Value>,
    /// What the device plugin does where nothing fits.
    pub post_filter: Option<PostFilterAnswer>,
}

/// What the device plugin does for a pod that fits nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct PostFilterAnswer {
    /// `Unschedulable`.
    pub code: String,
    /// The plugin.
    pub plugin: String,
    /// What it says.
    pub reasons: Vec<String>,
    /// `namespace/name` of claims whose devices upstream may give up.
    pub clears: Vec<String>,
    /// `namespace/name` of claims that upstream may delete.
    pub deletes: Vec<String>,
}

/// A rejection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Status {
    /// `Unschedulable`, `UnschedulableAndUnresolvable` or `Error`.
    pub code: String,
    /// Who said it.
    pub plugin: String,
    /// Why, sorted.
    pub reasons: Vec<String>,
}

/// What preemption would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PreemptionAnswer {
    /// Whether the pod may preempt.
    pub eligible: bool,
    /// Why nothing comes of it.
    pub message: String,
    /// Every node that would take the pod.
    pub candidates: Vec<CandidateAnswer>,
    /// The candidates that upstream may pick, sorted.
    pub best: Vec<String>,
}

/// A node that would take the pod once the victims are gone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CandidateAnswer {
    /// The node.
    pub node: String,
    /// `namespace/name` of the pods to evict, sorted.
    pub victims: Vec<String>,
    /// How many of them a disruption budget wants to keep.
    #[serde(rename = "pdbViolations")]
    pub pdb_violations: i64,
}

/// Reads the lines of a file one by one, so that a large file is never in memory whole.
///
/// # Errors
/// When the file cannot be opened; each item is an error where a line cannot be read.
pub fn lines(path: &Path) -> Result<impl Iterator<Item = Result<String>>> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let compressed = path.extension().is_some_and(|e| e == "gz");
    let reader: Box<dyn Read> = if compressed { Box::new(GzDecoder::new(file)) } else { Box::new(file) };
    let name = path.display().to_string();
    let lines = BufReader::with_capacity(1 << 20, reader).lines().enumerate();
    Ok(lines
        .filter(|(_, line)| !line.as_ref().is_ok_and(|l| l.trim().is_empty()))
        .map(move |(at, line)| line.with_context(|| format!("{name}: cannot read line {}", at + 1))))
}
