//! The one plugin interface.
//!
//! A plugin is a value with its arguments. For each pod it *prepares* what it needs once (upstream's PreFilter and
//! PreScore) and returns a typed state that judges nodes (Filter, Score) over ranges of rows. A plugin sees the pod and
//! the cluster, no other plugin and no handle; hypotheticals come to it as a [`NodeView`] with a delta.

use std::fmt::Debug;

use crate::cluster::Cluster;
use crate::effect::Effect;
use crate::ids::NodeRow;
use crate::verdict::Rejection;
use crate::view::{NodeView, PodView};

/// What a plugin's answer for a (pod class, node) depends on. This is what makes caching exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depends {
    /// The class and the node's own facts: name, labels, taints, images, cordoning.
    NodeFacts,
    /// Also what the pods on the node use: resources, ports, volumes.
    NodeUsage,
    /// Also counts of pods per topology domain.
    Domains,
    /// Anything in the cluster: claims, volumes, the single pod.
    Cluster,
}

/// A scheduling plugin.
pub trait Plugin: Debug + Send + Sync {
    /// Upstream's name.
    fn name(&self) -> &'static str;

    /// What filter answers depend on.
    fn filter_depends(&self) -> Depends {
        Depends::NodeFacts
    }

    /// What raw scores depend on.
    fn score_depends(&self) -> Depends {
        Depends::NodeFacts
    }

    /// Keeps a pod out of the queue (PreEnqueue).
    fn pre_enqueue(&self, _pod: PodView<'_>) -> Option<Rejection> {
        None
    }

    /// Prepares filtering for one pod (PreFilter).
    fn prepare_filter<'a>(&'a self, _pod: PodView<'a>) -> Prepared<'a> {
        Prepared::Nothing
    }

    /// Prepares scoring for one pod, given the nodes that passed all filters (PreScore). `None` skips the plugin.
    fn prepare_score<'a>(&'a self, _pod: PodView<'a>, _feasible: &[NodeRow]) -> Option<Box<dyn Score + 'a>> {
        None
    }

    /// What else must hold once the pod is put on the node (Reserve), to be applied before the next decision.
    fn reserve(&self, _pod: PodView<'_>, _node: NodeRow) -> Vec<Effect> {
        Vec::new()
    }
}

/// What a plugin has to say about a pod before any node is looked at.
pub enum Prepared<'a> {
    /// No node is rejected on this plugin's account.
    Nothing,
    /// The pod is rejected outright.
    Reject(Rejection),
    /// Nodes are to be asked one by one.
    Ready(Box<dyn Filter + 'a>),
    /// Only these nodes come into question, sorted by row; they are to be asked one by one too.
    Only(Vec<NodeRow>, Box<dyn Filter + 'a>),
}

/// Judges nodes for one pod.
pub trait Filter {
    /// Why the node does not take the pod; `None` if it does.
    fn check(&self, node: NodeView<'_>) -> Option<Rejection>;

    /// Judges many nodes: `keep` is called with each row and its rejection.
    fn scan(&self, cluster: &Cluster, rows: &[NodeRow], verdict: &mut dyn FnMut(NodeRow, Option<Rejection>)) {
        for &row in rows {
            verdict(row, self.check(NodeView::new(cluster, row)));
        }
    }
}

/// Scores nodes for one pod.
pub trait Score {
    /// The raw scores of the rows, in their order.
    fn score(&self, cluster: &Cluster, rows: &[NodeRow], out: &mut [i64]);

    /// Turns raw scores into 0..=100. Without a rule of its own the raw score is the score.
    fn normalize(&self, _rows: &[NodeRow], _scores: &mut [i64]) {}
}

/// The highest normalized score of a plugin, before its weight.
pub const MAX_SCORE: i64 = 100;
