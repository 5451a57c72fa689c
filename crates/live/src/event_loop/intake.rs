//! Turns messages into inputs of the flow.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use berth_flow::{Event, Input, PodRef};
use berth_model::Str;
use berth_model::object::{Kind, ObjectKey};
use berth_watch::{Decoded, EventType, Metadata, WatchEvent, decode};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{EventLoop, restart};
use crate::message::{Delivery, WatchMessage};

impl EventLoop {
    /// Takes what a watch delivers, unless it is for an older flow.
    pub(super) fn take_watched(&mut self, message: WatchMessage) {
        let WatchMessage { kind, epoch, delivery, .. } = &message;
        match delivery {
            _ if *epoch != self.epoch() => {}
            Delivery::Listing => {
                self.own_writes.on_listing(*kind);
                self.dispatch(Input::Listing(*kind));
            }
            Delivery::Listed(version) => {
                for event in self.own_writes.on_listed(*kind, version) {
                    self.take_event(*kind, &event);
                }
                self.dispatch(Input::Listed(*kind));
            }
            Delivery::Events(events) => {
                for event in events {
                    // If an event breaks the flow, the next flow gets all of them again.
                    if *epoch == self.epoch() {
                        let event = self.own_writes.newest(*kind, event);
                        self.take_event(*kind, &event);
                    }
                }
            }
        }
    }

    /// Takes the object that the API server has answered a write with: it counts before the watch delivers it.
    pub(super) fn take_written(&mut self, kind: Kind, object: Bytes) {
        if let Some(event) = self.own_writes.on_answer(kind, object) {
            self.take_event(kind, &event);
        }
    }

    fn take_event(&mut self, kind: Kind, event: &WatchEvent) {
        let decoder = &mut self.decoder;
        let Ok(decoded) = catch_unwind(AssertUnwindSafe(|| decode(decoder, kind, event))) else {
            return self.object_panicked(berth_watch::key(kind, &Metadata::of(&event.object)));
        };
        self.keep_node(kind, event);
        let input = match decoded {
            Decoded::Applied(object) if self.quarantine.holds(&object) => return,
            Decoded::Applied(object) => Input::Applied(object),
            Decoded::Deleted { key, uid } => {
                self.quarantine.release(&key, &uid);
                Input::Deleted(key)
            }
            Decoded::Unreadable { key, uid, problem } => {
                self.report_unreadable(&event.object, &key, &uid, &problem);
                Input::Unreadable { key, uid, problem }
            }
            Decoded::Irrelevant => return,
        };
        self.dispatch(input);
    }

    /// Takes an input that does not come from a watch.
    pub(super) fn take_input(&mut self, input: Input) {
        let input = match input {
            Input::Reply(ticket, outcome) => {
                // Otherwise the request is of an older flow.
                let Some(ticket) = restart::untag(ticket, self.epoch()) else { return };
                self.open = self.open.saturating_sub(1);
                Input::Reply(ticket, outcome)
            }
            other => other,
        };
        self.dispatch(input);
    }

    /// Records an input and gives it to the flow.
    pub(super) fn dispatch(&mut self, input: Input) {
        let now = self.now();
        if let Some(recording) = &mut self.recording {
            recording.take(now, &input);
        }
        if let Some(copier) = &mut self.copier {
            copier.before(now, &self.flow, Some(&input));
        }
        let suspect = match &input {
            Input::Applied(object) => Some(object.key()),
            Input::Deleted(key) => Some(key.clone()),
            _ => None,
        };
        let flow = &mut self.flow;
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| flow.take(now, input))) {
            match suspect {
                Some(key) => self.object_panicked(key),
                // There is no object to quarantine, so it would happen again.
                None => resume_unwind(panic),
            }
        }
    }

    /// Records an event for a pod of this scheduler that cannot be read, since its owner looks there.
    fn report_unreadable(&self, json: &[u8], key: &ObjectKey, uid: &Str, problem: &str) {
        let spec = serde_json::from_slice::<PodHead<'_>>(json).unwrap_or_default().spec;
        let named = if spec.scheduler_name.is_empty() { "default-scheduler" } else { &*spec.scheduler_name };
        if key.kind == Kind::Pod && spec.node_name.is_empty() && self.reporter.has_profile(named) {
            let pod = PodRef { namespace: key.namespace.clone(), name: key.name.clone(), uid: uid.clone() };
            let event = failed(pod, named, format!("the pod cannot be read and is ignored: {problem}"));
            self.recorder.record(event, crate::clock::unix_micros());
        }
    }

    /// Keeps a node as JSON, for extenders that need whole nodes.
    fn keep_node(&mut self, kind: Kind, event: &WatchEvent) {
        if kind != Kind::Node {
            return;
        }
        let Some(nodes) = &mut self.nodes else { return };
        let name = Str::from(&*Metadata::of(&event.object).name);
        match serde_json::from_slice::<Box<RawValue>>(&event.object) {
            Ok(json) if event.event_type != EventType::Deleted => drop(nodes.insert(name, json.into())),
            _ => drop(nodes.remove(&name)),
        }
    }
}

/// The part of a pod that is needed even if the pod cannot be read.
#[derive(Default, Deserialize)]
#[serde(default)]
struct PodHead<'a> {
    #[serde(borrow)]
    spec: SpecHead<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SpecHead<'a> {
    #[serde(borrow)]
    scheduler_name: Cow<'a, str>,
    #[serde(borrow)]
    node_name: Cow<'a, str>,
}

/// The event for a pod that is not scheduled.
pub(super) fn failed(pod: PodRef, reporter: &str, note: String) -> Event {
    Event {
        regarding: pod,
        related: None,
        warning: true,
        reason: "FailedScheduling",
        action: "Scheduling",
        note,
        reporter: reporter.into(),
    }
}
