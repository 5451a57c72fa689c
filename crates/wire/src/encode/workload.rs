//! Objects that stand for groups of pods.

use berth_model::selector::LabelSelector;
use berth_model::workload::{
    Concurrency, DisruptionBudget, JobProgress, PodCount, PodGroupOwner, Rollout, ScaledFor, Share, Workload,
    WorkloadKind,
};

use super::selector::{label_selector, plain_selector};
use super::storage::claim_template;
use super::writer::Fields;
use super::{manifest, meta};
use crate::workload::{DESIRED, MAX, REVISION};

/// `v1.Service`.
pub(crate) fn service(fields: &mut Fields<'_>, owner: &PodGroupOwner) {
    fields.object("metadata", |meta| meta::key(meta, &owner.namespace, &owner.name));
    fields.part("spec", |spec| map_selector(spec, owner.selector.as_ref()));
}

/// A selector in the older form, a map of labels.
fn map_selector(spec: &mut Fields<'_>, selector: Option<&LabelSelector>) {
    match selector {
        Some(selector) if selector.requirements.is_empty() => spec.object("selector", |_| {}),
        Some(selector) => plain_selector(spec, "selector", &selector.requirements),
        None => {}
    }
}

/// A controller: its key and the pods that it selects.
pub(crate) fn workload(fields: &mut Fields<'_>, workload: &Workload) {
    fields.object("metadata", |meta| meta::key(meta, &workload.namespace, &workload.name));
    fields.object("spec", |spec| match workload.kind {
        WorkloadKind::CronJob => {
            spec.object("jobTemplate", |job| job.object("spec", |spec| group(spec, workload)));
        }
        _ => group(spec, workload),
    });
}

/// The selector, and the least template that it selects and that has a container.
fn group(spec: &mut Fields<'_>, workload: &Workload) {
    match workload.kind {
        WorkloadKind::ReplicationController => map_selector(spec, workload.selector.as_ref()),
        _ => label_selector(spec, "selector", workload.selector.as_ref()),
    }
    spec.object("template", |template| {
        template.part("metadata", |meta| meta::labels(meta, &workload.template.labels));
        template.object("spec", |spec| {
            spec.objects("containers", &["main"], |container, name| container.text("name", name));
        });
    });
}

/// A controller with its pod template and everything else that creating its pods depends on.
pub(super) fn whole_workload(fields: &mut Fields<'_>, workload: &Workload) {
    fields.object("metadata", |meta| {
        meta::key(meta, &workload.namespace, &workload.name);
        meta.non_empty("uid", &workload.uid);
        meta::labels(meta, &workload.labels);
        meta.time("creationTimestamp", workload.created);
        meta::terminating(meta, workload.terminating);
        meta::controller(meta, workload.controller.as_ref());
        meta.part("annotations", |all| {
            if let Some(ScaledFor { desired, max }) = workload.scaled_for {
                all.text(DESIRED, &desired.to_string());
                all.text(MAX, &max.to_string());
            }
            if let Some(revision) = workload.revision {
                all.text(REVISION, &revision.to_string());
            }
        });
    });
    match workload.kind {
        WorkloadKind::CronJob => fields.object("spec", |spec| {
            spec.optional("schedule", workload.timing.schedule.as_ref());
            let concurrency = match workload.timing.concurrency {
                Concurrency::Allow => "",
                Concurrency::Forbid => "Forbid",
                Concurrency::Replace => "Replace",
            };
            spec.non_empty("concurrencyPolicy", concurrency);
            spec.object("jobTemplate", |template| template.object("spec", |spec| job_spec(spec, workload)));
        }),
        WorkloadKind::Job => {
            fields.object("spec", |spec| job_spec(spec, workload));
            fields.part("status", |status| job_status(status, workload));
        }
        _ => fields.object("spec", |spec| controller_spec(spec, workload)),
    }
}

fn controller_spec(spec: &mut Fields<'_>, workload: &Workload) {
    match workload.kind {
        WorkloadKind::ReplicationController => map_selector(spec, workload.selector.as_ref()),
        _ => label_selector(spec, "selector", workload.selector.as_ref()),
    }
    if let PodCount::Replicas { count, first } = workload.count {
        if workload.sets_replicas {
            spec.number("replicas", count.into());
        }
        if first != 0 {
            spec.object("ordinals", |ordinals| ordinals.number("start", first.into()));
        }
    }
    spec.truth("paused", workload.paused);
    if workload.timing.min_ready_seconds != 0 {
        spec.number("minReadySeconds", workload.timing.min_ready_seconds.into());
    }
    match workload.kind {
        WorkloadKind::Deployment => spec.object("strategy", |strategy| rollout(strategy, workload.rollout)),
        WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => {
            spec.object("updateStrategy", |strategy| rollout(strategy, workload.rollout));
        }
        _ => {}
    }
    spec.non_empty("podManagementPolicy", if workload.parallel { "Parallel" } else { "" });
    spec.object("template", |template| manifest::template(template, &workload.template));
    spec.objects("volumeClaimTemplates", &workload.claim_templates, |fields, claim| {
        claim_template(fields, claim, &claim.name);
    });
}

/// The spec of a Job, or of the Jobs of a CronJob.
fn job_spec(spec: &mut Fields<'_>, workload: &Workload) {
    label_selector(spec, "selector", workload.selector.as_ref());
    if let PodCount::Job {
        parallelism,
        completions,
        indexed,
        suspended,
        replaces_terminating,
        manual_selector,
        ..
    } = workload.count
    {
        spec.number("parallelism", parallelism.into());
        if let Some(completions) = completions {
            spec.number("completions", completions.into());
        }
        spec.non_empty("completionMode", if indexed { "Indexed" } else { "" });
        spec.truth("suspend", suspended);
        spec.non_empty("podReplacementPolicy", if replaces_terminating { "" } else { "Failed" });
        spec.truth("manualSelector", manual_selector);
    }
    let timing = &workload.timing;
    let limits = [
        ("backoffLimit", timing.backoff_limit.map(i64::from)),
        ("activeDeadlineSeconds", timing.active_deadline_seconds),
        ("ttlSecondsAfterFinished", timing.ttl_seconds),
    ];
    for (name, value) in limits {
        if let Some(value) = value {
            spec.number(name, value);
        }
    }
    spec.object("template", |template| manifest::template(template, &workload.template));
}

/// The progress of a Job. Which of its indexes have failed is not known any more, so the last ones are taken for it.
fn job_status(status: &mut Fields<'_>, workload: &Workload) {
    if matches!(workload.count, PodCount::Job { finished: true, .. }) {
        let complete = [()];
        status.objects("conditions", &complete, |condition, ()| {
            condition.text("type", "Complete");
            condition.text("status", "True");
        });
    }
    let JobProgress { succeeded, ended, completed } = &workload.progress;
    if *succeeded != 0 {
        status.number("succeeded", (*succeeded).into());
    }
    let (mut left, mut done, mut failed) = (i64::from(*completed), Vec::new(), Vec::new());
    for range in ended {
        let (first, last) = (i64::from(*range.start()), i64::from(*range.end()));
        let cut = last.min(first + left - 1);
        left -= cut - first + 1;
        for (list, first, last) in [(&mut done, first, cut), (&mut failed, cut + 1, last)] {
            if first <= last {
                list.push(format!("{first}-{last}"));
            }
        }
    }
    status.non_empty("completedIndexes", &done.join(","));
    status.non_empty("failedIndexes", &failed.join(","));
}

fn rollout(strategy: &mut Fields<'_>, rollout: Rollout) {
    match rollout {
        Rollout::Recreate => strategy.text("type", "Recreate"),
        Rollout::OnDelete => strategy.text("type", "OnDelete"),
        Rollout::Rolling { surge, unavailable, partition } => strategy.object("rollingUpdate", |rolling| {
            share(rolling, "maxSurge", surge);
            share(rolling, "maxUnavailable", unavailable);
            if partition != 0 {
                rolling.number("partition", partition.into());
            }
        }),
    }
}

fn share(fields: &mut Fields<'_>, name: &'static str, share: Share) {
    match share {
        Share::Pods(pods) => fields.number(name, pods.into()),
        Share::Percent(percent) => fields.text(name, &format!("{percent}%")),
    }
}

/// `policy/v1.PodDisruptionBudget`.
pub(crate) fn budget(fields: &mut Fields<'_>, budget: &DisruptionBudget) {
    fields.object("metadata", |meta| meta::key(meta, &budget.namespace, &budget.name));
    fields.part("spec", |spec| {
        label_selector(spec, "selector", budget.selector.as_ref());
        for (name, value) in
            [("minAvailable", budget.min_available), ("maxUnavailable", budget.max_unavailable)]
        {
            if let Some(value) = value {
                share(spec, name, value);
            }
        }
    });
    fields.part("status", |status| {
        status.part("disruptedPods", |pods| {
            budget.disrupted_pods.iter().for_each(|name| pods.text(name, ""));
        });
        if budget.is_counted {
            status.number("disruptionsAllowed", budget.disruptions_allowed.into());
        }
    });
}
