//! One pod's decision, by asking every plugin about every node.
//!
//! This is the naive scan: it is what every faster path is judged by, and it yields everything that explanations need.
//! Upstream: `schedule_one.go` (`SchedulePod`), `framework/runtime/framework.go`.
//!
//! Differences from upstream, both on purpose: all feasible nodes are scored (no sampling), and one of the nodes with
//! the highest total is chosen by a rule ([`TieBreak`](crate::plugin::tie_break::TieBreak); upstream: by chance).

pub mod decision;
pub mod filters;
pub(crate) mod message;
pub(crate) mod scores;

use std::cmp::Reverse;

use crate::cluster::Cluster;
use crate::ids::name::PluginName;
use crate::ids::{NodeRow, PodRow};
use crate::plugin::Representative;
use crate::plugin::profile::Profile;
use crate::plugin::tie_break::TieOrder;
use crate::plugin::view::PodView;
use crate::scan::filters::prepare;
use crate::verdict::{Code, Reason, Rejection, Verdict};

/// All that is to be said about a pod and the nodes.
#[derive(Debug)]
pub struct Diagnosis {
    /// The pod must not enter the queue.
    pub gated: Option<Verdict>,
    /// The pod was rejected before any node was looked at.
    pub rejected_early: Option<Verdict>,
    /// The rejection of the nodes that a plugin excluded before any filter ran.
    pub excluded_reason: Option<Rejection>,
    /// The plugins that excluded nodes before any filter ran, sorted.
    pub prefilter_plugins: Vec<PluginName>,
    /// Why each rejected node was rejected, in the order of the nodes' names.
    pub rejected: Vec<(NodeRow, Verdict)>,
    /// The nodes that passed all filters, in the order of their names.
    pub feasible: Vec<NodeRow>,
    /// Weighted scores of each plugin that scored, in the order of `feasible`.
    pub scores: Vec<(PluginName, Vec<i64>)>,
    /// Total scores, in the order of `feasible`.
    pub totals: Vec<i64>,
    /// Which of several nodes with the highest total is chosen: the one with the least key. In the order of `feasible`.
    pub tie_keys: Vec<u32>,
}

impl Diagnosis {
    /// The nodes with the highest total, in the order of their names.
    pub fn best(&self) -> Vec<NodeRow> {
        let max = self.totals.iter().max();
        let with_max = self.feasible.iter().zip(&self.totals).filter(|(_, total)| Some(*total) == max);
        with_max.map(|(&row, _)| row).collect()
    }

    /// Why nothing can be decided: some plugin could not answer. One such node is enough; of several the first by name
    /// counts (upstream: by chance).
    pub fn error(&self) -> Option<&Rejection> {
        let verdicts = self.rejected_early.iter().chain(self.rejected.iter().map(|(_, verdict)| verdict));
        verdicts.map(|verdict| &verdict.rejection).find(|rejection| rejection.code == Code::Error)
    }

    /// The node to put the pod on, and its total score.
    pub fn choice(&self) -> Option<(NodeRow, i64)> {
        if self.error().is_some() {
            return None;
        }
        self.choice_by(&self.totals)
    }

    /// The feasible node with the highest of these totals, which are in the order of `feasible`, and its total. Ties
    /// are broken as in [`Diagnosis::choice`].
    pub fn choice_by(&self, totals: &[i64]) -> Option<(NodeRow, i64)> {
        let scored = self.feasible.iter().zip(totals).zip(&self.tie_keys);
        let best = scored.max_by_key(|((_, total), key)| (**total, Reverse(**key)));
        best.map(|((&row, &total), _)| (row, total))
    }

    /// All feasible nodes with their totals, in the order in which they would be chosen.
    pub fn by_preference(&self) -> Vec<(NodeRow, i64)> {
        let scored = self.feasible.iter().zip(&self.totals).zip(&self.tie_keys);
        let mut order: Vec<_> = scored.map(|((&row, &total), &key)| (Reverse(total), key, row)).collect();
        order.sort_unstable();
        order.into_iter().map(|(total, _, row)| (row, total.0)).collect()
    }

    /// Upstream's text for the pod's condition and event when nothing fits.
    pub fn message(&self, cluster: &Cluster) -> String {
        message::fit_error(self, cluster)
    }
}

/// Asks every plugin of the profile about every node.
pub fn diagnose(profile: &Profile, cluster: &Cluster, row: PodRow) -> Diagnosis {
    let pod = PodView::new(cluster, row);
    let mut result = Diagnosis {
        gated: gate(profile, pod),
        rejected_early: None,
        excluded_reason: None,
        prefilter_plugins: Vec::new(),
        rejected: Vec::new(),
        feasible: Vec::new(),
        scores: Vec::new(),
        totals: Vec::new(),
        tie_keys: Vec::new(),
    };
    if result.gated.is_some() || cluster.nodes().is_empty() {
        return result;
    }
    let prepared = prepare(profile, pod);
    result.prefilter_plugins = prepared.rejecting_prefilters();
    if prepared.rejected.is_some() {
        result.rejected_early = prepared.rejected;
        return result;
    }
    if let Some(nominated) = prepared.filters.fitting_nominated(pod) {
        result.feasible.push(nominated);
        score(profile, pod, &mut result);
        return result;
    }
    result.excluded_reason = prepared.excluded_reason();
    let rows = prepared.rows(cluster);
    let verdicts = prepared.filters.check_all(pod, &rows);
    for (row, verdict) in rows.into_iter().zip(verdicts) {
        match verdict {
            None => result.feasible.push(row),
            Some(verdict) => result.rejected.push((row, verdict)),
        }
    }
    score(profile, pod, &mut result);
    result
}

/// Takes what others say of nodes that passed all filters into account: refused ones are rejected, and what is left is
/// scored again, as if the plugins had seen no others.
pub fn narrow(
    profile: &Profile,
    cluster: &Cluster,
    row: PodRow,
    result: &mut Diagnosis,
    refuse: impl Fn(NodeRow) -> Option<Verdict>,
) {
    for node in std::mem::take(&mut result.feasible) {
        match refuse(node) {
            None => result.feasible.push(node),
            Some(verdict) => result.rejected.push((node, verdict)),
        }
    }
    result.scores.clear();
    score(profile, PodView::new(cluster, row), result);
}

/// Whether a plugin keeps the pod out of the queue.
pub fn gate(profile: &Profile, pod: PodView<'_>) -> Option<Verdict> {
    profile.pre_enqueue.iter().find_map(|plugin| {
        plugin.pre_enqueue(pod).map(|rejection| Verdict { plugin: plugin.name(), rejection })
    })
}

fn score(profile: &Profile, pod: PodView<'_>, result: &mut Diagnosis) {
    let keys = TieOrder::new(profile.tie_break, pod).keys();
    result.tie_keys = result.feasible.iter().map(|&row| keys.of(row)).collect();
    result.totals = vec![0; result.feasible.len()];
    if result.feasible.is_empty() {
        return;
    }
    let feasible: Vec<Representative> = result.feasible.iter().copied().map(Representative::single).collect();
    for ready in scores::prepare(profile, pod) {
        let mut scores = vec![0; result.feasible.len()];
        ready.weighted(pod.cluster, &feasible, &mut scores);
        result.totals.iter_mut().zip(&scores).for_each(|(total, score)| *total += score);
        result.scores.push((ready.plugin, scores));
    }
}

/// The reasons of a rejection, sorted: upstream lists some of them in chance order.
pub fn sorted_reasons(rejection: &Rejection) -> Vec<&str> {
    let mut texts: Vec<&str> = rejection.reasons.iter().map(Reason::text).collect();
    texts.sort_unstable();
    texts
}
