//! Which pods to evict so that a pod that fits nowhere fits.
//!
//! - **Eligible** is a pod that may preempt at all.
//! - **Candidates** are nodes that would take the pod once some pods of lower priority are gone: all of those are
//!   taken away first, then given back one by one, the most important first, as long as the pod still fits.
//!   What cannot be given back is a victim.
//! - **Best** is the candidate that does the least harm.
//!
//! The filters are asked about a hypothetical node ([`Delta`]); plugins know nothing of
//! preemption.
//!
//! Upstream: plugins/defaultpreemption, `framework/preemption`. Known difference: all candidate nodes are tried
//! (`minCandidateNodesPercentage` and `minCandidateNodesAbsolute` are not needed); a tie is broken by node name;
//! budgets that cover the same pods are asked in the order in which they came (upstream: by chance, and the victims may
//! differ by it).

mod harm;
mod order;
mod victims;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt::Write;

use crate::cluster::Cluster;
use crate::ids::name::PluginName;
use crate::ids::{NodeRow, PodRow};
use crate::plugin::profile::Profile;
use crate::plugin::view::{Delta, PodView};
use crate::scan::Diagnosis;
use crate::scan::filters::{Filters, prepare};
use crate::scan::message::{ReasonCounts, with_reasons};
use crate::verdict::{Code, Rejection};

pub use harm::best;
use victims::Refusal;

/// What preemption could do for a pod.
#[derive(Debug, Default)]
pub struct Preemption {
    /// Why the pod may not preempt; `None` if it may.
    pub ineligible: Option<&'static str>,
    /// Nodes that would take the pod, in the order of their names.
    pub candidates: Vec<Candidate>,
    /// Upstream's sentence where there is no candidate; empty otherwise.
    pub message: String,
    /// The plugins that reject nodes even without the pods of lower priority, sorted. An event that one of them is
    /// interested in may make preemption possible. Upstream does not record them, so there such a pod waits for the
    /// periodic retry.
    pub rejecting: Vec<PluginName>,
}

/// A node that would take the pod once the victims are gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The node.
    pub node: NodeRow,
    /// The pods to evict, the most important first.
    pub victims: Vec<PodRow>,
    /// How many of them a disruption budget wants to keep.
    pub violations: usize,
}

impl Candidate {
    /// What upstream adds to the message of a pod for which others have to go, with a space before it.
    pub fn suffix(&self, cluster: &Cluster) -> String {
        let (node, count) = (cluster.nodes().name(self.node), self.victims.len());
        format!(" preemption: found a potential placement for pod on node {node}, preempting {count} victims")
    }
}

impl Preemption {
    /// There is no candidate, for these reasons.
    fn give_up(&mut self, cluster: &Cluster, tried: &[Refusal]) {
        self.message = no_help(cluster, tried);
        self.rejecting = tried.iter().filter_map(|refusal| refusal.plugin.clone()).collect();
        self.rejecting.sort_unstable();
        self.rejecting.dedup();
    }

    /// What upstream adds to the pod's message, with a space before it.
    pub fn suffix(&self) -> String {
        let text = self.ineligible.unwrap_or(&self.message);
        let mut out = String::new();
        if !text.is_empty() {
            let _ = write!(out, " preemption: {text}"); // writing to a string cannot fail
        }
        out
    }
}

const NEVER: &str = "not eligible due to preemptionPolicy=Never.";
const NOT_HELPFUL: &str = "Preemption is not helpful for scheduling";

/// Looks for candidates, given why each node rejected the pod.
pub fn evaluate(profile: &Profile, cluster: &Cluster, row: PodRow, diagnosis: &Diagnosis) -> Preemption {
    let pod = PodView::new(cluster, row);
    if cluster.nodes().is_empty() || diagnosis.error().is_some() {
        return Preemption::default(); // upstream does not come that far
    }
    let mut result = Preemption { ineligible: ineligible(pod, diagnosis), ..Preemption::default() };
    if result.ineligible.is_some() {
        return result;
    }
    let prepared = prepare(profile, pod);
    let mut tried: Vec<Refusal> = Vec::new();
    for node in potential_nodes(cluster, diagnosis) {
        match victims::select(&prepared.filters, pod, node) {
            Ok(candidate) => result.candidates.push(candidate),
            Err(refusal) => tried.push(refusal),
        }
    }
    if result.candidates.is_empty() {
        result.give_up(cluster, &tried);
    }
    result
}

/// Keeps the candidates, found earlier, whose evictions still help: all victims are on the node and have a lower
/// priority than the pod, and the pod fits there without them.
pub fn retain_helpful(profile: &Profile, cluster: &Cluster, row: PodRow, candidates: &mut Vec<Candidate>) {
    let pod = PodView::new(cluster, row);
    let prepared = prepare(profile, pod);
    if prepared.rejected.is_some() {
        return candidates.clear();
    }
    candidates.retain(|Candidate { node, victims, .. }| {
        let is_victim = |victim: &PodRow| {
            let is_there = cluster.pods().entry(*victim).row == Some(*node);
            is_there && cluster.pods().class_of(*victim).spec.priority < pod.class.spec.priority
        };
        let fits = || {
            let delta = Delta::without(victims.iter().copied(), cluster);
            prepared.filters.check_with_nominated(pod, *node, &delta).is_none()
        };
        victims.iter().all(is_victim)
            && prepared.only.as_ref().is_none_or(|only| only.binary_search(node).is_ok())
            && fits()
    });
}

/// Looks for the best candidate alone, among nodes whose rejection evictions may lift.
///
/// Nodes are tried in the order of a lower bound of the harm; once no bound is below the best harm, the rest is left.
/// The outcome's only candidate is the first of [`best`] over all candidates that [`evaluate`] finds.
pub fn choose(filters: &Filters<'_>, pod: PodView<'_>, nodes: &[NodeRow]) -> Preemption {
    let cluster = pod.cluster;
    let mut result = Preemption::default();
    if pod.class.spec.never_preempts {
        return hopeless(pod);
    }
    let mut tried = Vec::new();
    let resources_count = filters.0.iter().any(|ready| ready.state.hints().checks_requests);
    let rank = |node| cluster.nodes().name_order().of(node);
    let rough = |&node: &NodeRow| {
        let bound = harm::rough_bound(pod, node, resources_count)?;
        Some(Reverse((bound, rank(node), node, Bound::Rough)))
    };
    let mut promising: BinaryHeap<_> = nodes.iter().filter_map(rough).collect();
    let mut without_lower = nodes.len() - promising.len();
    let mut best = None;
    while let Some(Reverse((bound, rank, node, kind))) = promising.pop() {
        if best.as_ref().is_some_and(|(harm, at, _)| (*harm, *at) < (bound, rank)) {
            break;
        }
        if kind == Bound::Rough {
            match harm::exact_bound(pod, node, resources_count) {
                Some(exact) => promising.push(Reverse((exact, rank, node, Bound::Exact))),
                None => without_lower += 1,
            }
            continue;
        }
        match victims::select(filters, pod, node) {
            Err(refusal) => tried.push(refusal),
            Ok(candidate) => {
                let found = (harm::harm(&candidate, cluster), rank);
                if best.as_ref().is_none_or(|(harm, at, _)| found < (*harm, *at)) {
                    best = Some((found.0, rank, candidate));
                }
            }
        }
    }
    match best {
        Some((_, _, candidate)) => result.candidates.push(candidate),
        None => {
            tried.resize_with(tried.len() + without_lower, victims::none);
            result.give_up(cluster, &tried);
        }
    }
    result
}

/// How a lower bound of the harm was found: the rough one first, and the exact one where it may matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Bound {
    Rough,
    Exact,
}

/// What preemption can do where no node's rejection can be lifted by evictions: nothing, in upstream's words.
pub fn hopeless(pod: PodView<'_>) -> Preemption {
    if pod.cluster.nodes().is_empty() {
        return Preemption::default(); // upstream does not come that far
    }
    let never = pod.class.spec.never_preempts;
    Preemption {
        ineligible: never.then_some(NEVER),
        message: if never { String::new() } else { no_help(pod.cluster, &[]) },
        ..Preemption::default()
    }
}

/// The nodes whose rejection evictions may lift, in the order of their names.
fn potential_nodes(cluster: &Cluster, diagnosis: &Diagnosis) -> Vec<NodeRow> {
    match &diagnosis.rejected_early {
        Some(early) if early.rejection.code == Code::Unschedulable => {
            cluster.nodes().by_name().map(|(_, row)| row).collect()
        }
        Some(_) => Vec::new(),
        None => diagnosis
            .rejected
            .iter()
            .filter(|(_, verdict)| verdict.rejection.code == Code::Unschedulable)
            .map(|&(row, _)| row)
            .collect(),
    }
}

/// Why a pod may not preempt others.
fn ineligible(pod: PodView<'_>, diagnosis: &Diagnosis) -> Option<&'static str> {
    if pod.class.spec.never_preempts {
        return Some(NEVER);
    }
    let cluster = pod.cluster;
    let nominated = cluster.nodes().find(pod.entry().pod.nominated_node.as_ref()?)?;
    let hopeless = |r: &Rejection| r.code == Code::UnschedulableAndUnresolvable;
    let lost = match &diagnosis.rejected_early {
        Some(early) => hopeless(&early.rejection),
        None => match diagnosis.rejected.iter().find(|(row, _)| *row == nominated) {
            Some((_, verdict)) => hopeless(&verdict.rejection),
            None => diagnosis.excluded_reason.as_ref().is_some_and(hopeless),
        },
    };
    if lost {
        return None;
    }
    let leaving = |&other: &PodRow| {
        let entry = cluster.pods().entry(other);
        entry.pod.terminating
            && entry.pod.preempted
            && cluster.pods().class(entry.class).spec.priority < pod.class.spec.priority
    };
    let waiting = cluster.nodes().pods(nominated).iter().any(leaving);
    waiting.then_some("not eligible due to a terminating pod on the nominated node.")
}

fn no_help(cluster: &Cluster, tried: &[Refusal]) -> String {
    let untried = Rejection::unresolvable(NOT_HELPFUL);
    let mut counts = ReasonCounts::default();
    for refusal in tried {
        counts.add(&refusal.rejection, 1);
    }
    counts.add(&untried, cluster.nodes().len() - tried.len());
    with_reasons(cluster.nodes().len(), &counts.text())
}

/// Waiting pods of lower priority that are nominated to the node: their hopes are void once `pod` takes it.
pub fn outranked_nominations(cluster: &Cluster, pod: PodRow, node: NodeRow) -> Vec<PodRow> {
    let priority = |row: PodRow| cluster.pods().class_of(row).spec.priority;
    let lower = |other: &&PodRow| **other != pod && priority(**other) < priority(pod);
    cluster.nominated(node).iter().filter(lower).copied().collect()
}
