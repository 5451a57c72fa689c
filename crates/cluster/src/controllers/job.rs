//! Jobs: pods that end, until enough have succeeded or too many have failed.
//!
//! Upstream: `job/job_controller.go` (`syncJob`, `trackJobStatusAndRemoveFinalizers`), `job/backoff_utils.go`.

use berth_controllers::change::{NewPod, PodChange};
use berth_controllers::job::{View, reconcile};
use berth_model::pod_manifest::RestartPolicy;
use berth_model::workload::{JobProgress, PodCount, Workload};
use berth_sim::template::{INDEX_LABEL, indexed_prefix};

use crate::Millis;
use crate::kubelet::Phase;
use crate::simulation::{Made, Simulation};
use crate::timers::Timer;

/// `DefaultJobPodFailureBackOff`.
const FIRST_BACKOFF: Millis = 10_000;
/// `MaxJobPodFailureBackOff`.
const LONGEST_BACKOFF: Millis = 600_000;
/// `spec.backoffLimit` as the API server sets it.
const BACKOFF_LIMIT: i32 = 6;

impl Simulation {
    pub(super) fn sync_job(&mut self, id: u32, job: &Workload) {
        let PodCount::Job { parallelism, completions, indexed, suspended, replaces_terminating, .. } =
            job.count
        else {
            return;
        };
        self.count_ended(id);
        if self.workloads.get(id).job.end.is_some() || self.job_ends(id, job, completions) {
            return;
        }
        let pods = self.states(id);
        let state = &self.workloads.get(id).job;
        let completed = state.ended.iter().map(|range| range.end() - range.start() + 1).sum();
        let view = View {
            parallelism,
            completions,
            indexed,
            suspended,
            finished: false,
            replaces_terminating,
            succeeded: if indexed { completed } else { state.succeeded },
            ended: &state.ended,
            pods: &pods,
        };
        let changes = reconcile(&view, self.unix_seconds());
        let makes = changes.iter().any(|change| matches!(change, PodChange::Create(_)));
        if makes && let Some(until) = self.backs_off(id) {
            self.timers.set(until, Timer::Workload(id));
            return;
        }
        let revision = self.workloads.get(id).revision;
        for change in changes {
            match change {
                PodChange::Delete(pod) => self.delete_pod(pod, None),
                PodChange::Create(NewPod::Index(index)) => self.make_index(id, job, index),
                PodChange::Create(_) => self.make_alike(id, job, 1, revision),
            }
        }
    }

    /// Until when no pod is made, because pods have failed.
    fn backs_off(&self, id: u32) -> Option<Millis> {
        let state = &self.workloads.get(id).job;
        let doublings = state.failures.checked_sub(1)?;
        let backoff = FIRST_BACKOFF.saturating_mul(1 << doublings.min(20)).min(LONGEST_BACKOFF);
        Some(state.last_failure + backoff).filter(|until| *until > self.now)
    }

    /// Counts the pods that have ended since the last sync.
    fn count_ended(&mut self, id: u32) {
        let ended = |pod: &u32| {
            self.pods.get(*pod).filter(|record| record.phase.has_ended()).map(|r| (*pod, r.phase))
        };
        let ended: Vec<(u32, Phase)> = self.workloads.get(id).pods.iter().filter_map(ended).collect();
        for (pod, phase) in ended {
            let index = self.pods.get(pod).and_then(|record| record.index);
            if let Some(record) = self.pods.get_mut(pod) {
                record.counted = true;
            }
            let state = self.workloads.get_mut(id);
            state.pods.remove(&pod);
            state.job.ended_pods.push(pod);
            if phase == Phase::Succeeded {
                state.job.succeeded += 1;
                state.job.failures = 0;
                if let Some(index) = index {
                    let at = state.job.ended.partition_point(|range| *range.start() < index);
                    state.job.ended.insert(at, index..=index);
                }
            } else {
                self.count_failure(id);
            }
        }
    }

    /// A pod of a Job has failed, or was taken from its node.
    pub(crate) fn count_failure(&mut self, id: u32) {
        let state = &mut self.workloads.get_mut(id).job;
        state.failed += 1;
        state.failures += 1;
        state.last_failure = self.now;
    }

    /// Whether the Job ends now: it is complete, too many pods have failed, or it took too long.
    fn job_ends(&mut self, id: u32, job: &Workload, completions: Option<i32>) -> bool {
        let state = self.workloads.get(id);
        let is_complete = match completions {
            Some(completions) => state.job.succeeded >= completions,
            None => state.job.succeeded > 0 && state.active == 0,
        };
        let limit = job.timing.backoff_limit.unwrap_or(BACKOFF_LIMIT);
        let restarts = || -> i32 {
            let pods = state.pods.iter().filter_map(|pod| self.pods.get(*pod)?.run.as_ref());
            pods.map(|run| i32::try_from(run.restarts()).unwrap_or(i32::MAX)).fold(0, i32::saturating_add)
        };
        let restarts_pods = job.template.spec.execution.restart_policy == RestartPolicy::OnFailure;
        let has_failed = state.job.failed > limit || (restarts_pods && restarts() >= limit.max(1));
        let deadline = job.timing.active_deadline_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        let deadline = deadline.map(|seconds| state.job.started + seconds * 1_000);
        let is_late = deadline.is_some_and(|deadline| deadline <= self.now);
        if let Some(deadline) = deadline.filter(|_| !is_late) {
            self.timers.set(deadline, Timer::Workload(id));
        }
        if !is_complete && !has_failed && !is_late {
            return false;
        }
        self.end_job(id, job, is_complete);
        true
    }

    fn end_job(&mut self, id: u32, job: &Workload, succeeded: bool) {
        let now = self.now;
        let state = self.workloads.get_mut(id);
        state.job.end = Some((now, succeeded));
        let (pods, owner) = (state.pods.clone(), state.owner);
        let progress = JobProgress {
            succeeded: state.job.succeeded,
            ended: state.job.ended.clone(),
            completed: i32::try_from(state.job.ended.len()).unwrap_or(i32::MAX),
        };
        let mut after = Workload { progress, ..job.clone() };
        if let PodCount::Job { finished, .. } = &mut after.count {
            *finished = true;
        }
        self.write_workload(Box::new(after));
        pods.into_iter().for_each(|pod| self.delete_pod(pod, None));
        if let Some(owner) = owner {
            self.workloads.wake(owner);
        }
        if let Some(seconds) = job.timing.ttl_seconds.and_then(|seconds| u64::try_from(seconds).ok()) {
            self.timers.set(now + seconds * 1_000, Timer::JobTtl(id));
        }
    }

    fn make_index(&mut self, id: u32, job: &Workload, index: i32) {
        let mut labels = job.template.labels.clone();
        labels.insert(INDEX_LABEL.into(), index.to_string().into());
        let Some(spec) = self.admitted(id, job, &job.template, labels, |_| ()) else { return };
        let name = self.numbered_name(id, &job.namespace, &indexed_prefix(&job.name, index.into()));
        let revision = self.workloads.get(id).revision;
        let made = Made { owner: Some(id), revision, index: Some(index), group: None };
        self.make_pod(name, spec, &job.template, made);
    }
}
