//! Jobs: a number of pods at once, until enough have succeeded.
//!
//! Upstream: `pkg/controller/job/job_controller.go` (`manageJob`), `indexed_job_utils.go` (`firstPendingIndexes`),
//! `pkg/registry/batch/job/strategy.go` (`generateSelector`).

use std::collections::BTreeSet;

use berth_controllers::change::PodChange;
use berth_controllers::pod::{Phase, PodState};
use berth_controllers::rollout;
use berth_model::Str;
use berth_model::manifests::Entry;
use berth_model::pod::Pod;
use berth_model::workload::{JobProgress, PodCount, Workload, WorkloadKind};

use super::template::Template;
use super::{Expansion, name};
use crate::rollout::{Member, Rollout};

/// Labels with the name of the job, of old and of new.
pub const NAME_LABELS: [&str; 2] = ["job-name", "batch.kubernetes.io/job-name"];
/// Labels with the uid of the job, of old and of new.
pub const UID_LABELS: [&str; 2] = ["controller-uid", "batch.kubernetes.io/controller-uid"];
/// The label with the completion index.
pub const INDEX_LABEL: &str = "batch.kubernetes.io/job-completion-index";

/// Makes the pods that are missing.
pub(super) fn expand<'a>(expansion: &mut Expansion<'a>, entry: &'a Entry<Workload>) {
    let workload = &entry.value;
    let mut pods = expansion.existing.owned(workload);
    pods.extend(expansion.existing.adopt(workload, |_| true));
    let mut template = Template::new(entry);
    let (name, uid) = (workload.name.clone(), workload.uid.clone());
    run(expansion, &mut template, &name, &uid, &pods);
}

/// Makes the missing pods of one run, which is a Job of this name.
pub(super) fn run<'a>(
    expansion: &mut Expansion<'a>,
    template: &mut Template<'a>,
    name: &Str,
    uid: &Str,
    pods: &[&Pod],
) {
    let entry = template.entry;
    let PodCount::Job {
        completions,
        indexed,
        suspended,
        finished,
        replaces_terminating,
        manual_selector,
        ..
    } = entry.value.count
    else {
        return;
    };
    if finished {
        return;
    }
    if suspended {
        expansion.warn(entry, "suspended: makes no pods");
    }
    let deleted = deleted(&entry.value, pods);
    if !deleted.is_empty() {
        expansion.out.rollouts.extend(shrinking(&entry.value, pods, deleted.len()));
    }
    // Pods that the controller deletes leave their indexes to others.
    let kept = pods.iter().enumerate().filter(|(at, _)| !deleted.contains(at)).map(|(_, pod)| *pod);
    let (terminating, active): (Vec<&Pod>, Vec<&Pod>) = kept.partition(|pod| pod.terminating);
    if suspended {
        return;
    }
    let waited_for = if replaces_terminating { &[] } else { &terminating[..] };
    let missing = wanted(&entry.value, active.len()) - (active.len() + waited_for.len()) as i64;
    let Some(missing) = expansion.reserve(entry, parallelism_path(entry), missing) else { return };
    if !manual_selector {
        add_labels(template, name, uid);
    }
    if !indexed {
        return expansion.make_alike(template, &name::prefix(name), missing);
    }
    let busy: BTreeSet<i64> = active.iter().chain(waited_for).filter_map(|pod| index(pod)).collect();
    let pending = pending(&entry.value.progress, busy, completions.unwrap_or_default());
    for index in pending.take(missing) {
        let mut labels = template.labels.clone();
        labels.insert(INDEX_LABEL.into(), index.to_string().into());
        let Some(spec) = expansion.admit(template, template.spec(labels)) else { return };
        let name = expansion.names.one(&entry.value.namespace, &name::indexed_prefix(name, index));
        expansion.make(template, name, spec);
    }
}

/// What the Job's controller sees.
fn job(workload: &Workload, parallelism: i32) -> Option<rollout::Job> {
    let PodCount::Job { completions, indexed, suspended, replaces_terminating, .. } = workload.count else {
        return None;
    };
    let JobProgress { succeeded, completed, ended } = &workload.progress;
    let succeeded = if indexed { *completed } else { *succeeded };
    let ended = ended.clone();
    Some(rollout::Job {
        parallelism,
        completions,
        indexed,
        suspended,
        replaces_terminating,
        succeeded,
        ended,
    })
}

/// The places of the pods that the Job's controller deletes: it has too many, it is suspended, or indexes are not wanted
/// or occur twice.
fn deleted(workload: &Workload, pods: &[&Pod]) -> BTreeSet<usize> {
    let PodCount::Job { parallelism, .. } = workload.count else { return BTreeSet::new() };
    // A Job may want billions of pods; those that it lacks are made elsewhere.
    let parallelism = parallelism.min(i32::try_from(pods.len()).unwrap_or(i32::MAX));
    let Some(job) = job(workload, parallelism) else { return BTreeSet::new() };
    let states = pods.iter().zip(0..).map(|(pod, id)| PodState {
        id,
        index: index(pod).and_then(|index| i32::try_from(index).ok()),
        terminating: pod.terminating,
        phase: Phase::Running,
        ..PodState::default()
    });
    let changes = job.pod_changes(&states.collect::<Vec<_>>(), 0);
    let places = changes.into_iter().filter_map(|change| match change {
        PodChange::Delete(id) => usize::try_from(id).ok(),
        PodChange::Create(_) => None,
    });
    places.collect()
}

/// The Job's controller deletes this many pods. Pods that are missing are created elsewhere.
fn shrinking(workload: &Workload, pods: &[&Pod], deleted: usize) -> Option<Rollout> {
    let PodCount::Job { parallelism, .. } = workload.count else { return None };
    let left = i32::try_from(pods.len() - deleted).unwrap_or(i32::MAX);
    let job = job(workload, parallelism.min(left))?;
    let index = |pod: &Pod| index(pod).and_then(|index| i32::try_from(index).ok());
    let member = |pod: &&Pod| Member { name: pod.name.clone(), updated: true, index: index(pod) };
    let mut rollout = Rollout::new(workload, rollout::Workload::Job(job), 1);
    rollout.groups[0] = pods.iter().map(member).collect();
    Some(rollout)
}

fn parallelism_path(entry: &Entry<Workload>) -> &'static str {
    match entry.value.kind {
        WorkloadKind::CronJob => "spec.jobTemplate.spec.parallelism",
        _ => "spec.parallelism",
    }
}

/// How many pods are to run at once, given how many do.
fn wanted(workload: &Workload, active: usize) -> i64 {
    let PodCount::Job { parallelism, completions, indexed, .. } = workload.count else { return 0 };
    let JobProgress { succeeded, completed, .. } = workload.progress;
    let succeeded = if indexed { completed } else { succeeded };
    match completions {
        // One success is enough: what runs may end, and nothing new is started.
        None if succeeded > 0 => active as i64,
        None => parallelism.into(),
        Some(completions) => {
            (i64::from(completions) - i64::from(succeeded)).clamp(0, parallelism.max(0).into())
        }
    }
}

/// The lowest indexes that neither have ended nor run.
fn pending(progress: &JobProgress, busy: BTreeSet<i64>, completions: i32) -> impl Iterator<Item = i64> {
    let mut ended =
        progress.ended.iter().map(|range| i64::from(*range.start())..=i64::from(*range.end())).peekable();
    let mut candidate = 0;
    std::iter::from_fn(move || {
        loop {
            while ended.next_if(|range| *range.end() < candidate).is_some() {}
            match ended.peek() {
                Some(range) if range.contains(&candidate) => candidate = range.end() + 1,
                _ if busy.contains(&candidate) => candidate += 1,
                _ => break,
            }
        }
        candidate += 1;
        (candidate <= i64::from(completions)).then_some(candidate - 1)
    })
}

fn index(pod: &Pod) -> Option<i64> {
    pod.spec.labels.get(INDEX_LABEL)?.parse().ok()
}

/// Adds the labels by which a job's pods are known. A job that was never stored has no uid; its name stands in.
fn add_labels(template: &mut Template<'_>, name: &Str, uid: &Str) {
    let uid = if uid.is_empty() { name } else { uid };
    for (keys, value) in [(NAME_LABELS, name), (UID_LABELS, uid)] {
        for key in keys {
            if !template.labels.contains_key(key) {
                template.label(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_indexes_that_are_free_come_first() {
        let progress = JobProgress { succeeded: 0, completed: 0, ended: vec![0..=1, 4..=4] };
        let cases: &[(&[i64], i32, &[i64])] = &[
            (&[], 7, &[2, 3, 5, 6]),
            (&[2, 5], 7, &[3, 6]),
            (&[], 5, &[2, 3]),
            (&[2, 3], 5, &[]),
            (&[], 0, &[]),
        ];
        for (busy, completions, expected) in cases {
            let found: Vec<i64> = pending(&progress, busy.iter().copied().collect(), *completions).collect();
            assert_eq!(found, *expected, "{busy:?} of {completions}");
        }
    }
}
