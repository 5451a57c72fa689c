//! Who may fit now that something changed.

use std::sync::Arc;

use berth_engine::ids::{NodeRow, PodRow};
use berth_model::node::Node;
use berth_model::pod::{Pod, PodSpec};

use crate::flow::Flow;
use crate::now::Now;

/// What changed.
pub(crate) enum Cause {
    /// A node came, or changed from what it was.
    Node(NodeRow, Option<Node>),
    NodeGone(Node),
    PodArrived(PodRow),
    PodChanged(PodRow, Arc<PodSpec>),
    PodLeft(Pod),
    Storage(&'static str),
    Elsewhere(&'static str),
}
impl Cause {
    fn label(&self) -> &'static str {
        match self {
            Self::Node(_, None) => "NodeAdd",
            Self::Node(..) => "NodeUpdate",
            Self::NodeGone(_) => "NodeDelete",
            Self::PodArrived(_) => "AssignedPodAdd",
            Self::PodChanged(..) => "AssignedPodUpdate",
            Self::PodLeft(_) => "AssignedPodDelete",
            Self::Storage(l) | Self::Elsewhere(l) => l,
        }
    }
}

impl Flow {
    pub(crate) fn wake(&mut self, now: Now, cause: &Cause) {
        if !self.queue.has_waiting() {
            return;
        }
        let pods: Vec<PodRow> = self.queue.waiting().flat_map(|(_, pods)| pods.iter().copied()).collect();
        for pod in pods {
            if let Some(queue) = self.queue.wake(pod, now.millis) {
                self.report_queued(queue, cause.label());
            }
        }
    }
    pub(crate) fn wake_one(&mut self, now: Now, pod: PodRow) {
        if let Some(queue) = self.queue.wake(pod, now.millis) {
            self.report_queued(queue, "TargetPodUpdate");
        }
    }
    pub(crate) fn leaving(&self, row: PodRow) -> Cause {
        Cause::PodLeft(self.scheduler.cluster().pods().entry(row).pod.clone())
    }
    pub(crate) fn regroup(&mut self, _row: PodRow) {}
    pub(crate) fn flush(&mut self, now: Now) {
        let Some(millis) = self.settings.flush_millis else { return };
        for pod in self.queue.overdue(now.millis, millis) {
            if let Some(queue) = self.queue.wake(pod, now.millis) {
                self.report_queued(queue, "UnschedulableTimeout");
            }
        }
    }
}
