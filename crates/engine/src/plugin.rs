//! The one plugin interface.
//!
//! A plugin is a value with its arguments. For each pod class it *prepares* once (upstream's PreFilter and PreScore) and
//! returns a typed state that judges nodes (Filter, Score) over ranges of rows. A plugin sees the pod and the cluster, no
//! other plugin and no handle; hypotheticals come to it as a [`NodeView`] with a delta.
//!
//! Most states own what they hold and can be kept: such a state *follows* the changes of the cluster, and says by a *key*
//! which nodes are alike to it. A state that followed answers exactly as one that is prepared anew.

use std::fmt::Debug;

use smallvec::SmallVec;

use crate::class::Class;
use crate::cluster::{Change, Cluster};
use crate::effect::Effect;
use crate::event::Event;
use crate::fast::Kinds;
use crate::ids::{NodeRow, PodRow};
use crate::span::Span;
use crate::verdict::{Code, Rejection};
use crate::view::{Delta, NodeView, PodView};

/// What a plugin's answer for a (pod class, node) depends on. This is what makes keeping answers exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depends {
    /// The class and the node's own facts: name, labels, taints, images, cordoning.
    NodeFacts,
    /// Also what the pods on the node use: resources, ports. A score is final as it is: nothing is normalized.
    NodeUsage,
    /// Also counts of pods per topology domain, as far as [`Filter::key`] and [`Score::key`] tell nodes apart.
    Domains,
    /// Also the single pod: which claims it has. It is asked for each pod, beside what is kept for the class; the rest
    /// does not change with it.
    Pod,
    /// Anything in the cluster, or the single pod. Nothing is kept.
    Cluster,
}

/// A scheduling plugin.
pub trait Plugin: Debug + Send + Sync {
    /// Upstream's name.
    fn name(&self) -> &'static str;

    /// What filter answers for pods of a class depend on.
    fn filter_depends(&self, _class: &Class) -> Depends {
        Depends::NodeFacts
    }

    /// What raw scores for pods of a class depend on.
    fn score_depends(&self, _class: &Class) -> Depends {
        Depends::NodeFacts
    }

    /// Keeps a pod out of the queue (PreEnqueue).
    fn pre_enqueue(&self, _pod: PodView<'_>) -> Option<Rejection> {
        None
    }

    /// Prepares filtering for all pods of a class (PreFilter). Nothing where [`Depends`] says that each pod asks for itself,
    /// or that nothing can be kept.
    fn keep_filter(&self, _pod: PodView<'_>) -> Prepared<'static> {
        Prepared::Nothing
    }

    /// Prepares filtering for this pod alone, now.
    fn prepare_filter<'a>(&'a self, pod: PodView<'a>) -> Prepared<'a> {
        self.keep_filter(pod)
    }

    /// Prepares scoring for all pods of a class (PreScore); as [`Plugin::keep_filter`]. `None` where the plugin never has
    /// a say about them.
    fn keep_score(&self, _pod: PodView<'_>) -> Option<Box<dyn Score>> {
        None
    }

    /// Prepares scoring for this pod alone, now.
    fn prepare_score<'a>(&'a self, pod: PodView<'a>) -> Option<Box<dyn Score + 'a>> {
        self.keep_score(pod)
    }

    /// Whether something that happened may let a pod pass that the plugin rejected before, on any node (upstream:
    /// QueueingHintFn).
    ///
    /// Asked about one event after the other, each with the cluster as it is then. It must be `true` where a node is
    /// accepted now that was rejected before; beyond that, the fewer the better.
    fn unblocks(&self, pod: PodView<'_>, event: &Event<'_>) -> bool {
        match *event {
            Event::Itself => true,
            Event::Node { row, .. } => self.accepts(pod, row),
            _ => false,
        }
    }

    /// Whether the plugin accepts a node as it is, or as it would be if the pod evicted all pods of lower priority: then a
    /// new attempt may preempt. Nominated pods are left out.
    fn accepts(&self, pod: PodView<'_>, row: NodeRow) -> bool {
        self.accepts_any(pod, &[row])
    }

    /// As [`Plugin::accepts`], of any of these nodes.
    fn accepts_any(&self, pod: PodView<'_>, rows: &[NodeRow]) -> bool {
        let (only, state) = match self.prepare_filter(pod) {
            Prepared::Nothing => return true,
            Prepared::Reject(_) => return false,
            Prepared::Ready(state) => (None, state),
            Prepared::Only(only, state) => (Some(only), state),
        };
        let accepts = |row| {
            state.is_idle()
                || state.check(NodeView::new(pod.cluster, row)).is_none()
                || without_lower(pod, row).is_some_and(|delta| {
                    state.check(NodeView::with_delta(pod.cluster, row, &delta)).is_none()
                })
        };
        let mut rows =
            rows.iter().filter(|&row| only.as_ref().is_none_or(|only| only.binary_search(row).is_ok()));
        rows.any(|&row| accepts(row))
    }

    /// What else must hold once the pod is put on the node (Reserve), to be applied before the next decision.
    fn reserve(&self, _pod: PodView<'_>, _node: NodeRow) -> Vec<Effect> {
        Vec::new()
    }
}

/// A node without the pods that a pod may evict there; `None` if there are none, or it never preempts.
fn without_lower(pod: PodView<'_>, row: NodeRow) -> Option<Delta> {
    let (cluster, spec) = (pod.cluster, &pod.class.spec);
    let lowest = cluster.nodes().tenants(row).lowest_priority;
    if spec.never_preempts || lowest.is_none_or(|lowest| lowest >= spec.priority) {
        return None;
    }
    let lower = |other: &PodRow| cluster.pods().class_of(*other).spec.priority < spec.priority;
    Some(Delta::without(cluster.nodes().pods(row).iter().copied().filter(lower), cluster))
}

/// What a plugin has to say about a pod before any node is looked at.
pub enum Prepared<'a> {
    /// No node is rejected on this plugin's account, whatever pods come and go.
    Nothing,
    /// The pod is rejected outright.
    Reject(Rejection),
    /// Nodes are to be asked one by one.
    Ready(Box<dyn Filter + 'a>),
    /// Only these nodes come into question, sorted by row; they are to be asked one by one too.
    Only(Vec<NodeRow>, Box<dyn Filter + 'a>),
}

/// What tells nodes apart to a state, in words that are equal where its answers are.
pub type Key = SmallVec<[u64; 8]>;

/// Judges nodes for the pods of one class.
pub trait Filter: Send {
    /// Why the node does not take the pod; `None` if it does.
    fn check(&self, node: NodeView<'_>) -> Option<Rejection>;

    /// Judges many nodes: `verdict` is called with each row and its rejection, in the order of the rows.
    fn scan(&self, cluster: &Cluster, rows: &[NodeRow], verdict: &mut dyn FnMut(NodeRow, Option<Rejection>)) {
        for &row in rows {
            verdict(row, self.check(NodeView::new(cluster, row)));
        }
    }

    /// Drops the nodes that it rejects. `false`: there are nodes about which it could not answer.
    fn sieve(&self, cluster: &Cluster, rows: &mut Vec<NodeRow>) -> bool {
        let (mut answers, mut accepted) = (true, Vec::with_capacity(rows.len()));
        self.scan(cluster, rows, &mut |row, rejection| match rejection {
            None => accepted.push(row),
            Some(rejection) => answers &= rejection.code != Code::Error,
        });
        *rows = accepted;
        answers
    }

    /// Whether no node can be rejected as things are: upstream skips the plugin, hypotheticals included.
    fn is_idle(&self) -> bool {
        false
    }

    /// Whether it has nothing against any node as it is. Not asked about hypotheticals; where that takes long to tell,
    /// `false` is an answer.
    fn accepts_all(&self) -> bool {
        self.is_idle()
    }

    /// Whether it may be unable to answer about some node ([`Code::Error`]).
    fn may_fail(&self) -> bool {
        true
    }

    /// Whether nodes of a kind get the same answer.
    fn is_uniform(&self, _kinds: &Kinds) -> bool {
        false
    }

    /// Whether it rejects all nodes of a span, as far as can be told.
    fn rules_out(&self, _cluster: &Cluster, _span: &Span) -> bool {
        false
    }

    /// Takes a change into account that the cluster went through. `false`: prepare anew.
    fn follow(&mut self, _cluster: &Cluster, change: Change) -> bool {
        change.spares_nodes()
    }

    /// Appends what tells nodes apart, for states that depend on [`Depends::Domains`]: two nodes of equal keys that no
    /// delta changes get the same answer.
    fn key(&self, _cluster: &Cluster, _row: NodeRow, _key: &mut Key) {}
}

/// A node, and how many nodes it stands for that are alike to every score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// The node.
    pub row: NodeRow,
    /// How many nodes there are of its kind, itself included.
    pub nodes: usize,
}

impl Group {
    /// A node that stands for itself.
    pub fn single(row: NodeRow) -> Self {
        Self { row, nodes: 1 }
    }
}

/// Scores nodes for the pods of one class.
pub trait Score: Send {
    /// The raw scores of all feasible nodes, in their order.
    fn score(&self, cluster: &Cluster, feasible: &[Group], out: &mut [i64]);

    /// Turns raw scores into 0..=100. Without a rule of its own the raw score is the score.
    fn normalize(&self, _cluster: &Cluster, _feasible: &[Group], _scores: &mut [i64]) {}

    /// Whether the plugin has no say as things are: upstream skips it.
    fn is_idle(&self) -> bool {
        false
    }

    /// Whether every score is zero, whatever the nodes: it takes part, and makes no difference.
    fn is_zero(&self) -> bool {
        false
    }

    /// Whether nodes of a kind get the same raw score.
    fn is_uniform(&self, _kinds: &Kinds) -> bool {
        false
    }

    /// Whether the raw score is the score, whatever the other nodes.
    fn is_final(&self) -> bool {
        false
    }

    /// Whether raw scores decide where no other plugin scores: the nodes with the highest get [`MAX_SCORE`], all others less.
    fn ranks(&self) -> bool {
        false
    }

    /// The highest raw score that a node of a span can have, for scores that are final or rank.
    fn bound(&self, _cluster: &Cluster, _span: &Span) -> i64 {
        MAX_SCORE
    }

    /// Whether scores depend on how many feasible nodes there are ([`Group::nodes`]).
    fn counts_nodes(&self) -> bool {
        false
    }

    /// Takes a change into account that the cluster went through. `false`: prepare anew.
    fn follow(&mut self, _cluster: &Cluster, change: Change) -> bool {
        change.spares_nodes()
    }

    /// Appends what tells nodes apart, for states that depend on [`Depends::Domains`].
    fn key(&self, _cluster: &Cluster, _row: NodeRow, _key: &mut Key) {}
}

/// The highest normalized score of a plugin, before its weight.
pub const MAX_SCORE: i64 = 100;
