//! What is told becomes inputs of the flow.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use berth_flow::{Event, Input, PodRef};
use berth_model::Str;
use berth_model::object::{Kind, ObjectKey};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Turn, anew};
use crate::message::{Told, Watched};
use crate::watch::{Change, Line, Metadata};

impl Turn {
    /// Takes what a watch tells, unless it tells it to a flow that is no more.
    pub(super) fn take_watched(&mut self, watched: Watched) {
        let Watched { kind, era, told, .. } = &watched;
        if *era != *self.era.borrow() {
            return;
        }
        match told {
            Told::Listing => self.tell(Input::Listing(*kind)),
            Told::Lines(lines) => self.take_lines(*kind, *era, lines),
            Told::Listed => self.tell(Input::Listed(*kind)),
        }
    }

    fn take_lines(&mut self, kind: Kind, era: u64, lines: &[u8]) {
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', lines) {
            let line = &lines[start..end];
            start = end + 1;
            if line.is_empty() {
                continue;
            }
            if era != *self.era.borrow() {
                return; // one of these lines broke the flow, and all are told again
            }
            match Line::read(line) {
                Ok(line) => self.take_line(kind, &line),
                Err(error) => {
                    tracing::error!(
                        kind = kind.name(),
                        "a line of a watch cannot be read and is left out: {error}"
                    );
                }
            }
        }
    }

    fn take_line(&mut self, kind: Kind, line: &Line<'_>) {
        let json = line.object.get();
        let input = match line.change {
            Change::Added | Change::Modified => {
                self.keep_node(kind, line.object);
                let decoder = &mut self.decoder;
                let Ok(decoded) = catch_unwind(AssertUnwindSafe(|| decoder.object(json))) else {
                    return self.object_broke(key(kind, &Metadata::of(json)));
                };
                match decoded {
                    Ok(Some(object)) if self.quarantine.holds(&object) => return,
                    Ok(Some(object)) => Input::Applied(object),
                    Ok(None) => return,
                    Err(problems) => {
                        let metadata = Metadata::of(json);
                        let words: Vec<String> =
                            problems.iter().map(|p| format!("{}: {}", p.field, p.message)).collect();
                        let (key, uid) = (key(kind, &metadata), Str::from(&*metadata.uid));
                        let problem = words.join("; ");
                        self.tell_of_unreadable(json, &key, &uid, &problem);
                        Input::Unreadable { key, uid, problem }
                    }
                }
            }
            Change::Deleted => {
                let metadata = Metadata::of(json);
                let key = key(kind, &metadata);
                self.quarantine.release(&key, &metadata.uid);
                Input::Deleted(key)
            }
            Change::Bookmark if Metadata::of(json).ends_initial() => Input::Listed(kind),
            Change::Bookmark | Change::Error => return,
        };
        self.tell(input);
    }

    /// Takes what others than watches tell.
    pub(super) fn take_input(&mut self, input: Input) {
        let input = match input {
            Input::Reply(ticket, outcome) => {
                // Else it was asked by a flow that is no more.
                let Some(ticket) = anew::unmarked(ticket, *self.era.borrow()) else { return };
                self.open = self.open.saturating_sub(1);
                Input::Reply(ticket, outcome)
            }
            other => other,
        };
        self.tell(input);
    }

    /// Tells the flow what happened.
    pub(super) fn tell(&mut self, input: Input) {
        let now = self.now();
        if let Some(recording) = &mut self.recording {
            recording.take(now, &input);
        }
        let suspect = match &input {
            Input::Applied(object) => Some(object.key()),
            Input::Deleted(key) => Some(key.clone()),
            _ => None,
        };
        let flow = &mut self.flow;
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| flow.take(now, input))) {
            match suspect {
                Some(key) => self.object_broke(key),
                // Nothing that could be kept away from the next flow.
                None => resume_unwind(panic),
            }
        }
    }

    /// Whoever made a pod for this scheduler looks at its events.
    fn tell_of_unreadable(&self, json: &str, key: &ObjectKey, uid: &Str, problem: &str) {
        let spec = serde_json::from_str::<PodHead<'_>>(json).unwrap_or_default().spec;
        let named = if spec.scheduler_name.is_empty() { "default-scheduler" } else { &*spec.scheduler_name };
        if key.kind == Kind::Pod && spec.node_name.is_empty() && self.teller.has_profile(named) {
            let pod = PodRef { namespace: key.namespace.clone(), name: key.name.clone(), uid: uid.clone() };
            let event = failed(pod, named, format!("the pod cannot be read and is left aside: {problem}"));
            self.recorder.record(event, crate::clock::unix_micros());
        }
    }

    fn keep_node(&mut self, kind: Kind, object: &RawValue) {
        if kind == Kind::Node
            && let Some(nodes) = &mut self.nodes
        {
            let name = Str::from(&*Metadata::of(object.get()).name);
            nodes.insert(name, Arc::from(object.to_owned()));
        }
    }
}

/// What of a pod must be known though it cannot be read.
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

/// The event that a pod is not scheduled.
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

fn key(kind: Kind, metadata: &Metadata<'_>) -> ObjectKey {
    let namespace = if kind.is_namespaced() { Str::from(&*metadata.namespace) } else { Str::default() };
    ObjectKey { kind, namespace, name: Str::from(&*metadata.name) }
}
