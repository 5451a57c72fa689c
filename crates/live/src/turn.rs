//! The flow's thread: the one owner of all state. It takes what happened, tries pods, and passes on what is to be done.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use berth_flow::{Action, Call, Flow, Input, Now, Request, Settings};
use berth_model::Str;
use berth_wire::{Decoder, Kind, ObjectKey};
use serde_json::value::RawValue;
use tokio::sync::mpsc::UnboundedSender;

use crate::act::Task;
use crate::answer;
use crate::events::Recorder;
use crate::extender::Errand;
use crate::message::{Block, Message};
use crate::record::Recording;
use crate::teller::Teller;
use crate::watch::{Change, Line, Metadata};

/// So much is taken in before pods are tried again.
const MESSAGES: usize = 1_024;
/// So many pods are tried before a look at what happened meanwhile.
const ATTEMPTS: usize = 64;
/// How long a burst is waited for.
const GATHER: Duration = Duration::from_millis(1);
/// The flow is looked after so often though nothing happens.
const IDLE: Duration = Duration::from_secs(1);
/// What is under way when the process is asked to end may take so long.
const LAST_WORK: Duration = Duration::from_secs(10);

/// The flow with all around it.
pub(crate) struct Turn {
    pub(crate) flow: Flow,
    pub(crate) inbox: Receiver<Message>,
    pub(crate) tasks: UnboundedSender<Task>,
    pub(crate) recorder: Recorder,
    pub(crate) teller: Teller,
    /// The nodes as JSON, if some extender does not know them by itself.
    pub(crate) nodes: Option<BTreeMap<Str, Arc<RawValue>>>,
    pub(crate) decoder: Decoder,
    pub(crate) start: Instant,
    pub(crate) recording: Option<Recording>,
    /// What the flow was made of, to make it anew.
    pub(crate) settings: Settings,
}

impl Turn {
    /// Runs until it is told to stop, or until nobody is left to tell it anything.
    pub(crate) fn run(mut self) {
        let mut stop_at: Option<Instant> = None;
        loop {
            if !self.wait(&mut stop_at) {
                return;
            }
            if stop_at.is_none() && self.turn_the_page() {
                self.attempt();
            }
            self.pass_on(None);
            if stop_at.is_some_and(|at| self.flow.in_flight() == 0 || Instant::now() >= at) {
                return;
            }
        }
    }

    /// Takes what happened, or waits for something to happen; `false` where nobody is left who could tell.
    fn wait(&mut self, stop_at: &mut Option<Instant>) -> bool {
        let patience = self.patience(stop_at.is_some());
        let mut next = match self.inbox.try_recv() {
            Ok(message) => Some(message),
            Err(_) => match self.inbox.recv_timeout(patience) {
                Ok(message) => {
                    // What happens rarely happens alone: answers and changes come in bursts, and one look at many is
                    // cheaper than many looks.
                    std::thread::sleep(GATHER);
                    Some(message)
                }
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return false,
            },
        };
        let mut taken = 0;
        while let Some(message) = next {
            match message {
                Message::Stop => *stop_at = Some(Instant::now() + LAST_WORK),
                message => self.take(message),
            }
            taken += 1;
            next = if taken < MESSAGES { self.inbox.try_recv().ok() } else { None };
        }
        true
    }

    /// How long nothing needs to be done if nothing happens.
    fn patience(&self, stopping: bool) -> Duration {
        let now = self.now();
        if stopping {
            return Duration::from_millis(100);
        }
        if self.flow.has_due(now) {
            return Duration::ZERO;
        }
        let timer = self.flow.next_timer().map(|at| Duration::from_millis(at.saturating_sub(now.millis)));
        timer.unwrap_or(IDLE).clamp(Duration::from_millis(1), IDLE)
    }

    fn now(&self) -> Now {
        now_of(self.start)
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Lines(block) => self.take_lines(&block),
            Message::Input(input) => self.tell(*input),
            Message::Ask(question, sender) => answer::answer(&self.flow, &self.teller, question, sender),
            Message::Stop => {}
        }
    }

    fn take_lines(&mut self, block: &Block) {
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', &block.lines) {
            let line = &block.lines[start..end];
            start = end + 1;
            if line.is_empty() {
                continue;
            }
            match Line::read(line) {
                Ok(line) => self.take_line(block.kind, &line),
                Err(error) => {
                    tracing::error!(
                        kind = block.kind.name(),
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
                match self.decoder.object(json) {
                    Ok(Some(object)) => Input::Applied(object),
                    Ok(None) => return,
                    Err(problems) => {
                        let metadata = Metadata::of(json);
                        let words: Vec<String> =
                            problems.iter().map(|p| format!("{}: {}", p.field, p.message)).collect();
                        let (key, uid) = (key(kind, &metadata), Str::from(&*metadata.uid));
                        Input::Unreadable { key, uid, problem: words.join("; ") }
                    }
                }
            }
            Change::Deleted => Input::Deleted(key(kind, &Metadata::of(json))),
            Change::Bookmark if Metadata::of(json).ends_initial() => Input::Listed(kind),
            Change::Bookmark | Change::Error => return,
        };
        self.tell(input);
    }

    /// Tells the flow what happened.
    fn tell(&mut self, input: Input) {
        let now = self.now();
        if let Some(recording) = &mut self.recording {
            recording.take(now, &input);
        }
        self.flow.take(now, input);
    }

    fn keep_node(&mut self, kind: Kind, object: &RawValue) {
        if kind == Kind::Node
            && let Some(nodes) = &mut self.nodes
        {
            let name = Str::from(&*Metadata::of(object.get()).name);
            nodes.insert(name, Arc::from(object.to_owned()));
        }
    }

    /// Tries the pods whose turn it is.
    fn attempt(&mut self) {
        for _ in 0..ATTEMPTS {
            let (began, now) = (Instant::now(), self.now());
            let tried = self.flow.attempt(now);
            if let Some(recording) = &mut self.recording
                && (tried || self.flow.has_news())
            {
                recording.attempt(now);
            }
            if !tried {
                return;
            }
            self.pass_on(Some(began.elapsed()));
        }
    }

    /// Goes on in the next file of the recording, if it is time for it. `false`: no pod must be tried until it is so.
    fn turn_the_page(&mut self) -> bool {
        let Some(recording) = self.recording.as_mut().filter(|recording| recording.is_full()) else {
            return true;
        };
        if self.flow.in_flight() > 0 {
            return false;
        }
        // What is being prepared is decided again.
        let leads = self.flow.leads();
        self.flow.take(now_of(self.start), Input::Leads(false));
        if !self.flow.is_quiet() {
            self.flow.take(now_of(self.start), Input::Leads(leads));
            return false;
        }
        self.flow.take(now_of(self.start), Input::Leads(leads));
        recording.next_file();
        let inputs = self.flow.restate();
        self.flow = Flow::new(self.settings.clone());
        for input in inputs {
            self.tell(input);
        }
        true
    }

    /// Passes on what is to be done and told; `took` is what an attempt took that led to it.
    fn pass_on(&mut self, took: Option<Duration>) {
        let unix_micros = crate::clock::unix_micros();
        for action in self.flow.drain_actions() {
            if let Some(recording) = &mut self.recording {
                recording.act(&action);
            }
            let Action { ticket, request } = action;
            let task = match request {
                Request::Emit(event) => {
                    self.recorder.record(event, unix_micros);
                    continue;
                }
                Request::Extend { extender, call } => {
                    let nodes = nodes_of(&call, self.nodes.as_ref());
                    Task::Extend(ticket, Errand { extender, call, nodes })
                }
                request => Task::Act(Action { ticket, request }),
            };
            // Where nobody acts any more, the process is about to end.
            let _ = self.tasks.send(task);
        }
        if let Some(recording) = &mut self.recording {
            recording.settle();
        }
        for report in self.flow.drain_reports() {
            self.teller.tell(&report, took);
        }
    }
}

fn now_of(start: Instant) -> Now {
    let millis = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    Now { millis, unix_micros: crate::clock::unix_micros() }
}

/// The nodes that a call names, as JSON, as far as they are known.
fn nodes_of(call: &Call, nodes: Option<&BTreeMap<Str, Arc<RawValue>>>) -> Vec<Arc<RawValue>> {
    match (call, nodes) {
        (Call::Filter { nodes: names, .. } | Call::Prioritize { nodes: names, .. }, Some(nodes)) => {
            names.iter().filter_map(|name| nodes.get(name).cloned()).collect()
        }
        _ => Vec::new(),
    }
}

fn key(kind: Kind, metadata: &Metadata<'_>) -> ObjectKey {
    let namespace = if kind.is_namespaced() { Str::from(&*metadata.namespace) } else { Str::default() };
    ObjectKey { kind, namespace, name: Str::from(&*metadata.name) }
}
