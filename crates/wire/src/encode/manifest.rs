//! Pods: who they are, and what they want.

use berth_model::Str;
use berth_model::execution::{
    Annotated, ContainerExecution, EXIT_CODE, Execution, Program, READY_DELAY, RUN_DURATION, RunDuration,
    START_DELAY, Span,
};
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
        annotations(meta, &manifest.execution.annotated);
    });
    fields.object("spec", |spec| {
        spec.non_empty("nodeName", pod.node.as_deref().unwrap_or_default());
        write_spec(spec, &pod.spec, &manifest.execution, &manifest.admission, |affinity| {
            pod::pod_affinities(affinity, &pod.spec);
        });
        volume::volumes(spec, &pod.spec.volumes, &manifest.ephemeral_claims, manifest.has_empty_dir);
    });
    fields.part("status", |fields| status::status(fields, manifest));
}

/// `v1.PodTemplateSpec`.
pub(super) fn template(fields: &mut Fields<'_>, template: &PodTemplate) {
    let PodTemplate { labels, spec: parts, .. } = template;
    fields.part("metadata", |meta| {
        meta::labels(meta, labels);
        annotations(meta, &parts.execution.annotated);
    });
    fields.object("spec", |spec| {
        spec.non_empty("nodeName", parts.node.as_deref().unwrap_or_default());
        write_spec(spec, &parts.spec, &parts.execution, &parts.admission, |affinity| {
            pod::template_affinities(affinity, parts);
        });
        volume::volumes(spec, &parts.spec.volumes, &parts.ephemeral_claims, parts.has_empty_dir);
    });
}

/// The spec of a pod or a template; `affinities` writes the affinities to pods, which differ in form.
fn write_spec(
    fields: &mut Fields<'_>,
    spec: &PodSpec,
    execution: &Execution,
    admission: &Admission,
    affinities: impl FnOnce(&mut Fields<'_>),
) {
    let network = spec.host_network;
    containers(fields, "initContainers", &spec.init_containers, &execution.init_containers, network);
    containers(fields, "containers", &spec.containers, &execution.containers, network);
    life(fields, execution);
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

/// What the spec says of the pod's end.
fn life(fields: &mut Fields<'_>, execution: &Execution) {
    let policy = match execution.restart_policy {
        RestartPolicy::Always => "",
        RestartPolicy::OnFailure => "OnFailure",
        RestartPolicy::Never => "Never",
    };
    fields.non_empty("restartPolicy", policy);
    if execution.grace_seconds != Execution::default().grace_seconds {
        fields.number("terminationGracePeriodSeconds", execution.grace_seconds.into());
    }
    if let Some(seconds) = execution.active_deadline_seconds {
        fields.number("activeDeadlineSeconds", seconds.into());
    }
}

/// The annotations that say what the pod does on its node.
fn annotations(meta: &mut Fields<'_>, annotated: &Annotated) {
    let Annotated { run, exit_code, start_delay, ready_delay } = annotated;
    meta.part("annotations", |fields| {
        if let Some(run) = run {
            let text = match run {
                RunDuration::Forever => "forever".to_owned(),
                RunDuration::Span(span) => span.to_string(),
            };
            fields.text(RUN_DURATION, &text);
        }
        let delay = |span: &Option<Span>| span.map(|span| span.to_string()).unwrap_or_default();
        fields.non_empty(EXIT_CODE, &exit_code.map(|code| code.to_string()).unwrap_or_default());
        fields.non_empty(START_DELAY, &delay(start_delay));
        fields.non_empty(READY_DELAY, &delay(ready_delay));
    });
}

/// A command that does what the container's program does. Commands are not kept: they may contain secrets.
fn command(program: Program) -> Vec<Str> {
    let seconds = |millis: u64| format!("{}.{:03}", millis / 1_000, millis % 1_000);
    let words = match program {
        Program::Unknown => Vec::new(),
        Program::UntilDeleted => vec!["sleep".to_owned(), "infinity".to_owned()],
        Program::Exits { after_millis: 0, code: 0 } => vec!["true".to_owned()],
        Program::Exits { after_millis, code: 0 } => vec!["sleep".to_owned(), seconds(after_millis)],
        Program::Exits { after_millis, code } => {
            let script = format!("sleep {}; exit {code}", seconds(after_millis));
            vec!["sh".to_owned(), "-c".to_owned(), script]
        }
    };
    words.into_iter().map(Str::from).collect()
}

fn containers(
    fields: &mut Fields<'_>,
    key: &str,
    containers: &[Container],
    executions: &[ContainerExecution],
    host_network: bool,
) {
    let mut executions = executions.iter();
    fields.objects(key, containers, |fields, container| {
        let execution = executions.next().copied().unwrap_or_default();
        fields.texts("command", &command(execution.program));
        if execution.ready_delay_seconds > 0 {
            let delay = execution.ready_delay_seconds.into();
            fields.object("readinessProbe", |probe| probe.number("initialDelaySeconds", delay));
        }
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
