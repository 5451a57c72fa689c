//! The cost of recording: on the thread that owns the flow, and on the thread that writes.
//!
//! `cargo run --release -p berth-journal --example cost`: 1,000 nodes and 5,000 pods, each one bound and confirmed.
#![allow(clippy::print_stdout, reason = "a measurement is to be read")]

use std::io;
use std::time::{Duration, Instant};

use berth_engine::profile::Profile;
use berth_flow::{Answer, Input, Now, Request, SchedulingLoop, Settings};
use berth_journal::{Entry, Fingerprint, Writer};
use berth_wire::Decoder;

const NODES: usize = 1_000;
const PODS: usize = 5_000;
const RUNS: usize = 9;

/// A flow, and the entries for its recorder, if it has one.
struct Run {
    flow: SchedulingLoop,
    decoder: Decoder,
    now: Now,
    entries: Option<Vec<Entry>>,
    done: Fingerprint,
}

impl Run {
    fn take(&mut self, input: Input) {
        self.now.millis += 1;
        if let Some(entries) = &mut self.entries {
            entries.push(Entry::Take(self.now, Box::new(input.clone())));
        }
        self.flow.take(self.now, input);
    }

    fn apply(&mut self, json: &str) {
        let object = self.decoder.object(json).expect("it is valid");
        self.take(Input::Applied(object.expect("its kind is known")));
    }

    fn attempt_all(&mut self) {
        while self.flow.attempt(self.now) {
            if let Some(entries) = &mut self.entries {
                entries.push(Entry::Attempt(self.now));
            }
            drop(self.flow.drain_reports());
            let actions: Vec<_> = self.flow.drain_actions().collect();
            if let Some(entries) = &mut self.entries {
                actions.iter().for_each(|action| self.done.add(action));
                entries.extend(self.done.news());
            }
            for action in actions {
                if let Request::Bind { pod, node } = &action.request {
                    self.take(Input::Reply(action.ticket, Ok(Answer::Done)));
                    self.apply(&self::pod(&pod.name, node));
                }
            }
        }
    }
}

fn node(number: usize) -> String {
    format!(
        r#"{{"apiVersion":"v1","kind":"Node","metadata":{{"name":"node-{number}","uid":"n{number}","labels":{{
            "kubernetes.io/hostname":"node-{number}","topology.kubernetes.io/zone":"z{}","kubernetes.io/os":"linux"}}}},
            "status":{{"allocatable":{{"cpu":"8","memory":"32Gi","pods":"110"}}}}}}"#,
        number % 3
    )
}

fn pod(name: &str, node: &str) -> String {
    format!(
        r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{name}","namespace":"default","uid":"{name}","labels":{{
            "app":"web","pod-template-hash":"5d8f"}},"ownerReferences":[{{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web",
            "uid":"r","controller":true}}]}},"spec":{{"nodeName":"{node}","schedulerName":"default-scheduler","containers":[{{
            "name":"c","image":"registry.example.com/web:1","resources":{{"requests":{{"cpu":"100m","memory":"200Mi"}}}}}}],
            "tolerations":[{{"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":"NoExecute",
            "tolerationSeconds":300}}]}},"status":{{"phase":"Pending"}}}}"#
    )
}

/// One run: the time of the flow's thread, and the entries for the recorder.
fn run(records: bool) -> (Duration, Vec<Entry>) {
    let texts: Vec<String> =
        (0..NODES).map(node).chain((0..PODS).map(|number| pod(&format!("pod-{number}"), ""))).collect();
    let mut run = Run {
        flow: SchedulingLoop::new(Settings::new(vec![Profile::standard("default-scheduler")])),
        decoder: Decoder::new(),
        now: Now { millis: 1, unix_micros: 1_700_000_000_000_000 },
        entries: records.then(|| Vec::with_capacity(1 << 16)),
        done: Fingerprint::new(),
    };
    let began = Instant::now();
    for kind in SchedulingLoop::KINDS {
        run.take(Input::Listing(kind));
        run.take(Input::Listed(kind));
    }
    run.take(Input::Leads(true));
    for text in &texts {
        run.apply(text);
    }
    run.attempt_all();
    (began.elapsed(), run.entries.unwrap_or_default())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn main() -> io::Result<()> {
    let (mut alone, mut recorded, mut written, mut bytes, mut count) = (vec![], vec![], vec![], 0, 0);
    for _ in 0..RUNS {
        alone.push(run(false).0);
        let (took, entries) = run(true);
        recorded.push(took);
        let began = Instant::now();
        let mut writer = Writer::new(Vec::new())?;
        for entry in &entries {
            writer.push(entry)?;
        }
        writer.flush()?;
        written.push(began.elapsed());
        (bytes, count) = (writer.into_inner().len(), entries.len());
    }
    let (alone, recorded, written) = (median(alone), median(recorded), median(written));
    println!("the flow's thread: {alone:?} alone, {recorded:?} with a recording");
    println!("the recorder's thread: {written:?} for {count} entries, {} kB", bytes / 1024);
    Ok(())
}
