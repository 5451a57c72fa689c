//! A profile's scores, prepared for a pod, and their weighted sum.

use crate::cluster::Cluster;
use crate::ids::name::PluginName;
use crate::plugin::profile::Profile;
use crate::plugin::view::PodView;
use crate::plugin::{CachedScore, ClassScore, PreScore, Representative, Score, ScoreHints};

/// A score state: of one pod, or shared by all pods of a class.
pub(crate) enum ScoreState<'a> {
    /// For one pod, at one time.
    Once(Box<dyn Score + 'a>),
    /// For all pods of a class, as long as it follows the changes of the cluster.
    Cached(Box<dyn CachedScore>),
}

impl<'a> ScoreState<'a> {
    /// The state that a plugin answered with; `None` if the plugin does not score the pod as things are.
    pub(crate) fn of(answer: PreScore<'a>) -> Option<Self> {
        match answer {
            PreScore::Skip | PreScore::ForClass(ClassScore::Skip) => None,
            PreScore::Run(state) => Some(Self::Once(state)),
            PreScore::ForClass(ClassScore::Run(state)) => {
                (!state.is_skipped()).then_some(Self::Cached(state))
            }
        }
    }

    pub(crate) fn score(&self) -> &(dyn Score + 'a) {
        match self {
            Self::Once(state) => &**state,
            Self::Cached(state) => &**state,
        }
    }

    pub(crate) fn hints(&self) -> ScoreHints<'_> {
        self.score().hints()
    }
}

/// One plugin's prepared score.
pub(crate) struct ReadyScore<'a> {
    pub(crate) plugin: PluginName,
    pub(crate) weight: i64,
    pub(crate) state: ScoreState<'a>,
}

/// Prepares the scores of a profile for a pod (upstream: `RunPreScorePlugins`).
pub(crate) fn prepare<'a>(profile: &'a Profile, pod: PodView<'a>) -> impl Iterator<Item = ReadyScore<'a>> {
    profile.score.iter().filter_map(move |(plugin, weight)| {
        let state = ScoreState::of(plugin.pre_score(pod))?;
        Some(ReadyScore { plugin: plugin.name(), weight: *weight, state })
    })
}

impl ReadyScore<'_> {
    /// The weighted normalized scores of some nodes. `out` is as long as the nodes.
    pub(crate) fn weighted(&self, cluster: &Cluster, nodes: &[Representative], out: &mut [i64]) {
        out.fill(0);
        self.state.score().score(cluster, nodes, out);
        self.state.score().normalize(cluster, nodes, out);
        out.iter_mut().for_each(|score| *score *= self.weight);
    }
}

/// The weighted sum of normalized scores for each node.
pub(crate) fn totals<'s>(
    scores: impl IntoIterator<Item = &'s ReadyScore<'s>>,
    cluster: &Cluster,
    nodes: &[Representative],
) -> Vec<i64> {
    let mut totals = vec![0; nodes.len()];
    let mut out = vec![0; nodes.len()];
    for ready in scores {
        ready.weighted(cluster, nodes, &mut out);
        totals.iter_mut().zip(&out).for_each(|(total, score)| *total += score);
    }
    totals
}
