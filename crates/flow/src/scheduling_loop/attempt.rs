//! One attempt to schedule a pod.
//!
//! Upstream: `schedule_one.go` (`ScheduleOne`, `handleSchedulingFailure`).

use berth_engine::decision::Decision;
use berth_engine::ids::{NodeRow, PodRow};
use berth_engine::name::PluginName;
use berth_engine::preemption;
use berth_model::Str;

use super::SchedulingLoop;
use crate::action::Condition;
use crate::input::Now;
use crate::queue::RejectionGroup;
use crate::report::{Alternatives, AttemptInfo, AttemptObserver, FailureInfo, Report, Step};

/// Why a pod was not scheduled, and what becomes of it.
pub(super) struct SchedulingFailure {
    pub(super) message: String,
    /// The plugins that rejected the pod; empty after an error.
    pub(super) plugins: Vec<PluginName>,
    /// The plugins that made preemption impossible. These and `plugins` decide which events requeue the pod.
    pub(super) preemption_plugins: Vec<PluginName>,
    pub(super) is_error: bool,
    /// `None`: the nomination stays. Otherwise it is set or cleared.
    pub(super) nominate: Option<Option<Str>>,
}

impl SchedulingFailure {
    /// The attempt or the binding failed with an error. The nomination is cleared.
    pub(super) fn error(message: String) -> Self {
        Self { is_error: true, ..Self::unschedulable(message, Vec::new(), Some(None)) }
    }

    /// The pod fits on no node.
    pub(super) fn unschedulable(
        message: String,
        plugins: Vec<PluginName>,
        nominate: Option<Option<Str>>,
    ) -> Self {
        Self { message, plugins, preemption_plugins: Vec::new(), is_error: false, nominate }
    }
}

impl SchedulingLoop {
    /// Tries a pod that is in flight.
    pub(super) fn try_pod(&mut self, now: Now, pod: PodRow, observer: &mut AttemptObserver<'_>) {
        let profile = self.pending_pod(pod).profile();
        if self.scheduler.cluster().pods().entry(pod).pod.terminating {
            let note = format!("skip schedule deleting pod: {}", self.pending_pod(pod).pod());
            self.emit(pod, true, "FailedScheduling", "Scheduling", note);
            self.queue.remove(pod); // nothing is left to do until it is deleted
            return;
        }
        let decision = self.scheduler.decide_by(profile, pod);
        observer.step_done(Step::Decision);
        match decision {
            Decision::Place(..) if self.wants_extenders(pod) => self.ask_extenders(now, pod),
            Decision::Place(node, score) => self.assume_and_bind(now, pod, (node, score), observer),
            Decision::Gated(_) => drop(self.queue.set_gated(pod, true, now.millis)),
            Decision::Error { message } => {
                self.scheduling_failed(now, pod, SchedulingFailure::error(message));
            }
            Decision::Unschedulable { message, resolvable, plugins } => {
                self.run_post_filter(now, pod, (message, plugins), resolvable, observer);
            }
        }
    }

    /// A pod fits on no node. `resolvable`: preemption may help.
    fn run_post_filter(
        &mut self,
        now: Now,
        pod: PodRow,
        (message, plugins): (String, Vec<PluginName>),
        resolvable: bool,
        observer: &mut AttemptObserver<'_>,
    ) {
        let profile = self.pending_pod(pod).profile();
        if self.wants_preempting_extenders(pod) {
            let diagnosis = self.scheduler.diagnose(profile, pod);
            return self.preempt_with_extenders(now, pod, (message, plugins), &diagnosis);
        }
        let mut failure = SchedulingFailure::unschedulable(message, plugins, Some(None));
        let mut has_room = false;
        let has_nodes = !self.scheduler.cluster().nodes().is_empty();
        if has_nodes && self.scheduler.profiles()[profile].preempts {
            let found = self.scheduler.preempt(profile, pod, resolvable);
            observer.step_done(Step::PostFilter);
            let cluster = self.scheduler.cluster();
            if let Some(best) = preemption::best(&found.candidates, cluster).first().copied().cloned() {
                failure.message.push_str(&best.suffix(cluster));
                failure.nominate = Some(Some(cluster.nodes().name(best.node).clone()));
                has_room = self.evict_for(now, pod, &best);
            } else {
                failure.message.push_str(&found.suffix());
                failure.preemption_plugins.clone_from(&found.rejecting);
                if found.ineligible.is_some() {
                    failure.nominate = None; // for example, it waits for victims that are terminating
                }
            }
        }
        self.scheduling_failed(now, pod, failure);
        if has_room {
            self.activate(pod);
        }
    }

    /// Puts a pod back into the queue, and writes why.
    pub(super) fn scheduling_failed(&mut self, now: Now, pod: PodRow, failure: SchedulingFailure) {
        let SchedulingFailure { message, plugins, preemption_plugins, is_error, nominate } = failure;
        let pending = self.pending_pod(pod);
        let (profile, reference) = (pending.profile(), pending.pod().clone());
        let attempts = self.queue.attempts(pod);
        if is_error {
            self.queue.fail(pod, now.millis);
            self.report_queued("backoff", "ScheduleAttemptFailure");
        } else {
            let class = self.scheduler.cluster().pods().entry(pod).class;
            let mut rejecting = [plugins.as_slice(), &preemption_plugins].concat();
            rejecting.sort_unstable();
            rejecting.dedup();
            if plugins.is_empty() {
                rejecting.clear(); // any event may help
            }
            self.queue.reject(pod, RejectionGroup { profile, class, plugins: rejecting }, now.millis);
            self.report_queued("unschedulable", "ScheduleAttemptFailure");
            self.give_up_devices(pod);
        }
        if let Some(node) = &nominate {
            self.nominate(now, pod, node.as_ref());
        }
        let nominated = self.scheduler.cluster().pods().entry(pod).pod.nominated_node.clone();
        self.emit(pod, true, "FailedScheduling", "Scheduling", message.clone());
        let reason = if is_error { "SchedulerError" } else { "Unschedulable" };
        let generation = self.pending_pod(pod).generation();
        let condition = Condition { reason, message: message.clone(), generation, again: false };
        self.write_status(pod, Some(condition), nominate);
        let attempt = AttemptInfo { pod: reference, profile, attempts };
        let failure = FailureInfo { message, plugins, nominated };
        self.outbox.report(match is_error {
            true => Report::Failed(attempt, failure),
            false => Report::Unschedulable(attempt, failure),
        });
    }

    /// Scores all nodes for a pod that is about to be assumed on `node`, and returns up to `count` others.
    pub(super) fn alternatives(
        &self,
        profile: usize,
        pod: PodRow,
        node: NodeRow,
        count: usize,
    ) -> Alternatives {
        let diagnosis = self.scheduler.diagnose(profile, pod);
        let others = diagnosis.by_preference().into_iter().filter(|(row, _)| *row != node);
        let nodes = self.scheduler.cluster().nodes();
        let next = others.take(count).map(|(row, total)| (nodes.name(row).clone(), total));
        Alternatives { feasible: diagnosis.feasible.len(), next: next.collect() }
    }
}
