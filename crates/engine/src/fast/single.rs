//! A pod unlike all others: decided over columns, plugin by plugin, with nothing kept.
//!
//! The same questions as the naive scan asks, without what only explanations need: nodes that a filter refuses are
//! dropped on the spot, and where none is left the scan finds the words.

use std::cmp::Reverse;

use super::kinds::{self, Choice, Kinds};
use crate::cluster::Cluster;
use crate::filters::prepare;
use crate::ids::{NodeRow, PodRow};
use crate::plugin::Group;
use crate::profile::Profile;
use crate::view::PodView;

/// The node to put the pod on and its total score; `None` where the scan must decide: no node takes the pod, a filter
/// cannot answer, or pods are nominated.
pub fn choose(
    profile: &Profile,
    cluster: &Cluster,
    pod: PodRow,
    kinds: &mut Kinds,
) -> Option<(NodeRow, i64)> {
    let pod = PodView::new(cluster, pod);
    if cluster.has_nominations() || pod.entry().pod.nominated_node.is_some() {
        return None;
    }
    let prepared = prepare(profile, pod);
    if prepared.rejected.is_some() {
        return None;
    }
    if prepared.only.is_none() {
        kinds.catch_up(cluster);
        match kinds::choose(profile, pod, &prepared.filters, kinds) {
            Choice::Best(row, total) => return Some((row, total)),
            Choice::Nothing => return None,
            Choice::NotByKind => {}
        }
    }
    let mut rows: Vec<NodeRow> = prepared.only.unwrap_or_else(|| cluster.nodes().rows().collect());
    for ready in prepared.filters.0.iter().filter(|ready| !ready.state.is_idle()) {
        if !ready.state.sieve(cluster, &mut rows) {
            return None;
        }
    }
    if rows.is_empty() {
        return None;
    }
    let totals = totals(profile, pod, &rows);
    let ranks = cluster.nodes().ranks();
    rows.into_iter().zip(totals).max_by_key(|&(row, total)| (total, Reverse(ranks.of(row))))
}

fn totals(profile: &Profile, pod: PodView<'_>, rows: &[NodeRow]) -> Vec<i64> {
    let feasible: Vec<Group> = rows.iter().copied().map(Group::single).collect();
    let mut totals = vec![0; rows.len()];
    let mut scores = vec![0; rows.len()];
    for (plugin, weight) in &profile.score {
        let Some(state) = plugin.prepare_score(pod).filter(|state| !state.is_idle() && !state.is_zero())
        else {
            continue;
        };
        scores.fill(0);
        state.score(pod.cluster, &feasible, &mut scores);
        state.normalize(pod.cluster, &feasible, &mut scores);
        for (total, score) in totals.iter_mut().zip(&scores) {
            *total += weight * score;
        }
    }
    totals
}
