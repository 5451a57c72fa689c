//! Pods that wait for claims on devices, and devices that keep a pod from every node.

use berth_engine::effect::{Effect, Write};
use berth_engine::ids::PodRow;
use berth_engine::plugins::dynamic_resources;
use berth_engine::view::PodView;
use berth_model::object::{Kind, ObjectKey};

use super::SchedulingLoop;
use super::intake::FormerObject;
use crate::action::Request;
use crate::in_flight_allocations::WriteId;
use crate::input::{Answer, Failure, Now};
use crate::outbox::{InFlight, RequestKind};
use crate::reserved_effect::ReservedEffect;

impl SchedulingLoop {
    /// The watch delivered a claim on devices: pods whose claims are all there now enter the queue.
    pub(super) fn check_gates(&mut self, now: Now, key: &ObjectKey) {
        if key.kind != Kind::ResourceClaim {
            return;
        }
        for pod in self.queue.gated() {
            let spec = &self.scheduler.cluster().pods().entry(pod).pod.spec;
            if spec.resource_claims.is_empty() || spec.namespace != key.namespace {
                continue;
            }
            let gated = self.is_gated(self.pending_pod(pod).profile(), pod);
            if let Some(queue) = self.queue.set_gated(pod, gated, now.millis) {
                self.report_queued(queue, "ResourceClaimAdd");
            }
        }
    }

    /// The watch delivered a claim that was made for the extended resources of a pod. If the pod waits, an earlier process
    /// has made it, perhaps just now: the pod is tried again after its backoff, which gives the claim up. Upstream waits
    /// for another event, up to 5 minutes, while the devices are taken.
    pub(super) fn retry_for_left_claim(&mut self, now: Now, key: &ObjectKey) {
        if key.kind != Kind::ResourceClaim {
            return;
        }
        let claim = self.scheduler.cluster().devices().claim(&key.namespace, &key.name);
        let Some(owner) = claim.and_then(|claim| claim.extended_owner()).cloned() else { return };
        let pod = self.find_pod(&key.namespace, &owner.name);
        if let Some(pod) = pod.filter(|pod| self.scheduler.cluster().pods().entry(*pod).pod.uid == owner.uid)
        {
            self.requeue_after_backoff(now, pod);
        }
    }

    /// A write of devices was answered after its attempt had ended.
    pub(super) fn in_flight_allocation_replied(
        &mut self,
        now: Now,
        write: &WriteId,
        outcome: Result<Answer, Failure>,
    ) {
        let leads = self.leads;
        match outcome {
            Ok(_) => {
                match self.in_flight_allocations.on_written(write) {
                    // It was carried out, and the claim has other devices since.
                    Some(reserved) if reserved.is_held() => self.revert_in_flight_allocation(now, reserved),
                    Some(reserved) => self.settle(now, reserved.effect()),
                    None => {}
                }
            }
            Err(Failure { kind, .. }) => {
                let failed = self.in_flight_allocations.on_failed(write, kind, leads, now.millis);
                if let Some(reserved) = failed {
                    self.revert_in_flight_allocation(now, reserved);
                }
            }
        }
    }

    /// The write of an effect was carried out: pods that share the claim need not wait any more.
    pub(super) fn settle(&mut self, now: Now, effect: &Effect) {
        if self.scheduler.cluster_mut().settle(effect) {
            self.requeue_for_settled(now, effect.object());
        }
    }

    /// It is known what became of the write of a claim: requeues the pods that share it.
    pub(super) fn requeue_for_settled(&mut self, now: Now, claim: ObjectKey) {
        self.requeue_for_reverted(now, &[FormerObject::unknown(claim)]);
    }

    /// The devices of an attempt that has ended are free: the write was not carried out.
    pub(super) fn revert_in_flight_allocation(&mut self, now: Now, reserved: ReservedEffect) {
        let claim = reserved.effect().object();
        let former = FormerObject::of(self.scheduler.cluster(), &claim);
        let settled = reserved.revert(self.scheduler.cluster_mut());
        let former = settled.map_or(former, FormerObject::unknown);
        self.requeue_for_reverted(now, &[former]);
    }

    /// Sends the writes again whose answers were lost and whose attempts have ended.
    pub(super) fn send_in_flight_allocations(&mut self, now: Now) {
        for (write, pod, wanted) in self.in_flight_allocations.take_due(now.millis) {
            self.send_write(pod, write, &wanted);
        }
    }

    /// A pod fits on no node: a claim whose devices keep it from every node, and which no other pod uses, is given up
    /// (the first; upstream takes one by chance). Upstream: plugins/dynamicresources (`PostFilter`).
    pub(super) fn give_up_devices(&mut self, pod: PodRow) {
        let view = PodView::new(self.scheduler.cluster(), pod);
        if !dynamic_resources::has_devices(view) {
            return;
        }
        let diagnosis = self.scheduler.diagnose(self.pending_pod(pod).profile(), pod);
        let rejected = diagnosis.rejected.iter().map(|(row, verdict)| (*row, &verdict.rejection));
        let Some(remedy) = dynamic_resources::remedy(view, rejected) else { return };
        let Some(claim) = remedy.clears.first().copied().or(remedy.deletes) else { return };
        let write = Write::GiveUpDevices {
            namespace: claim.namespace.clone(),
            claim: claim.name.clone(),
            claim_uid: claim.uid.clone(),
            delete: claim.extended,
        };
        let uid = self.pending_pod(pod).pod().uid.clone();
        self.outbox.send(Request::Write(write), InFlight { pod, uid, kind: RequestKind::GiveUp });
    }

    /// The watch delivers the claim without devices. If they could not be given up, the pod is tried again after its
    /// backoff: no event would tell it. Upstream waits for another event, up to 5 minutes.
    pub(super) fn give_up_replied(&mut self, now: Now, pod: PodRow, outcome: Result<Answer, Failure>) {
        let Err(failure) = outcome else { return };
        let named = self.pending_pod(pod).pod();
        let text = format!("cannot give up the devices that pod {named} cannot use: {}", failure.message);
        self.outbox.warn(text);
        self.requeue_after_backoff(now, pod);
    }
}
