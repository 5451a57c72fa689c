//! The scheduler that ships, in the simulation: the scheduling loop gets the changes of the store at once, and its
//! requests are carried out at once.

use berth_engine::effect::Write;
use berth_flow::{Action, Answer, Failure, FailureKind, Input, Now, PodRef, Report, Request, SchedulingLoop};
use berth_model::object::{Object, ObjectKey};
use berth_model::pod_manifest::ScheduledCondition;

use crate::Millis;
use crate::record::Cause;
use crate::simulation::{Settings, Simulation};

/// The scheduling loop and what it has seen.
pub(crate) struct Shell {
    flow: SchedulingLoop,
    /// It has seen the changes up to this version.
    seen: u64,
    started: bool,
}

impl Shell {
    /// The queue is not flushed from time to time: a pod is requeued by events only, which misses none.
    pub(crate) fn new(settings: &Settings) -> Self {
        let mut of_flow = berth_flow::Settings::new(settings.profiles.clone());
        of_flow.flush_millis = None;
        Self { flow: SchedulingLoop::new(of_flow), seen: 0, started: false }
    }

    /// When the loop has something to do although nothing happens.
    pub(crate) fn next_timer(&self) -> Option<Millis> {
        self.flow.next_timer()
    }
}

impl Simulation {
    fn flow_now(&self) -> Now {
        let micros = i64::try_from(self.now).unwrap_or(i64::MAX).saturating_mul(1_000);
        Now {
            millis: self.now,
            unix_micros: self.settings.start.saturating_mul(1_000_000).saturating_add(micros),
        }
    }

    /// Lets the scheduler try all pods that are due. Whether anything changed.
    pub(crate) fn run_scheduler(&mut self) -> bool {
        if !self.scheduler.started {
            self.scheduler.started = true;
            self.start_scheduler();
        }
        let mut changed = self.deliver();
        let now = self.flow_now();
        while self.scheduler.flow.attempt(now) || self.scheduler.flow.has_output() {
            changed = true;
            self.act();
            self.deliver();
        }
        changed
    }

    /// Lists all kinds, and takes the lead.
    fn start_scheduler(&mut self) {
        let now = self.flow_now();
        for kind in SchedulingLoop::KINDS {
            self.scheduler.flow.take(now, Input::Listing(kind));
            for object in self.store.list(kind) {
                self.scheduler.flow.take(now, Input::Applied((**object).clone()));
            }
            self.scheduler.flow.take(now, Input::Listed(kind));
        }
        self.scheduler.flow.take(now, Input::Leads(true));
        self.scheduler.seen = self.store.version();
    }

    /// Passes the changes of the store to the loop.
    fn deliver(&mut self) -> bool {
        let (now, seen) = (self.flow_now(), self.scheduler.seen);
        let Ok(changes) = self.store.since(seen) else { return false };
        for change in changes {
            if !SchedulingLoop::KINDS.contains(&change.key.kind) {
                continue;
            }
            let input = match &change.object {
                Some(object) => Input::Applied((**object).clone()),
                None => Input::Deleted(change.key.clone()),
            };
            self.scheduler.flow.take(now, input);
        }
        self.scheduler.seen = self.store.version();
        // All watchers have seen it.
        self.store.compact(self.scheduler.seen);
        self.scheduler.seen > seen
    }

    /// Carries out what the loop asks for.
    fn act(&mut self) {
        let now = self.flow_now();
        for report in self.scheduler.flow.drain_reports().collect::<Vec<_>>() {
            self.observe_report(report);
        }
        for action in self.scheduler.flow.drain_actions().collect::<Vec<_>>() {
            let Action { ticket, request } = action;
            if matches!(request, Request::Emit(_)) {
                continue;
            }
            let outcome = self.carry_out(request).map(|()| Answer::Done);
            self.scheduler.flow.take(now, Input::Reply(ticket, outcome));
        }
    }

    fn observe_report(&mut self, report: Report) {
        match report {
            Report::Unschedulable(attempt, failure) | Report::Failed(attempt, failure)
                if self.is_story(&attempt.pod) =>
            {
                self.tell(format!("{} waits: {}", attempt.pod.name, failure.message));
            }
            Report::Preempted { preemptor, node, victims } => {
                let story = self.is_story(&preemptor) || victims.iter().any(|victim| self.is_story(victim));
                if story {
                    let victims: Vec<&str> = victims.iter().map(|victim| &*victim.name).collect();
                    let victims = victims.join(", ");
                    self.tell(format!("{} preempts {victims} on {node}", preemptor.name));
                }
            }
            Report::Warning(text) => self.warn(text),
            _ => {}
        }
    }

    fn is_story(&self, pod: &PodRef) -> bool {
        let record = self.pods.find(&pod.uid).and_then(|id| self.pods.get(id));
        record.is_some_and(|record| record.followed)
    }

    fn carry_out(&mut self, request: Request) -> Result<(), Failure> {
        match request {
            Request::Bind { pod, node } => {
                self.store.bind(&pod, &node)?;
                let (Some(id), Some(at)) = (self.pods.find(&pod.uid), self.nodes.find(&node)) else {
                    return Ok(());
                };
                if self.is_story(&pod) {
                    self.tell(format!("{} is bound to {node}", pod.name));
                }
                self.start_pod(id, at, false);
                Ok(())
            }
            Request::SetStatus { pod, condition, nominated_node } => {
                let condition = condition.map(|condition| ScheduledCondition {
                    status: "False".into(),
                    reason: condition.reason.into(),
                    message: condition.message.into(),
                });
                self.store.patch_status(&pod, condition, nominated_node)
            }
            Request::Evict { victim, .. } => {
                let Some(id) = self.pods.find(&victim.uid) else { return Ok(()) };
                self.store.change_pod(&victim, |manifest| manifest.pod.preempted = true)?;
                self.delete_pod(id, Some(Cause::Preemption));
                Ok(())
            }
            Request::Write(write) => self.carry_out_write(write),
            Request::Extend { .. } => {
                let message = "extenders are not called in a simulation".to_owned();
                Err(Failure { kind: FailureKind::Refused, message })
            }
            Request::Emit(_) => Ok(()),
        }
    }

    fn carry_out_write(&mut self, write: Write) -> Result<(), Failure> {
        match write {
            Write::BindVolume { volume, namespace, claim, claim_uid, .. } => {
                self.reserve_volume(&volume, &namespace, &claim, &claim_uid)
            }
            Write::SelectNode { namespace, claim, node } => self.select_node(&namespace, &claim, &node),
            write @ (Write::ReserveDevices(_) | Write::MakeDeviceClaim(_) | Write::GiveUpDevices { .. }) => {
                self.write_devices(write)
            }
        }
    }

    /// The name of the object that an action of the user names.
    pub(crate) fn object(&self, key: &ObjectKey) -> Option<Object> {
        self.store.get(key).map(|object| (**object).clone())
    }
}
