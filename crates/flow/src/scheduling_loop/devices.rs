//! Pods that wait for claims on devices, and devices that keep a pod from every node.

use berth_engine::effect::Write;
use berth_engine::ids::PodRow;
use berth_engine::plugins::dynamic_resources;
use berth_engine::view::PodView;
use berth_model::object::{Kind, ObjectKey};

use super::SchedulingLoop;
use crate::action::Request;
use crate::input::Now;
use crate::outbox::{InFlight, RequestKind};

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
}
