//! A recording for the tests: a scheduling loop whose actions succeed, on a cluster that fills.

use std::path::{Path, PathBuf};

use berth_engine::profile::Profile;
use berth_flow::{Answer, Input, Now, Request, SchedulingLoop, Settings};
use berth_journal::{Entry, Header, RecordedTieBreak, Writer};
use berth_model::object::{Kind, ObjectKey};
use berth_wire::Decoder;

/// A name that must never become markup.
pub(crate) const HOSTILE: &str = "<img src=x onerror=hacked=1>";

/// A loop that is recorded.
struct Recorder {
    flow: SchedulingLoop,
    writer: Writer<Vec<u8>>,
    decoder: Decoder,
    millis: u64,
}

impl Recorder {
    fn new() -> Self {
        let mut recorder = Self {
            flow: SchedulingLoop::new(Settings::new(vec![Profile::standard("default-scheduler")])),
            writer: Writer::new(Vec::new()).unwrap(),
            decoder: Decoder::new(),
            millis: 1_000,
        };
        let tie_break = RecordedTieBreak::Configured;
        let header = Header { version: "test".into(), part: 1, tie_break, ..Header::default() };
        recorder.writer.push(&Entry::Header(header)).unwrap();
        for kind in SchedulingLoop::KINDS {
            recorder.take(Input::Listing(kind));
            recorder.take(Input::Listed(kind));
        }
        recorder.take(Input::Leads(true));
        recorder
    }

    fn now(&self) -> Now {
        Now { millis: self.millis, unix_micros: 1_764_500_000_000_000 + self.millis as i64 * 1_000 }
    }

    fn take(&mut self, input: Input) {
        self.writer.push(&Entry::Take(self.now(), Box::new(input.clone()))).unwrap();
        self.flow.take(self.now(), input);
    }

    fn apply(&mut self, json: &str) {
        let object = self.decoder.object(json).unwrap().unwrap();
        self.take(Input::Applied(object));
    }

    fn node(&mut self, name: &str, zone: &str) {
        self.apply(&format!(
            r#"{{"apiVersion":"v1","kind":"Node","metadata":{{"name":"{name}","labels":{{"topology.kubernetes.io/zone":"{zone}"}}}},
                "status":{{"allocatable":{{"cpu":"4","memory":"16Gi","pods":"20"}}}}}}"#
        ));
    }

    fn pod(&mut self, name: &str, (cpu, priority): (u32, i32), node: Option<&str>) {
        let node = node.map(|node| format!(r#""nodeName":"{node}","#)).unwrap_or_default();
        let owner = name.rsplit_once('-').map_or(name, |(owner, _)| owner);
        let kind = if owner == "huge" { HOSTILE } else { "ReplicaSet" };
        self.apply(&format!(
            r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"namespace":"shop","name":"{name}","uid":"{name}","ownerReferences":
                [{{"apiVersion":"apps/v1","kind":"{kind}","name":"{owner}","uid":"{owner}","controller":true}}]}},
                "spec":{{{node}"priority":{priority},"containers":[{{"name":"c","resources":
                {{"requests":{{"cpu":"{cpu}","memory":"1Gi"}}}}}}]}}}}"#
        ));
    }

    /// Attempts all pods that are due. Every action succeeds, and watches tell of it at once.
    fn run(&mut self) {
        loop {
            self.millis += 3;
            let tried = self.flow.attempt(self.now());
            if tried || self.flow.has_output() {
                self.writer.push(&Entry::Attempt(self.now())).unwrap();
            }
            let actions: Vec<_> = self.flow.drain_actions().collect();
            self.flow.drain_reports().for_each(drop);
            if !tried && actions.is_empty() {
                return;
            }
            for action in actions {
                if matches!(action.request, Request::Emit(_)) {
                    continue;
                }
                self.take(Input::Reply(action.ticket, Ok(Answer::Done)));
                match action.request {
                    Request::Bind { pod, node } => {
                        let row = self.flow.find_pod(&pod.namespace, &pod.name).unwrap();
                        let mut bound = self.flow.scheduler().cluster().pods().entry(row).pod.clone();
                        bound.node = Some(node);
                        let manifest = berth_model::pod_manifest::PodManifest::of(bound);
                        self.take(Input::Applied(berth_model::object::Object::Pod(Box::new(manifest))));
                    }
                    Request::Evict { victim, .. } => {
                        let (namespace, name) = (victim.namespace, victim.name);
                        self.take(Input::Deleted(ObjectKey { kind: Kind::Pod, namespace, name }));
                    }
                    _ => {}
                }
            }
        }
    }
}

/// Writes a recording of ten minutes: six nodes, pods that come one by one, one that is too large, and one of a high
/// priority that evicts others at the end.
pub(crate) fn write(name: &str) -> PathBuf {
    let mut recorder = Recorder::new();
    for (number, zone) in ["a", "b", "c", "a", "b", "c"].into_iter().enumerate() {
        recorder.node(&format!("node-{number}"), zone);
    }
    recorder.pod("huge-0", (64, 0), None);
    recorder.run();
    for number in 0..22 {
        recorder.millis += 20_000;
        recorder.pod(&format!("web-{number}"), (1, 0), None);
        recorder.millis += 10 * number;
        recorder.run();
    }
    recorder.writer.flush().unwrap(); // a block ends here
    recorder.millis += 60_000;
    recorder.pod("vip-0", (4, 100), None);
    recorder.run();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    recorder.writer.flush().unwrap();
    std::fs::write(&path, recorder.writer.into_inner()).unwrap();
    path
}
