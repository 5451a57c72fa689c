//! Upstream's sentence for a pod that fits nowhere: `0/5 nodes are available: 2 Insufficient cpu, 3 …`.
//!
//! Upstream: `framework/types.go`, `FitError.Error`.

use std::collections::BTreeMap;

use crate::cluster::Cluster;
use crate::scan::Diagnosis;
use crate::verdict::{Reason, Rejection};

/// What is said where there is no node; upstream: `schedule_one.go`, `ErrNoNodesAvailable`.
pub(crate) const NO_NODES: &str = "no nodes available to schedule pods";

/// The message for an diagnosis without a feasible node, without what preemption adds to it.
pub(crate) fn fit_error(diagnosis: &Diagnosis, cluster: &Cluster) -> String {
    let nodes = cluster.nodes().len();
    if nodes == 0 {
        return NO_NODES.into();
    }
    if let Some(error) = diagnosis.error() {
        return error.message();
    }
    if let Some(verdict) = &diagnosis.rejected_early {
        return with_reasons(nodes, &verdict.rejection.message());
    }
    let mut counts = ReasonCounts::default();
    for (_, verdict) in &diagnosis.rejected {
        counts.add(&verdict.rejection, 1);
    }
    if let Some(reason) = &diagnosis.excluded_reason {
        counts.add(reason, nodes - diagnosis.rejected.len());
    }
    with_reasons(nodes, &counts.text())
}

/// How often each reason was given.
#[derive(Debug, Default)]
pub(crate) struct ReasonCounts<'a>(BTreeMap<&'a str, usize>);

impl<'a> ReasonCounts<'a> {
    /// Counts the reasons of a rejection for this many nodes.
    pub(crate) fn add(&mut self, rejection: &'a Rejection, nodes: usize) {
        if nodes > 0 {
            for reason in rejection.reasons.iter().map(Reason::text) {
                *self.0.entry(reason).or_default() += nodes;
            }
        }
    }

    /// `2 Insufficient cpu, 3 …`, sorted as text, as upstream sorts.
    pub(crate) fn text(&self) -> String {
        let mut lines: Vec<String> = self.0.iter().map(|(reason, n)| format!("{n} {reason}")).collect();
        lines.sort_unstable();
        lines.join(", ")
    }
}

/// The sentence around the reasons.
pub(crate) fn with_reasons(nodes: usize, reasons: &str) -> String {
    if reasons.is_empty() {
        return format!("0/{nodes} nodes are available:");
    }
    format!("0/{nodes} nodes are available: {reasons}.")
}
