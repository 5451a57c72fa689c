//! The margin between two nodes, by plugin.

use std::collections::BTreeMap;

use berth_engine::cluster::Cluster;
use berth_engine::ids::NodeRow;
use berth_engine::name::PluginName;
use berth_engine::scan::Diagnosis;
use serde::Serialize;

/// A node that the choice is measured against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunnerUp {
    /// The node.
    pub node: String,
    /// Its total score.
    pub score: i64,
    /// How far it is above the other (below zero: below it).
    pub margin: i64,
    /// By how much each plugin prefers it (below zero: the other); plugins that do not care are left out.
    pub differences: BTreeMap<String, i64>,
}

/// The best of all other nodes, measured against the chosen one.
pub(super) fn runner_up(cluster: &Cluster, diagnosis: &Diagnosis, chosen: NodeRow) -> Option<RunnerUp> {
    let row = diagnosis.by_preference().into_iter().map(|(row, _)| row).find(|&row| row != chosen)?;
    between(cluster, diagnosis, chosen, row)
}

/// A node measured against another; `None` where one of them does not take the pod.
pub(super) fn between(
    cluster: &Cluster,
    diagnosis: &Diagnosis,
    from: NodeRow,
    to: NodeRow,
) -> Option<RunnerUp> {
    let at = |row| diagnosis.feasible.iter().position(|&other| other == row);
    let (from, at_to) = (at(from)?, at(to)?);
    let difference =
        |(plugin, scores): &(PluginName, Vec<i64>)| (plugin.to_string(), scores[at_to] - scores[from]);
    Some(RunnerUp {
        node: cluster.nodes().name(to).to_string(),
        score: diagnosis.totals[at_to],
        margin: diagnosis.totals[at_to] - diagnosis.totals[from],
        differences: diagnosis.scores.iter().map(difference).filter(|(_, d)| *d != 0).collect(),
    })
}

/// A node with nothing to measure it against.
pub(super) fn alone(cluster: &Cluster, diagnosis: &Diagnosis, row: NodeRow) -> RunnerUp {
    let at = diagnosis.feasible.iter().position(|&other| other == row);
    let score = at.map_or(0, |at| diagnosis.totals[at]);
    RunnerUp { node: cluster.nodes().name(row).to_string(), score, margin: 0, differences: BTreeMap::new() }
}
