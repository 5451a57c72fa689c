//! The scores that have a say about one pod, prepared once, and their weighted sum.

use crate::cluster::Cluster;
use crate::plugin::{Depends, Group, Score};
use crate::profile::Profile;
use crate::view::PodView;

/// One plugin's prepared score.
pub(super) struct ReadyScore<'a> {
    pub(super) weight: i64,
    /// What its answers depend on.
    pub(super) depends: Depends,
    pub(super) state: Box<dyn Score + 'a>,
}

/// Prepares the scores of a profile for a pod; those that make no difference are left out.
pub(super) fn prepare<'a>(profile: &'a Profile, pod: PodView<'a>) -> Vec<ReadyScore<'a>> {
    let ready = profile.score.iter().filter_map(|(plugin, weight)| {
        let state = plugin.prepare_score(pod).filter(|state| !state.is_idle() && !state.is_zero())?;
        Some(ReadyScore { weight: *weight, depends: plugin.score_depends(pod.class), state })
    });
    ready.collect()
}

/// The weighted sum of normalized scores for each group.
pub(super) fn totals<'s>(
    scores: impl IntoIterator<Item = &'s ReadyScore<'s>>,
    cluster: &Cluster,
    groups: &[Group],
) -> Vec<i64> {
    let mut totals = vec![0; groups.len()];
    let mut out = vec![0; groups.len()];
    for ReadyScore { weight, state, .. } in scores {
        out.fill(0);
        state.score(cluster, groups, &mut out);
        state.normalize(cluster, groups, &mut out);
        for (total, score) in totals.iter_mut().zip(&out) {
            *total += weight * score;
        }
    }
    totals
}
