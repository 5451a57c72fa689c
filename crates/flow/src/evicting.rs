//! Preemption: victims have to go, and others that hoped for the node lose their hope.

use berth_engine::ids::PodRow;
use berth_engine::preemption::{self, Candidate};
use berth_model::pod::Pod;

use crate::action::{Event, PodRef, Request};
use crate::flow::Flow;
use crate::input::{Answer, Failure, FailureKind};
use crate::now::Now;
use crate::outbox::{Errand, Purpose};
use crate::report::Report;
use crate::track::{Stage, Track};

impl Flow {
    /// Evicts the victims of a candidate for a pod. Tells whether some of them are gone at once.
    ///
    /// Upstream: `framework/preemption/executor.go`.
    pub(crate) fn evict_for(&mut self, now: Now, preemptor: PodRow, best: &Candidate) -> bool {
        for other in preemption::outranked_nominations(self.scheduler.cluster(), preemptor, best.node) {
            self.nominate(now, other, None);
            self.write_status(other, None, Some(None));
            self.try_at_once(other); // it may find another place
        }
        let node = self.scheduler.cluster().nodes().name(best.node).clone();
        let track = self.track(preemptor);
        let (reference, reporter) =
            (track.pod.clone(), self.settings.profiles[track.profile].scheduler_name.clone());
        let (mut gone, mut at_once) = (Vec::new(), false);
        for &victim in &best.victims {
            let pod = &self.scheduler.cluster().pods().entry(victim).pod;
            let named = PodRef {
                namespace: pod.spec.namespace.clone(),
                name: pod.name.clone(),
                uid: pod.uid.clone(),
            };
            gone.push(named.clone());
            if pod.terminating {
                continue;
            }
            let mut note = format!("Preempted by pod {} on node {node}", reference.uid);
            if self.tracks.get(victim).is_some_and(Track::is_preparing) {
                at_once = true;
                note.push_str(" (in kube-scheduler memory).");
                self.binding_failed(now, victim, "preempted by DefaultPreemption".to_owned());
            } else {
                let message = format!("{reporter}: preempting to accommodate a higher priority pod");
                let errand = Errand {
                    pod: preemptor,
                    uid: reference.uid.clone(),
                    purpose: Purpose::Evict { victim: named.clone() },
                };
                self.outbox.ask(Request::Evict { victim: named.clone(), message }, errand);
                self.evicting.insert(named.uid.clone());
                self.scheduler.cluster_mut().mark_terminating(victim, true); // so that nobody evicts it again
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
        self.outbox.report(Report::Preempted { preemptor: reference, node, victims: gone });
        at_once
    }

    /// A victim is on its way out, or stays: then the preemptor looks for another way.
    pub(crate) fn evict_replied(&mut self, pod: PodRow, victim: &PodRef, outcome: Result<Answer, Failure>) {
        let Err(failure) = outcome else { return };
        if failure.kind == FailureKind::Gone {
            return;
        }
        let preemptor = self.track(pod).pod.clone();
        let text = format!("pod {victim} could not be evicted for pod {preemptor}: {}", failure.message);
        self.outbox.report(Report::Trouble(text));
        self.try_at_once(pod);
    }

    /// An eviction was refused: the pod stays, until the watch says otherwise. That is so whatever became of the
    /// preemptor.
    pub(crate) fn evict_failed(&mut self, now: Now, victim: &PodRef, failure: &Failure) {
        self.evicting.remove(&victim.uid);
        let Some(row) = self.tracks.find(&victim.namespace, &victim.name) else { return };
        let pod = self.scheduler.cluster().pods().entry(row).pod.clone();
        if pod.uid != victim.uid || failure.kind == FailureKind::Gone {
            return;
        }
        let priority = pod.spec.priority;
        self.bound_pod_changed(now, row, Pod { terminating: false, preempted: false, ..pod });
        let Some(track) = self.tracks.get(row) else { return };
        if matches!(track.stage, Stage::Queued) && self.queue.entry(row).is_none() {
            // Its binding failed while it was terminating, so it left the queue.
            let gated = self.is_gated(track.profile, row);
            self.queue.add(row, priority, gated, now.millis);
            self.report_queued(if gated { "gated" } else { "active" }, "UnscheduledPodUpdate");
        }
    }
}
