//! Pods: who they are, and what they want.

use berth_model::pod::{ClaimSource, Container, PodSpec, Protocol};
use berth_model::pod_manifest::{Admission, PodManifest, PodTemplate, RestartPolicy};

use super::writer::Fields;
use super::{meta, pod, status, volume};

/// `v1.Pod`.
pub(crate) fn pod_manifest(fields: &mut Fields<'_>, manifest: &PodManifest) {
    let pod = &manifest.pod;
    fields.object("metadata", |meta| {
        meta::key(meta, &pod.spec.namespace, &pod.name);
        meta.non_empty("uid", &pod.uid);
        meta::labels(meta, &pod.spec.labels);
        meta.time("creationTimestamp", pod.created);
        meta::terminating(meta, pod.terminating);
        meta::controller(meta, pod.spec.controller.as_ref());
        if manifest.generation != 0 {
            meta.number("generation", manifest.generation);
        }
    });
    fields.object("spec", |spec| {
        spec.non_empty("nodeName", pod.node.as_deref().unwrap_or_default());
        write_spec(spec, &pod.spec, &manifest.admission, |affinity| {
            pod::pod_affinities(affinity, &pod.spec);
        });
        volume::volumes(spec, &pod.spec.volumes, &manifest.ephemeral_claims, manifest.has_empty_dir);
    });
    fields.part("status", |fields| status::status(fields, manifest));
}

/// `v1.PodTemplateSpec`.
pub(super) fn template(fields: &mut Fields<'_>, template: &PodTemplate) {
    let PodTemplate { labels, spec: parts } = template;
    fields.part("metadata", |meta| meta::labels(meta, labels));
    fields.object("spec", |spec| {
        spec.non_empty("nodeName", parts.node.as_deref().unwrap_or_default());
        write_spec(spec, &parts.spec, &parts.admission, |affinity| {
            pod::template_affinities(affinity, parts);
        });
        volume::volumes(spec, &parts.spec.volumes, &parts.ephemeral_claims, parts.has_empty_dir);
        let policy = parts.restart_policy.map_or("", |policy| match policy {
            RestartPolicy::Always => "Always",
            RestartPolicy::OnFailure => "OnFailure",
            RestartPolicy::Never => "Never",
        });
        spec.non_empty("restartPolicy", policy);
    });
}

/// The spec of a pod or a template; `affinities` writes the affinities to pods, which differ in form.
fn write_spec(
    fields: &mut Fields<'_>,
    spec: &PodSpec,
    admission: &Admission,
    affinities: impl FnOnce(&mut Fields<'_>),
) {
    containers(fields, "initContainers", &spec.init_containers, spec.host_network);
    containers(fields, "containers", &spec.containers, spec.host_network);
    fields.labels("nodeSelector", &spec.node_selector);
    fields.truth("hostNetwork", spec.host_network);
    if spec.user_namespace {
        fields.flag("hostUsers", false);
    }
    fields.part("affinity", |affinity| {
        pod::node_affinity(affinity, spec);
        affinities(affinity);
    });
    fields.text("schedulerName", &spec.scheduler_name);
    pod::tolerations(fields, &spec.tolerations);
    fields.optional("priorityClassName", admission.priority_class.as_ref());
    if admission.has_priority || spec.priority != 0 {
        fields.number("priority", spec.priority.into());
    }
    fields.optional("runtimeClassName", admission.runtime_class.as_ref());
    fields.non_empty("preemptionPolicy", if spec.never_preempts { "Never" } else { "" });
    fields.amounts("overhead", &spec.overhead);
    pod::spread(fields, &spec.spread);
    if let Some(os) = &spec.os {
        fields.object("os", |fields| fields.text("name", os));
    }
    fields.objects("schedulingGates", &spec.scheduling_gates, |gate, name| gate.text("name", name));
    fields.objects("resourceClaims", &spec.resource_claims, |fields, claim| {
        fields.text("name", &claim.name);
        match &claim.source {
            ClaimSource::Claim(name) => fields.text("resourceClaimName", name),
            ClaimSource::Template(name) => fields.text("resourceClaimTemplateName", name),
            ClaimSource::Unknown => {}
        }
    });
    // What the pod itself sets, where it sets something: the rest follows from its containers again.
    match &admission.pod_level {
        Some(level) => fields.object("resources", |resources| {
            resources.amounts("requests", &level.requests);
            resources.amounts("limits", &level.limits);
        }),
        None => fields.part("resources", |resources| {
            resources.optional_amounts("requests", spec.pod_requests.as_ref());
            resources.amounts("limits", &spec.pod_limits);
        }),
    }
}

fn containers(fields: &mut Fields<'_>, key: &str, containers: &[Container], host_network: bool) {
    fields.objects(key, containers, |fields, container| {
        fields.text("name", &container.name);
        fields.non_empty("image", &container.image);
        fields.part("resources", |resources| {
            resources.amounts("requests", &container.requests);
            resources.amounts("limits", &container.limits);
        });
        ports(fields, container, host_network);
        fields.non_empty("restartPolicy", if container.sidecar { "Always" } else { "" });
        if container.restarts_all {
            let all = ["RestartAllContainers"];
            fields.objects("restartPolicyRules", &all, |rule, action| rule.text("action", action));
        }
        if container.bind_mount_options {
            // Which options they are decides nothing.
            let some = ["ro".into()];
            fields.objects("volumeMounts", &[some], |mount, some| mount.texts("bindMountOptions", some));
        }
    });
}

/// A pod on the host's network takes the ports that it names without saying so.
fn ports(fields: &mut Fields<'_>, container: &Container, host_network: bool) {
    fields.objects("ports", &container.host_ports, |fields, port| {
        fields.number("containerPort", port.port.into());
        if !host_network {
            fields.number("hostPort", port.port.into());
        }
        fields.non_empty(
            "protocol",
            match port.protocol {
                Protocol::Tcp => "",
                Protocol::Udp => "UDP",
                Protocol::Sctp => "SCTP",
            },
        );
        fields.non_empty("hostIP", if &*port.ip == "0.0.0.0" { "" } else { &port.ip });
    });
}
