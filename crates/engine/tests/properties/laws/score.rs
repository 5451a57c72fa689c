//! The laws of scores.

use std::collections::BTreeMap;

use berth_engine::cluster::{Change, Cluster, UniformColumns};
use berth_engine::ids::NodeRow;
use berth_engine::plugin::{
    CacheScope, CachedScore, ClassScore, MAX_SCORE, Plugin, PreScore, RawScore, Representative, Score,
    Validity,
};
use berth_engine::view::PodView;

use super::{PartitionKey, bounds, equal_nodes, law, name, uniform_groups};

/// What a score said of a pod.
#[derive(Default)]
pub(super) struct WatchedScore {
    cached: Option<Cached>,
}

struct Cached {
    state: Box<dyn CachedScore>,
    /// The raw score of each node, and its key.
    answers: BTreeMap<NodeRow, (i64, PartitionKey)>,
}

impl WatchedScore {
    pub(super) fn check(
        &mut self,
        plugin: &dyn Plugin,
        pod: PodView<'_>,
        changes: Option<&[Change]>,
    ) -> Result<(), String> {
        let cluster = pod.cluster;
        if let Some(mut cached) = self.cached.take() {
            let valid = changes.is_some_and(|changes| {
                let mut changes = changes.iter();
                changes.all(|&change| {
                    !change.invalidates_all() && cached.state.apply_change(cluster, change) == Validity::Valid
                })
            });
            if valid {
                let rows: Vec<NodeRow> =
                    changes.into_iter().flatten().filter_map(|change| change.row()).collect();
                cached.is_as_fresh(plugin, pod, &rows)?;
                self.cached = Some(cached);
            }
        }
        match plugin.pre_score(pod) {
            PreScore::Skip | PreScore::ForClass(ClassScore::Skip) => {}
            PreScore::Run(state) => hints_hold(&*state, cluster)?,
            PreScore::ForClass(ClassScore::Run(state)) => {
                hints_hold(&*state, cluster)?;
                groups_are_as_single_nodes(&*state, cluster)?;
            }
        }
        if self.cached.is_none() {
            self.cached = Cached::of(plugin, pod);
        }
        Ok(())
    }
}

impl Cached {
    fn of(plugin: &dyn Plugin, pod: PodView<'_>) -> Option<Self> {
        let PreScore::ForClass(ClassScore::Run(state)) = plugin.pre_score(pod) else { return None };
        let mut cached = Self { state, answers: BTreeMap::new() };
        cached.answers = cached.all(pod.cluster);
        Some(cached)
    }

    fn all(&self, cluster: &Cluster) -> BTreeMap<NodeRow, (i64, PartitionKey)> {
        let rows: Vec<NodeRow> = cluster.nodes().rows().collect();
        let scores = raw(&*self.state, cluster, &singles(&rows));
        let answer = |(&row, score): (&NodeRow, i64)| (row, (score, key(&*self.state, cluster, row)));
        rows.iter().zip(scores).map(answer).collect()
    }

    /// A state that took all changes into account scores as a fresh one, and its scope holds.
    fn is_as_fresh(
        &mut self,
        plugin: &dyn Plugin,
        pod: PodView<'_>,
        changed: &[NodeRow],
    ) -> Result<(), String> {
        let cluster = pod.cluster;
        let Some(fresh) = Self::of(plugin, pod) else {
            return Err("a class state is valid, and there would be none now".into());
        };
        law(self.state.is_skipped() == fresh.state.is_skipped(), || {
            format!("skipped {}, and freshly {}", self.state.is_skipped(), fresh.state.is_skipped())
        })?;
        let now = self.all(cluster);
        let by_domains = matches!(self.state.scope(), CacheScope::Domains(_));
        for (&row, (score, key)) in &now {
            let node = name(cluster, row);
            law(*score == fresh.answers[&row].0, || {
                format!("{node} scores {score}, freshly {}", fresh.answers[&row].0)
            })?;
            if let Some((before, key_before)) = self.answers.get(&row).filter(|_| !changed.contains(&row)) {
                law(by_domains || before == score, || {
                    format!("{node} did not change, and scores {score}, before {before}")
                })?;
                law(key_before == key, || format!("{node} did not change, and has another key"))?;
            }
        }
        let rows: Vec<NodeRow> = cluster.nodes().rows().collect();
        let (ours, theirs) = (
            normalized(&*self.state, cluster, &singles(&rows)),
            normalized(&*fresh.state, cluster, &singles(&rows)),
        );
        law(ours == theirs, || format!("scores {ours:?}, freshly {theirs:?}"))?;
        self.answers = now;
        Ok(())
    }
}

fn key(state: &dyn CachedScore, cluster: &Cluster, row: NodeRow) -> PartitionKey {
    let mut key = PartitionKey::new();
    if let CacheScope::Domains(partition) = state.scope() {
        partition.partition_key(cluster, row, &mut key);
    }
    key
}

fn singles(rows: &[NodeRow]) -> Vec<Representative> {
    rows.iter().copied().map(Representative::single).collect()
}

fn raw(state: &dyn Score, cluster: &Cluster, nodes: &[Representative]) -> Vec<i64> {
    let mut scores = vec![0; nodes.len()];
    state.score(cluster, nodes, &mut scores);
    scores
}

fn normalized(state: &dyn Score, cluster: &Cluster, nodes: &[Representative]) -> Vec<i64> {
    let mut scores = raw(state, cluster, nodes);
    state.normalize(cluster, nodes, &mut scores);
    scores
}

/// Nodes with one key, or one raw score by their facts, may come as one that stands for all of them.
fn groups_are_as_single_nodes(state: &dyn CachedScore, cluster: &Cluster) -> Result<(), String> {
    if matches!(state.scope(), CacheScope::NodeUsage) {
        return law(matches!(state.hints().raw, RawScore::Final(_)), || {
            "a score by usage is not final".into()
        });
    }
    let rows: Vec<NodeRow> = cluster.nodes().rows().collect();
    let singles = singles(&rows);
    let (raws, single) = (raw(state, cluster, &singles), normalized(state, cluster, &singles));
    let mut groups: BTreeMap<(PartitionKey, i64), Vec<usize>> = BTreeMap::new();
    for (at, &row) in rows.iter().enumerate() {
        let by_facts = matches!(state.scope(), CacheScope::NodeFacts);
        let fact = if by_facts { raws[at] } else { 0 };
        groups.entry((key(state, cluster, row), fact)).or_default().push(at);
    }
    let group = |members: &Vec<usize>| Representative { row: rows[members[0]], nodes: members.len() };
    let together: Vec<Representative> = groups.values().map(group).collect();
    for (members, score) in groups.values().zip(normalized(state, cluster, &together)) {
        law(members.iter().all(|&at| single[at] == score), || {
            format!("as one of {} nodes each scores {score}, alone {single:?}", members.len())
        })?;
    }
    Ok(())
}

/// What the hints of a score promise holds.
fn hints_hold(state: &dyn Score, cluster: &Cluster) -> Result<(), String> {
    let hints = state.hints();
    let rows: Vec<NodeRow> = cluster.nodes().rows().collect();
    let nodes = singles(&rows);
    let (raws, scores) = (raw(state, cluster, &nodes), normalized(state, cluster, &nodes));
    law(scores.iter().all(|score| (0..=MAX_SCORE).contains(score)), || format!("out of range: {scores:?}"))?;
    law(!hints.zero || scores.iter().all(|score| *score == 0), || format!("zero, and {scores:?}"))?;
    if hints.ignores_counts {
        let many: Vec<Representative> =
            (1..).zip(&nodes).map(|(nodes, node)| Representative { nodes, ..*node }).collect();
        law(normalized(state, cluster, &many) == scores, || "ignores counts, and looks at them".into())?;
    }
    let bound = match hints.raw {
        RawScore::Relative => None,
        RawScore::Final(bound) => {
            law(raws == scores, || format!("final raw scores {raws:?} become {scores:?}"))?;
            Some(bound)
        }
        RawScore::Ranked(bound) => {
            let best = raws.iter().max();
            let agree = raws.iter().zip(&scores).all(|(raw, s)| (Some(raw) == best) == (*s == MAX_SCORE));
            law(agree, || format!("ranked raw scores {raws:?} become {scores:?}"))?;
            Some(bound)
        }
    };
    for group in equal_nodes(cluster).iter().filter(|_| bound.is_some()) {
        let highest = bound.map_or(i64::MAX, |bound| bound.highest(cluster, &bounds(cluster, group)));
        let above = rows.iter().zip(&raws).find(|(row, raw)| group.contains(row) && **raw > highest);
        law(above.is_none(), || format!("{above:?} is above the bound {highest} of {group:?}"))?;
    }
    if let Some(uniform) = hints.uniform {
        let columns = UniformColumns::of(cluster.nodes());
        if uniform.is_uniform(&columns) {
            for group in uniform_groups(cluster, &columns) {
                let scores = raw(state, cluster, &singles(&group));
                law(scores.iter().all(|score| *score == scores[0]), || {
                    format!("uniform nodes {group:?} score {scores:?}")
                })?;
            }
        }
    }
    Ok(())
}
