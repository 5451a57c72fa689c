//! The flow's thread, with a flow that breaks.

use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use berth_engine::name::PluginName;
use berth_engine::plugin::{Plugin, PreFilter};
use berth_engine::profile::Profile;
use berth_engine::view::PodView;
use berth_flow::{Action, Answer, Flow, Input, Request, Settings, Ticket};
use berth_model::object::Kind;
use berth_wire::Decoder;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::watch;

use super::{Curiosity, Quarantine, Turn};
use crate::act::Task;
use crate::events;
use crate::fake::Script;
use crate::message::{Inbox, Message, Told};
use crate::metrics::Metrics;
use crate::teller::Teller;

/// A plugin that does not survive pods of one namespace.
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
    writer: events::Writer,
    script: Script,
}

impl Stage {
    fn new() -> Self {
        let mut profile = Profile::standard("default-scheduler");
        profile.filter.push(Arc::new(Fragile));
        let settings = Settings::new(vec![profile]);
        let metrics = Arc::new(Metrics::new().unwrap());
        let (sender, inbox) = mpsc::channel();
        let (task_sender, tasks) = unbounded_channel();
        let (era_sender, era) = watch::channel(0);
        let script = Script::new(std::iter::repeat_n((201, None, String::new()), 9));
        let (recorder, writer) =
            events::recorder(script.api(), "host".into(), Arc::clone(&metrics), Arc::default());
        let turn = Turn {
            flow: Flow::new(settings.clone()),
            inbox,
            tasks: task_sender,
            recorder,
            teller: Teller::new(Arc::clone(&metrics), vec!["default-scheduler".to_owned()]),
            nodes: None,
            decoder: Decoder::new(),
            start: Instant::now(),
            recording: None,
            settings,
            era: era_sender,
            quarantine: Quarantine::default(),
            curiosity: Curiosity::new(3),
            open: 0,
            stop_at: None,
        };
        let inbox = Inbox::new(sender, era);
        let thread = std::thread::spawn(move || turn.run());
        Self { inbox, tasks, metrics, thread, writer, script }
    }

    /// Lists everything: one node, and these pods with their nodes.
    fn list(&self, pods: &[(&str, &str, Option<&str>)]) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let era = self.inbox.era();
        for kind in Flow::KINDS {
            let lines: String = match kind {
                Kind::Node => line(
                    r#""kind":"Node","metadata":{"name":"n1"},"status":{"allocatable":{"cpu":"4","pods":"9"}}"#,
                ),
                Kind::Pod => pods.iter().map(|(namespace, name, node)| pod(namespace, name, *node)).collect(),
                _ => String::new(),
            };
            for told in [Told::Listing, Told::Lines(lines.into()), Told::Listed] {
                runtime.block_on(self.inbox.tell(kind, era, told)).unwrap();
            }
        }
    }

    /// The next pod that is to be bound.
    fn bound(&mut self) -> (Ticket, String) {
        match self.tasks.blocking_recv() {
            Some(Task::Act(Action { ticket, request: Request::Bind { pod, .. } })) => {
                (ticket, pod.to_string())
            }
            other => panic!("no binding: {other:?}"),
        }
    }

    /// Ends it; tells what the events say, with the pods that they are about.
    fn end(self) -> Vec<String> {
        self.inbox.send(Message::Stop).unwrap();
        self.thread.join().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(self.writer.run());
        let told = self.script.asked().into_iter().map(|(_, _, body)| {
            let event: serde_json::Value = serde_json::from_str(&body).unwrap();
            let text = |field: &serde_json::Value| field.as_str().unwrap_or_default().to_owned();
            format!("{}: {}", text(&event["regarding"]["name"]), text(&event["note"]))
        });
        told.filter(|told| told.contains("left aside")).collect()
    }

    fn reply(&self, ticket: Ticket) {
        self.inbox.input(Input::Reply(ticket, Ok(Answer::Done))).unwrap();
    }
}

fn line(fields: &str) -> String {
    format!(r#"{{"type":"ADDED","object":{{"apiVersion":"v1",{fields}}}}}"#) + "\n"
}

fn pod(namespace: &str, name: &str, node: Option<&str>) -> String {
    let node = node.map_or_else(String::new, |node| format!(r#","nodeName":"{node}""#));
    let metadata = format!(r#"{{"namespace":"{namespace}","name":"{name}","uid":"u-{name}"}}"#);
    line(&format!(r#""kind":"Pod","metadata":{metadata},"spec":{{"containers":[{{"name":"c"}}]{node}}}"#))
}

#[test]
fn a_pod_that_breaks_the_flow_is_left_aside_and_all_others_go_on() {
    let mut stage = Stage::new();
    stage.inbox.input(Input::Leads(true)).unwrap();
    stage.list(&[("good", "a", None), ("cursed", "b", None), ("good", "c", None)]);
    // What was decided before the fault is finished first.
    let (ticket, name) = stage.bound();
    assert_eq!(name, "good/a");
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(stage.inbox.era(), 0);
    stage.reply(ticket);
    while stage.inbox.era() == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    // An answer that is meant for the broken flow is nothing to the new one.
    stage.reply(ticket);
    stage.list(&[("good", "a", Some("n1")), ("cursed", "b", None), ("good", "c", None)]);
    let (ticket, name) = stage.bound();
    assert_eq!(name, "good/c");
    stage.reply(ticket);
    let text = String::from_utf8(stage.metrics.text().unwrap()).unwrap();
    assert!(text.contains("\nberth_quarantined_objects 1\n"), "{text}");
    assert_eq!(stage.inbox.era(), 1);
    assert_eq!(stage.end(), ["b: the scheduler failed in the middle of an attempt; the pod is left aside"]);
}

#[test]
fn a_pod_that_cannot_be_read_is_told_of() {
    let mut stage = Stage::new();
    let unreadable = |name: &str, spec: &str| {
        let container = r#"{"name":"c","resources":{"requests":{"cpu":"many"}}}"#;
        let metadata = format!(r#"{{"namespace":"good","name":"{name}","uid":"u"}}"#);
        line(&format!(r#""kind":"Pod","metadata":{metadata},"spec":{{"containers":[{container}]{spec}}}"#))
    };
    let lines = unreadable("mine", "") + &unreadable("of-others", r#","schedulerName":"other""#);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(stage.inbox.tell(Kind::Pod, 0, Told::Lines(lines.into()))).unwrap();
    stage.inbox.input(Input::Leads(true)).unwrap();
    stage.list(&[("good", "a", None)]);
    let (ticket, name) = stage.bound();
    assert_eq!(name, "good/a");
    stage.reply(ticket);
    let told = stage.end();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("mine: the pod cannot be read and is left aside: spec.containers"),
        "{told:?}"
    );
}
