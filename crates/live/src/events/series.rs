//! Which events are written, and which are only counted.
//!
//! ```text
//!   first ──► created ── again ──► series of 2, written ── again ──► counted
//!                │ 6 minutes            │ every 30 minutes: the count is written
//!                ▼                      ▼ 6 minutes after the last: the count is written
//!            forgotten              forgotten
//! ```

use std::collections::BTreeMap;

use berth_flow::{Event, PodRef};
use berth_model::Str;
use serde::Serialize;

const MINUTE_MICROS: i64 = 60 * 1_000_000;
/// An event that does not occur again within this time is forgotten.
const FORGOTTEN_MICROS: i64 = 6 * MINUTE_MICROS;
/// The time between two writes of a series' count.
const REFRESH_MICROS: i64 = 30 * MINUTE_MICROS;
/// The longest note that the API accepts, in bytes.
const NOTE_BYTES: usize = 1024;

/// The fields that equal events share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    regarding: PodRef,
    related: Option<PodRef>,
    warning: bool,
    reason: &'static str,
    action: &'static str,
    reporter: Str,
    note: String,
}

#[derive(Clone, Debug)]
struct Entry {
    name: String,
    first_micros: i64,
    count: u32,
    last_micros: i64,
    written_micros: i64,
}

/// A request for the API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Write {
    pub(super) namespace: Str,
    pub(super) name: String,
    /// The event, to create.
    pub(super) create: Vec<u8>,
    /// The series, if the event was created before.
    pub(super) patch: Option<Vec<u8>>,
}

/// The events that may occur again.
#[derive(Debug)]
pub(super) struct Series {
    host: String,
    entries: BTreeMap<Key, Entry>,
    /// Distinguishes names if the clock does not advance.
    names: u16,
}

impl Series {
    pub(super) fn new(host: String) -> Self {
        Self { host, entries: BTreeMap::new(), names: 0 }
    }

    /// Takes an event, and says what to write.
    pub(super) fn take(&mut self, event: &Event, micros: i64) -> Option<Write> {
        let key = Key {
            regarding: event.regarding.clone(),
            related: event.related.clone(),
            warning: event.warning,
            reason: event.reason,
            action: event.action,
            reporter: event.reporter.clone(),
            note: shortened(&event.note).to_owned(),
        };
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.count += 1;
            entry.last_micros = micros;
            if entry.count > 2 {
                return None;
            }
            entry.written_micros = micros;
            return Some(write(&self.host, &key, entry));
        }
        self.names = (self.names + 1) % 1_000;
        let name = name(&key.regarding.name, micros * 1_000 + i64::from(self.names));
        let entry =
            Entry { name, first_micros: micros, count: 1, last_micros: micros, written_micros: micros };
        let created = write(&self.host, &key, &entry);
        self.entries.insert(key, entry);
        Some(created)
    }

    /// Forgets old events, and says which counts to write.
    pub(super) fn sweep(&mut self, now_micros: i64) -> Vec<Write> {
        let mut writes = Vec::new();
        let host = &self.host;
        self.entries.retain(|key, entry| {
            let over = entry.last_micros < now_micros - FORGOTTEN_MICROS;
            let due = over || entry.written_micros < now_micros - REFRESH_MICROS;
            if entry.count > 2 && due && entry.written_micros < entry.last_micros {
                entry.written_micros = now_micros;
                writes.push(write(host, key, entry));
            }
            !over
        });
        writes
    }
}

/// A unique name: that of the pod, cut if necessary, and a time in nanoseconds.
fn name(pod: &str, nanos: i64) -> String {
    let suffix = format!(".{nanos:x}");
    let room = 253 - suffix.len();
    let pod = pod.get(..room).map_or(pod, |cut| cut.trim_end_matches(['.', '-']));
    format!("{pod}{suffix}")
}

fn shortened(note: &str) -> &str {
    if note.len() <= NOTE_BYTES { note } else { &note[..note.floor_char_boundary(NOTE_BYTES)] }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reference<'a> {
    kind: &'static str,
    namespace: &'a str,
    name: &'a str,
    uid: &'a str,
    api_version: &'static str,
}

impl<'a> Reference<'a> {
    fn of(pod: &'a PodRef) -> Self {
        Self { kind: "Pod", namespace: &pod.namespace, name: &pod.name, uid: &pod.uid, api_version: "v1" }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SeriesFields {
    count: u32,
    last_observed_time: String,
}

#[derive(Serialize)]
struct Meta<'a> {
    name: &'a str,
    namespace: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventFields<'a> {
    api_version: &'static str,
    kind: &'static str,
    metadata: Meta<'a>,
    event_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    series: Option<&'a SeriesFields>,
    reporting_controller: &'a str,
    reporting_instance: String,
    action: &'a str,
    reason: &'a str,
    regarding: Reference<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    related: Option<Reference<'a>>,
    note: &'a str,
    r#type: &'static str,
}

#[derive(Serialize)]
struct Patch<'a> {
    series: &'a SeriesFields,
}

fn write(host: &str, key: &Key, entry: &Entry) -> Write {
    let last_observed_time = crate::clock::micros(entry.last_micros);
    let series = (entry.count > 1).then_some(SeriesFields { count: entry.count, last_observed_time });
    let event = EventFields {
        api_version: "events.k8s.io/v1",
        kind: "Event",
        metadata: Meta { name: &entry.name, namespace: &key.regarding.namespace },
        event_time: crate::clock::micros(entry.first_micros),
        series: series.as_ref(),
        reporting_controller: &key.reporter,
        reporting_instance: instance(&key.reporter, host),
        action: key.action,
        reason: key.reason,
        regarding: Reference::of(&key.regarding),
        related: key.related.as_ref().map(Reference::of),
        note: &key.note,
        r#type: if key.warning { "Warning" } else { "Normal" },
    };
    // Serialization of texts and numbers cannot fail.
    Write {
        namespace: key.regarding.namespace.clone(),
        name: entry.name.clone(),
        create: serde_json::to_vec(&event).unwrap_or_default(),
        patch: series.map(|series| serde_json::to_vec(&Patch { series: &series }).unwrap_or_default()),
    }
}

/// The API accepts at most 128 characters.
fn instance(reporter: &str, host: &str) -> String {
    format!("{reporter}-{host}").chars().take(128).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn event(note: &str) -> Event {
        Event {
            regarding: PodRef { namespace: "shop".into(), name: "cart".into(), uid: "u1".into() },
            related: None,
            warning: true,
            reason: "FailedScheduling",
            action: "Scheduling",
            note: note.to_owned(),
            reporter: "default-scheduler".into(),
        }
    }

    fn text(bytes: &[u8]) -> &str {
        std::str::from_utf8(bytes).unwrap()
    }

    #[test]
    fn equal_events_become_a_series() {
        let mut series = Series::new("host".into());
        let first = series.take(&event("no room"), 1_700_000_000_000_000).unwrap();
        expect![[r#"{"apiVersion":"events.k8s.io/v1","kind":"Event","metadata":{"name":"cart.17979cfe362a0001","namespace":"shop"},"eventTime":"2023-11-14T22:13:20.000000Z","reportingController":"default-scheduler","reportingInstance":"default-scheduler-host","action":"Scheduling","reason":"FailedScheduling","regarding":{"kind":"Pod","namespace":"shop","name":"cart","uid":"u1","apiVersion":"v1"},"note":"no room","type":"Warning"}"#]].assert_eq(text(&first.create));
        assert_eq!(first.patch, None);
        let second = series.take(&event("no room"), 1_700_000_001_000_000).unwrap();
        expect![[r#"{"series":{"count":2,"lastObservedTime":"2023-11-14T22:13:21.000000Z"}}"#]]
            .assert_eq(text(&second.patch.unwrap()));
        assert_eq!(first.name, second.name);
        assert_eq!(series.take(&event("no room"), 1_700_000_002_000_000), None);
        let other = series.take(&event("other words"), 1_700_000_003_000_000).unwrap();
        assert!(other.patch.is_none() && other.name != first.name);
    }

    #[test]
    fn counts_are_written_from_time_to_time_and_at_the_end() {
        let mut series = Series::new("host".into());
        let start = 1_700_000_000_000_000;
        (0..5).for_each(|i| drop(series.take(&event("often"), start + i)));
        series.take(&event("once"), start);
        assert_eq!(series.sweep(start + MINUTE_MICROS), []);
        let last = series.sweep(start + 7 * MINUTE_MICROS);
        assert_eq!(last.len(), 1);
        assert!(text(last[0].patch.as_ref().unwrap()).contains(r#""count":5"#));
        assert!(series.entries.is_empty());
        (0..35).for_each(|i| drop(series.take(&event("steady"), start + i * MINUTE_MICROS)));
        assert_eq!(series.sweep(start + 34 * MINUTE_MICROS).len(), 1);
        assert_eq!(series.sweep(start + 35 * MINUTE_MICROS).len(), 0);
    }

    #[test]
    fn names_and_notes_are_cut_to_the_limits_of_the_api() {
        let long = "a".repeat(253);
        assert_eq!(name(&long, i64::MAX).len(), 253);
        assert_eq!(shortened(&"ü".repeat(600)).len(), 1024);
    }
}
