//! From the decision to the binding.
//!
//! ```text
//!   put ──▶ volumes ──▶ sent ──▶ done ──▶ (the watch tells: bound)
//!              │         │ ▲
//!              │         ▼ │ again
//!              │        lost          the answer did not come: the node stays taken until it is known
//!              ▼         ▼
//!            failed: the node is free again, the pod is tried again after its backoff
//! ```

use berth_engine::event::ClusterEvent;
use berth_engine::ids::{NodeRow, PodRow};

use crate::action::{Call, Request};
use crate::attempt::Unplaced;
use crate::backoff::Backoff;
use crate::flow::Flow;
use crate::input::{Answer, Failure, FailureKind};
use crate::now::Now;
use crate::outbox::{Errand, Purpose};
use crate::report::{Attempted, Landing, Report};
use crate::step::{Step, Watch};
use crate::track::{Binding, Phase, Stage, Track};
use crate::volumes::Part;
use crate::waking::Undone;

/// How long to wait before a binding is sent again whose answer did not come.
const AGAIN: Backoff = Backoff { initial_millis: 500, max_millis: 30_000 };

impl Track {
    pub(crate) fn is_binding(&self) -> bool {
        matches!(self.stage, Stage::Binding(_))
    }

    pub(crate) fn is_preparing(&self) -> bool {
        matches!(&self.stage, Stage::Binding(binding) if matches!(binding.phase, Phase::Volumes { .. }))
    }

    pub(crate) fn binding_mut(&mut self) -> Option<&mut Binding> {
        match &mut self.stage {
            Stage::Binding(binding) => Some(binding),
            _ => None,
        }
    }
}

impl Flow {
    /// Puts a pod on a node, for all decisions that follow, and starts to bind it there.
    pub(crate) fn put(&mut self, now: Now, pod: PodRow, landing: (NodeRow, i64), watch: &mut Watch<'_>) {
        let (node, score) = landing;
        let profile = self.track(pod).profile;
        let hoped = self.former(pod).filter(|former| former.row != Some(node));
        let count = watch.alternatives;
        let alternatives = (count > 0).then(|| self.alternatives(profile, pod, node, count));
        if count > 0 {
            watch.over(Step::Comparison);
        }
        let reserved = self.scheduler.place(profile, pod, node);
        watch.over(Step::Reserve);
        let name = self.scheduler.cluster().nodes().name(node).clone();
        let entry = self.queue.entry(pod);
        let attempts = entry.map_or(0, |entry| entry.attempts);
        let first_attempt = entry.and_then(|entry| entry.first_attempt).unwrap_or(now.millis);
        let phase = self.prepare_volumes(now, pod, &name, &reserved);
        let parts = reserved.into_iter().map(Part::of).collect();
        let Some(track) = self.tracks.get_mut(pod) else { return };
        track.stage = Stage::Binding(Box::new(Binding {
            node: name.clone(),
            parts,
            phase: phase.clone(),
            since: now.millis,
            prepared: None,
            attempts,
            first_attempt,
        }));
        if track.is_preparing() {
            self.tracks.set_preparing(pod);
        }
        let attempted = Attempted { pod: self.track(pod).pod.clone(), profile, attempts };
        self.outbox.report(Report::Assumed(attempted, Landing { node: name, score, alternatives }));
        if matches!(phase, Phase::Sent { .. }) {
            self.send_binding(pod);
        }
        self.wake_for_left(now, hoped); // a nomination elsewhere is void
        self.wake(now, "AssignedPodAdd", &ClusterEvent::PodArrived { pod });
    }

    /// Sends the binding; an extender that binds does it in our place.
    pub(crate) fn send_binding(&mut self, pod: PodRow) {
        let extender = self.binding_extender(pod);
        let Some(track) = self.tracks.get_mut(pod) else { return };
        let reference = track.pod.clone();
        let Some(binding) = track.binding_mut() else { return };
        let lost = if let Phase::Lost { lost, .. } = binding.phase { lost } else { 0 };
        binding.phase = Phase::Sent { lost };
        let node = binding.node.clone();
        let errand = Errand { pod, uid: reference.uid.clone(), purpose: Purpose::Bind };
        let request = match extender {
            Some(extender) => Request::Extend { extender, call: Call::Bind { pod: reference, node } },
            None => Request::Bind { pod: reference, node },
        };
        self.outbox.ask(request, errand);
    }

    /// The API server answered a binding.
    pub(crate) fn bind_replied(&mut self, now: Now, pod: PodRow, outcome: Result<Answer, Failure>) {
        let Some(binding) = self.tracks.get_mut(pod).and_then(Track::binding_mut) else { return };
        let Phase::Sent { lost } = binding.phase else { return };
        match outcome {
            Ok(_) => {
                binding.phase = Phase::Done;
                self.tell_bound(now, pod);
            }
            // Whoever leads now looks after it.
            Err(failure) if failure.kind == FailureKind::Unknown && !self.leads => {
                let message = format!("running Bind plugin \"DefaultBinder\": {}", failure.message);
                self.binding_failed(now, pod, message);
            }
            Err(failure) if failure.kind == FailureKind::Unknown => {
                let lost = lost + 1;
                let again = now.millis + AGAIN.after(lost);
                binding.phase = Phase::Lost { lost, again };
                self.tracks.set_timer(again, pod);
                let text =
                    format!("no answer to the binding of pod {}: {}", self.track(pod).pod, failure.message);
                self.outbox.report(Report::Trouble(text));
            }
            // An earlier binding was done after all, or somebody else's: the watch will tell.
            Err(failure) if lost > 0 && failure.kind == FailureKind::Conflict => {
                binding.phase = Phase::Settled
            }
            Err(failure) => {
                let message = format!("running Bind plugin \"DefaultBinder\": {}", failure.message);
                self.binding_failed(now, pod, message);
            }
        }
    }

    /// A pod that was put on a node cannot be bound there: its room is free again, and it is tried again.
    pub(crate) fn binding_failed(&mut self, now: Now, pod: PodRow, message: String) {
        let (reference, profile) = (self.track(pod).pod.clone(), self.track(pod).profile);
        self.give_back(now, pod);
        self.outbox.report(Report::Unbound { pod: reference, profile, message: message.clone() });
        self.not_placed(now, pod, Unplaced::error(message));
    }

    /// Takes back what was decided for a pod; tells what was reserved with it.
    pub(crate) fn undo_binding(&mut self, pod: PodRow) -> Vec<Undone> {
        let Some(track) = self.tracks.get_mut(pod).filter(|track| track.is_binding()) else {
            return Vec::new();
        };
        let Stage::Binding(binding) = std::mem::replace(&mut track.stage, Stage::Queued) else {
            return Vec::new();
        };
        let undone = binding.parts.iter().filter_map(|part| self.reserved(&part.effect)).collect();
        let cluster = self.scheduler.cluster_mut();
        cluster.unassign(pod);
        for assumed in binding.parts.into_iter().rev().filter_map(|part| part.assumed) {
            cluster.undo(assumed);
        }
        undone
    }

    /// Another scheduler leads. Attempts that wait for extenders or volumes end here. A binding whose answer did not come is
    /// not sent again: the new leader finds out whether the pod is bound.
    pub(crate) fn let_go(&mut self, now: Now) {
        let open = |track: &Track| match &track.stage {
            Stage::Queued => false,
            Stage::Extending(_) => true,
            Stage::Binding(binding) => matches!(binding.phase, Phase::Volumes { .. } | Phase::Lost { .. }),
        };
        let pods = self.tracks.on_their_way().filter(|(_, track)| open(track)).map(|(pod, _)| pod);
        for pod in pods.collect::<Vec<_>>() {
            let track = self.track(pod);
            let (reference, profile, was_assumed) = (track.pod.clone(), track.profile, track.is_binding());
            self.end_extending(pod);
            if was_assumed {
                self.give_back(now, pod);
            }
            self.queue.fail(pod, now.millis);
            if was_assumed {
                let message = "another scheduler leads".to_owned();
                self.outbox.report(Report::Unbound { pod: reference, profile, message });
            }
        }
    }

    /// Tells everyone that a pod is bound.
    pub(crate) fn tell_bound(&mut self, now: Now, pod: PodRow) {
        let track = self.track(pod);
        let Stage::Binding(binding) = &track.stage else { return };
        let (reference, node) = (track.pod.clone(), binding.node.clone());
        let report = Report::Bound {
            pod: reference.clone(),
            profile: track.profile,
            node: node.clone(),
            attempts: binding.attempts,
            binding_millis: now.millis.saturating_sub(binding.since),
            volumes_millis: binding.prepared.map(|at| at.saturating_sub(binding.since)),
            waited_millis: now.millis.saturating_sub(binding.first_attempt),
        };
        self.outbox.report(report);
        self.emit(pod, false, "Scheduled", "Binding", format!("Successfully assigned {reference} to {node}"));
    }

    /// Sends again what was lost, and gives up volumes that take too long.
    pub(crate) fn run_timers(&mut self, now: Now) {
        while let Some(pod) = self.tracks.pop_timer(now.millis) {
            self.write_again(now, pod);
            let Some(binding) = self.tracks.get_mut(pod).and_then(Track::binding_mut) else { continue };
            match binding.phase {
                Phase::Volumes { deadline, .. } if deadline <= now.millis => {
                    self.volumes_failed(now, pod, "timed out waiting for the condition");
                }
                Phase::Lost { again, .. } if again <= now.millis => self.send_binding(pod),
                _ => {}
            }
        }
        self.flush(now);
    }
}
