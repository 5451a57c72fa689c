//! The flow's thread: the one owner of all state. It takes what happened, tries pods, and passes on what is to be done.

mod anew;
mod intake;
mod quarantine;
#[cfg(test)]
mod tests;
mod timing;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use berth_flow::{Action, Call, Now, Request, SchedulingLoop, Settings};
use berth_model::Str;
use berth_wire::Decoder;
use serde_json::value::RawValue;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use crate::act::Task;
use crate::answer;
use crate::events::Recorder;
use crate::extender::Errand;
use crate::message::Message;
use crate::record::Recording;
use crate::teller::Teller;
use anew::marked;
pub(crate) use quarantine::Quarantine;
use timing::Stopwatch;
pub(crate) use timing::{Curiosity, Timing};

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
    pub(crate) flow: SchedulingLoop,
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
    /// Which flow this is, counted from 0.
    pub(crate) era: watch::Sender<u64>,
    pub(crate) quarantine: Quarantine,
    /// Which decisions are told with their alternatives.
    pub(crate) curiosity: Curiosity,
    /// Requests that are not answered yet.
    pub(crate) open: usize,
    /// When to end though something may be under way, once the process was asked to end.
    pub(crate) stop_at: Option<Instant>,
}

impl Turn {
    /// Runs until it is told to stop, or until nobody is left to tell it anything.
    pub(crate) fn run(mut self) {
        while self.wait() {
            if self.stop_at.is_none() && self.turn_the_page() {
                self.attempt();
            }
            self.pass_on(None);
            if self.stop_at.is_some_and(|at| self.flow.in_flight() == 0 || Instant::now() >= at) {
                return;
            }
        }
    }

    /// Takes what happened, or waits for something to happen; `false` where nobody is left who could tell.
    fn wait(&mut self) -> bool {
        let patience = self.patience();
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
            self.take(message);
            taken += 1;
            next = if taken < MESSAGES { self.inbox.try_recv().ok() } else { None };
        }
        true
    }

    /// How long nothing needs to be done if nothing happens.
    fn patience(&self) -> Duration {
        let now = self.now();
        if self.stop_at.is_some() {
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
            Message::Watched(watched) => self.take_watched(watched),
            Message::Input(input) => self.take_input(*input),
            Message::Ask(question, sender) => answer::answer(&self.flow, &self.teller, question, sender),
            Message::Stop => self.stop_at = Some(Instant::now() + LAST_WORK),
        }
    }

    /// Tries the pods whose turn it is.
    fn attempt(&mut self) {
        for _ in 0..ATTEMPTS {
            let (now, mut watch) = (self.now(), Stopwatch::start());
            let alternatives = self.curiosity.alternatives(Instant::now());
            let flow = &mut self.flow;
            let attempt =
                AssertUnwindSafe(|| flow.attempt_observed(now, alternatives, &mut |step| watch.over(step)));
            let Ok(tried) = catch_unwind(attempt) else {
                return self.attempt_broke();
            };
            if let Some(recording) = &mut self.recording
                && (tried || self.flow.has_output())
            {
                recording.attempt(now);
            }
            if !tried {
                return;
            }
            let timing = watch.stop();
            if alternatives > 0 {
                self.curiosity.took(timing.comparison, Instant::now());
            }
            self.pass_on(Some(timing));
        }
    }

    /// Passes on what is to be done and told; `took` is what an attempt took that led to it.
    fn pass_on(&mut self, took: Option<Timing>) {
        let (unix_micros, era) = (crate::clock::unix_micros(), *self.era.borrow());
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
                    Task::Extend(marked(ticket, era), Errand { extender, call, nodes })
                }
                request => Task::Act(Action { ticket: marked(ticket, era), request }),
            };
            self.open += 1;
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
