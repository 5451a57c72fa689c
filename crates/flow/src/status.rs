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
        let errand = Errand { pod, uid: track.pod.uid.clone(), purpose: Purpose::Status };
        self.outbox.ask(Request::SetStatus { pod: track.pod.clone(), condition, nominated_node }, errand);
    }

    /// A status could not be written: the next attempt writes it again.
    pub(crate) fn status_replied(&mut self, pod: PodRow, outcome: Result<Answer, Failure>) {
        let (Err(failure), Some(track)) = (outcome, self.tracks.get_mut(pod)) else { return };
        track.condition = None;
        if failure.kind != FailureKind::Gone {
            let text = format!("the status of pod {} could not be written: {}", track.pod, failure.message);
            self.outbox.report(Report::Trouble(text));
        }
    }
}
