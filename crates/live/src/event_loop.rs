//! The event loop: the thread that owns the flow and all state. It takes messages, attempts pods, and passes on the
//! actions.

mod intake;
mod quarantine;
mod restart;
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
use berth_watch::OwnWrites;
use berth_wire::Decoder;
use serde_json::value::RawValue;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use crate::act::Task;
use crate::answer;
use crate::events::EventRecorder;
use crate::explain::Explainer;
use crate::extender::ExtenderCall;
use crate::message::Message;
use crate::record::Recording;
use crate::reporter::Reporter;
use crate::ui::Copier;
pub(crate) use quarantine::Quarantine;
use restart::tag;
use timing::Stopwatch;
pub(crate) use timing::{AlternativesSampler, Timing};

/// The number of messages that are taken before pods are attempted again.
const MESSAGES: usize = 1_024;
/// The number of pods that are attempted before messages are taken again.
const ATTEMPTS: usize = 64;
/// The time in which messages gather after the first one.
const GATHER: Duration = Duration::from_millis(1);
/// The longest time between two looks at the flow's timers.
const IDLE: Duration = Duration::from_secs(1);
/// A request is answered or given up after this time.
pub(crate) const ANSWER_LIMIT: Duration = Duration::from_secs(40);
/// The longest time for bindings in flight when the process is stopped.
const LAST_WORK: Duration = Duration::from_secs(10);

/// The flow and everything that the event loop needs beside it.
pub(crate) struct EventLoop {
    pub(crate) flow: SchedulingLoop,
    pub(crate) inbox: Receiver<Message>,
    pub(crate) tasks: UnboundedSender<Task>,
    pub(crate) recorder: EventRecorder,
    pub(crate) reporter: Reporter,
    /// The nodes as JSON, if an extender needs whole nodes.
    pub(crate) nodes: Option<BTreeMap<Str, Arc<RawValue>>>,
    pub(crate) decoder: Decoder,
    /// What this process has written and the watches have not delivered.
    pub(crate) own_writes: OwnWrites,
    pub(crate) start: Instant,
    pub(crate) recording: Option<Recording>,
    /// The settings of the flow, to create the next one.
    pub(crate) settings: Settings,
    /// The number of the flow, from 0 on; a restart increments it.
    pub(crate) epoch: watch::Sender<u64>,
    pub(crate) quarantine: Quarantine,
    pub(crate) explainer: Explainer,
    /// Observes this loop for the page, if there is one.
    pub(crate) copier: Option<Copier>,
    /// Chooses the decisions that are logged with their alternatives.
    pub(crate) sampler: AlternativesSampler,
    /// The requests that are not answered yet.
    pub(crate) open: usize,
    /// How long a restart waits for the requests of the flow before it.
    pub(crate) answer_limit: Duration,
    /// When the loop ends even if requests are in flight; set once the process is stopped.
    pub(crate) stop_at: Option<Instant>,
}

impl EventLoop {
    /// Runs until [`Message::Stop`], or until all senders are gone.
    pub(crate) fn run(mut self) {
        while self.wait() {
            if self.stop_at.is_none() && self.rotate_recording() {
                self.attempt();
            }
            self.pass_on(None);
            if self.stop_at.is_some_and(|at| self.flow.in_flight() == 0 || Instant::now() >= at) {
                return;
            }
        }
    }

    /// Takes messages, or waits for one. `false`: all senders are gone.
    fn wait(&mut self) -> bool {
        let timeout = self.poll_timeout();
        let mut next = match self.inbox.try_recv() {
            Ok(message) => Some(message),
            Err(_) => match self.inbox.recv_timeout(timeout) {
                Ok(message) => {
                    // Replies and changes come in bursts, and taking many at once is cheaper.
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

    /// How long to wait for a message: until the flow's next timer.
    fn poll_timeout(&self) -> Duration {
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

    /// The number of the flow.
    fn epoch(&self) -> u64 {
        *self.epoch.borrow()
    }

    fn now(&self) -> Now {
        now_of(self.start)
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Watch(message) => self.take_watched(message),
            Message::Written(kind, object) => self.take_written(kind, object),
            Message::Input(input) => self.take_input(*input),
            Message::Query(query, sender) => {
                answer::answer(&self.flow, &self.reporter, &mut self.explainer, query, sender)
            }
            // Without a page, the sender is dropped and its receiver hears that there is no answer.
            Message::Copy(sender) => {
                if let Some(copier) = &mut self.copier {
                    copier.copy(&self.flow, &sender);
                }
            }
            Message::Stop => self.stop_at = Some(Instant::now() + LAST_WORK),
        }
    }

    /// Attempts the pods at the head of the queue.
    fn attempt(&mut self) {
        for _ in 0..ATTEMPTS {
            let (now, mut watch) = (self.now(), Stopwatch::start());
            let alternatives = self.sampler.alternatives(Instant::now());
            if let Some(copier) = &mut self.copier {
                copier.before(now, &self.flow, None);
            }
            let flow = &mut self.flow;
            let attempt =
                AssertUnwindSafe(|| flow.attempt_observed(now, alternatives, &mut |step| watch.over(step)));
            let Ok(tried) = catch_unwind(attempt) else {
                return self.attempt_panicked();
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
                self.sampler.took(timing.comparison, Instant::now());
            }
            self.pass_on(Some(timing));
        }
    }

    /// Passes on the flow's actions and reports; `took` is the timing of the attempt that led to them.
    fn pass_on(&mut self, took: Option<Timing>) {
        let (unix_micros, epoch) = (crate::clock::unix_micros(), self.epoch());
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
                    Task::Extend(tag(ticket, epoch), ExtenderCall { extender, call, nodes })
                }
                request => Task::Act(Action { ticket: tag(ticket, epoch), request }),
            };
            self.open += 1;
            // If the actor is gone, the process is about to end.
            let _ = self.tasks.send(task);
        }
        if let Some(recording) = &mut self.recording {
            recording.settle();
        }
        let now = self.now();
        for report in self.flow.drain_reports() {
            self.reporter.report(&report, took);
            if let Some(copier) = &mut self.copier {
                copier.reported(now, &report);
            }
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
