//! A profile's filters, prepared for a pod: what judges nodes, as they are or as they would be.

use std::sync::Arc;

use crate::cluster::Cluster;
use crate::ids::NodeRow;
use crate::plugin::{Depends, Filter, Plugin, Prepared};
use crate::profile::Profile;
use crate::verdict::{Code, Rejection, Verdict};
use crate::view::{Delta, NodeView, PodView};

/// One plugin's prepared filter.
pub struct ReadyFilter<'a> {
    /// The plugin's name.
    pub plugin: &'static str,
    /// What its answers depend on.
    pub depends: Depends,
    /// What it knows.
    pub state: Box<dyn Filter + 'a>,
}

/// The filters that have something to judge, in the profile's order. Idle ones are among them, and say nothing.
#[derive(Default)]
pub struct Filters<'a>(pub Vec<ReadyFilter<'a>>);

/// What preparing the filters came to.
#[derive(Default)]
pub struct Preparation<'a> {
    /// The filters.
    pub filters: Filters<'a>,
    /// A plugin rejected the pod.
    pub rejected: Option<Verdict>,
    /// Only these nodes come into question, sorted by row.
    pub only: Option<Vec<NodeRow>>,
    /// Who narrowed the nodes, sorted.
    pub narrowed_by: Vec<&'static str>,
}

/// Prepares the filters of a profile for a pod (upstream: `RunPreFilterPlugins`).
pub fn prepare<'a>(profile: &'a Profile, pod: PodView<'a>) -> Preparation<'a> {
    prepare_by(profile, pod, |plugin| plugin.prepare_filter(pod))
}

/// Prepares the filters of a profile for all pods of a class.
pub fn keep(profile: &Profile, pod: PodView<'_>) -> Preparation<'static> {
    prepare_by(profile, pod, |plugin| plugin.keep_filter(pod))
}

fn prepare_by<'a, 'p>(
    profile: &'p Profile,
    pod: PodView<'_>,
    ask: impl Fn(&'p dyn Plugin) -> Prepared<'a>,
) -> Preparation<'a> {
    let mut states: Vec<ReadyFilter<'a>> = Vec::new();
    let mut done = Preparation::default();
    let filter_only = profile.filter.iter().filter(|f| !contains(&profile.pre_filter, f.name()));
    for plugin in profile.pre_filter.iter().chain(filter_only) {
        let ready =
            |state| ReadyFilter { plugin: plugin.name(), depends: plugin.filter_depends(pod.class), state };
        match ask(&**plugin) {
            Prepared::Nothing => {}
            Prepared::Ready(state) => states.push(ready(state)),
            Prepared::Only(rows, state) => {
                states.push(ready(state));
                done.narrow(plugin.name(), rows);
            }
            Prepared::Reject(rejection) => {
                // Preemption may still help an Unschedulable pod, and needs the other plugins' states.
                let goes_on = rejection.code == Code::Unschedulable;
                done.rejected = Some(Verdict::before_filters(plugin.name(), rejection));
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
        if let Some(at) = states.iter().position(|ready| ready.plugin == plugin.name()) {
            done.filters.0.push(states.swap_remove(at));
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

    /// Who narrowed the nodes, as far as it counts: where a plugin rejects the pod whatever anybody else says, it alone has
    /// rejected it.
    pub fn answerable(&self) -> Vec<&'static str> {
        let settled = |v: &Verdict| !v.plugin.is_empty() && v.rejection.code != Code::Unschedulable;
        if self.rejected.as_ref().is_some_and(settled) { Vec::new() } else { self.narrowed_by.clone() }
    }

    /// What is said of the nodes that were narrowed away.
    pub fn absent(&self) -> Option<Rejection> {
        self.only.as_ref()?;
        let text = format!("node(s) didn't satisfy plugin(s) [{}]", self.narrowed_by.join(" "));
        Some(Rejection::new(Code::UnschedulableAndUnresolvable, text.into()))
    }

    /// The nodes that come into question, in the order of their names.
    pub fn rows(&self, cluster: &Cluster) -> Vec<NodeRow> {
        let nodes = cluster.nodes();
        match &self.only {
            None => nodes.by_name().map(|(_, row)| row).collect(),
            Some(only) => {
                let mut rows = only.clone();
                rows.sort_unstable_by_key(|&row| nodes.ranks().of(row));
                rows
            }
        }
    }
}

impl ReadyFilter<'_> {
    /// Asks about a node.
    pub fn check(&self, node: NodeView<'_>) -> Option<Verdict> {
        if self.state.is_idle() {
            return None;
        }
        self.state.check(node).map(|rejection| Verdict::of_filter(self.plugin, rejection))
    }
}

impl Filters<'_> {
    /// Asks all filters about a node; the first rejection counts.
    pub fn check(&self, node: NodeView<'_>) -> Option<Verdict> {
        self.0.iter().find_map(|ready| ready.check(node))
    }

    /// Asks all filters about a node that may have nominated pods, without the pods that a delta takes away.
    ///
    /// Pods of equal or higher priority that are nominated there are taken as running first; if the pod fits beside
    /// them it must fit without them too, since they may end up elsewhere.
    pub fn check_with_nominated(&self, pod: PodView<'_>, row: NodeRow, without: &Delta) -> Option<Verdict> {
        let cluster = pod.cluster;
        let outranks = |&&other: &&crate::ids::PodRow| {
            other != pod.row && cluster.pods().class_of(other).spec.priority >= pod.class.spec.priority
        };
        let mut others = cluster.nominated(row).iter().filter(outranks).peekable();
        if others.peek().is_some() {
            let mut with = without.clone();
            others.for_each(|&other| with.add(other, cluster));
            let verdict = self.check(NodeView::with_delta(cluster, row, &with));
            if verdict.is_some() {
                return verdict;
            }
        }
        self.check(NodeView::with_delta(cluster, row, without))
    }

    /// The verdicts on rows, in their order.
    pub fn scan(&self, pod: PodView<'_>, rows: &[NodeRow]) -> Vec<Option<Verdict>> {
        let cluster = pod.cluster;
        let mut verdicts: Vec<Option<Verdict>> = vec![None; rows.len()];
        for ready in self.0.iter().filter(|ready| !ready.state.is_idle()) {
            let mut at = 0;
            ready.state.scan(cluster, rows, &mut |_, rejection| {
                if verdicts[at].is_none() {
                    verdicts[at] = rejection.map(|rejection| Verdict::of_filter(ready.plugin, rejection));
                }
                at += 1;
            });
        }
        if cluster.has_nominations() {
            for (&row, verdict) in rows.iter().zip(&mut verdicts) {
                if !cluster.nominated(row).is_empty() {
                    *verdict = self.check_with_nominated(pod, row, &Delta::default());
                }
            }
        }
        verdicts
    }

    /// The node that an earlier preemption nominated, if the pod fits there: then no other node is looked at.
    pub fn fitting_nominated(&self, pod: PodView<'_>) -> Option<NodeRow> {
        let row = pod.cluster.nodes().find(pod.entry().pod.nominated_node.as_ref()?)?;
        self.check_with_nominated(pod, row, &Delta::default()).is_none().then_some(row)
    }
}
