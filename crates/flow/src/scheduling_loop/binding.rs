//! From the decision to the binding: assume, PreBind, Bind.
//!
//! Upstream: `schedule_one.go` (`assume`, `bindingCycle`).

use berth_engine::effect::Effect;
use berth_engine::event::ClusterEvent;
use berth_engine::ids::{NodeRow, PodRow};
use berth_engine::plugin::PreBind;
use berth_model::object::ObjectKey;

use super::SchedulingLoop;
use super::attempt::SchedulingFailure;
use super::intake::FormerObject;
use crate::action::{Call, Request};
use crate::binding::{BindResult, Binding};
use crate::in_flight_allocations::WriteId;
use crate::input::{Answer, Failure, FailureKind, Now};
use crate::outbox::{InFlight, RequestKind};
use crate::pod_table::PodStage;
use crate::report::{AttemptInfo, AttemptObserver, Placement, Report, Step};

impl SchedulingLoop {
    /// Assumes a pod on a node for all decisions that follow, and starts PreBind or the binding.
    pub(super) fn assume_and_bind(
        &mut self,
        now: Now,
        pod: PodRow,
        (node, score): (NodeRow, i64),
        observer: &mut AttemptObserver<'_>,
    ) {
        let profile = self.pending_pod(pod).profile();
        let former = self.former_pod(pod).filter(|former| former.row != Some(node));
        let count = observer.alternatives;
        let alternatives = (count > 0).then(|| self.alternatives(profile, pod, node, count));
        if count > 0 {
            observer.step_done(Step::Comparison);
        }
        let reserved = self.scheduler.place(profile, pod, node);
        observer.step_done(Step::Reserve);
        let name = self.scheduler.cluster().nodes().name(node).clone();
        let timeout = self.settings.profiles[profile].bind_timeout_millis;
        let binding = Binding::new(name.clone(), reserved, self.queue.info(pod), now.millis, timeout);
        let attempts = binding.attempts();
        let is_in_pre_bind = binding.is_in_pre_bind();
        self.pods.begin_binding(pod, binding);
        let attempt = AttemptInfo { pod: self.pending_pod(pod).pod().clone(), profile, attempts };
        self.outbox.report(Report::Assumed(attempt, Placement { node: name, score, alternatives }));
        if is_in_pre_bind {
            self.start_pre_bind(pod);
        } else {
            self.send_binding(pod);
        }
        self.requeue_for_left(now, former); // a nomination to another node is void
        self.requeue_on(now, &ClusterEvent::PodArrived { pod });
    }

    /// Sends the writes of the reserved effects. The binding waits for them and for what follows from them.
    fn start_pre_bind(&mut self, pod: PodRow) {
        let Some(pending) = self.pods.get(pod) else { return };
        let PodStage::Binding(binding) = pending.stage() else { return };
        let (uid, attempt) = (pending.pod().uid.clone(), binding.attempts());
        let (node, deadline) = (binding.node().clone(), binding.pre_bind_deadline());
        let effects: Vec<_> = binding.effects().iter().map(|reserved| reserved.effect().clone()).collect();
        // The nomination tells others, for example an autoscaler, where the pod will run: PreBind may take long.
        self.write_status(pod, None, Some(Some(node)));
        for (at, effect) in effects.iter().enumerate() {
            self.send_write(pod, (uid.clone(), attempt, at), effect);
        }
        if let Some(deadline) = deadline {
            self.pods.set_timer(deadline, pod);
        }
    }

    /// A write of PreBind was answered.
    pub(super) fn pre_bind_replied(
        &mut self,
        now: Now,
        pod: PodRow,
        (attempt, effect): (u32, usize),
        outcome: Result<Answer, Failure>,
    ) {
        let Some(binding) = self.pods.binding_mut(pod) else { return };
        let outcome = match outcome {
            Err(failure) if failure.kind == FailureKind::Unknown && binding.is_known(effect) => {
                Ok(Answer::Done)
            }
            outcome => outcome,
        };
        if let Err(failure) = &outcome
            && self.leads
            && let Some(at) = binding.on_write_failure((attempt, effect), failure.kind, now.millis)
        {
            self.pods.set_timer(at, pod);
            let pod = self.pending_pod(pod).pod();
            self.outbox.warn(format!("no answer to a write for pod {pod}: {}", failure.message));
            return;
        }
        if !binding.on_write_reply((attempt, effect)) {
            return;
        }
        match outcome {
            Ok(_) => {
                let written = binding.effects().get(effect).map(|reserved| reserved.effect().clone());
                if let Some(written) = written {
                    self.settle(now, &written);
                }
                self.continue_pre_bind(now, pod);
            }
            Err(failure) => self.pre_bind_failed(now, pod, effect, &failure.message),
        }
    }

    /// Sends the writes again whose answers were lost.
    pub(super) fn send_lost_writes(&mut self, now: Now, pod: PodRow) {
        let Some(binding) = self.pods.binding_mut(pod) else { return };
        let attempt = binding.attempts();
        for effect in binding.take_lost_writes(now.millis) {
            let Some(pending) = self.pods.get(pod) else { return };
            let PodStage::Binding(binding) = pending.stage() else { return };
            let (uid, wanted) = (pending.pod().uid.clone(), binding.effects()[effect].effect().clone());
            self.send_write(pod, (uid, attempt, effect), &wanted);
        }
    }

    /// Sends the write that makes an effect true.
    pub(super) fn send_write(&mut self, pod: PodRow, (uid, attempt, effect): WriteId, wanted: &Effect) {
        let write = self.scheduler.cluster().write_of(wanted);
        let kind = RequestKind::PreBind { attempt, effect };
        self.outbox.send(Request::Write(write), InFlight { pod, uid, kind });
    }

    /// The watch delivered an object: effects may be true now, and PreBind of some pods may continue.
    pub(super) fn pre_bind_on_object(&mut self, now: Now, key: &ObjectKey) {
        let mut settles = self.in_flight_allocations.on_object(self.scheduler.cluster_mut(), key);
        for pod in self.pods.awaiting_objects() {
            let Some(binding) = self.pods.binding_mut(pod) else { continue };
            let outcome = binding.on_object(self.scheduler.cluster_mut(), key);
            settles |= outcome.settles;
            if outcome.may_continue {
                self.continue_pre_bind(now, pod);
            }
        }
        if settles {
            self.requeue_for_settled(now, key.clone());
        }
    }

    /// Asks plugins whether the binding can be sent, if all writes have succeeded.
    fn continue_pre_bind(&mut self, now: Now, pod: PodRow) {
        let Some(pending) = self.pods.get(pod) else { return };
        let PodStage::Binding(binding) = pending.stage() else { return };
        if !binding.awaits_plugins() {
            return;
        }
        let mut is_ready = true;
        let mut failed = None;
        for (at, reserved) in binding.effects().iter().enumerate() {
            let (plugin, effect) = (reserved.plugin(), reserved.effect());
            match self.scheduler.pre_bind(pending.profile(), plugin, effect, binding.node()) {
                PreBind::Ready => {}
                PreBind::Waiting => is_ready = false,
                PreBind::Failed(why) => {
                    failed = Some((at, why));
                    break;
                }
            }
        }
        if let Some((effect, why)) = failed {
            self.pre_bind_failed(now, pod, effect, &why);
        } else if is_ready && self.leads {
            if let Some(binding) = self.pods.binding_mut(pod) {
                binding.mark_prepared(now.millis);
            }
            self.send_binding(pod);
        }
    }

    /// An effect of a placement, given by its index, cannot become true.
    pub(super) fn pre_bind_failed(&mut self, now: Now, pod: PodRow, effect: usize, why: &str) {
        let reserved = self.pods.binding_mut(pod).and_then(|binding| binding.effects().get(effect));
        let Some(reserved) = reserved else { return };
        let (plugin, why) = (reserved.plugin(), reserved.effect().failure(why));
        let message = format!("running PreBind plugin \"{plugin}\": {why}");
        self.binding_failed(now, pod, message);
    }

    /// Sends the binding to the API server, or to the extender that binds.
    pub(super) fn send_binding(&mut self, pod: PodRow) {
        let extender = self.binding_extender(pod);
        let Some(binding) = self.pods.binding_mut(pod) else { return };
        let node = binding.mark_sent();
        let reference = self.pending_pod(pod).pod().clone();
        let in_flight = InFlight { pod, uid: reference.uid.clone(), kind: RequestKind::Bind };
        let request = match extender {
            Some(extender) => Request::Extend { extender, call: Call::Bind { pod: reference, node } },
            None => Request::Bind { pod: reference, node },
        };
        self.outbox.send(request, in_flight);
    }

    /// A binding was answered.
    pub(super) fn bind_replied(&mut self, now: Now, pod: PodRow, outcome: Result<Answer, Failure>) {
        let (leads, failure) = (self.leads, outcome.err());
        let Some(binding) = self.pods.binding_mut(pod) else { return };
        let kind = failure.as_ref().map(|failure| failure.kind);
        let result = binding.on_bind_reply(kind, leads, now.millis);
        let message = failure.map(|failure| failure.message).unwrap_or_default();
        match result {
            BindResult::Bound => self.report_bound(now, pod),
            BindResult::RetryAt(at) => {
                self.pods.set_timer(at, pod);
                let pod = self.pending_pod(pod).pod();
                let text = match kind {
                    Some(FailureKind::Refused) => {
                        format!("no answer to the binding of pod {pod}, then a refusal: {message}")
                    }
                    _ => format!("no answer to the binding of pod {pod}: {message}"),
                };
                self.outbox.warn(text);
            }
            BindResult::AwaitWatch | BindResult::Unexpected => {}
            BindResult::Failed => {
                let message = format!("running Bind plugin \"DefaultBinder\": {message}");
                self.binding_failed(now, pod, message);
            }
        }
    }

    /// A pod cannot be bound to the node that it is assumed on: the room is free again, and the pod is tried again.
    pub(super) fn binding_failed(&mut self, now: Now, pod: PodRow, message: String) {
        let (reference, profile) = (self.pending_pod(pod).pod().clone(), self.pending_pod(pod).profile());
        self.forget(now, pod);
        self.outbox.report(Report::BindingFailed { pod: reference, profile, message: message.clone() });
        self.scheduling_failed(now, pod, SchedulingFailure::error(message));
    }

    /// Reverts what was assumed for a pod, and requeues the pods that this may help. Upstream: `ForgetPod`.
    pub(super) fn forget(&mut self, now: Now, pod: PodRow) {
        let former = self.former_pod(pod);
        let reverted = self.revert_binding(pod);
        if self.scheduler.cluster().pods().entry(pod).row.is_none() {
            self.requeue_for_left(now, former);
        }
        self.requeue_for_reverted(now, &reverted);
    }

    /// Reverts what was assumed for a pod. Returns the objects that effects had changed, as they were until now.
    pub(super) fn revert_binding(&mut self, pod: PodRow) -> Vec<FormerObject> {
        let Some(binding) = self.pods.end_binding(pod) else { return Vec::new() };
        let (uid, attempt) = (self.pending_pod(pod).pod().uid.clone(), binding.attempts());
        let cluster = self.scheduler.cluster();
        let objects = binding.effects().iter().map(|reserved| reserved.effect().object());
        let mut former: Vec<FormerObject> =
            objects.map(|key| FormerObject::of(cluster, &key)).filter(FormerObject::exists).collect();
        let cluster = self.scheduler.cluster_mut();
        cluster.unassign(pod);
        let reverted = binding.revert(cluster);
        for (effect, reserved) in reverted.in_flight {
            self.in_flight_allocations.insert((uid.clone(), attempt, effect), pod, reserved);
        }
        former.extend(reverted.settled.into_iter().map(FormerObject::unknown));
        former
    }

    /// Requeues the pods that may use what was reserved before.
    pub(super) fn requeue_for_reverted(&mut self, now: Now, reverted: &[FormerObject]) {
        for event in reverted.iter().filter_map(FormerObject::event) {
            self.requeue_on(now, &event);
        }
    }

    /// Another scheduler leads. Attempts that wait for extenders or PreBind end. A binding whose answer was lost is
    /// not sent again: the new leader finds out whether the pod is bound.
    pub(super) fn on_leadership_lost(&mut self, now: Now) {
        let ends = |stage: &PodStage| match stage {
            PodStage::Queued => false,
            PodStage::Extending(_) => true,
            PodStage::Binding(binding) => binding.ends_with_leadership(),
        };
        let pods = self.pods.pending().filter(|(_, pending)| ends(pending.stage())).map(|(pod, _)| pod);
        for pod in pods.collect::<Vec<_>>() {
            let pending = self.pending_pod(pod);
            let (reference, profile) = (pending.pod().clone(), pending.profile());
            let was_assumed = pending.is_binding();
            if was_assumed {
                self.forget(now, pod);
            } else {
                self.pods.end_extending(pod);
            }
            self.queue.fail(pod, now.millis);
            if was_assumed {
                let message = "another scheduler leads".to_owned();
                self.outbox.report(Report::BindingFailed { pod: reference, profile, message });
            }
        }
        self.believe_the_watch(now);
        for reserved in self.in_flight_allocations.on_leadership_lost() {
            self.revert_in_flight_allocation(now, reserved);
        }
    }

    /// Reports that a pod is bound, and records the event.
    pub(super) fn report_bound(&mut self, now: Now, pod: PodRow) {
        let pending = self.pending_pod(pod);
        let PodStage::Binding(binding) = pending.stage() else { return };
        let (reference, node) = (pending.pod().clone(), binding.node().clone());
        let (binding_millis, volumes_millis, waited_millis) = binding.durations(now.millis);
        let report = Report::Bound {
            pod: reference.clone(),
            profile: pending.profile(),
            node: node.clone(),
            attempts: binding.attempts(),
            binding_millis,
            volumes_millis,
            waited_millis,
        };
        self.outbox.report(report);
        self.emit(pod, false, "Scheduled", "Binding", format!("Successfully assigned {reference} to {node}"));
    }
}
