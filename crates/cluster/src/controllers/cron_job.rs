//! CronJobs: a Job each time the schedule says so.
//!
//! Upstream: `cronjob/cronjob_controllerv2.go` (`syncCronJob`, `cleanupFinishedJobs`), `cronjob/utils.go`.

use berth_controllers::cron_job::{Change, View, reconcile};
use berth_model::workload::{PodCount, Workload, WorkloadKind};

use super::controller;
use crate::cron::Schedule;
use crate::simulation::Simulation;
use crate::timers::Timer;

/// `spec.successfulJobsHistoryLimit` and `spec.failedJobsHistoryLimit` as the API server sets them.
const HISTORY: [(bool, usize); 2] = [(true, 3), (false, 1)];

impl Simulation {
    /// Sets the timer for the next run.
    pub(crate) fn schedule_cron_job(&mut self, id: u32, cron_job: &Workload) {
        let Some(text) = cron_job.timing.schedule.as_deref() else { return };
        let Some(schedule) = Schedule::parse(text) else {
            let label = cron_job.label();
            return self
                .warn(format!("{label}: spec.schedule {text:?} cannot be simulated: it makes no Jobs"));
        };
        let now = self.unix_seconds();
        if let Some(at) = schedule.next_after(now).and_then(|at| u64::try_from(at - self.settings.start).ok())
        {
            self.timers.set(at * 1_000, Timer::CronJob(id));
        }
    }

    /// The time of a run has come.
    pub(crate) fn cron_job_is_due(&mut self, id: u32) {
        let Some(cron_job) = self.workload(id).cloned() else { return };
        self.schedule_cron_job(id, &cron_job);
        let PodCount::Job { suspended, .. } = cron_job.count else { return };
        let owned = &self.workloads.get(id).owned;
        let active: Vec<u32> =
            owned.iter().copied().filter(|job| self.workloads.get(*job).job.end.is_none()).collect();
        let view = View { suspended, concurrency: cron_job.timing.concurrency, active: &active };
        for change in reconcile(&view) {
            match change {
                Change::Delete(job) => self.delete_workload(job),
                Change::Create => self.make_job(&cron_job),
            }
        }
    }

    fn make_job(&mut self, cron_job: &Workload) {
        let name = format!("{}-{}", cron_job.name, self.unix_seconds() / 60).into();
        let job = Workload {
            kind: WorkloadKind::Job,
            name,
            uid: self.store.new_uid(),
            created: None,
            controller: Some(controller(cron_job)),
            ..cron_job.clone()
        };
        self.apply_workload(job);
    }

    /// Deletes Jobs beyond the history limits.
    pub(super) fn sync_cron_job(&mut self, id: u32) {
        for (succeeded, limit) in HISTORY {
            let owned = &self.workloads.get(id).owned;
            let is_such =
                |job: &u32| self.workloads.get(*job).job.end.is_some_and(|(_, how)| how == succeeded);
            let ended: Vec<u32> = owned.iter().copied().filter(is_such).collect();
            let surplus = ended.len().saturating_sub(limit);
            ended.into_iter().take(surplus).for_each(|job| self.delete_workload(job));
        }
    }
}
