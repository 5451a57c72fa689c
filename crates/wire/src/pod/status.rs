//! What a pod's status says of its place and its resources.

use berth_model::Str;
use berth_model::node::ResourceList;
use berth_model::pod::{ClaimStatus, PodSpec, Resize};
use berth_model::pod_manifest::ScheduledCondition;
use rustc_hash::FxHashMap;

use crate::decode::{Time, UninternedStr, wire_object};
use crate::pod::resources::ResourcesWire;

wire_object! {
    /// `v1.PodCondition`.
    pub(crate) struct ConditionWire {
        kind: Str = "type",
        status: Str = "status",
        reason: Str = "reason",
        message: UninternedStr = "message",
    }
    skipped { "observedGeneration" "lastProbeTime" "lastTransitionTime" }
}

wire_object! {
    /// `v1.ContainerStatus`.
    pub(crate) struct ContainerStatusWire {
        name: Str = "name",
        allocated: Option<ResourceList> = "allocatedResources",
        resources: ResourcesWire = "resources",
    }
    skipped {
        "state" "lastState" "ready" "restartCount" "image" "imageID" "containerID" "started" "volumeMounts" "user"
        "allocatedResourcesStatus" "stopSignal"
    }
}

wire_object! {
    /// `v1.PodResourceClaimStatus`.
    pub(crate) struct ClaimStatusWire {
        name: Str = "name",
        claim: Option<UninternedStr> = "resourceClaimName",
    }
    skipped {}
}

wire_object! {
    /// `v1.PodStatus`.
    pub(crate) struct StatusWire {
        phase: Str = "phase",
        conditions: Vec<ConditionWire> = "conditions",
        nominated_node: UninternedStr = "nominatedNodeName",
        started: Option<Time> = "startTime",
        init_statuses: Vec<ContainerStatusWire> = "initContainerStatuses",
        statuses: Vec<ContainerStatusWire> = "containerStatuses",
        allocated: Option<ResourceList> = "allocatedResources",
        resources: ResourcesWire = "resources",
        claims: Vec<ClaimStatusWire> = "resourceClaimStatuses",
    }
    skipped {
        "observedGeneration" "message" "reason" "hostIP" "hostIPs" "podIP" "podIPs" "qosClass" "resize"
        "ephemeralContainerStatuses" "extendedResourceClaimStatus"
        "nodeAllocatableResourceClaimStatuses" "volumeHealth"
    }
}

impl StatusWire {
    /// Whether the pod has ended: it holds nothing of its node any more.
    pub(crate) fn finished(&self) -> bool {
        matches!(&*self.phase, "Succeeded" | "Failed")
    }

    /// Whether a scheduler chose the pod as a victim.
    ///
    /// Upstream: `framework/preemption/util.go`; the first condition of the type decides.
    pub(crate) fn preempted(&self) -> bool {
        let condition = self.conditions.iter().find(|c| &*c.kind == "DisruptionTarget");
        condition.is_some_and(|c| &*c.status == "True" && &*c.reason == "PreemptionByScheduler")
    }

    /// The claims that were made for the pod from templates.
    pub(crate) fn claim_statuses(&self) -> Vec<ClaimStatus> {
        let status = |wire: &ClaimStatusWire| ClaimStatus {
            name: wire.name.clone(),
            claim: wire.claim.as_ref().map(|claim| claim.0.clone()),
        };
        self.claims.iter().map(status).collect()
    }

    /// What the status says of scheduling.
    pub(crate) fn scheduled(&self) -> Option<ScheduledCondition> {
        let condition = self.conditions.iter().find(|c| &*c.kind == "PodScheduled")?;
        Some(ScheduledCondition {
            status: condition.status.clone(),
            reason: condition.reason.clone(),
            message: condition.message.0.clone(),
        })
    }

    /// Writes what the status says of resources into the spec, beside what the spec asks for.
    pub(crate) fn apply_resources(self, spec: &mut PodSpec) {
        let pending = self.conditions.iter().find(|c| &*c.kind == "PodResizePending");
        let because = |reason: &str| pending.is_some_and(|c| &*c.reason == reason);
        spec.resize = Resize {
            infeasible: because("Infeasible"),
            deferred: because("Deferred"),
            allocated: self.allocated,
            actuated: self.resources.requests,
        };
        // Of two statuses of one name the first counts, and those of init containers come last.
        let statuses = self.statuses.into_iter().chain(self.init_statuses).rev();
        let by_name: FxHashMap<_, _> = statuses.map(|status| (status.name.clone(), status)).collect();
        for container in spec.containers.iter_mut().chain(&mut spec.init_containers) {
            if let Some(status) = by_name.get(&container.name) {
                container.allocated.clone_from(&status.allocated);
                container.actuated.clone_from(&status.resources.requests);
            }
        }
    }
}
