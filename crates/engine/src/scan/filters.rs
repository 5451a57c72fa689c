//! A profile's filters, prepared for a pod: they check nodes as they are or as they would be.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::cluster::Cluster;
use crate::ids::name::PluginName;
use crate::ids::{NodeRow, PodRow};
use crate::plugin::detail::Detail;
use crate::plugin::profile::Profile;
use crate::plugin::view::{Delta, NodeView, PodView};
use crate::plugin::{CacheScope, CachedFilter, ClassFilter, Filter, FilterHints, Plugin, PreFilter};
use crate::verdict::{Code, Rejection, Verdict};

/// A filter state: of one pod, or shared by all pods of a class.
pub enum FilterState<'a> {
    /// For one pod, at one time.
    Once(Box<dyn Filter + 'a>),
    /// For all pods of a class, as long as it follows the changes of the cluster.
    Cached(Box<dyn CachedFilter>),
}

impl<'a> FilterState<'a> {
    fn filter(&self) -> &(dyn Filter + 'a) {
        match self {
            Self::Once(state) => &**state,
            Self::Cached(state) => &**state,
        }
    }

    /// Whether no node is checked, hypothetical ones included.
    pub fn is_skipped(&self) -> bool {
        match self {
            Self::Once(_) => false,
            Self::Cached(state) => state.is_skipped(),
        }
    }

    /// Why the node does not take the pod; `None` if it does.
    pub fn check(&self, node: NodeView<'_>) -> Option<Rejection> {
        self.filter().check(node)
    }

    /// What the node lacks, for people.
    pub fn explain(&self, node: NodeView<'_>, details: &mut Vec<Detail>) {
        self.filter().explain(node, details);
    }

    /// What else is known.
    pub fn hints(&self) -> FilterHints<'_> {
        self.filter().hints()
    }

    /// Checks nodes as they are, and calls `verdict` for each in their order.
    pub fn check_all(
        &self,
        cluster: &Cluster,
        rows: &[NodeRow],
        verdict: &mut dyn FnMut(NodeRow, Option<Rejection>),
    ) {
        match self.hints().batch {
            Some(batch) => batch.check_all(cluster, rows, verdict),
            None => rows.iter().for_each(|&row| verdict(row, self.check(NodeView::new(cluster, row)))),
        }
    }

    /// Keeps the nodes that are accepted. `false` if the answer about some node is an error.
    pub fn retain(&self, cluster: &Cluster, rows: &mut Vec<NodeRow>) -> bool {
        if let Some(batch) = self.hints().batch {
            return batch.retain(cluster, rows);
        }
        let mut answers = true;
        rows.retain(|&row| {
            let rejection = self.check(NodeView::new(cluster, row));
            answers &= rejection.as_ref().is_none_or(|rejection| rejection.code != Code::Error);
            rejection.is_none()
        });
        answers
    }

    /// Whether the answers depend on pods of other nodes.
    fn looks_at_domains(&self) -> bool {
        match self {
            Self::Once(_) => false,
            Self::Cached(state) => matches!(state.scope(), CacheScope::Domains(_)),
        }
    }
}

/// What a plugin answered, whether for one pod or for all pods of a class.
pub(crate) enum Answer<'a> {
    /// The plugin rejects no node.
    Skip,
    /// The plugin rejects the pod.
    Reject(Rejection),
    /// The plugin checks nodes, only those that are listed if there is a list.
    Check(FilterState<'a>, Option<Vec<NodeRow>>),
}

impl<'a> From<PreFilter<'a>> for Answer<'a> {
    fn from(answer: PreFilter<'a>) -> Self {
        match answer {
            PreFilter::Skip => Self::Skip,
            PreFilter::Reject(rejection) => Self::Reject(rejection),
            PreFilter::Run(state) => Self::Check(FilterState::Once(state), None),
            PreFilter::Subset(rows, state) => Self::Check(FilterState::Once(state), Some(rows)),
            PreFilter::ForClass(answer) => answer.into(),
        }
    }
}

impl From<ClassFilter> for Answer<'_> {
    fn from(answer: ClassFilter) -> Self {
        match answer {
            ClassFilter::Skip => Self::Skip,
            ClassFilter::Reject(rejection) => Self::Reject(rejection),
            ClassFilter::Run(state) => Self::Check(FilterState::Cached(state), None),
            ClassFilter::Subset(rows, state) => Self::Check(FilterState::Cached(state), Some(rows)),
        }
    }
}

/// One plugin's prepared filter.
pub struct ReadyFilter<'a> {
    /// The plugin's name.
    pub plugin: PluginName,
    /// Whether the answers depend on pods of other nodes, for a state of a class.
    pub looks_at_domains: bool,
    /// What it knows.
    pub state: FilterState<'a>,
}

/// The filters that check nodes, in the profile's order. Skipped ones are among them, and accept every node.
#[derive(Default)]
pub struct Filters<'a>(pub Vec<ReadyFilter<'a>>);

/// What the preparation of the filters came to.
#[derive(Default)]
pub struct Preparation<'a> {
    /// The filters.
    pub filters: Filters<'a>,
    /// A plugin rejected the pod.
    pub rejected: Option<Verdict>,
    /// Only these nodes can take the pod, sorted by row.
    pub only: Option<Vec<NodeRow>>,
    /// The plugins that returned such a list, sorted (upstream: PreFilterResult).
    pub prefilter_plugins: Vec<PluginName>,
    /// The states of plugins that returned such a list and are not enabled at Filter. They check no node, but they know
    /// for how long the list holds.
    pub only_listing: Vec<FilterState<'a>>,
}

/// Prepares the filters of a profile for a pod (upstream: `RunPreFilterPlugins`).
pub fn prepare<'a>(profile: &'a Profile, pod: PodView<'a>) -> Preparation<'a> {
    prepare_by(profile, |plugin| plugin.pre_filter(pod).into())
}

/// Prepares the filters of a profile for all pods of a class. Plugins that answer for one pod at a time are left out,
/// and put into `per_pod`.
pub(crate) fn prepare_class(
    profile: &Profile,
    pod: PodView<'_>,
    per_pod: &mut Vec<Arc<dyn Plugin>>,
) -> Preparation<'static> {
    prepare_by(profile, |plugin| match plugin.pre_filter(pod) {
        PreFilter::ForClass(answer) => answer.into(),
        _ => {
            per_pod.push(plugin.clone());
            Answer::Skip
        }
    })
}

fn prepare_by<'a, 'p>(
    profile: &'p Profile,
    mut ask: impl FnMut(&'p Arc<dyn Plugin>) -> Answer<'a>,
) -> Preparation<'a> {
    let pre_filter: SmallVec<[PluginName; 16]> = profile.pre_filter.iter().map(|p| p.name()).collect();
    let filter: SmallVec<[PluginName; 16]> = profile.filter.iter().map(|p| p.name()).collect();
    let is_filter_only = |&at: &usize| position(&pre_filter, &filter[at], at).is_none();
    let filter_only: SmallVec<[usize; 4]> = (0..filter.len()).filter(is_filter_only).collect();
    // By place among all plugins that are asked.
    let mut states: Vec<Option<ReadyFilter<'a>>> = Vec::new();
    states.resize_with(pre_filter.len() + filter_only.len(), || None);
    let mut listed: SmallVec<[bool; 32]> = SmallVec::new();
    let mut done = Preparation::default();
    let filter_only_plugins = filter_only.iter().map(|&at| &profile.filter[at]);
    for (slot, plugin) in states.iter_mut().zip(profile.pre_filter.iter().chain(filter_only_plugins)) {
        let answer = ask(plugin);
        listed.push(matches!(answer, Answer::Check(_, Some(_))));
        match answer {
            Answer::Skip => {}
            Answer::Check(state, only) => {
                let looks_at_domains = state.looks_at_domains();
                *slot = Some(ReadyFilter { plugin: plugin.name(), looks_at_domains, state });
                if let Some(rows) = only {
                    done.narrow(plugin.name(), rows);
                }
            }
            Answer::Reject(rejection) => {
                // Preemption may still help an Unschedulable pod, and needs the other plugins' states.
                let goes_on = rejection.code == Code::Unschedulable;
                done.rejected = Some(Verdict::before_filters(plugin.name(), rejection));
                if !goes_on {
                    return done;
                }
            }
        }
        // One plugin alone may name nodes that are not there; that is no contradiction.
        if done.prefilter_plugins.len() > 1 && done.only.as_ref().is_some_and(Vec::is_empty) {
            let rejection = nothing_left(&done.prefilter_plugins);
            done.rejected = Some(Verdict { plugin: PluginName::FRAMEWORK, rejection });
            return done;
        }
    }
    for (at, name) in filter.iter().enumerate() {
        let own = || Some(pre_filter.len() + filter_only.iter().position(|other| *other == at)?);
        let place = position(&pre_filter, name, at).or_else(own);
        done.filters.0.extend(place.and_then(|place| states[place].take()));
    }
    let unused = states.into_iter().zip(listed).filter(|(_, listed)| *listed).filter_map(|(ready, _)| ready);
    done.only_listing.extend(unused.map(|ready| ready.state));
    done
}

/// The place of a name, which is mostly the one that is given.
fn position(names: &[PluginName], name: &PluginName, likely: usize) -> Option<usize> {
    if names.get(likely) == Some(name) {
        return Some(likely);
    }
    names.iter().position(|other| other == name)
}

fn nothing_left(prefilter_plugins: &[PluginName]) -> Rejection {
    let text = format!("node(s) didn't satisfy plugin(s) [{}] simultaneously", prefilter_plugins.join(" "));
    Rejection::new(Code::UnschedulableAndUnresolvable, text.into())
}

impl Preparation<'_> {
    fn narrow(&mut self, plugin: PluginName, rows: Vec<NodeRow>) {
        self.prefilter_plugins.push(plugin);
        self.prefilter_plugins.sort_unstable();
        self.only = Some(match self.only.take() {
            None => rows,
            Some(before) => before.into_iter().filter(|r| rows.binary_search(r).is_ok()).collect(),
        });
    }

    /// The plugins that excluded nodes before any filter ran, and count as rejecting the pod. They do not count if a
    /// plugin rejects the pod on every node.
    pub fn rejecting_prefilters(&self) -> Vec<PluginName> {
        let settled = |v: &Verdict| !v.plugin.is_empty() && v.rejection.code != Code::Unschedulable;
        if self.rejected.as_ref().is_some_and(settled) { Vec::new() } else { self.prefilter_plugins.clone() }
    }

    /// The rejection of the nodes that were excluded before any filter ran.
    pub fn excluded_reason(&self) -> Option<Rejection> {
        self.only.as_ref()?;
        let text = format!("node(s) didn't satisfy plugin(s) [{}]", self.prefilter_plugins.join(" "));
        Some(Rejection::new(Code::UnschedulableAndUnresolvable, text.into()))
    }

    /// The nodes to check, in the order of their names.
    pub fn rows(&self, cluster: &Cluster) -> Vec<NodeRow> {
        let nodes = cluster.nodes();
        match &self.only {
            None => nodes.by_name().map(|(_, row)| row).collect(),
            Some(only) => {
                let mut rows = only.clone();
                rows.sort_unstable_by_key(|&row| nodes.name_order().of(row));
                rows
            }
        }
    }
}

impl ReadyFilter<'_> {
    /// Checks a node.
    pub fn check(&self, node: NodeView<'_>) -> Option<Verdict> {
        if self.state.is_skipped() {
            return None;
        }
        self.state.check(node).map(|rejection| Verdict::of_filter(self.plugin.clone(), rejection))
    }
}

impl Filters<'_> {
    /// Checks a node with all filters; the first rejection counts.
    pub fn check(&self, node: NodeView<'_>) -> Option<Verdict> {
        self.0.iter().find_map(|ready| ready.check(node))
    }

    /// Checks a node that may have nominated pods, without the pods that a delta takes away.
    ///
    /// Pods of equal or higher priority that are nominated there count as running first. If the pod fits beside them,
    /// it must fit without them too, since they may end up elsewhere.
    pub fn check_with_nominated(&self, pod: PodView<'_>, row: NodeRow, without: &Delta) -> Option<Verdict> {
        let cluster = pod.cluster;
        let outranks = |&&other: &&PodRow| {
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
    pub fn check_all(&self, pod: PodView<'_>, rows: &[NodeRow]) -> Vec<Option<Verdict>> {
        let cluster = pod.cluster;
        let mut verdicts: Vec<Option<Verdict>> = vec![None; rows.len()];
        for ready in self.0.iter().filter(|ready| !ready.state.is_skipped()) {
            let mut at = 0;
            ready.state.check_all(cluster, rows, &mut |_, rejection| {
                if verdicts[at].is_none() {
                    verdicts[at] =
                        rejection.map(|rejection| Verdict::of_filter(ready.plugin.clone(), rejection));
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

    /// The node that an earlier preemption nominated, if the pod fits there: then no other node is checked.
    pub fn fitting_nominated(&self, pod: PodView<'_>) -> Option<NodeRow> {
        let row = pod.cluster.nodes().find(pod.entry().pod.nominated_node.as_ref()?)?;
        self.check_with_nominated(pod, row, &Delta::default()).is_none().then_some(row)
    }
}
