//! What is to be said of each node.

use std::collections::BTreeMap;

use berth_engine::filters::{Preparation, prepare};
use berth_engine::ids::{NodeRow, PodRow};
use berth_engine::name::PluginName;
use berth_engine::plugins::{node_unschedulable, taint_toleration};
use berth_engine::scan::Diagnosis;
use berth_engine::scheduler::Scheduler;
use berth_engine::verdict::{Code, Reason, Rejection, Verdict};
use berth_engine::view::{NodeView, PodView};
use berth_model::node::{Taint, TaintEffect};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;

use super::detail;
use crate::world::UNSCHEDULABLE;

/// A node and the pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeAnswer {
    /// The node.
    pub name: String,
    /// Whether it takes the pod.
    pub feasible: bool,
    /// Its total score; only where it takes the pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<i64>,
    /// The weighted score of each plugin that scored.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub scores: BTreeMap<String, i64>,
    /// Every plugin that rejects the node. The first is the one that counts in upstream's message.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rejections: Vec<PluginRejection>,
}

/// Why a plugin rejects a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PluginRejection {
    /// The plugin; empty where the framework itself rejects.
    pub plugin: String,
    /// `Unschedulable`, `UnschedulableAndUnresolvable` or `Error`.
    pub code: &'static str,
    /// Why, in upstream's words.
    pub reasons: Vec<String>,
    /// How far the node is from fitting, in ours.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
    /// What is missing, by resource, as Kubernetes quantities.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub short: BTreeMap<String, String>,
    /// What is missing over what the pod requests, in thousandths, of the resource where that is worst: when the node
    /// is empty, and as it is.
    #[serde(skip)]
    pub(super) short_permille: (i64, i64),
}

impl PluginRejection {
    /// How far the node is from fitting, or else why it is rejected, in upstream's words.
    pub fn words(&self) -> &[String] {
        if self.details.is_empty() { &self.reasons } else { &self.details }
    }

    /// An rejection in a plugin's own words.
    pub(super) fn new(verdict: &Verdict) -> Self {
        Self {
            plugin: verdict.plugin.to_string(),
            code: verdict.rejection.code.text(),
            reasons: verdict.rejection.reasons.iter().map(Reason::text).map(str::to_string).collect(),
            details: Vec::new(),
            short: BTreeMap::new(),
            short_permille: (0, 0),
        }
    }
}

/// What is to be said of every node: those that fit, the best first, then the others, the nearest to fitting first.
pub(super) fn answers(
    scheduler: &Scheduler,
    profile: usize,
    pod: PodRow,
    diagnosis: &Diagnosis,
) -> Vec<NodeAnswer> {
    let cluster = scheduler.cluster();
    let pod = PodView::new(cluster, pod);
    if diagnosis.gated.is_some() {
        return Vec::new();
    }
    let mut feasible: Vec<NodeAnswer> =
        (0..diagnosis.feasible.len()).map(|at| fitting(scheduler, diagnosis, at)).collect();
    feasible.sort_by(|a, b| b.score.cmp(&a.score).then_with(|| a.name.cmp(&b.name)));
    let prepared = prepare(&scheduler.profiles()[profile], pod);
    let counted: FxHashMap<NodeRow, &Verdict> = diagnosis.rejected.iter().map(|(row, v)| (*row, v)).collect();
    let fits: FxHashSet<NodeRow> = diagnosis.feasible.iter().copied().collect();
    let rest = cluster.nodes().by_name().map(|(_, row)| row).filter(|row| !fits.contains(row));
    let mut rejected: Vec<NodeAnswer> = rest
        .map(|row| {
            let first = diagnosis.rejected_early.as_ref().or(counted.get(&row).copied());
            let rejections = rejections(&prepared, first, pod, NodeView::new(cluster, row));
            NodeAnswer {
                name: cluster.nodes().name(row).to_string(),
                feasible: false,
                score: None,
                scores: BTreeMap::new(),
                rejections,
            }
        })
        .collect();
    rejected.sort_by_cached_key(distance);
    feasible.extend(rejected);
    feasible
}

fn fitting(scheduler: &Scheduler, diagnosis: &Diagnosis, at: usize) -> NodeAnswer {
    NodeAnswer {
        name: scheduler.cluster().nodes().name(diagnosis.feasible[at]).to_string(),
        feasible: true,
        score: Some(diagnosis.totals[at]),
        scores: diagnosis.scores.iter().map(|(plugin, scores)| (plugin.to_string(), scores[at])).collect(),
        rejections: Vec::new(),
    }
}

/// The rejections of all plugins to a node, the one that counts first.
fn rejections(
    prepared: &Preparation<'_>,
    first: Option<&Verdict>,
    pod: PodView<'_>,
    node: NodeView<'_>,
) -> Vec<PluginRejection> {
    let mut found: Vec<Verdict> = first.cloned().into_iter().collect();
    if let Some(only) = &prepared.only
        && only.binary_search(&node.row).is_err()
        && let Some(rejection) = prepared.excluded_reason()
    {
        let plugin = prepared.prefilter_plugins.first().cloned().unwrap_or(PluginName::FRAMEWORK);
        found.push(Verdict { plugin, rejection });
    }
    for ready in &prepared.filters.0 {
        if let Some(verdict) = ready.check(node)
            && !found.iter().any(|earlier| earlier.plugin == verdict.plugin)
        {
            found.push(verdict);
        }
    }
    if found.is_empty() {
        found.push(not_asked());
    }
    let by = |verdict: &Verdict, name: &str| verdict.plugin == *name;
    if found.iter().any(|verdict| by(verdict, node_unschedulable::NAME)) && has_no_other_taint(node) {
        found.retain(|verdict| !by(verdict, taint_toleration::NAME));
    }
    let with_details = |verdict: &Verdict| {
        let mut rejection = PluginRejection::new(verdict);
        if let Some(ready) = prepared.filters.0.iter().find(|ready| ready.plugin == verdict.plugin) {
            detail::add_to(&mut rejection, &ready.state, pod, node);
        }
        rejection
    };
    found.iter().map(with_details).collect()
}

/// Whether the only taints that keep pods away are that of cordoned nodes: then TaintToleration says nothing new.
fn has_no_other_taint(node: NodeView<'_>) -> bool {
    let keeps_away = |taint: &&Taint| taint.effect != TaintEffect::PreferNoSchedule;
    node.taints().iter().filter(keeps_away).all(|taint| *taint.key == *UNSCHEDULABLE)
}

/// The node fits as such, but an earlier preemption sent the pod elsewhere and no other node was asked.
fn not_asked() -> Verdict {
    let reason = Reason::Fixed("not asked: the pod fits on the node that it is nominated to");
    Verdict { plugin: PluginName::FRAMEWORK, rejection: Rejection::new(Code::Unschedulable, reason) }
}

/// How far a node is from fitting: fewer rejections, then less that is missing, first when empty, then as it is.
fn distance(node: &NodeAnswer) -> (usize, (i64, i64), usize, String) {
    let worst = node.rejections.iter().map(|r| r.short_permille).max().unwrap_or_default();
    let short = node.rejections.iter().map(|r| r.short.len()).sum();
    (node.rejections.len(), worst, short, node.name.clone())
}
