//! The state machine: inputs in, actions and reports out. It routes; the parts of its state have owners of their own.

mod attempt;
mod binding;
mod devices;
mod extenders;
mod intake;
mod preemption;
mod requeue;
mod status;

use berth_engine::cluster::Cluster;
use berth_engine::ids::PodRow;
use berth_engine::scheduler::Scheduler;
use berth_model::Str;
use berth_model::object::{Kind, ObjectKey};

use crate::action::{Action, PodRef};
use crate::binding::Due;
use crate::in_flight_allocations::InFlightAllocations;
use crate::input::{Answer, Failure, Input, Now};
use crate::listings::Listings;
use crate::outbox::{InFlight, Outbox, RequestKind};
use crate::pod_table::{PendingPod, PendingPodInfo, PodStage, PodTable};
use crate::queue::{Backoff, Counts, SchedulingQueue};
use crate::report::{AttemptObserver, Report, Step};
use crate::settings::Settings;
use intake::MeasuredNodes;
use preemption::Evictions;

/// The scheduling loop.
///
/// The shell passes everything that happens to [`SchedulingLoop::take`], calls [`SchedulingLoop::attempt`] until it
/// returns `false`, and carries out what [`SchedulingLoop::drain_actions`] returns. [`SchedulingLoop::next_timer`] says
/// when it must call [`SchedulingLoop::attempt`] again although nothing has happened.
pub struct SchedulingLoop {
    settings: Settings,
    scheduler: Scheduler,
    listings: Listings,
    measured: MeasuredNodes,
    pods: PodTable,
    queue: SchedulingQueue,
    outbox: Outbox,
    evictions: Evictions,
    in_flight_allocations: InFlightAllocations,
    leads: bool,
    in_attempt: Option<PodRef>,
}

impl SchedulingLoop {
    /// The kinds that must be listed before the first decision.
    pub const KINDS: [Kind; Kind::WATCHED.len()] = Kind::WATCHED;

    /// A loop that knows no object and does not lead.
    pub fn new(settings: Settings) -> Self {
        let backoff = Backoff {
            initial_millis: settings.initial_backoff_millis,
            max_millis: settings.max_backoff_millis,
        };
        Self {
            scheduler: Scheduler::new(Cluster::default(), settings.profiles.clone()),
            settings,
            listings: Listings::new(&Self::KINDS),
            measured: MeasuredNodes::default(),
            pods: PodTable::default(),
            queue: SchedulingQueue::new(backoff),
            outbox: Outbox::default(),
            evictions: Evictions::default(),
            in_flight_allocations: InFlightAllocations::default(),
            leads: false,
            in_attempt: None,
        }
    }

    /// Takes an input into account.
    pub fn take(&mut self, now: Now, input: Input) {
        match input {
            Input::Listing(kind) => self.listings.begin(kind),
            Input::Applied(object) => self.applied(now, object),
            Input::Deleted(key) => self.deleted(now, &key),
            Input::Listed(kind) => self.listed(now, kind),
            Input::Unreadable { key, uid, problem } => self.unreadable(&key, &uid, &problem),
            Input::Leads(leads) => {
                self.leads = leads;
                if !leads {
                    self.on_leadership_lost(now);
                }
            }
            Input::Reply(ticket, outcome) => {
                if let Some(request) = self.outbox.take(ticket) {
                    self.replied(now, request, outcome);
                }
            }
        }
    }

    fn replied(&mut self, now: Now, request: InFlight, outcome: Result<Answer, Failure>) {
        let InFlight { pod, uid, kind } = request;
        if let (RequestKind::Evict { victim }, Err(failure)) = (&kind, &outcome) {
            self.eviction_failed(now, victim, failure); // also if the preemptor is gone
        }
        if let RequestKind::PreBind { attempt, effect } = kind {
            let write = (uid.clone(), attempt, effect);
            if self.in_flight_allocations.contains(&write) {
                return self.in_flight_allocation_replied(now, &write, outcome);
            }
        }
        if self.pods.get(pod).is_none_or(|pending| pending.pod().uid != uid) {
            return; // the pod is deleted or bound
        }
        match kind {
            RequestKind::Bind => self.bind_replied(now, pod, outcome),
            RequestKind::PreBind { attempt, effect } => {
                self.pre_bind_replied(now, pod, (attempt, effect), outcome);
            }
            RequestKind::GiveUp => self.give_up_replied(now, pod, outcome),
            RequestKind::Status => self.status_replied(now, pod, outcome),
            RequestKind::Evict { victim } => self.eviction_replied(pod, &victim, outcome),
            RequestKind::Extend { attempt } => self.extender_replied(now, pod, attempt, outcome),
        }
    }

    /// Tries the next pod of the queue. `false` if there is none at this time.
    pub fn attempt(&mut self, now: Now) -> bool {
        self.attempt_observed(now, 0, &mut |_| ())
    }

    /// As [`SchedulingLoop::attempt`], and reports up to `alternatives` other nodes with a placement. If that is not 0,
    /// all nodes are scored again. `on_step_done` is called after each step. The decision is the same.
    pub fn attempt_observed(
        &mut self,
        now: Now,
        alternatives: usize,
        on_step_done: &mut dyn FnMut(Step),
    ) -> bool {
        self.run_timers(now);
        if !self.leads || !self.synced() {
            return false;
        }
        let Some(pod) = self.queue.pop(now.millis) else { return false };
        if !self.measured.is_empty() {
            self.scheduler.cluster_mut().set_now(now.unix_seconds()); // measurements become stale
        }
        self.in_attempt = Some(self.pending_pod(pod).pod().clone());
        self.try_pod(now, pod, &mut AttemptObserver { alternatives, on_step_done });
        self.in_attempt = None;
        true
    }

    /// Does what has become due: status writes and bindings that are sent again, PreBind that took too long, and the
    /// flush of unschedulable pods.
    fn run_timers(&mut self, now: Now) {
        while let Some(pod) = self.pods.pop_timer(now.millis) {
            if self.pods.get(pod).is_some_and(|pending| pending.status().retry_is_due(now.millis)) {
                self.send_status(pod);
            }
            match self.pods.binding_mut(pod).and_then(|binding| binding.due(now.millis)) {
                Some(Due::PreBindTimeout) => {
                    self.pre_bind_failed(now, pod, 0, "timed out waiting for the condition");
                }
                Some(Due::Retry) => self.send_binding(pod),
                Some(Due::RetryWrites) => self.send_lost_writes(now, pod),
                None => {}
            }
        }
        self.send_in_flight_allocations(now);
        self.flush(now);
    }

    /// The pod that is being tried. If an attempt panics, this says which pod caused it. The loop must not be used any
    /// more.
    pub fn trying(&self) -> Option<&PodRef> {
        self.in_attempt.as_ref()
    }

    /// What must be done, in the order of the decisions.
    pub fn drain_actions(&mut self) -> impl Iterator<Item = Action> + '_ {
        self.outbox.drain_actions()
    }

    /// What can be logged and counted.
    pub fn drain_reports(&mut self) -> impl Iterator<Item = Report> + '_ {
        self.outbox.drain_reports()
    }

    /// Whether there is any action or report to drain.
    pub fn has_output(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// Whether this scheduler may bind, according to the last [`Input::Leads`].
    pub fn leads(&self) -> bool {
        self.leads
    }

    /// When [`SchedulingLoop::attempt`] may have something to do although nothing happens, in milliseconds.
    pub fn next_timer(&self) -> Option<u64> {
        let queue = self.queue.next_timer(self.settings.flush_millis).filter(|_| self.leads && self.synced());
        queue.into_iter().chain(self.pods.next_timer()).chain(self.in_flight_allocations.next_timer()).min()
    }

    /// Whether [`SchedulingLoop::attempt`] would try a pod at this time.
    pub fn has_due(&self, now: Now) -> bool {
        self.leads && self.synced() && self.queue.has_due(now.millis)
    }

    /// Whether all kinds of [`SchedulingLoop::KINDS`] were listed.
    pub fn synced(&self) -> bool {
        self.listings.unlisted().is_empty()
    }

    /// The kinds that were not listed yet.
    pub fn missing(&self) -> &[Kind] {
        self.listings.unlisted()
    }

    /// How many pods are in each part of the queue.
    pub fn pending(&self) -> Counts {
        self.queue.counts()
    }

    /// How many pods are assumed on a node.
    pub fn assumed(&self) -> usize {
        self.pods.pending().filter(|(_, pending)| pending.is_binding()).count()
    }

    /// How many actions wait for their replies.
    pub fn in_flight(&self) -> usize {
        self.outbox.in_flight()
    }

    /// How many objects of a kind are known. Pods of other schedulers count once they are bound.
    pub fn count(&self, kind: Kind) -> usize {
        match kind {
            Kind::Pod => self.pods.len(),
            Kind::Node => self.scheduler.cluster().nodes().len(),
            kind => self.known(kind).len(),
        }
    }

    /// The objects of a kind that are known.
    fn known(&self, kind: Kind) -> Vec<ObjectKey> {
        let cluster = self.scheduler.cluster();
        match kind {
            Kind::Pod => {
                let pods = cluster.pods();
                let key = |row| {
                    let pod = &pods.entry(row).pod;
                    ObjectKey { kind, namespace: pod.spec.namespace.clone(), name: pod.name.clone() }
                };
                pods.rows().map(key).collect()
            }
            Kind::NodeMetrics => self.measured.keys(),
            kind => cluster.objects(kind).iter().map(berth_model::object::Object::key).collect(),
        }
    }

    /// The engine with the cluster.
    pub fn scheduler(&self) -> &Scheduler {
        &self.scheduler
    }

    /// A pod by name, if it is bound or this scheduler places it.
    pub fn find_pod(&self, namespace: &Str, name: &Str) -> Option<PodRow> {
        self.pods.find(namespace, name)
    }

    /// Where a pod is that this scheduler places: `active`, `backoff`, `unschedulable`, `gated`, `extending` or
    /// `binding`; `None` if it is bound, or another scheduler's.
    pub fn place_of(&self, namespace: &Str, name: &Str) -> Option<&'static str> {
        let row = self.pods.find(namespace, name)?;
        match self.pods.get(row)?.stage() {
            PodStage::Queued => self.queue.info(row).map(|info| info.place_name()),
            PodStage::Extending(_) => Some("extending"),
            PodStage::Binding(_) => Some("binding"),
        }
    }

    /// The pods that are not bound, in the order of their rows.
    pub fn pending_pods(&self) -> impl Iterator<Item = PendingPodInfo<'_>> {
        self.pods.pending().map(|(row, pending)| self.pending_pod_info(row, pending))
    }

    /// What a pod waits for; `None` if it is bound, or another scheduler's.
    pub fn pending_info(&self, pod: PodRow) -> Option<PendingPodInfo<'_>> {
        Some(self.pending_pod_info(pod, self.pods.get(pod)?))
    }

    fn pending_pod_info<'a>(&'a self, row: PodRow, pending: &'a PendingPod) -> PendingPodInfo<'a> {
        let info = self.queue.info(row);
        let (place, attempts, node) = match pending.stage() {
            PodStage::Binding(binding) => ("binding", binding.attempts(), Some(binding.node())),
            PodStage::Extending(_) => ("extending", self.queue.attempts(row), None),
            PodStage::Queued => (info.map_or("", |info| info.place_name()), self.queue.attempts(row), None),
        };
        let plugins = info.and_then(|info| info.rejection()).map_or(&[][..], |group| &group.plugins);
        let message = pending.status().condition().map(|(_, message)| message);
        PendingPodInfo {
            pod: pending.pod(),
            profile: pending.profile(),
            place,
            plugins,
            message,
            attempts,
            node,
        }
    }

    /// The state of a pod that is not bound.
    fn pending_pod(&self, pod: PodRow) -> &PendingPod {
        self.pods.get(pod).expect("a pod in the queue is pending")
    }

    /// Reports that a pod entered a part of the queue because of an event.
    fn report_queued(&mut self, queue: &'static str, event: &'static str) {
        self.outbox.report(Report::Queued { queue, event });
    }

    /// The state of a pod for [`SchedulingLoop::dump_inputs`]: the generation, and the condition as written last.
    pub(crate) fn written_status(&self, pod: PodRow) -> (i64, Option<(Str, Str)>) {
        let pending = self.pods.get(pod);
        let condition = pending.and_then(|pending| pending.status().condition().cloned());
        (pending.map_or(0, PendingPod::generation), condition)
    }
}
