//! Recordings can be read and replayed, and damage is found.

use berth_engine::profile::Profile;
use berth_engine::tie_break::TieBreak;
use berth_flow::{Answer, Input, Now, Request, SchedulingLoop, Settings};
use berth_model::object::{Kind, ObjectKey};
use berth_wire::Decoder;

use crate::entry::{Entry, Header};
use crate::fingerprint::Fingerprint;
use crate::reader::{ReadError, Reader};
use crate::replay::{Replay, Until, replay};
use crate::what_if::compare;
use crate::writer::Writer;

fn settings() -> Settings {
    let tie_break = TieBreak::FirstName;
    Settings::new(vec![Profile { tie_break, ..Profile::standard("default-scheduler") }])
}

/// A flow with a recording.
struct Recorded {
    flow: SchedulingLoop,
    now: Now,
    writer: Writer<Vec<u8>>,
    done: Fingerprint,
    decoder: Decoder,
}

impl Recorded {
    fn new() -> Self {
        let mut recorded = Self {
            flow: SchedulingLoop::new(settings()),
            now: Now { millis: 1, unix_micros: 1_000 },
            writer: Writer::new(Vec::new()).unwrap(),
            done: Fingerprint::new(),
            decoder: Decoder::new(),
        };
        let header =
            Header { version: "test".into(), configuration: String::new(), part: 1, ..Header::default() };
        recorded.writer.push(&Entry::Header(header)).unwrap();
        for kind in SchedulingLoop::KINDS {
            recorded.take(Input::Listing(kind));
            recorded.take(Input::Listed(kind));
        }
        recorded.take(Input::Leads(true));
        recorded
    }

    fn take(&mut self, input: Input) {
        self.writer.push(&Entry::Take(self.now, Box::new(input.clone()))).unwrap();
        self.flow.take(self.now, input);
    }

    fn apply(&mut self, json: &str) {
        let object = self.decoder.object(json).unwrap().unwrap();
        self.take(Input::Applied(object));
    }

    fn node(&mut self, name: &str, cpu: u32) {
        self.apply(&format!(
            r#"{{"apiVersion":"v1","kind":"Node","metadata":{{"name":"{name}"}},"status":{{"allocatable":{{"cpu":"{cpu}","memory":"8Gi","pods":"110"}}}}}}"#
        ));
    }

    fn pod(&mut self, name: &str, node: &str, priority: i32) {
        self.apply(&format!(
            r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{name}","namespace":"default","uid":"{name}"}},"spec":{{"nodeName":"{node}","priority":{priority},"containers":[{{"name":"c","env":[{{"name":"PASSWORD","value":"hunter2"}}],"resources":{{"requests":{{"cpu":"1"}}}}}}]}}}}"#
        ));
    }

    /// Attempts all pods; every request succeeds.
    fn run(&mut self) {
        loop {
            let tried = self.flow.attempt(self.now);
            if tried {
                self.writer.push(&Entry::Attempt(self.now)).unwrap();
            }
            let actions: Vec<_> = self.flow.drain_actions().collect();
            drop(self.flow.drain_reports());
            for action in &actions {
                self.done.add(action);
            }
            let (count, hash) = self.done.value();
            self.writer.push(&Entry::Did(count, hash)).unwrap();
            for action in &actions {
                if !matches!(action.request, Request::Emit(_)) {
                    self.take(Input::Reply(action.ticket, Ok(Answer::Done)));
                }
                if let Request::Bind { pod, node } = &action.request {
                    let (name, node) = (pod.name.clone(), node.clone());
                    self.now.millis += 10;
                    self.pod(&name, &node, 0);
                }
            }
            if !tried && actions.is_empty() {
                return;
            }
        }
    }

    fn bytes(mut self) -> Vec<u8> {
        self.writer.flush().unwrap();
        self.writer.into_inner()
    }
}

fn recording() -> Vec<u8> {
    let mut recorded = Recorded::new();
    for number in 0..3 {
        recorded.node(&format!("n{number}"), 2);
    }
    for number in 0..7 {
        recorded.pod(&format!("p{number}"), "", 0);
    }
    recorded.run();
    recorded.now.millis += 1_000;
    recorded.now.unix_micros += 1_000_000;
    recorded.take(Input::Deleted(ObjectKey {
        kind: Kind::Pod,
        namespace: "default".into(),
        name: "p0".into(),
    }));
    recorded.run();
    recorded.bytes()
}

fn replayed(bytes: &[u8]) -> Result<Replay, ReadError> {
    replay(&mut Reader::new(bytes)?, settings(), Until::End)
}

#[test]
fn a_replay_repeats_the_recording() {
    let replay = replayed(&recording()).unwrap();
    assert_eq!(replay.difference, None);
    assert!(!replay.torn && replay.compared > 7);
    let placed: Vec<&str> = replay.decided.iter().filter(|d| d.node.is_some()).map(|d| &*d.pod).collect();
    assert_eq!(
        placed,
        ["default/p0", "default/p1", "default/p2", "default/p3", "default/p4", "default/p5", "default/p6"]
    );
}

#[test]
fn a_replay_stops_at_the_given_attempt_or_time() {
    let bytes = recording();
    let replayed = |stop| replay(&mut Reader::new(&bytes[..]).unwrap(), settings(), stop).unwrap();
    let all = replayed(Until::End);
    let fourth = &all.decided[3];
    assert_eq!(fourth.pod, "default/p3");
    let before = replayed(Until::Attempt(fourth.number));
    assert_eq!(before.decided, all.decided[..3]);
    let pod = before.flow.find_pod(&"default".into(), &"p3".into()).unwrap();
    assert!(before.flow.scheduler().cluster().pods().entry(pod).pod.node.is_none());
    let after = |unix_micros| replayed(Until::after(&mut Reader::new(&bytes[..]).unwrap(), unix_micros));
    assert!(after(0).decided.is_empty());
    let upto = all.decided.iter().take_while(|decided| decided.unix_micros == fourth.unix_micros).count();
    assert_eq!(after(fourth.unix_micros).decided, all.decided[..upto]);
    assert_eq!(after(i64::MAX).decided, all.decided);
}

#[test]
fn another_configuration_is_a_difference() {
    let bytes = recording();
    let mut profile = Profile::standard("default-scheduler");
    profile.score.clear();
    let other = Settings::new(vec![profile]);
    let replay = replay(&mut Reader::new(&bytes[..]).unwrap(), other, Until::End).unwrap();
    assert!(replay.difference.is_some());
}

#[test]
fn any_flipped_byte_is_reported() {
    let bytes = recording();
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x10;
        let ends_early = replayed(&flipped).is_ok_and(|replay| replay.torn);
        assert!(ends_early || replayed(&flipped).is_err(), "byte {at}");
    }
}

#[test]
fn everything_before_a_torn_block_is_replayed() {
    let mut recorded = Recorded::new();
    recorded.node("n", 4);
    recorded.pod("a", "", 0);
    recorded.run();
    recorded.writer.flush().unwrap();
    let whole = recorded.writer.written();
    recorded.pod("b", "", 0);
    recorded.run();
    let mut bytes = recorded.bytes();
    bytes.truncate(usize::try_from(whole).unwrap() + 20);
    let replay = replayed(&bytes).unwrap();
    assert!(replay.torn && replay.difference.is_none());
    assert_eq!(replay.decided.len(), 1);
}

#[test]
fn other_files_and_formats_are_refused() {
    assert!(matches!(replayed(b"apiVersion: v1"), Err(ReadError::NoRecording)));
    assert!(matches!(replayed(b""), Err(ReadError::NoRecording)));
    assert!(matches!(replayed(b"BERTHRC\x09rest"), Err(ReadError::Version(9))));
    assert!(matches!(replayed(b"BERTHRC\x01rest"), Err(ReadError::Version(1))));
    assert!(matches!(replayed(b"BERTHRC\x02"), Err(ReadError::NoHeader)));
}

#[test]
fn nothing_secret_is_recorded() {
    let bytes = recording();
    let mut reader = Reader::new(&bytes[..]).unwrap();
    let mut lines = Vec::new();
    while let Some(entry) = reader.next_entry().unwrap() {
        entry.write(&mut lines).unwrap();
    }
    let text = String::from_utf8(lines).unwrap();
    assert!(text.contains("p3") && !text.contains("hunter2") && !text.contains("PASSWORD"));
}

#[test]
fn another_configuration_places_the_same_pods_elsewhere() {
    let bytes = recording();
    let mut packed = Profile::standard("default-scheduler");
    packed.score.clear(); // all nodes have the same score
    packed.tie_break = TieBreak::FirstName;
    let other = Settings::new(vec![packed]);
    let comparison = compare(&mut Reader::new(&bytes[..]).unwrap(), settings(), other).unwrap();
    let nodes = |side: usize| -> Vec<String> {
        let node = |pair: &[Option<crate::Placement>; 2]| {
            pair[side].as_ref().map_or("-".into(), |l| l.node.to_string())
        };
        comparison.pods.values().map(node).collect()
    };
    assert_eq!(nodes(0), ["n0", "n1", "n2", "n0", "n1", "n2", "n0"]);
    assert_eq!(nodes(1), ["n0", "n0", "n1", "n1", "n2", "n2", "n0"]);
}

#[test]
fn a_recording_says_how_ties_are_broken_and_an_old_one_means_by_the_first_name() {
    let cases = [
        ("", TieBreak::FirstName),
        (r#", "tie_break": "first-name""#, TieBreak::FirstName),
        (r#", "tie_break": "hashed""#, TieBreak::Hashed),
        (r#", "tie_break": "configured""#, TieBreak::Hashed),
    ];
    for (field, expected) in cases {
        let header = format!(r#"{{"version": "0.1", "configuration": "", "part": 1{field}}}"#);
        let header: Header = serde_json::from_str(&header).unwrap();
        let settings = header.as_recorded(Settings::new(vec![Profile::standard("default-scheduler")]));
        assert_eq!(settings.profiles[0].tie_break, expected, "{header:?}");
    }
}
