//! One pod's decision, by asking every plugin about every node.
//!
//! This is the naive scan: it is what every faster path is judged by, and it yields everything that explanations need.
//! Upstream: `schedule_one.go` (`SchedulePod`), `framework/runtime/framework.go`.
//!
//! Differences from upstream, both on purpose: all feasible nodes are scored (no sampling), and of the nodes with the
//! highest total the first by name is taken (upstream: by chance).

use std::sync::Arc;

use crate::cluster::Cluster;
use crate::ids::{NodeRow, PodRow};
use crate::message;
use crate::plugin::{Filter, Group, Plugin, Prepared};
use crate::profile::Profile;
use crate::verdict::{Code, Reason, Rejection, Verdict};
use crate::view::{Delta, NodeView, PodView};

/// All that is to be said about a pod and the nodes.
#[derive(Debug)]
pub struct Assessment {
    /// The pod must not enter the queue.
    pub gated: Option<Verdict>,
    /// The pod was rejected before any node was looked at.
    pub rejected_early: Option<Verdict>,
    /// What is said of nodes that a plugin had narrowed away before any filter ran.
    pub absent: Option<Rejection>,
    /// Why each rejected node was rejected, in the order of the nodes' names.
    pub rejected: Vec<(NodeRow, Verdict)>,
    /// The nodes that passed all filters, in the order of their names.
    pub feasible: Vec<NodeRow>,
    /// Weighted scores of each plugin that scored, in the order of `feasible`.
    pub scores: Vec<(&'static str, Vec<i64>)>,
    /// Total scores, in the order of `feasible`.
    pub totals: Vec<i64>,
}

impl Assessment {
    /// The nodes with the highest total, in the order of their names.
    pub fn best(&self) -> Vec<NodeRow> {
        let max = self.totals.iter().max();
        let with_max = self.feasible.iter().zip(&self.totals).filter(|(_, total)| Some(*total) == max);
        with_max.map(|(&row, _)| row).collect()
    }

    /// The node to put the pod on, and its total score.
    pub fn choice(&self) -> Option<(NodeRow, i64)> {
        let max = *self.totals.iter().max()?;
        let at = self.totals.iter().position(|&t| t == max)?;
        Some((self.feasible[at], max))
    }

    /// Upstream's text for the pod's condition and event when nothing fits.
    pub fn message(&self, cluster: &Cluster) -> String {
        message::fit_error(self, cluster)
    }
}

/// A pod's filters, prepared: what judges nodes, as they are or as they would be.
#[derive(Debug)]
pub struct Filters<'a> {
    pod: PodView<'a>,
    ready: Vec<(&'static str, Box<dyn Filter>)>,
}

/// What preparing the filters came to.
#[derive(Debug)]
pub struct Preparation<'a> {
    /// The filters that have something to judge, in the profile's order.
    pub filters: Filters<'a>,
    /// A plugin rejected the pod.
    pub rejected: Option<Verdict>,
    /// Only these nodes come into question, sorted by row.
    pub only: Option<Vec<NodeRow>>,
    /// Who narrowed the nodes, sorted.
    pub narrowed_by: Vec<&'static str>,
}

/// Prepares the filters of a profile for a pod.
pub fn prepare<'a>(profile: &Profile, pod: PodView<'a>) -> Preparation<'a> {
    let mut states: Vec<(&'static str, Box<dyn Filter>)> = Vec::new();
    let mut done = Preparation {
        filters: Filters { pod, ready: Vec::new() },
        rejected: None,
        only: None,
        narrowed_by: Vec::new(),
    };
    let filter_only = profile.filter.iter().filter(|f| !contains(&profile.pre_filter, f.name()));
    for plugin in profile.pre_filter.iter().chain(filter_only) {
        match plugin.prepare_filter(pod) {
            Prepared::Nothing => {}
            Prepared::Ready(state) if state.is_idle() => {}
            Prepared::Ready(state) => states.push((plugin.name(), state)),
            Prepared::Only(rows, state) => {
                states.push((plugin.name(), state));
                done.narrow(plugin.name(), rows);
            }
            Prepared::Reject(rejection) => {
                // Preemption may still help an Unschedulable pod, and needs the other plugins' states.
                let goes_on = rejection.code == Code::Unschedulable;
                done.rejected = Some(Verdict { plugin: plugin.name(), rejection });
                if !goes_on {
                    return done;
                }
            }
        }
        // One plugin alone may name nodes that are not there; that is no contradiction.
        if done.narrowed_by.len() > 1 && done.only.as_ref().is_some_and(Vec::is_empty) {
            done.rejected = Some(Verdict { plugin: "", rejection: nothing_left(&done.narrowed_by) });
            return done;
        }
    }
    for plugin in &profile.filter {
        if let Some(at) = states.iter().position(|(name, _)| *name == plugin.name()) {
            done.filters.ready.push(states.swap_remove(at));
        }
    }
    done
}

fn contains(list: &[Arc<dyn Plugin>], name: &str) -> bool {
    list.iter().any(|p| p.name() == name)
}

fn nothing_left(narrowed_by: &[&str]) -> Rejection {
    let text = format!("node(s) didn't satisfy plugin(s) [{}] simultaneously", narrowed_by.join(" "));
    Rejection::new(Code::UnschedulableAndUnresolvable, text.into())
}

impl Preparation<'_> {
    fn narrow(&mut self, plugin: &'static str, rows: Vec<NodeRow>) {
        self.narrowed_by.push(plugin);
        self.narrowed_by.sort_unstable();
        self.only = Some(match self.only.take() {
            None => rows,
            Some(before) => before.into_iter().filter(|r| rows.binary_search(r).is_ok()).collect(),
        });
    }

    /// What is said of the nodes that were narrowed away.
    pub fn absent(&self) -> Option<Rejection> {
        self.only.as_ref()?;
        let text = format!("node(s) didn't satisfy plugin(s) [{}]", self.narrowed_by.join(" "));
        Some(Rejection::new(Code::UnschedulableAndUnresolvable, text.into()))
    }
}

impl Filters<'_> {
    /// Asks all filters about a node; the first rejection counts.
    pub fn check(&self, node: NodeView<'_>) -> Option<Verdict> {
        self.ready
            .iter()
            .find_map(|(plugin, filter)| filter.check(node).map(|rejection| Verdict { plugin, rejection }))
    }

    /// Asks all filters about a node that may have nominated pods.
    ///
    /// Pods of equal or higher priority that are nominated there are taken as running first; if the pod fits beside
    /// them it must fit without them too, since they may end up elsewhere.
    pub fn check_with_nominated(&self, row: NodeRow, without: &Delta) -> Option<Verdict> {
        let cluster = self.pod.cluster;
        let mut with = without.clone();
        let mut any = false;
        for &other in cluster.nominated(row) {
            let priority = cluster.pods().class_of(other).spec.priority;
            if other != self.pod.row && priority >= self.pod.class.spec.priority {
                with.add(other, cluster);
                any = true;
            }
        }
        if any && let Some(verdict) = self.check(NodeView::with_delta(cluster, row, &with)) {
            return Some(verdict);
        }
        self.check(NodeView::with_delta(cluster, row, without))
    }

    /// Judges rows, calling back with each; the order of calls is the order of rows.
    fn scan(&self, rows: &[NodeRow], out: &mut [Option<Verdict>]) {
        let cluster = self.pod.cluster;
        for (plugin, filter) in &self.ready {
            let mut at = 0;
            filter.scan(cluster, rows, &mut |_, rejection| {
                if out[at].is_none() {
                    out[at] = rejection.map(|rejection| Verdict { plugin, rejection });
                }
                at += 1;
            });
        }
        if cluster.has_nominations() {
            for (&row, verdict) in rows.iter().zip(out) {
                if !cluster.nominated(row).is_empty() {
                    *verdict = self.check_with_nominated(row, &Delta::default());
                }
            }
        }
    }
}

/// Asks every plugin of the profile about every node.
pub fn assess(profile: &Profile, cluster: &Cluster, row: PodRow) -> Assessment {
    let pod = PodView::new(cluster, row);
    let mut result = Assessment {
        gated: gate(profile, pod),
        rejected_early: None,
        absent: None,
        rejected: Vec::new(),
        feasible: Vec::new(),
        scores: Vec::new(),
        totals: Vec::new(),
    };
    if result.gated.is_some() {
        return result;
    }
    let prepared = prepare(profile, pod);
    if prepared.rejected.is_some() {
        result.rejected_early = prepared.rejected;
        return result;
    }
    if let Some(nominated) = fitting_nominated(&prepared.filters) {
        result.feasible.push(nominated);
        score(profile, pod, &mut result);
        return result;
    }
    result.absent = prepared.absent();
    let in_question =
        |row: &NodeRow| prepared.only.as_ref().is_none_or(|only| only.binary_search(row).is_ok());
    let rows: Vec<NodeRow> = cluster.nodes().by_name().map(|(_, row)| row).filter(in_question).collect();
    let mut verdicts = vec![None; rows.len()];
    prepared.filters.scan(&rows, &mut verdicts);
    for (row, verdict) in rows.into_iter().zip(verdicts) {
        match verdict {
            None => result.feasible.push(row),
            Some(verdict) => result.rejected.push((row, verdict)),
        }
    }
    score(profile, pod, &mut result);
    result
}

/// The node that an earlier preemption nominated, if the pod fits there: then no other node is looked at.
fn fitting_nominated(filters: &Filters<'_>) -> Option<NodeRow> {
    let pod = filters.pod;
    let row = pod.cluster.nodes().find(pod.entry().pod.nominated_node.as_ref()?)?;
    filters.check_with_nominated(row, &Delta::default()).is_none().then_some(row)
}

/// Whether a plugin keeps the pod out of the queue.
pub fn gate(profile: &Profile, pod: PodView<'_>) -> Option<Verdict> {
    profile.pre_enqueue.iter().find_map(|plugin| {
        plugin.pre_enqueue(pod).map(|rejection| Verdict { plugin: plugin.name(), rejection })
    })
}

fn score(profile: &Profile, pod: PodView<'_>, result: &mut Assessment) {
    result.totals = vec![0; result.feasible.len()];
    if result.feasible.is_empty() {
        return;
    }
    let feasible: Vec<Group> = result.feasible.iter().copied().map(Group::single).collect();
    for (plugin, weight) in &profile.score {
        let state = plugin.prepare_score(pod).filter(|state| !state.is_idle());
        let Some(state) = state else { continue };
        let mut scores = vec![0; result.feasible.len()];
        state.score(pod.cluster, &feasible, &mut scores);
        state.normalize(pod.cluster, &feasible, &mut scores);
        for (score, total) in scores.iter_mut().zip(&mut result.totals) {
            *score *= weight;
            *total += *score;
        }
        result.scores.push((plugin.name(), scores));
    }
}

/// The reasons of a rejection, sorted: upstream lists some of them in chance order.
pub fn sorted_reasons(rejection: &Rejection) -> Vec<&str> {
    let mut texts: Vec<&str> = rejection.reasons.iter().map(Reason::text).collect();
    texts.sort_unstable();
    texts
}
