//! Passes events to the queue, and reports the pods that it requeues.

use berth_engine::event::{ClusterEvent, FormerPod};
use berth_engine::ids::PodRow;

use super::SchedulingLoop;
use crate::input::Now;

impl SchedulingLoop {
    /// Requeues the pods that an event may help.
    pub(super) fn requeue_on(&mut self, now: Now, event: &ClusterEvent<'_>) {
        for queue in self.queue.requeue_on(&self.scheduler, event, now.millis) {
            self.report_queued(queue, event.label());
        }
    }

    /// A pod before it changes, for the event that follows; `None` if no pod waits for an event.
    pub(super) fn former_pod(&self, pod: PodRow) -> Option<FormerPod> {
        self.queue.former_pod(self.scheduler.cluster(), pod)
    }

    /// A pod does not count on its node any more.
    pub(super) fn requeue_for_left(&mut self, now: Now, former: Option<FormerPod>) {
        if let Some(former) = former.filter(|former| former.row.is_some()) {
            self.requeue_on(now, &ClusterEvent::PodLeft { pod: &former });
        }
    }

    /// Makes a pod active at once: what it waits for has happened already.
    pub(super) fn activate(&mut self, pod: PodRow) {
        if self.queue.activate(pod) {
            self.report_queued("active", "ForceActivate");
        }
    }

    /// Requeues a pod that has just been rejected: what may help it happened before it was rejected, so it does not wait
    /// for another event.
    pub(super) fn requeue_after_backoff(&mut self, now: Now, pod: PodRow) {
        if let Some(queue) = self.queue.requeue(pod, now.millis) {
            self.report_queued(queue, "ScheduleAttemptFailure");
        }
    }

    /// Requeues the pods that have been unschedulable for long, although no event may help them.
    pub(super) fn flush(&mut self, now: Now) {
        let Some(millis) = self.settings.flush_millis else { return };
        for queue in self.queue.flush(now.millis, millis) {
            self.report_queued(queue, "UnschedulableTimeout");
        }
    }
}
