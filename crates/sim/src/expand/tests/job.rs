//! Jobs and CronJobs.

use crate::fixture::{documents, job, labels, names, node, pod, running, waiting, world};

#[test]
fn a_job_runs_as_many_pods_at_once_as_it_may() {
    let indexed = "completionMode: Indexed,";
    let cases: &[(&str, &str, &[&str])] = &[
        ("", "", &["j-0"]),
        ("parallelism: 2,", "", &["j-0", "j-1"]),
        ("completions: 5,", "", &["j-0"]),
        ("parallelism: 3, completions: 5,", "", &["j-0", "j-1", "j-2"]),
        ("parallelism: 5, completions: 2,", "", &["j-0", "j-1"]),
        ("parallelism: 3, completions: 5,", "succeeded: 4", &["j-0"]),
        ("parallelism: 3, completions: 5,", "succeeded: 9", &[]),
        ("parallelism: 3,", "succeeded: 1", &[]),
        ("parallelism: 0,", "", &[]),
        ("suspend: true,", "", &[]),
        ("", "conditions: [{type: Complete, status: 'True'}]", &[]),
        ("", "conditions: [{type: Failed, status: 'True'}]", &[]),
        ("", "conditions: [{type: Suspended, status: 'True'}]", &["j-0"]),
        (&format!("{indexed} parallelism: 2, completions: 3,"), "", &["j-0-0", "j-1-0"]),
        (
            &format!("{indexed} parallelism: 3, completions: 9,"),
            "succeeded: 3, completedIndexes: '0,2-3', failedIndexes: '4'",
            &["j-1-0", "j-5-0", "j-6-0"],
        ),
        (&format!("{indexed} parallelism: 3, completions: 3,"), "completedIndexes: 0-1", &["j-2-0"]),
    ];
    for (spec, status, expected) in cases {
        assert_eq!(waiting(&job("j", spec, status)), *expected, "{spec} {status}");
    }
}

#[test]
fn a_jobs_pods_are_known_by_labels() {
    let text = job("j", "completionMode: Indexed, completions: 1,", "");
    let world_of = |text: &str| world(text);
    let world = world_of(&text);
    assert_eq!(
        labels(pod(&world, "j-0-0")),
        [
            "batch.kubernetes.io/controller-uid=j",
            "batch.kubernetes.io/job-completion-index=0",
            "batch.kubernetes.io/job-name=j",
            "controller-uid=j",
            "job-name=j"
        ]
    );
    let stored = world_of(&text.replace("name: j}", "name: j, uid: u1}"));
    assert_eq!(pod(&stored, "j-0-0").spec.labels.get("controller-uid").map(|v| &**v), Some("u1"));
    let manual = "manualSelector: true, selector: {matchLabels: {a: b}},";
    let manual = world_of(&job("j", manual, ""));
    assert_eq!(labels(pod(&manual, "j-0")), [""; 0]);
}

#[test]
fn pods_of_the_job_that_are_there_count() {
    let n = node("n1", "", "");
    let there = |name: &str, labels: &str| running(name, labels, "Job", "j");
    let leaving = |text: String| text.replace("uid:", "deletionTimestamp: '2026-01-01T00:00:00Z', uid:");
    let index = "batch.kubernetes.io/job-completion-index: '1'";
    let indexed = "completionMode: Indexed, completions: 4, parallelism: 3,";
    let twice = documents(&[&there("a", index), &there("b", index)]);
    let cases: &[(&str, &str, &[&str], &str)] = &[
        ("parallelism: 3,", &there("a", ""), &["j-0", "j-1"], "one runs"),
        ("parallelism: 3,", &leaving(there("a", "")), &["j-0", "j-1", "j-2"], "replaced at once"),
        (
            "parallelism: 3, podReplacementPolicy: Failed,",
            &leaving(there("a", "")),
            &["j-0", "j-1"],
            "waited for",
        ),
        (
            "parallelism: 3, podFailurePolicy: {rules: []},",
            &leaving(there("a", "")),
            &["j-0", "j-1"],
            "the default",
        ),
        (indexed, &there("a", index), &["j-0-0", "j-2-0"], "its index runs"),
        (indexed, &leaving(there("a", index)), &["j-0-0", "j-1-0", "j-2-0"], "its index runs again"),
        (indexed, &twice, &["j-0-0", "j-2-0"], "one of two pods of an index is deleted"),
        (
            indexed,
            &there("a", &index.replace('1', "7")),
            &["j-0-0", "j-1-0", "j-2-0"],
            "its index is not wanted",
        ),
    ];
    for (spec, there, expected, why) in cases {
        assert_eq!(waiting(&documents(&[&n, &job("j", spec, ""), there])), *expected, "{why}");
    }
}

fn cron_job(spec: &str) -> String {
    format!(
        "{{apiVersion: batch/v1, kind: CronJob, metadata: {{name: c}}, spec: {{schedule: '* * * * *', {spec} jobTemplate: \
         {{spec: {{parallelism: 2, template: {{spec: {{containers: [{{name: c}}]}}}}}}}}}}}}"
    )
}

#[test]
fn a_cron_job_makes_the_pods_of_one_run() {
    let world = world(&cron_job(""));
    assert_eq!(names(&world), ["c-1-0", "c-1-1"]);
    let pod = pod(&world, "c-1-0");
    assert_eq!(pod.spec.controller.as_ref().map(|c| (&*c.kind, &*c.name)), Some(("Job", "c-1")));
    assert_eq!(pod.spec.labels.get("job-name").map(|v| &**v), Some("c-1"));
}

#[test]
fn a_run_that_goes_on_is_the_run() {
    let n = node("n1", "", "");
    let owned = |status: &str| {
        let owner = "ownerReferences: [{apiVersion: batch/v1, kind: CronJob, name: c, controller: true}]";
        job("c-29", "", status).replace("name: c-29}", &format!("name: c-29, {owner}}}"))
    };
    let pod = |owner: &str| running("p", "", "Job", owner);
    let cases: &[(&str, &str, &[&str], &str)] = &[
        ("", &owned(""), &["c-29-0"], "its job makes the pods"),
        (
            "",
            &owned("conditions: [{type: Complete, status: 'True'}]"),
            &["c-1-0", "c-1-1"],
            "the last run has ended",
        ),
        ("", &pod("c-29"), &[], "pods of a job that the input does not have"),
        ("", &pod("c-x"), &["c-1-0", "c-1-1"], "a job of another name"),
        ("suspend: true,", &pod("x"), &[], "suspended"),
        ("", &job("c-1", "parallelism: 0,", ""), &["c-2-0", "c-2-1"], "the name of the run is taken"),
    ];
    for (spec, other, expected, why) in cases {
        assert_eq!(waiting(&documents(&[&n, &cron_job(spec), other])), *expected, "{why}");
    }
}
