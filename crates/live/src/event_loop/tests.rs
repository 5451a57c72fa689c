//! The event loop, with a flow that panics.

use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use berth_engine::name::PluginName;
use berth_engine::plugin::{Plugin, PreFilter};
use berth_engine::profile::Profile;
use berth_engine::view::PodView;
use berth_flow::{Action, Answer, Input, Request, SchedulingLoop, Settings, Ticket};
use berth_model::object::Kind;
use berth_watch::OwnWrites;
use berth_watch::{EventType, WatchEvent};
use berth_wire::Decoder;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::watch;

use super::{ANSWER_LIMIT, AlternativesSampler, EventLoop, Quarantine};
use crate::act::Task;
use crate::events;
use crate::explain::Explainer;
use crate::fake::Script;
use crate::message::{Delivery, Inbox, Message};
use crate::metrics::Metrics;
use crate::reporter::Reporter;

/// A plugin that panics for the pods of one namespace.
#[derive(Debug)]
struct Fragile;

impl Plugin for Fragile {
    fn name(&self) -> PluginName {
        PluginName::new("Fragile")
    }

    fn pre_filter<'a>(&'a self, pod: PodView<'a>) -> PreFilter<'a> {
        assert_ne!(&*pod.class.spec.namespace, "cursed", "planted");
        PreFilter::SKIP_CLASS
    }
}

/// A turn on a thread of its own, and all that it speaks with.
struct Stage {
    inbox: Inbox,
    tasks: UnboundedReceiver<Task>,
    metrics: Arc<Metrics>,
    thread: std::thread::JoinHandle<()>,
    writer: events::EventWriter,
    script: Script,
}

impl Stage {
    fn new(answer_limit: Duration) -> Self {
        let mut profile = Profile::standard("default-scheduler");
        profile.filter.push(Arc::new(Fragile));
        let settings = Settings::new(vec![profile]);
        let metrics = Arc::new(Metrics::new().unwrap());
        let (sender, inbox) = mpsc::channel();
        let (task_sender, tasks) = unbounded_channel();
        let (epoch_sender, epoch) = watch::channel(0);
        let script = Script::new(std::iter::repeat_n((201, None, String::new()), 9));
        let (recorder, writer) =
            events::recorder(script.api(), "host".into(), Arc::clone(&metrics), Arc::default());
        let event_loop = EventLoop {
            flow: SchedulingLoop::new(settings.clone()),
            inbox,
            tasks: task_sender,
            recorder,
            reporter: Reporter::new(Arc::clone(&metrics), vec!["default-scheduler".to_owned()]),
            nodes: None,
            decoder: Decoder::new(),
            own_writes: OwnWrites::default(),
            start: Instant::now(),
            recording: None,
            settings,
            epoch: epoch_sender,
            quarantine: Quarantine::default(),
            explainer: Explainer::start().unwrap(),
            copier: None,
            sampler: AlternativesSampler::new(3),
            open: 0,
            answer_limit,
            stop_at: None,
        };
        let inbox = Inbox::new(sender, epoch);
        let thread = std::thread::spawn(move || event_loop.run());
        Self { inbox, tasks, metrics, thread, writer, script }
    }

    /// Lists all kinds: one node, and these pods with their nodes.
    fn list(&self, pods: &[(&str, &str, Option<&str>)]) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let epoch = self.inbox.epoch();
        for kind in SchedulingLoop::KINDS {
            let lines: String = match kind {
                Kind::Node => line(
                    r#""kind":"Node","metadata":{"name":"n1"},"status":{"allocatable":{"cpu":"4","pods":"9"}}"#,
                ),
                Kind::Pod => pods.iter().map(|(namespace, name, node)| pod(namespace, name, *node)).collect(),
                _ => String::new(),
            };
            for delivery in [Delivery::Listing, events(&lines), Delivery::Listed("1".to_owned())] {
                runtime.block_on(self.inbox.deliver(kind, epoch, delivery)).unwrap();
            }
        }
    }

    /// The next binding.
    fn bound(&mut self) -> (Ticket, String) {
        match self.tasks.blocking_recv() {
            Some(Task::Act(Action { ticket, request: Request::Bind { pod, .. } })) => {
                (ticket, pod.to_string())
            }
            other => panic!("no binding: {other:?}"),
        }
    }

    /// Stops it, and gives the events about ignored pods, with their pods.
    fn end(self) -> Vec<String> {
        self.inbox.send(Message::Stop).unwrap();
        self.thread.join().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(self.writer.run());
        let notes = self.script.asked().into_iter().map(|(_, _, body)| {
            let event: serde_json::Value = serde_json::from_str(&body).unwrap();
            let text = |field: &serde_json::Value| field.as_str().unwrap_or_default().to_owned();
            format!("{}: {}", text(&event["regarding"]["name"]), text(&event["note"]))
        });
        notes.filter(|note| note.contains("ignored")).collect()
    }

    fn await_epoch(&self, epoch: u64) {
        while self.inbox.epoch() < epoch {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn reply(&self, ticket: Ticket) {
        self.inbox.input(Input::Reply(ticket, Ok(Answer::Done))).unwrap();
    }
}

/// An object, on a line of its own.
fn line(fields: &str) -> String {
    format!(r#"{{"apiVersion":"v1",{fields}}}"#) + "\n"
}

fn events(lines: &str) -> Delivery {
    let event = |line: &str| WatchEvent { event_type: EventType::Added, object: line.to_owned().into() };
    Delivery::Events(lines.lines().map(event).collect())
}

fn pod(namespace: &str, name: &str, node: Option<&str>) -> String {
    let node = node.map_or_else(String::new, |node| format!(r#","nodeName":"{node}""#));
    let metadata = format!(r#"{{"namespace":"{namespace}","name":"{name}","uid":"u-{name}"}}"#);
    line(&format!(r#""kind":"Pod","metadata":{metadata},"spec":{{"containers":[{{"name":"c"}}]{node}}}"#))
}

#[test]
fn a_pod_that_causes_a_panic_is_quarantined() {
    let mut stage = Stage::new(ANSWER_LIMIT);
    stage.inbox.input(Input::Leads(true)).unwrap();
    stage.list(&[("good", "a", None), ("cursed", "b", None), ("good", "c", None)]);
    // Bindings in flight are finished first.
    let (ticket, name) = stage.bound();
    assert_eq!(name, "good/a");
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(stage.inbox.epoch(), 0);
    stage.reply(ticket);
    stage.await_epoch(1);
    // The new flow ignores a reply to the old one.
    stage.reply(ticket);
    stage.list(&[("good", "a", Some("n1")), ("cursed", "b", None), ("good", "c", None)]);
    let (ticket, name) = stage.bound();
    assert_eq!(name, "good/c");
    stage.reply(ticket);
    let text = String::from_utf8(stage.metrics.text().unwrap()).unwrap();
    assert!(text.contains("\nberth_quarantined_objects 1\n"), "{text}");
    assert_eq!(stage.inbox.epoch(), 1);
    assert_eq!(
        stage.end(),
        ["b: the scheduler panicked while it attempted this pod; the pod is ignored until it is recreated"]
    );
}

#[test]
fn a_late_reply_to_an_older_flow_ends_no_wait() {
    let mut stage = Stage::new(Duration::from_secs(2));
    stage.inbox.input(Input::Leads(true)).unwrap();
    stage.list(&[("good", "a", None), ("cursed", "b", None)]);
    let (late, _) = stage.bound();
    // No reply comes, so the wait for it ends after the limit.
    stage.await_epoch(1);
    stage.list(&[("good", "c", None), ("cursed", "d", None)]);
    let (ticket, name) = stage.bound();
    assert_eq!(name, "good/c");
    stage.reply(late);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(stage.inbox.epoch(), 1, "the binding of good/c is not answered yet");
    stage.reply(ticket);
    stage.await_epoch(2);
}

#[test]
fn a_pod_that_cannot_be_read_gets_an_event() {
    let mut stage = Stage::new(ANSWER_LIMIT);
    let unreadable = |name: &str, spec: &str| {
        let container = r#"{"name":"c","resources":{"requests":{"cpu":"many"}}}"#;
        let metadata = format!(r#"{{"namespace":"good","name":"{name}","uid":"u"}}"#);
        line(&format!(r#""kind":"Pod","metadata":{metadata},"spec":{{"containers":[{container}]{spec}}}"#))
    };
    let lines = unreadable("mine", "") + &unreadable("of-others", r#","schedulerName":"other""#);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(stage.inbox.deliver(Kind::Pod, 0, events(&lines))).unwrap();
    stage.inbox.input(Input::Leads(true)).unwrap();
    stage.list(&[("good", "a", None)]);
    let (ticket, name) = stage.bound();
    assert_eq!(name, "good/a");
    stage.reply(ticket);
    let notes = stage.end();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(
        notes[0].starts_with("mine: the pod cannot be read and is ignored: spec.containers"),
        "{notes:?}"
    );
}

#[test]
fn an_answer_to_a_write_counts_until_the_watch_is_as_new() {
    let mut stage = Stage::new(ANSWER_LIMIT);
    let version = |number: u32, node: Option<&str>| {
        let name = r#""name":"a","#;
        pod("good", "a", node).replace(name, &format!(r#"{name}"resourceVersion":"{number}","#))
    };
    stage.list(&[]);
    stage.inbox.send(Message::Written(Kind::Pod, version(5, Some("n1")).into())).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for line in [version(4, None), pod("good", "c", None)] {
        runtime.block_on(stage.inbox.deliver(Kind::Pod, 0, events(&line))).unwrap();
    }
    stage.inbox.input(Input::Leads(true)).unwrap();
    let (ticket, name) = stage.bound();
    assert_eq!(name, "good/c", "good/a is bound already");
    stage.reply(ticket);
}
