//! Preemption: victims are evicted, and pods of lower priority lose their nomination to the node.
//!
//! Upstream: `framework/preemption/executor.go`.

use std::collections::BTreeMap;

use berth_engine::ids::PodRow;
use berth_engine::preemption::{self, Candidate};
use berth_model::Str;
use berth_model::pod::Pod;

use super::SchedulingLoop;
use crate::action::{Event, PodRef, Request};
use crate::input::{Answer, Failure, FailureKind, Now};
use crate::outbox::{InFlight, RequestKind};
use crate::pod_table::PodStage;
use crate::report::Report;

/// The pods whose eviction was requested, by uid. They count as terminating before the watch says so.
#[derive(Debug, Default)]
pub(super) struct Evictions {
    delivered: BTreeMap<Str, Delivered>,
}

/// What the watch has delivered of a pod whose eviction was requested. It counts if the eviction fails: somebody else may
/// have deleted the pod meanwhile.
#[derive(Clone, Copy, Debug, Default)]
struct Delivered {
    terminating: bool,
    preempted: bool,
}

impl Evictions {
    /// The eviction of a pod is requested.
    fn begin(&mut self, pod: &Pod) {
        let delivered = Delivered { terminating: pod.terminating, preempted: pod.preempted };
        self.delivered.insert(pod.uid.clone(), delivered);
    }

    /// The watch delivers a pod. If its eviction was requested, it counts as terminating all the same.
    pub(super) fn deliver(&mut self, pod: &mut Pod) {
        if let Some(delivered) = self.delivered.get_mut(&pod.uid) {
            *delivered = Delivered { terminating: pod.terminating, preempted: pod.preempted };
            (pod.terminating, pod.preempted) = (true, true);
        }
    }

    /// The eviction has failed, or the pod is deleted.
    pub(super) fn end(&mut self, uid: &Str) {
        self.delivered.remove(uid);
    }
}

impl SchedulingLoop {
    /// Evicts the victims of a candidate for a pod. Returns whether some room is free at once.
    pub(super) fn evict_for(&mut self, now: Now, preemptor: PodRow, best: &Candidate) -> bool {
        for other in preemption::outranked_nominations(self.scheduler.cluster(), preemptor, best.node) {
            self.nominate(now, other, None);
            self.write_status(other, None, Some(None));
            self.activate(other); // it may fit on another node
        }
        let node = self.scheduler.cluster().nodes().name(best.node).clone();
        let pending = self.pending_pod(preemptor);
        let reference = pending.pod().clone();
        let reporter = self.settings.profiles[pending.profile()].scheduler_name.clone();
        let (mut victims, mut has_room) = (Vec::new(), false);
        for &victim in &best.victims {
            let pod = &self.scheduler.cluster().pods().entry(victim).pod;
            let named = PodRef::of(pod);
            victims.push(named.clone());
            if pod.terminating {
                continue;
            }
            let mut note = format!("Preempted by pod {} on node {node}", reference.uid);
            if self.pods.get(victim).is_some_and(|pending| pending.is_in_pre_bind()) {
                has_room = true;
                note.push_str(" (in kube-scheduler memory).");
                self.binding_failed(now, victim, "preempted by DefaultPreemption".to_owned());
            } else {
                let message = format!("{reporter}: preempting to accommodate a higher priority pod");
                let kind = RequestKind::Evict { victim: named.clone() };
                let in_flight = InFlight { pod: preemptor, uid: reference.uid.clone(), kind };
                self.outbox.send(Request::Evict { victim: named.clone(), message }, in_flight);
                self.evictions.begin(&self.scheduler.cluster().pods().entry(victim).pod);
                self.scheduler.cluster_mut().mark_terminating(victim, true); // so that it is evicted once
            }
            self.outbox.emit(Event {
                regarding: named,
                related: Some(reference.clone()),
                warning: false,
                reason: "Preempted",
                action: "Preempting",
                note,
                reporter: reporter.clone(),
            });
        }
        self.outbox.report(Report::Preempted { preemptor: reference, node, victims });
        has_room
    }

    /// An eviction was answered. If it failed, the preemptor is tried again.
    pub(super) fn eviction_replied(
        &mut self,
        pod: PodRow,
        victim: &PodRef,
        outcome: Result<Answer, Failure>,
    ) {
        let Err(failure) = outcome else { return };
        if failure.kind == FailureKind::Gone {
            return;
        }
        let preemptor = self.pending_pod(pod).pod().clone();
        self.outbox.warn(format!("cannot evict pod {victim} for pod {preemptor}: {}", failure.message));
        self.activate(pod);
    }

    /// An eviction failed: the victim is what the watch has delivered. If it is gone, the watch will deliver that.
    pub(super) fn eviction_failed(&mut self, now: Now, victim: &PodRef, failure: &Failure) {
        let known = self.pods.find(&victim.namespace, &victim.name);
        let known = known.map(|row| (row, self.scheduler.cluster().pods().entry(row).pod.clone()));
        let Some((row, pod)) = known.filter(|(_, pod)| pod.uid == victim.uid) else {
            return self.evictions.end(&victim.uid);
        };
        if failure.kind == FailureKind::Gone {
            return;
        }
        let delivered = self.evictions.delivered.remove(&victim.uid);
        let Delivered { terminating, preempted } = delivered.unwrap_or_default();
        let priority = pod.spec.priority;
        self.bound_pod_changed(now, row, Pod { terminating, preempted, ..pod });
        let Some(pending) = self.pods.get(row).filter(|_| !terminating) else { return };
        if matches!(pending.stage(), PodStage::Queued) && self.queue.info(row).is_none() {
            // Its binding failed while it was terminating, so it left the queue.
            let gated = self.is_gated(pending.profile(), row);
            let queue = self.queue.add(row, priority, gated, now.millis);
            self.report_queued(queue, "UnscheduledPodUpdate");
        }
    }
}
