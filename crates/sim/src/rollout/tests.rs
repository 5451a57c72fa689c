//! Whole rollouts, from the manifests of a cluster and of a release to what comes of them.

use berth_engine::profile::Profile;
use berth_engine::scheduler::Scheduler;

use crate::fixture::{documents, pod, world};
use crate::run::{Options, Outcome, Run};

/// A node with room for CPUs.
fn node(name: &str, cpu: u32) -> String {
    format!(
        "{{apiVersion: v1, kind: Node, metadata: {{name: {name}}}, status: {{allocatable: {{cpu: {cpu}, pods: 110}}}}}}"
    )
}

/// The template of pods that request CPUs.
fn template(labels: &str, cpu: u32, image: &str) -> String {
    format!(
        "template: {{metadata: {{labels: {{{labels}}}}}, spec: {{containers: [{{name: c, image: {image}, resources: \
         {{requests: {{cpu: {cpu}}}}}}}]}}}}"
    )
}

fn workload(kind: &str, name: &str, spec: &str, cpu: u32, image: &str) -> String {
    let template = template(&format!("app: {name}"), cpu, image);
    format!(
        "{{apiVersion: apps/v1, kind: {kind}, metadata: {{name: {name}}}, spec: {{selector: {{matchLabels: {{app: \
         {name}}}}}, {spec}, {template}}}}}"
    )
}

/// A ReplicaSet of the Deployment `web` with pods of 1 CPU.
fn replica_set(hash: &str, replicas: u32) -> String {
    let template = template(&format!("app: web, pod-template-hash: {hash}"), 1, "i");
    format!(
        "{{apiVersion: apps/v1, kind: ReplicaSet, metadata: {{name: web-{hash}, uid: rs-{hash}, ownerReferences: \
         [{{apiVersion: apps/v1, kind: Deployment, name: web, controller: true}}]}}, spec: {{replicas: {replicas}, \
         selector: {{matchLabels: {{app: web, pod-template-hash: {hash}}}}}, {template}}}}}"
    )
}

/// A pod that runs and requests 1 CPU.
fn running(name: &str, node: &str, labels: &str, kind: &str, owner: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, uid: u-{name}, labels: {{{labels}}}, ownerReferences: \
         [{{apiVersion: apps/v1, kind: {kind}, name: {owner}, controller: true}}]}}, spec: {{nodeName: {node}, priority: \
         0, containers: [{{name: c, image: i, resources: {{requests: {{cpu: 1}}}}}}]}}}}"
    )
}

fn web_pods(count: u32) -> Vec<String> {
    let pod = |at| {
        running(&format!("web-old-{at}"), "n1", "app: web, pod-template-hash: old", "ReplicaSet", "web-old")
    };
    (0..count).map(pod).collect()
}

fn play(texts: &[String]) -> Outcome {
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let world = world(&documents(&texts));
    let mut scheduler = Scheduler::new(world.cluster, vec![Profile::standard("default-scheduler")]);
    let options = Options { preemption: true, all_schedulers: false, verify: true };
    let run = Run::new(&mut scheduler, &world.waiting, options).rolling_out(world.rollouts);
    run.finish(|_| {}).unwrap()
}

/// Updated, pending and old pods of the only rollout, the most that ran at once, and whether it is complete.
fn only(outcome: &Outcome) -> (i32, i32, i32, i32, bool) {
    let [rollout] = &outcome.rollouts[..] else { panic!("{:?}", outcome.rollouts) };
    let summary = &rollout.summary;
    (summary.updated, summary.pending, summary.old, summary.peak, summary.complete)
}

/// A rollout of 10 pods of 1 CPU to pods of `cpu` CPUs on one node of `room` CPUs. The ReplicaSet is in the input or
/// not.
fn deployment(strategy: &str, room: u32, cpu: u32, image: &str, with_set: bool) -> Outcome {
    let spec = format!("replicas: 10, strategy: {{{strategy}}}");
    let mut texts = vec![node("n1", room), workload("Deployment", "web", &spec, cpu, image)];
    texts.extend(with_set.then(|| replica_set("old", 10)));
    texts.extend(web_pods(10));
    play(&texts)
}

#[test]
fn a_deployment_is_rolled_out_to_the_end_or_until_it_is_stuck() {
    let surge_only = "rollingUpdate: {maxSurge: 1, maxUnavailable: 0}";
    let cases = [
        ("", 16, 2, (7, 3, 1, 13, false)),
        ("", 20, 2, (10, 0, 0, 13, true)),
        ("", 10, 1, (0, 0, 0, 0, true)),
        ("type: Recreate", 16, 2, (8, 2, 0, 10, false)),
        ("type: Recreate", 20, 2, (10, 0, 0, 10, true)),
        (surge_only, 11, 2, (0, 1, 10, 10, false)),
        (surge_only, 22, 2, (10, 0, 0, 11, true)),
    ];
    for (strategy, room, cpu, expected) in cases {
        for with_set in [true, false] {
            let outcome = deployment(strategy, room, cpu, "i", with_set);
            if cpu == 1 {
                assert!(outcome.rollouts.is_empty(), "nothing has changed");
                continue;
            }
            assert_eq!(
                only(&outcome),
                expected,
                "{strategy:?}, {room} CPUs, ReplicaSet in the input: {with_set}"
            );
            assert_eq!(
                outcome.placed.len() as i32,
                expected.0,
                "old pods and those in between are not listed"
            );
            assert_eq!(outcome.pending.len() as i32, expected.1);
        }
    }
}

#[test]
fn another_image_needs_the_surge_too() {
    let surge_only = "rollingUpdate: {maxSurge: 1, maxUnavailable: 0}";
    assert_eq!(only(&deployment(surge_only, 10, 1, "j", true)), (0, 1, 10, 10, false));
    assert_eq!(only(&deployment(surge_only, 11, 1, "j", false)), (10, 0, 0, 11, true));
}

#[test]
fn a_stuck_rollout_has_the_message_of_a_pending_pod() {
    let outcome = deployment("", 16, 2, "i", true);
    let text = "7 of 10 pods updated, 1 old one still running; new pods are pending: 0/1 nodes are available: 1 \
                Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.";
    assert_eq!(outcome.rollouts[0].summary.to_string(), text);
}

#[test]
fn pods_that_are_too_many_are_deleted_and_their_room_is_used() {
    let mut texts =
        vec![node("n1", 10), workload("Deployment", "web", "replicas: 4", 1, "i"), replica_set("old", 10)];
    texts.extend(web_pods(10));
    texts.push(workload("ReplicaSet", "other", "replicas: 6", 1, "i"));
    let outcome = play(&texts);
    assert_eq!(only(&outcome), (4, 0, 0, 10, true));
    assert_eq!((outcome.placed.len(), outcome.pending.len()), (6, 0));
}

#[test]
fn a_replica_set_of_its_own_loses_surplus_pods() {
    let mut texts = vec![node("n1", 4), workload("ReplicaSet", "rs", "replicas: 1", 1, "i")];
    texts.extend((0..3).map(|at| running(&format!("rs-{at}"), "n1", "app: rs", "ReplicaSet", "rs")));
    assert_eq!(only(&play(&texts)), (1, 0, 0, 3, true));
}

/// The update of a StatefulSet of 4 pods of 1 CPU to pods of 2 CPUs on one node.
fn stateful_set(spec: &str, room: u32) -> Outcome {
    let spec = format!("replicas: 4, serviceName: db{spec}");
    let mut texts = vec![node("n1", room), workload("StatefulSet", "db", &spec, 2, "i")];
    texts.extend((0..4).map(|at| running(&format!("db-{at}"), "n1", "app: db", "StatefulSet", "db")));
    play(&texts)
}

#[test]
fn a_stateful_set_is_updated_from_its_highest_ordinal() {
    let cases = [
        ("", 8, (4, 0, 0, 4, true)),
        ("", 6, (2, 1, 1, 4, false)),
        (", podManagementPolicy: Parallel", 6, (2, 1, 1, 4, false)),
        (", updateStrategy: {rollingUpdate: {partition: 3}}", 5, (1, 0, 3, 4, true)),
        (", updateStrategy: {type: OnDelete}", 4, (0, 0, 4, 4, true)),
    ];
    for (spec, room, expected) in cases {
        assert_eq!(only(&stateful_set(spec, room)), expected, "{spec:?}, {room} CPUs");
    }
    let kept = stateful_set(", updateStrategy: {type: OnDelete}", 4).rollouts[0].summary.to_string();
    assert_eq!(kept, "0 of 4 pods updated, 4 old ones still running (update strategy OnDelete)");
}

/// The update of a DaemonSet of 3 pods of 1 CPU to pods of 2 CPUs; the nodes have room.
fn daemon_set(spec: &str, room: u32) -> Outcome {
    let mut texts: Vec<String> = (1..=3).map(|at| node(&format!("n{at}"), room)).collect();
    texts.push(workload("DaemonSet", "log", &format!("updateStrategy: {{{spec}}}"), 2, "i"));
    texts.extend(
        (1..=3).map(|at| running(&format!("log-{at}"), &format!("n{at}"), "app: log", "DaemonSet", "log")),
    );
    play(&texts)
}

#[test]
fn a_daemon_set_is_updated_node_by_node() {
    let surge = "rollingUpdate: {maxSurge: 1, maxUnavailable: 0}";
    let cases = [
        ("", 2, (3, 0, 0, 3, true)),
        ("", 1, (0, 1, 2, 3, false)),
        (surge, 3, (3, 0, 0, 4, true)),
        (surge, 2, (0, 1, 3, 3, false)),
        ("type: OnDelete", 1, (0, 0, 3, 3, true)),
    ];
    for (spec, room, expected) in cases {
        assert_eq!(only(&daemon_set(spec, room)), expected, "{spec:?}, {room} CPUs");
    }
}

#[test]
fn a_pod_that_was_pending_takes_the_room_that_a_rollout_frees() {
    let mut texts =
        vec![node("n1", 12), workload("Deployment", "web", "replicas: 2", 1, "j"), replica_set("old", 10)];
    texts.extend(web_pods(10));
    texts.push(workload("ReplicaSet", "other", "replicas: 9", 1, "i"));
    let outcome = play(&texts);
    assert_eq!((outcome.placed.len(), outcome.pending.len()), (11, 0));
}

/// A stuck rollout of a Deployment from 6 pods: 4 old ones run, and 4 new ones, which fit nowhere, are pending. Now it is
/// to have `replicas`.
fn scaled_while_stuck(replicas: u32) -> Outcome {
    let spec =
        format!("replicas: {replicas}, strategy: {{rollingUpdate: {{maxSurge: 2, maxUnavailable: 2}}}}");
    let sized = |set: String| {
        let annotations = "annotations: {deployment.kubernetes.io/desired-replicas: '6', \
                           deployment.kubernetes.io/max-replicas: '8'}, uid: rs-";
        set.replace("uid: rs-", annotations)
    };
    let new = sized(replica_set("new", 4)).replace("cpu: 1}", "cpu: 20}");
    let mut texts = vec![node("n1", 16), workload("Deployment", "web", &spec, 20, "i")];
    texts.extend([sized(replica_set("old", 4)), new]);
    texts.extend(web_pods(4));
    play(&texts)
}

#[test]
fn a_stuck_rollout_that_is_scaled_grows_and_shrinks_in_proportion() {
    // Updated, pending and old pods, the most that ran at once, complete.
    for (replicas, expected) in
        [(6, (0, 4, 4, 4, false)), (12, (0, 7, 7, 7, false)), (3, (0, 3, 1, 4, false))]
    {
        let found = only(&scaled_while_stuck(replicas));
        let pods = (found.1 + found.2, found.2);
        assert_eq!(pods, (expected.1 + expected.2, expected.2), "{replicas}: {found:?}");
    }
}

#[test]
fn a_label_of_the_template_or_a_change_that_pods_do_not_show_replaces_all_pods() {
    let pods = |set: &str, kind: &str| running(&format!("{set}-0"), "n1", &format!("app: {set}"), kind, set);
    for (kind, set) in [("StatefulSet", "db"), ("DaemonSet", "log")] {
        let spec = if kind == "StatefulSet" { "replicas: 1, serviceName: db" } else { "minReadySeconds: 0" };
        let stored = workload(kind, set, spec, 1, "i")
            .replace(&format!("name: {set}}}"), &format!("name: {set}, uid: u}}"));
        let same = workload(kind, set, spec, 1, "i");
        let labelled =
            same.replace(&format!("labels: {{app: {set}}}"), &format!("labels: {{app: {set}, ver: b}}"));
        let tolerant =
            same.replace("containers:", "tolerations: [{key: gpu, operator: Exists}], containers:");
        let stored = stored.replace("spec: {containers:", "spec: {dnsPolicy: ClusterFirst, containers:");
        let environment = same.replace("image: i,", "image: i, env: [{name: A, value: a}],");
        let cases = [(same, false), (labelled, true), (tolerant, true), (environment, true)];
        for (manifest, rolled_out) in cases {
            let outcome = play(&[node("n1", 4), stored.clone(), pods(set, kind), manifest.clone()]);
            let found: Vec<i32> = outcome.rollouts.iter().map(|rollout| rollout.summary.updated).collect();
            assert_eq!(found, if rolled_out { vec![1] } else { vec![] }, "{manifest}");
        }
    }
}

#[test]
fn a_job_loses_pods_if_it_shrinks_or_is_suspended() {
    let pod = |at: u32| {
        let labels = format!("job-name: j, batch.kubernetes.io/job-completion-index: '{at}'");
        running(&format!("j-{at}"), "n1", &labels, "Job", "j").replace("apps/v1", "batch/v1")
    };
    let indexed = "completionMode: Indexed, completions: 2, parallelism: 2";
    let cases = [
        ("parallelism: 3, completions: 9", None),
        ("parallelism: 1, completions: 9", Some((1, 0, 0, 3, true))),
        ("parallelism: 3, completions: 9, suspend: true", Some((0, 0, 0, 3, true))),
        (indexed, Some((2, 0, 0, 3, true))),
    ];
    for (spec, expected) in cases {
        let job = format!(
            "{{apiVersion: batch/v1, kind: Job, metadata: {{name: j}}, spec: {{{spec}, {}}}}}",
            template("a: b", 1, "i").replace("containers:", "restartPolicy: Never, containers:")
        );
        let outcome = play(&[node("n1", 4), job, pod(0), pod(1), pod(2)]);
        match expected {
            Some(expected) => assert_eq!(only(&outcome), expected, "{spec}"),
            None => assert!(outcome.rollouts.is_empty(), "{spec}"),
        }
    }
}

#[test]
fn a_pod_that_is_adopted_belongs_to_its_controller() {
    let lone = running("lone", "n1", "app: rs", "X", "x");
    let begin = lone.find(", ownerReferences").unwrap();
    let end = lone.find("}, spec").unwrap();
    let lone = format!("{}{}", &lone[..begin], &lone[end..]);
    let world =
        world(&documents(&[&node("n1", 4), &workload("ReplicaSet", "rs", "replicas: 2", 1, "i"), &lone]));
    let owner = pod(&world, "lone").spec.controller.clone().unwrap();
    assert_eq!((&*owner.kind, &*owner.name, world.waiting.len()), ("ReplicaSet", "rs", 1));
}
