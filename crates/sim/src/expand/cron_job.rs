//! CronJobs: one run of the job, as when its time has come.
//!
//! A run that is going on is that run: where the input has a Job of the CronJob that has not ended, or its pods, there
//! is no second one.
//!
//! Upstream: `pkg/controller/cronjob/utils.go` (`getJobFromTemplate2`).

use berth_model::Str;
use berth_model::manifests::Entry;
use berth_model::workload::{PodCount, Workload, WorkloadKind};

use super::template::{Template, controller};
use super::{Expansion, job};

/// Makes the pods of one run.
pub(super) fn expand<'a>(expansion: &mut Expansion<'a>, entry: &'a Entry<Workload>) {
    let workload = &entry.value;
    if is_running(expansion, workload) {
        return;
    }
    let name = job_name(expansion, workload);
    let uid = Str::default();
    let mut template = Template::new(entry);
    template.controller = controller(WorkloadKind::Job, &name, &uid);
    job::run(expansion, &mut template, &name, &uid, &[]);
}

fn is_running<'a>(expansion: &Expansion<'a>, workload: &'a Workload) -> bool {
    let jobs = expansion.family.owned(workload, WorkloadKind::Job);
    if jobs.iter().any(|(_, job)| matches!(job.count, PodCount::Job { finished: false, .. })) {
        return true;
    }
    // Pods of a job that is not in the input: the controller names jobs by the minute of their run.
    let prefix = format!("{}-", workload.name);
    let mut pods = expansion.existing.owned_by_prefix(&workload.namespace, WorkloadKind::Job, &prefix);
    pods.any(|(name, _)| name[prefix.len()..].bytes().all(|b| b.is_ascii_digit()))
}

/// The controller numbers runs by the minutes since 1970; the run that is made here has the first free number from 1.
fn job_name(expansion: &Expansion<'_>, workload: &Workload) -> Str {
    let mut number = 1;
    loop {
        let name = format!("{}-{number}", workload.name);
        if !expansion.family.has(WorkloadKind::Job, &workload.namespace, &name) {
            return name.into();
        }
        number += 1;
    }
}
