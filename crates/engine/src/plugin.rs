//! The plugin interface.
//!
//! A plugin is a value with its arguments. It sees the pod and the cluster, no other plugin and no handle; a
//! hypothetical node comes to it as a [`NodeView`] with a delta.
//!
//! | a plugin that | implements |
//! | --- | --- |
//! | keeps a pod out of the queue | [`Plugin::pre_enqueue`] |
//! | rejects nodes | [`Plugin::pre_filter`]: it returns a [`Filter`] for the pod |
//! | prefers nodes | [`Plugin::pre_score`]: it returns a [`Score`] for the pod |
//! | knows which events may help a pod that it rejected | [`Plugin::queueing_hint`] |
//! | reserves something with a placement | [`Plugin::reserve`], and [`Plugin::pre_bind`] if the pod must wait for it |
//!
//! That is all that a correct plugin needs. Three things make it faster. Each is optional: a plugin without them is
//! slow and never wrong.
//! 1. **A state for the whole class of the pod** ([`PreFilter::ForClass`], [`PreScore::ForClass`]) is cached. Such a
//!    state must own what it holds, so one that borrows cannot be cached by mistake. It says how far its answers reach
//!    ([`CacheScope`]) and takes each change of the cluster into account, or says that it must be prepared again.
//! 2. **Hints** ([`FilterHints`], [`ScoreHints`]) say that many nodes can be answered at once.
//! 3. **A narrower queueing hint** retries fewer pods.
//!
//! What a state or a hint says wrongly is found by the laws that every registered plugin is tested with
//! (`tests/properties/laws.rs`).

pub mod bounds;
pub mod detail;
pub mod event;
pub mod profile;
pub mod registry;
pub mod tie_break;
pub mod view;

use std::fmt::Debug;

use berth_model::Str;

use crate::cluster::{Change, Cluster, UniformColumns};
use crate::effect::Effect;
use crate::ids::name::PluginName;
use crate::ids::{NodeRow, PodRow};
use crate::plugin::bounds::UsageBounds;
use crate::plugin::detail::Detail;
use crate::plugin::event::ClusterEvent;
use crate::plugin::view::{Delta, NodeView, PodView};
use crate::verdict::{Code, Rejection};

/// A scheduling plugin. Only the name is required; the profile decides at which points the plugin is asked.
pub trait Plugin: Debug + Send + Sync {
    /// The name in configurations, unique among all plugins.
    fn name(&self) -> PluginName;

    /// Why the pod must not enter the queue (PreEnqueue).
    fn pre_enqueue(&self, _pod: PodView<'_>) -> Option<Rejection> {
        None
    }

    /// Prepares the check of nodes for a pod (PreFilter).
    fn pre_filter<'a>(&'a self, _pod: PodView<'a>) -> PreFilter<'a> {
        PreFilter::Skip
    }

    /// Prepares the scores of nodes for a pod (PreScore).
    fn pre_score<'a>(&'a self, _pod: PodView<'a>) -> PreScore<'a> {
        PreScore::Skip
    }

    /// Whether an event may let a pod pass that the plugin rejected before (QueueingHintFn).
    ///
    /// The plugin is asked about one event after the other, each with the cluster as it is after that event. The answer
    /// must be [`QueueingHint::Queue`] if a node is accepted now that was rejected before, or would be accepted without
    /// its pods of lower priority.
    fn queueing_hint(&self, _pod: PodView<'_>, _event: &ClusterEvent<'_>) -> QueueingHint {
        QueueingHint::Queue
    }

    /// What else must hold once the pod is put on the node (Reserve). It is applied before the next decision.
    fn reserve(&self, _pod: PodView<'_>, _node: NodeRow) -> Vec<Effect> {
        Vec::new()
    }

    /// Whether an effect that the plugin has reserved is true, so that the pod can be bound to the node (PreBind). It
    /// is asked after the effect's write has succeeded, and again after each object that [`Effect::waits_for`].
    fn pre_bind(&self, _cluster: &Cluster, _effect: &Effect, _node: &Str) -> PreBind {
        PreBind::Ready
    }
}

/// What a plugin says about an effect before the pod is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PreBind {
    /// The effect is true.
    Ready,
    /// The effect is not true yet. The pod waits.
    Waiting,
    /// The effect cannot become true, for this reason. The pod is tried again.
    Failed(String),
}

/// Whether a pod that was rejected is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueingHint {
    /// The event cannot help.
    Skip,
    /// The event may help: the pod is tried again.
    Queue,
}

impl QueueingHint {
    /// [`QueueingHint::Queue`] if the event may help.
    pub fn queue_if(may_help: bool) -> Self {
        if may_help { Self::Queue } else { Self::Skip }
    }
}

/// What a plugin has to say about a pod before it sees any node. All but [`PreFilter::ForClass`] is about this pod
/// alone and the cluster as it is now; a state may borrow from both.
pub enum PreFilter<'a> {
    /// The plugin rejects no node. It is not asked about hypothetical nodes either.
    Skip,
    /// The plugin rejects the pod.
    Reject(Rejection),
    /// The plugin checks nodes one by one.
    Run(Box<dyn Filter + 'a>),
    /// Only these nodes, sorted by row, can take the pod. The plugin checks them one by one too.
    Subset(Vec<NodeRow>, Box<dyn Filter + 'a>),
    /// The answer for every pod of the class that waits.
    ForClass(ClassFilter),
}

/// What a plugin has to say about every pod of a class.
pub enum ClassFilter {
    /// The plugin rejects no node, whatever changes in the cluster.
    Skip,
    /// The plugin rejects the pods, whatever changes in the cluster.
    Reject(Rejection),
    /// The plugin checks nodes one by one.
    Run(Box<dyn CachedFilter>),
    /// As [`PreFilter::Subset`], as long as the state stays valid.
    Subset(Vec<NodeRow>, Box<dyn CachedFilter>),
}

impl PreFilter<'_> {
    /// A state that is shared by all pods of the class.
    pub fn cached(state: impl CachedFilter + 'static) -> Self {
        Self::ForClass(ClassFilter::Run(Box::new(state)))
    }

    /// No pod of the class is ever rejected.
    pub const SKIP_CLASS: Self = Self::ForClass(ClassFilter::Skip);
}

/// How a plugin scores nodes for a pod. All but [`PreScore::ForClass`] is about this pod alone and the cluster as it is
/// now; a state may borrow from both.
pub enum PreScore<'a> {
    /// The plugin does not score.
    Skip,
    /// The plugin scores nodes.
    Run(Box<dyn Score + 'a>),
    /// The answer for every pod of the class that waits.
    ForClass(ClassScore),
}

/// How a plugin scores nodes for every pod of a class.
pub enum ClassScore {
    /// The plugin does not score, whatever changes in the cluster.
    Skip,
    /// The plugin scores nodes.
    Run(Box<dyn CachedScore>),
}

impl PreScore<'_> {
    /// A state that is shared by all pods of the class.
    pub fn cached(state: impl CachedScore + 'static) -> Self {
        Self::ForClass(ClassScore::Run(Box::new(state)))
    }

    /// The plugin never scores nodes for pods of the class.
    pub const SKIP_CLASS: Self = Self::ForClass(ClassScore::Skip);
}

/// Checks nodes for a pod.
pub trait Filter: Send {
    /// Why the node does not take the pod; `None` if it does.
    fn check(&self, node: NodeView<'_>) -> Option<Rejection>;

    /// What the node lacks, for people. It is asked only about nodes that `check` rejects; without details the reasons
    /// say it.
    fn explain(&self, _node: NodeView<'_>, _details: &mut Vec<Detail>) {}

    /// What else is known, to check many nodes at once.
    fn hints(&self) -> FilterHints<'_> {
        FilterHints::default()
    }
}

/// A filter state for all pods of a class that follows the changes of the cluster.
///
/// At any time it answers as a state that is prepared at that time.
pub trait CachedFilter: Filter {
    /// How far the answers reach. The kind of the scope must not change during the life of the state.
    fn scope(&self) -> CacheScope<'_>;

    /// Takes a change into account that the cluster went through. Several changes may have happened since: the cluster
    /// is as it is after all of them.
    fn apply_change(&mut self, cluster: &Cluster, change: Change) -> Validity;

    /// Whether the plugin would return [`PreFilter::Skip`] as things are now.
    fn is_skipped(&self) -> bool {
        false
    }
}

/// What is known of a filter beside its answers. The default knows nothing.
#[derive(Clone, Copy, Default)]
pub struct FilterHints<'a> {
    /// Checks many nodes faster than one by one.
    pub batch: Option<&'a dyn BatchFilter>,
    /// Says when nodes of equal facts get equal answers.
    pub uniform: Option<&'a dyn Uniform>,
    /// Rejects many nodes by bounds on their usage.
    pub range: Option<&'a dyn RangeFilter>,
    /// Every node is accepted as it is. It says nothing of hypothetical nodes.
    pub accepts_all: bool,
    /// No node is ever rejected with [`Code::Error`].
    pub never_errs: bool,
    /// Every node is rejected on which less is free than the pod requests of CPU, memory or ephemeral storage, also
    /// without some of its pods.
    pub checks_requests: bool,
}

/// Checks many nodes, as they are, faster than one by one.
pub trait BatchFilter: Filter {
    /// Calls `verdict` with each row and its rejection, in the order of the rows.
    fn check_all(
        &self,
        cluster: &Cluster,
        rows: &[NodeRow],
        verdict: &mut dyn FnMut(NodeRow, Option<Rejection>),
    ) {
        for &row in rows {
            verdict(row, self.check(NodeView::new(cluster, row)));
        }
    }

    /// Keeps the nodes that are accepted, in their order. `false` if the answer about some node is an error.
    fn retain(&self, cluster: &Cluster, rows: &mut Vec<NodeRow>) -> bool {
        let (mut answers, mut accepted) = (true, Vec::with_capacity(rows.len()));
        self.check_all(cluster, rows, &mut |row, rejection| match rejection {
            None => accepted.push(row),
            Some(rejection) => answers &= rejection.code != Code::Error,
        });
        *rows = accepted;
        answers
    }
}

/// Says when nodes get the same answer, or raw score, as they are.
pub trait Uniform {
    /// Whether nodes that share their taints, cordoning, allocatable amounts and the values of these labels are
    /// answered alike, whatever their names and pods.
    fn is_uniform(&self, columns: &UniformColumns) -> bool;
}

/// Rejects many nodes by bounds on their usage.
pub trait RangeFilter {
    /// Whether all nodes within the bounds are certainly rejected.
    fn rejects_all(&self, cluster: &Cluster, bounds: &UsageBounds) -> bool;
}

/// Scores nodes for a pod.
pub trait Score: Send {
    /// Writes the raw score of each feasible node, in their order.
    ///
    /// If a state is cached or uniform, a node may stand for several that get the same raw score.
    fn score(&self, cluster: &Cluster, feasible: &[Representative], out: &mut [i64]);

    /// Turns raw scores into 0..=[`MAX_SCORE`]. By default the raw score is the score.
    fn normalize(&self, _cluster: &Cluster, _feasible: &[Representative], _scores: &mut [i64]) {}

    /// What else is known, to score many nodes at once.
    fn hints(&self) -> ScoreHints<'_> {
        ScoreHints::default()
    }
}

/// A score state for all pods of a class that follows the changes of the cluster.
///
/// At any time it answers as a state that is prepared at that time.
pub trait CachedScore: Score {
    /// How far the raw scores reach. The kind of the scope must not change during the life of the state.
    ///
    /// A state with [`CacheScope::NodeUsage`] is cached only if its raw scores are [`RawScore::Final`].
    fn scope(&self) -> CacheScope<'_>;

    /// As [`CachedFilter::apply_change`].
    fn apply_change(&mut self, cluster: &Cluster, change: Change) -> Validity;

    /// Whether the plugin would return [`PreScore::Skip`] as things are now.
    fn is_skipped(&self) -> bool {
        false
    }
}

/// What is known of a score beside its answers. The default knows nothing.
#[derive(Clone, Copy, Default)]
pub struct ScoreHints<'a> {
    /// Says when nodes of equal facts get equal raw scores.
    pub uniform: Option<&'a dyn Uniform>,
    /// What raw scores mean without the other nodes.
    pub raw: RawScore<'a>,
    /// Every node scores zero: the plugin takes part and makes no difference.
    pub zero: bool,
    /// The scores do not depend on how many nodes a [`Representative`] stands for.
    pub ignores_counts: bool,
}

/// What the raw scores of a plugin mean without the other nodes.
#[derive(Clone, Copy, Default)]
pub enum RawScore<'a> {
    /// Nothing: only normalization decides.
    #[default]
    Relative,
    /// The raw score is the score: normalization changes nothing.
    Final(&'a dyn ScoreBound),
    /// Normalization gives [`MAX_SCORE`] to the nodes with the highest raw score, and less to all others.
    Ranked(&'a dyn ScoreBound),
}

/// Bounds raw scores.
pub trait ScoreBound {
    /// A raw score that no node within the bounds exceeds.
    fn highest(&self, cluster: &Cluster, bounds: &UsageBounds) -> i64;
}

/// What the answers of a cached state about a node depend on, beside the state. A change of anything else must be found
/// by `apply_change`.
#[derive(Clone, Copy)]
pub enum CacheScope<'a> {
    /// The node's own facts: name, labels, taints, allocatable amounts, images, cordoning, declared features.
    NodeFacts,
    /// Also the pods on the node: what they use, their ports.
    NodeUsage,
    /// Also pods on other nodes, as far as the partition key tells nodes apart.
    Domains(&'a dyn Partition),
}

/// Tells nodes apart for a state whose answers depend on topology domains.
pub trait Partition {
    /// Appends the node's key. Two nodes with equal keys get equal answers as they are.
    fn partition_key(&self, cluster: &Cluster, row: NodeRow, key: &mut PartitionKey);
}

pub use crate::cluster::PartitionKey;

/// Whether a cached state is right after a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Validity {
    /// The state answers as one that is prepared now.
    Valid,
    /// The state must be prepared again.
    Stale,
}

impl Validity {
    /// [`Validity::Valid`] if the condition holds.
    pub fn valid_if(valid: bool) -> Self {
        if valid { Self::Valid } else { Self::Stale }
    }
}

/// A node, and how many nodes it stands for that get the same raw score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Representative {
    /// The node.
    pub row: NodeRow,
    /// How many nodes it stands for, itself included.
    pub nodes: usize,
}

impl Representative {
    /// A node that stands for itself.
    pub fn single(row: NodeRow) -> Self {
        Self { row, nodes: 1 }
    }
}

/// The highest normalized score of a plugin, before its weight.
pub const MAX_SCORE: i64 = 100;

/// Whether a plugin accepts a pod on a node as it is, or as it would be if the pod evicted all pods of lower priority:
/// then a new attempt may preempt. Nominated pods are left out.
pub fn accepts(plugin: &(impl Plugin + ?Sized), pod: PodView<'_>, row: NodeRow) -> bool {
    accepts_any(plugin, pod, &[row])
}

/// As [`accepts`], for any of these nodes.
pub fn accepts_any(plugin: &(impl Plugin + ?Sized), pod: PodView<'_>, rows: &[NodeRow]) -> bool {
    let accepted = |state: &dyn Filter, row| {
        state.check(NodeView::new(pod.cluster, row)).is_none()
            || without_lower(pod, row)
                .is_some_and(|delta| state.check(NodeView::with_delta(pod.cluster, row, &delta)).is_none())
    };
    let any = |state: &dyn Filter| rows.iter().any(|&row| accepted(state, row));
    let any_of = |subset: &[NodeRow], state: &dyn Filter| {
        rows.iter().any(|row| subset.binary_search(row).is_ok() && accepted(state, *row))
    };
    match plugin.pre_filter(pod) {
        PreFilter::Skip | PreFilter::ForClass(ClassFilter::Skip) => true,
        PreFilter::Reject(_) | PreFilter::ForClass(ClassFilter::Reject(_)) => false,
        PreFilter::Run(state) => any(&*state),
        PreFilter::Subset(subset, state) => any_of(&subset, &*state),
        PreFilter::ForClass(ClassFilter::Run(state)) => state.is_skipped() || any(&*state),
        PreFilter::ForClass(ClassFilter::Subset(subset, state)) => any_of(&subset, &*state),
    }
}

/// A node without the pods that a pod may evict there; `None` if there are none, or the pod never preempts.
fn without_lower(pod: PodView<'_>, row: NodeRow) -> Option<Delta> {
    let (cluster, spec) = (pod.cluster, &pod.class.spec);
    let lowest = cluster.nodes().pod_stats(row).lowest_priority;
    if spec.never_preempts || lowest.is_none_or(|lowest| lowest >= spec.priority) {
        return None;
    }
    let lower = |other: &PodRow| cluster.pods().class_of(*other).spec.priority < spec.priority;
    Some(Delta::without(cluster.nodes().pods(row).iter().copied().filter(lower), cluster))
}

/// A score of zero for every node and every pod of a class: the plugin takes part and makes no difference.
#[derive(Clone, Copy, Debug)]
pub struct ZeroScore;

impl Score for ZeroScore {
    fn score(&self, _cluster: &Cluster, _feasible: &[Representative], out: &mut [i64]) {
        out.fill(0);
    }

    fn hints(&self) -> ScoreHints<'_> {
        ScoreHints { zero: true, ignores_counts: true, ..ScoreHints::default() }
    }
}

impl CachedScore for ZeroScore {
    fn scope(&self) -> CacheScope<'_> {
        CacheScope::NodeFacts
    }

    fn apply_change(&mut self, _cluster: &Cluster, _change: Change) -> Validity {
        Validity::Valid
    }
}
