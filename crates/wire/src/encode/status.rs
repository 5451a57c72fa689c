//! What a pod's status says of its place and its resources.

use berth_model::pod::Container;
use berth_model::pod_manifest::PodManifest;

use super::writer::{Fields, Writer};

/// `v1.PodStatus`. Both phases in which a pod has ended mean the same here.
pub(super) fn status(fields: &mut Fields<'_>, manifest: &PodManifest) {
    let pod = &manifest.pod;
    fields.non_empty("phase", if manifest.finished { "Succeeded" } else { "" });
    conditions(fields, manifest);
    fields.non_empty("nominatedNodeName", pod.nominated_node.as_deref().unwrap_or_default());
    fields.time("startTime", pod.started);
    fields.objects("resourceClaimStatuses", &pod.claim_statuses, |fields, status| {
        fields.text("name", &status.name);
        fields.optional("resourceClaimName", status.claim.as_ref());
    });
    container_statuses(fields, "initContainerStatuses", &pod.spec.init_containers);
    container_statuses(fields, "containerStatuses", &pod.spec.containers);
    fields.optional_amounts("allocatedResources", pod.spec.resize.allocated.as_ref());
    fields.part("resources", |resources| {
        resources.optional_amounts("requests", pod.spec.resize.actuated.as_ref());
    });
}

/// A condition of the status: type, status, reason, message.
type Condition<'a> = (&'a str, &'a str, &'a str, &'a str);

fn conditions(fields: &mut Fields<'_>, manifest: &PodManifest) {
    let resize = &manifest.pod.spec.resize;
    let pending = match (resize.infeasible, resize.deferred) {
        (true, _) => Some("Infeasible"),
        (false, true) => Some("Deferred"),
        (false, false) => None,
    };
    let scheduled = manifest.scheduled.as_ref();
    let all: [Option<Condition<'_>>; 3] = [
        scheduled.map(|said| ("PodScheduled", &*said.status, &*said.reason, &*said.message)),
        manifest.pod.preempted.then_some(("DisruptionTarget", "True", "PreemptionByScheduler", "")),
        pending.map(|reason| ("PodResizePending", "True", reason, "")),
    ];
    if all.iter().any(Option::is_some) {
        fields.value("conditions").list(all.into_iter().flatten(), condition);
    }
}

fn condition(writer: &mut Writer, (kind, status, reason, message): Condition<'_>) {
    writer.object(|fields| {
        fields.text("type", kind);
        fields.non_empty("status", status);
        fields.non_empty("reason", reason);
        fields.non_empty("message", message);
    });
}

fn container_statuses(fields: &mut Fields<'_>, key: &str, containers: &[Container]) {
    let told = |container: &&Container| container.allocated.is_some() || container.actuated.is_some();
    let containers: Vec<&Container> = containers.iter().filter(told).collect();
    fields.objects(key, &containers, |fields, container| {
        fields.text("name", &container.name);
        fields.optional_amounts("allocatedResources", container.allocated.as_ref());
        fields.part("resources", |resources| {
            resources.optional_amounts("requests", container.actuated.as_ref());
        });
    });
}
