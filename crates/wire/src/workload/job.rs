//! Jobs and CronJobs.
//!
//! Upstream: `pkg/apis/batch/v1/defaults.go` (`SetDefaults_Job`).

use berth_model::Str;
use berth_model::pod_manifest::RestartPolicy;
use berth_model::workload::{Concurrency, JobProgress, PodCount, Workload, WorkloadKind, WorkloadTiming};

use crate::context::{Context, Step, quoted};
use crate::decode::{AnyMap, IntoModel, Obj, wire_object};
use crate::meta::{Meta, MetaField};
use crate::pod::TemplateWire;
use crate::selector::{LabelSelectorWire, one_of};
use crate::workload::controller::{template, workload};
use crate::workload::progress::{count, index_ranges, merged};

wire_object! {
    /// `batch/v1.JobSpec`.
    pub(crate) struct JobSpecWire {
        parallelism: Option<i32> = "parallelism",
        completions: Option<i32> = "completions",
        selector: Obj<LabelSelectorWire> = "selector",
        template: Obj<TemplateWire> = "template",
        completion_mode: Str = "completionMode",
        suspend: bool = "suspend",
        replacement: Str = "podReplacementPolicy",
        failure_policy: Option<AnyMap> = "podFailurePolicy",
        manual_selector: bool = "manualSelector",
        deadline: Option<i64> = "activeDeadlineSeconds",
        backoff_limit: Option<i32> = "backoffLimit",
        ttl: Option<i64> = "ttlSecondsAfterFinished",
    }
    skipped {
        "successPolicy" "backoffLimitPerIndex" "maxFailedIndexes" "failedPodsLimit" "managedBy" "scheduling"
    }
}

wire_object! {
    /// `batch/v1.JobCondition`.
    pub(crate) struct JobConditionWire {
        kind: Str = "type",
        status: Str = "status",
    }
    skipped { "lastProbeTime" "lastTransitionTime" "reason" "message" }
}

wire_object! {
    /// `batch/v1.JobStatus`.
    pub(crate) struct JobStatusWire {
        conditions: Vec<JobConditionWire> = "conditions",
        succeeded: i32 = "succeeded",
        completed_indexes: Str = "completedIndexes",
        failed_indexes: Str = "failedIndexes",
    }
    skipped {
        "startTime" "completionTime" "active" "failed" "terminating" "uncountedTerminatedPods" "ready" "observedGeneration"
    }
}

wire_object! {
    /// `batch/v1.Job`.
    pub(crate) struct JobWire {
        meta: MetaField = "metadata",
        spec: JobSpecWire = "spec",
        status: JobStatusWire = "status",
    }
    skipped { "apiVersion" "kind" }
}

impl IntoModel for JobWire {
    type Out = Workload;

    fn into_model(self, cx: &mut Context) -> Workload {
        let meta = self.meta.named(cx);
        let finished = self
            .status
            .conditions
            .iter()
            .any(|c| matches!(&*c.kind, "Complete" | "Failed") && &*c.status == "True");
        let completed = index_ranges(&self.status.completed_indexes);
        let progress = JobProgress {
            succeeded: self.status.succeeded.max(0),
            completed: count(&completed),
            ended: merged(completed, index_ranges(&self.status.failed_indexes)),
        };
        let job = cx.within(Step::Field("spec"), |cx| job(cx, WorkloadKind::Job, meta, self.spec, finished));
        Workload { progress, ..job }
    }
}

wire_object! {
    /// `batch/v1.JobTemplateSpec`.
    pub(crate) struct JobTemplateWire {
        spec: JobSpecWire = "spec",
    }
    skipped { "metadata" }
}

wire_object! {
    /// `batch/v1.CronJobSpec`.
    pub(crate) struct CronJobSpecWire {
        suspend: bool = "suspend",
        schedule: Str = "schedule",
        template: JobTemplateWire = "jobTemplate",
        concurrency: Str = "concurrencyPolicy",
    }
    skipped {
        "timeZone" "startingDeadlineSeconds" "successfulJobsHistoryLimit"
        "failedJobsHistoryLimit"
    }
}

wire_object! {
    /// `batch/v1.CronJob`.
    pub(crate) struct CronJobWire {
        meta: MetaField = "metadata",
        spec: CronJobSpecWire = "spec",
    }
    skipped { "apiVersion" "kind" "status" }
}

impl IntoModel for CronJobWire {
    type Out = Workload;

    fn into_model(self, cx: &mut Context) -> Workload {
        let meta = self.meta.named(cx);
        let CronJobSpecWire { suspend, schedule, template, concurrency } = self.spec;
        if !is_schedule(&schedule) {
            let message = format!("found {}, expected five fields such as */5 * * * *", quoted(&schedule));
            cx.within(Step::Field("spec"), |cx| cx.refusal_at("schedule", message));
        }
        let mut spec = template.spec;
        spec.suspend |= suspend;
        let path = ["spec", "jobTemplate", "spec"].map(Step::Field);
        let [outer, middle, inner] = path;
        let concurrency = match &*concurrency {
            "" => Concurrency::Allow,
            name => cx.within(outer.clone(), |cx| one_of(cx, "concurrencyPolicy", name, CONCURRENCY)),
        };
        let mut cron_job = cx.within(outer, |cx| {
            cx.within(middle, |cx| cx.within(inner, |cx| job(cx, WorkloadKind::CronJob, meta, spec, false)))
        });
        cron_job.timing.schedule = Some(schedule);
        cron_job.timing.concurrency = concurrency;
        cron_job
    }
}

const CONCURRENCY: &[(&str, Concurrency)] =
    &[("Allow", Concurrency::Allow), ("Forbid", Concurrency::Forbid), ("Replace", Concurrency::Replace)];

/// Whether a text has the form of a cron schedule: five fields, or a name such as `@daily`.
fn is_schedule(text: &str) -> bool {
    let is_field = |field: &str| field.bytes().all(|b| b.is_ascii_alphanumeric() || b"*/,-?".contains(&b));
    let text = text.trim_start_matches("TZ=").trim_start_matches("CRON_TZ=");
    text.starts_with('@')
        || text.split_whitespace().rev().take(5).filter(|field| is_field(field)).count() == 5
}

fn job(cx: &mut Context, kind: WorkloadKind, meta: Meta, spec: JobSpecWire, finished: bool) -> Workload {
    for (field, count) in [("parallelism", spec.parallelism), ("completions", spec.completions)] {
        if let Some(count) = count.filter(|count| *count < 0) {
            cx.problem_at(field, format!("found {count}, expected an integer that is not negative"));
        }
    }
    let indexed = match &*spec.completion_mode {
        "" => false,
        mode => one_of(cx, "completionMode", mode, &[("NonIndexed", false), ("Indexed", true)]),
    };
    if indexed && spec.completions.is_none() {
        cx.problem_at("completions", "missing; an indexed job needs a number of completions");
    }
    // With neither count given, both are one; with only completions given, parallelism is one.
    let completions = match (spec.completions, spec.parallelism) {
        (None, None) => Some(1),
        (completions, _) => completions,
    };
    let policies = &[("TerminatingOrFailed", true), ("Failed", false)];
    let replaces_terminating = match &*spec.replacement {
        "" => spec.failure_policy.is_none(),
        policy => one_of(cx, "podReplacementPolicy", policy, policies),
    };
    let count = PodCount::Job {
        parallelism: spec.parallelism.unwrap_or(1),
        completions,
        indexed,
        suspended: spec.suspend,
        finished,
        replaces_terminating,
        manual_selector: spec.manual_selector,
    };
    let template = template(cx, spec.template.0);
    if template.spec.execution.restart_policy == RestartPolicy::Always {
        cx.refusal_at("template", "spec.restartPolicy of a Job must be OnFailure or Never");
    }
    let timing = WorkloadTiming {
        backoff_limit: spec.backoff_limit,
        active_deadline_seconds: spec.deadline,
        ttl_seconds: spec.ttl,
        ..WorkloadTiming::default()
    };
    Workload { timing, ..workload(kind, meta, spec.selector.0, template, count) }
}
