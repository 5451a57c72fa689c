//! What is written into a pod's status: why it waits, and where it hopes to run.

use berth_engine::ids::PodRow;
use berth_model::Str;

use crate::action::{Condition, Request};
use crate::flow::Flow;
use crate::input::{Answer, Failure, FailureKind};
use crate::now::Now;
use crate::outbox::{Errand, Purpose};
use crate::report::Report;

impl Flow {
    /// Nominates a pod to a node, or to none, for the decisions that follow. Where it hoped to run before is free for
    /// others.
    pub(crate) fn nominate(&mut self, now: Now, pod: PodRow, node: Option<&Str>) {
        let former = self.former(pod);
        let cluster = self.scheduler.cluster_mut();
        let row = node.and_then(|name| cluster.nodes().find(name));
        if cluster.pods().entry(pod).pod.nominated_node.as_ref() == node {
            return;
        }
        cluster.nominate(pod, row);
        self.wake_for_left(now, former);
    }

    /// Writes a condition and a nomination where the API server has others. `nominate`: leave it, set it, or clear it.
    pub(crate) fn write_status(
        &mut self,
        pod: PodRow,
        condition: Option<Condition>,
        nominate: Option<Option<Str>>,
    ) {
        let Some(track) = self.tracks.get_mut(pod) else { return };
        let condition = condition.filter(|new| {
            let written = track.condition.as_ref().map(|(reason, message)| (&**reason, &**message));
            written != Some((new.reason, &*new.message))
        });
        let nominated_node = nominate.map(Option::unwrap_or_default).filter(|node| {
            let seen = track.seen_nominated.as_deref().unwrap_or_default();
            seen != &**node
        });
        if condition.is_none() && nominated_node.is_none() {
            return;
        }
        if let Some(new) = &condition {
            track.condition = Some((new.reason.into(), new.message.as_str().into()));
        }
        if let Some(node) = &nominated_node {
            track.seen_nominated = Some(node.clone()).filter(|node| !node.is_empty());
        }
        let new = StatusChange { condition, nominated_node };
        // One at a time, so that none overtakes another; what is overtaken is not written.
        match &mut track.writing {
            Some(next) => next.add(new),
            None => {
                track.writing = Some(StatusChange::default());
                self.send_status(pod, new);
            }
        }
    }

    fn send_status(&mut self, pod: PodRow, change: StatusChange) {
        let Some(track) = self.tracks.get(pod) else { return };
        let errand = Errand { pod, uid: track.pod.uid.clone(), purpose: Purpose::Status };
        let StatusChange { condition, nominated_node } = change;
        self.outbox.ask(Request::SetStatus { pod: track.pod.clone(), condition, nominated_node }, errand);
    }

    /// A status was written, or not: then the next attempt writes it again.
    pub(crate) fn status_replied(&mut self, pod: PodRow, outcome: Result<Answer, Failure>) {
        let Some(track) = self.tracks.get_mut(pod) else { return };
        if let Err(failure) = outcome {
            track.condition = None;
            if failure.kind != FailureKind::Gone {
                let text =
                    format!("the status of pod {} could not be written: {}", track.pod, failure.message);
                self.outbox.report(Report::Trouble(text));
            }
        }
        let Some(track) = self.tracks.get_mut(pod) else { return };
        let next = track.writing.take().filter(|next| *next != StatusChange::default());
        if let Some(next) = next {
            track.writing = Some(StatusChange::default());
            self.send_status(pod, next);
        }
    }
}

/// What is to be written into a status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StatusChange {
    condition: Option<Condition>,
    nominated_node: Option<Str>,
}

impl StatusChange {
    fn add(&mut self, newer: Self) {
        self.condition = newer.condition.or(self.condition.take());
        self.nominated_node = newer.nominated_node.or(self.nominated_node.take());
    }
}
