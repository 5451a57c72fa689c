//! What nodes have answered about devices, for pods that ask for the same.
//!
//! Pods that ask for devices in the same words get the same answer of a node as long as the node and the devices that it
//! sees stay the same. So a pod asks only the nodes that have changed since such a pod asked last.

use std::sync::{Arc, Mutex, PoisonError};

use berth_devices::pod_devices::ExtendedAsk;
use berth_model::device::ClaimSpec;

use super::{Change, Cluster, DeviceScope};
use crate::ids::NodeRow;

/// What a node has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeviceAnswer {
    /// There is no node in the row.
    Free,
    /// The devices can be allocated. The number is the raw score.
    Fits(i64),
    /// The devices cannot be allocated.
    Full,
    /// The answer is about the single pod, so each pod asks.
    PerPod,
}

/// The answers of all nodes, by row.
#[derive(Clone, Debug, Default)]
pub(crate) struct DeviceAnswers {
    /// The number of the next change to follow; `None`: no node was asked.
    seen: Option<u64>,
    by_row: Vec<DeviceAnswer>,
    /// How many nodes have answered [`DeviceAnswer::Full`].
    full: usize,
    /// How many nodes have answered [`DeviceAnswer::PerPod`].
    per_pod: usize,
}

impl DeviceAnswers {
    /// What the node has answered.
    pub(crate) fn of(&self, row: NodeRow) -> DeviceAnswer {
        self.by_row.get(row.index()).copied().unwrap_or(DeviceAnswer::PerPod)
    }

    /// Whether no node has to be asked by each pod.
    pub(crate) fn are_known(&self) -> bool {
        self.per_pod == 0
    }

    /// Whether the devices can be allocated on every node.
    pub(crate) fn all_fit(&self) -> bool {
        self.are_known() && self.full == 0
    }

    /// Asks the nodes that have changed since the last call.
    fn catch_up(&mut self, cluster: &Cluster, ask: &dyn Fn(NodeRow) -> DeviceAnswer) {
        let changes = cluster.changes();
        let missed = self.seen.and_then(|seen| changes.since(seen));
        self.seen = Some(changes.next());
        self.by_row.resize(cluster.nodes().row_count(), DeviceAnswer::Free);
        let mut changed: Vec<NodeRow> = Vec::new();
        let is_followed = missed.is_some_and(|missed| {
            missed.iter().all(|change| match *change {
                Change::NodeAdded(row)
                | Change::NodeRemoved(row)
                | Change::NodeChanged(row)
                | Change::Devices(DeviceScope::OfNode(row)) => {
                    changed.push(row);
                    true
                }
                Change::Devices(DeviceScope::All) | Change::Elsewhere => false,
                Change::Devices(DeviceScope::NoDevice)
                | Change::Pod(_)
                | Change::Nominated(_)
                | Change::Owners(_)
                | Change::Load(_)
                | Change::Storage => true,
            })
        });
        if !is_followed {
            changed = (0..).take(self.by_row.len()).map(NodeRow).collect();
        }
        changed.sort_unstable();
        changed.dedup();
        for row in changed {
            let answer = if cluster.nodes().is_live(row) { ask(row) } else { DeviceAnswer::Free };
            self.set(row, answer);
        }
    }

    fn set(&mut self, row: NodeRow, answer: DeviceAnswer) {
        let former = std::mem::replace(&mut self.by_row[row.index()], answer);
        for (counted, kind) in
            [(&mut self.full, DeviceAnswer::Full), (&mut self.per_pod, DeviceAnswer::PerPod)]
        {
            *counted += usize::from(answer == kind);
            *counted -= usize::from(former == kind);
        }
    }
}

/// How many different questions are kept; more are forgotten together.
const KEPT: usize = 64;

/// What pods ask for that get the same answers: claims with these specs, and these extended resources.
#[derive(Debug)]
struct Question {
    specs: Vec<ClaimSpec>,
    extended: Vec<ExtendedAsk>,
}

/// The answers to the questions that were asked lately.
#[derive(Debug, Default)]
pub(crate) struct AnswerCache(Mutex<Vec<(Question, Arc<DeviceAnswers>)>>);

impl AnswerCache {
    /// The answers for pods with claims of these specs, all without devices, and with these extended resources. `ask`
    /// asks one node.
    pub(crate) fn get<'s>(
        &self,
        cluster: &Cluster,
        specs: impl Iterator<Item = &'s ClaimSpec> + Clone,
        extended: Vec<ExtendedAsk>,
        ask: &dyn Fn(NodeRow) -> DeviceAnswer,
    ) -> Arc<DeviceAnswers> {
        // A panic elsewhere leaves the list whole: answers are replaced in one step.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |asked: &Question| asked.extended == extended && asked.specs.iter().eq(specs.clone());
        let at = known.iter().position(|(asked, _)| is_same(asked));
        let at = at.unwrap_or_else(|| {
            if known.len() >= KEPT {
                known.clear();
            }
            known.push((Question { specs: specs.cloned().collect(), extended }, Arc::default()));
            known.len() - 1
        });
        let answers = &mut known[at].1;
        Arc::make_mut(answers).catch_up(cluster, ask);
        answers.clone()
    }
}

/// A copy starts empty: what it needs is asked again.
impl Clone for AnswerCache {
    fn clone(&self) -> Self {
        Self::default()
    }
}
