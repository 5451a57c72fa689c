//! What the loop writes about a pod: its condition, its nomination, and events.

use berth_engine::ids::PodRow;
use berth_model::Str;
use berth_model::pod::Pod;

use super::SchedulingLoop;
use crate::action::{Condition, Event, Request};
use crate::input::{Answer, Failure, FailureKind, Now};
use crate::outbox::{InFlight, RequestKind};
use crate::status::{NextWrite, StatusChange};

/// The longest note of an event that the API server accepts, in bytes.
const NOTE_LIMIT: usize = 1024;

impl SchedulingLoop {
    /// Nominates a pod to a node, or to none, for the decisions that follow. The room on the node of its former
    /// nomination is free for other pods.
    pub(super) fn nominate(&mut self, now: Now, pod: PodRow, node: Option<&Str>) {
        let former = self.former_pod(pod);
        let cluster = self.scheduler.cluster_mut();
        let row = node.and_then(|name| cluster.nodes().find(name));
        if cluster.pods().entry(pod).pod.nominated_node.as_ref() == node {
            return;
        }
        cluster.nominate(pod, row);
        self.requeue_for_left(now, former);
    }

    /// Another scheduler leads: the nominations of pods that wait are those that the watch delivered last.
    pub(super) fn believe_the_watch(&mut self, now: Now) {
        let pods: Vec<PodRow> = self.pods.pending().map(|(pod, _)| pod).collect();
        for pod in pods {
            let Some(pending) = self.pods.get_mut(pod) else { continue };
            let nominated_node = pending.status_mut().on_leadership_lost();
            let is_assumed = pending.is_binding();
            let known = &self.scheduler.cluster().pods().entry(pod).pod;
            if is_assumed || known.nominated_node == nominated_node {
                continue;
            }
            let (changed, former) = (Pod { nominated_node, ..known.clone() }, self.former_pod(pod));
            self.scheduler.cluster_mut().update_pod(pod, changed);
            self.requeue_for_left(now, former);
        }
    }

    /// Writes a condition, and the nomination if `nominate` is given, unless the API server has both already.
    pub(super) fn write_status(
        &mut self,
        pod: PodRow,
        condition: Option<Condition>,
        nominate: Option<Option<Str>>,
    ) {
        if self.pods.get_mut(pod).is_some_and(|pending| pending.status_mut().set(condition, nominate)) {
            self.send_status(pod);
        }
    }

    pub(super) fn send_status(&mut self, pod: PodRow) {
        let Some(pending) = self.pods.get_mut(pod) else { return };
        let Some(change) = pending.status_mut().begin_send() else { return };
        let StatusChange { condition, nominated_node } = change;
        let in_flight = InFlight { pod, uid: pending.pod().uid.clone(), kind: RequestKind::Status };
        let request = Request::SetStatus { pod: pending.pod().clone(), condition, nominated_node };
        self.outbox.send(request, in_flight);
    }

    /// A status was written or not. If not, it is written again, since other components depend on it.
    pub(super) fn status_replied(&mut self, now: Now, pod: PodRow, outcome: Result<Answer, Failure>) {
        let failure = outcome.err().filter(|failure| failure.kind != FailureKind::Gone);
        let Some(pending) = self.pods.get_mut(pod) else { return };
        let next = pending.status_mut().on_reply(failure.is_none(), now.millis);
        if let Some(failure) = failure {
            let text = format!("cannot write the status of pod {}: {}", pending.pod(), failure.message);
            self.outbox.warn(text);
        }
        match next {
            NextWrite::None => {}
            NextWrite::Send => self.send_status(pod),
            NextWrite::RetryAt(at) => self.pods.set_timer(at, pod),
        }
    }

    /// Records an event about a pod.
    pub(super) fn emit(
        &mut self,
        pod: PodRow,
        warning: bool,
        reason: &'static str,
        action: &'static str,
        note: String,
    ) {
        let pending = self.pending_pod(pod);
        let reporter = self.settings.profiles[pending.profile()].scheduler_name.clone();
        let regarding = pending.pod().clone();
        let note = truncated(note);
        self.outbox.emit(Event { regarding, related: None, warning, reason, action, note, reporter });
    }
}

/// Truncates a note to the length that the API server accepts. Upstream: `schedule_one.go` (`truncateMessage`).
fn truncated(mut note: String) -> String {
    const SUFFIX: &str = " ...";
    if note.len() > NOTE_LIMIT {
        let mut end = NOTE_LIMIT.saturating_sub(SUFFIX.len());
        while !note.is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        note.truncate(end);
        note.push_str(SUFFIX);
    }
    note
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_note_is_truncated_at_a_character() {
        assert_eq!(truncated("short".to_owned()), "short");
        let note = truncated("ä".repeat(600));
        assert_eq!(note.len(), NOTE_LIMIT);
        assert!(note.ends_with("ä ..."), "{note}");
    }
}
