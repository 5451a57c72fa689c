//! What is written into a pod's status: why it waits, and where it hopes to run.

use berth_engine::ids::PodRow;
use berth_model::Str;

use crate::action::{Condition, Request};
use crate::backoff::Backoff;
use crate::flow::Flow;
use crate::input::{Answer, Failure, FailureKind};
use crate::now::Now;
use crate::outbox::{Errand, Purpose};
use crate::report::Report;
use crate::track::Track;

/// How long to wait before a status is written again.
const AGAIN: Backoff = Backoff { initial_millis: 1_000, max_millis: 60_000 };

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
        let condition = condition.map(|new| Condition { again: track.condition.is_some(), ..new });
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
            Some(writing) => writing.next.add(new),
            None => {
                track.writing = Some(Writing { sent: new, ..Writing::default() });
                self.send_status(pod);
            }
        }
    }

    fn send_status(&mut self, pod: PodRow) {
        let Some(track) = self.tracks.get_mut(pod) else { return };
        let Some(writing) = &mut track.writing else { return };
        writing.again = None;
        let StatusChange { condition, nominated_node } = writing.sent.clone();
        let errand = Errand { pod, uid: track.pod.uid.clone(), purpose: Purpose::Status };
        self.outbox.ask(Request::SetStatus { pod: track.pod.clone(), condition, nominated_node }, errand);
    }

    /// A status was written, or not: then it is written again, since others go by it.
    pub(crate) fn status_replied(&mut self, now: Now, pod: PodRow, outcome: Result<Answer, Failure>) {
        let Some(track) = self.tracks.get_mut(pod) else { return };
        let Some(writing) = &mut track.writing else { return };
        let mut next = std::mem::take(&mut writing.next);
        if writing.disturbed && track.watched_nominated != track.seen_nominated {
            // Another process wrote a nomination, before this write or after it: write this one again.
            next.nominated_node.get_or_insert_with(|| track.seen_nominated.clone().unwrap_or_default());
        }
        match outcome {
            Err(failure) if failure.kind != FailureKind::Gone => {
                writing.failures += 1;
                let again = now.millis + AGAIN.after(writing.failures);
                writing.sent.add(next);
                writing.again = Some(again);
                let text =
                    format!("the status of pod {} could not be written: {}", track.pod, failure.message);
                self.outbox.report(Report::Trouble(text));
                self.tracks.set_timer(again, pod);
            }
            _ if next == StatusChange::default() => track.writing = None,
            _ => {
                *writing = Writing { sent: next, ..Writing::default() };
                self.send_status(pod);
            }
        }
    }

    /// Writes a status again whose time has come.
    pub(crate) fn write_again(&mut self, now: Now, pod: PodRow) {
        let writing = self.tracks.get(pod).and_then(|track| track.writing.as_ref());
        if writing.is_some_and(|writing| writing.again.is_some_and(|again| again <= now.millis)) {
            self.send_status(pod);
        }
    }
}

impl Track {
    /// The watch tells the pod's nominated node. Returns whether the API server has another one than this scheduler knew or
    /// wrote.
    ///
    /// While a nomination is being written, what the watch tells may be older or newer than that. Then it is not taken over,
    /// but noted: [`Flow::status_replied`] writes again if the two still differ.
    pub(crate) fn watch_tells_nomination(&mut self, node: Option<&Str>) -> bool {
        let changed = self.watched_nominated.as_ref() != node;
        if changed {
            self.watched_nominated = node.cloned();
        }
        let differs = self.seen_nominated.as_ref() != node;
        match &mut self.writing {
            Some(writing) if writing.nominates() => {
                writing.disturbed |= changed && differs;
                false
            }
            _ if differs => {
                self.seen_nominated = node.cloned();
                true
            }
            _ => false,
        }
    }
}

/// A status that is being written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Writing {
    sent: StatusChange,
    /// To be written after it.
    next: StatusChange,
    failures: u32,
    /// The watch told another nomination than the one that is being written.
    disturbed: bool,
    /// When it is to be sent again, in milliseconds; `None` while it is on its way.
    again: Option<u64>,
}

impl Writing {
    /// Whether a nomination is written, or is to be written next.
    fn nominates(&self) -> bool {
        self.sent.nominated_node.is_some() || self.next.nominated_node.is_some()
    }
}

/// What is to be written into a status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct StatusChange {
    condition: Option<Condition>,
    nominated_node: Option<Str>,
}

impl StatusChange {
    fn add(&mut self, newer: Self) {
        self.condition = newer.condition.or(self.condition.take());
        self.nominated_node = newer.nominated_node.or(self.nominated_node.take());
    }
}
