//! The decision for a pod that comes once: by groups of nodes, or else over columns, plugin by plugin, with nothing
//! cached.
//!
//! It asks what the naive scan asks, without what only messages need: nodes that a filter rejects are dropped at once.
//! If no node is left, the scan makes the message.

use super::node_groups::{self, Choice, NodeGroups};
use crate::cluster::Cluster;
use crate::ids::{NodeRow, PodRow};
use crate::plugin::Representative;
use crate::plugin::profile::Profile;
use crate::plugin::tie_break::TieOrder;
use crate::plugin::view::PodView;
use crate::scan::filters::prepare;
use crate::scan::scores::{self, ReadyScore};

/// The node to put the pod on and its total score; `None` if the scan must decide: no node takes the pod, a filter
/// cannot answer, or pods are nominated.
pub(crate) fn choose(
    profile: &Profile,
    cluster: &Cluster,
    pod: PodRow,
    node_groups: &mut NodeGroups,
) -> Option<(NodeRow, i64)> {
    let pod = PodView::new(cluster, pod);
    if cluster.has_nominations() || pod.entry().pod.nominated_node.is_some() {
        return None;
    }
    let prepared = prepare(profile, pod);
    if prepared.rejected.is_some() {
        return None;
    }
    let scores: Vec<ReadyScore<'_>> =
        scores::prepare(profile, pod).filter(|ready| !ready.state.hints().zero).collect();
    if prepared.only.is_none() {
        node_groups.catch_up(cluster);
        match node_groups::choose(profile, pod, &prepared.filters, &scores, node_groups) {
            Choice::Best(row, total) => return Some((row, total)),
            Choice::Nothing => return None,
            Choice::NotByGroup => {}
        }
    }
    let mut rows: Vec<NodeRow> = prepared.only.unwrap_or_else(|| cluster.nodes().rows().collect());
    for ready in prepared.filters.0.iter().filter(|ready| !ready.state.is_skipped()) {
        if !ready.state.retain(cluster, &mut rows) {
            return None;
        }
    }
    if rows.is_empty() {
        return None;
    }
    let groups: Vec<Representative> = rows.iter().copied().map(Representative::single).collect();
    let totals = scores::totals(&scores, cluster, &groups);
    let best = totals.iter().copied().max()?;
    let keys = TieOrder::new(profile.tie_break, pod).keys();
    let tied = rows.iter().zip(&totals).filter(|(_, total)| **total == best);
    tied.map(|(&row, _)| row).min_by_key(|&row| keys.of(row)).map(|row| (row, best))
}
