//! Scripted histories: which pods are made when, and where they run.

use std::collections::{BTreeMap, BTreeSet};

use berth_model::node::TaintEffect;
use berth_model::object::{Kind, Object};
use berth_model::selector::LabelSelector;
use berth_model::workload::WorkloadKind;
use berth_wire::Loader;
use expect_test::{Expect, expect};

use super::{HOUR, SECOND, node, simulate, workload};
use crate::Millis;
use crate::command::{Command, NodeQuery};
use crate::simulation::Simulation;

fn named(name: &str) -> NodeQuery {
    NodeQuery::Name(name.into())
}

fn fail(name: &str) -> Command {
    Command::Fail(named(name))
}

fn check_story(objects: &[String], commands: Vec<(Millis, Command)>, follow: &str, expected: Expect) {
    let mut simulation = simulate(objects, commands, Some(follow));
    simulation.advance(3 * HOUR);
    let result = simulation.result("greedy".to_owned());
    let lines = result.story.iter().map(|line| format!("{} {}\n", line.at_seconds, line.text));
    expected.assert_eq(&lines.collect::<String>());
    assert_eq!(result.warnings, Vec::<String>::new());
}

/// When pods are created until a time, in seconds, with their names.
fn creations(simulation: &mut Simulation, until: Millis, expected: Expect) {
    let mut known: BTreeSet<String> = simulation.names(Kind::Pod).into_iter().collect();
    let mut found = String::new();
    while let Some(at) = simulation.next_wake().filter(|at| *at <= until) {
        simulation.advance(at);
        for name in simulation.names(Kind::Pod) {
            if known.insert(name.clone()) {
                found += &format!("{} {name}\n", at / SECOND);
            }
        }
    }
    expected.assert_eq(&found);
}

/// The names of pods, with their nodes.
fn places(simulation: &Simulation) -> Vec<String> {
    let pods = simulation.store().list(Kind::Pod).filter_map(|object| match &**object {
        Object::Pod(manifest) => Some(&manifest.pod),
        _ => None,
    });
    pods.map(|pod| format!("{} {}", pod.name, pod.node.as_deref().unwrap_or("-"))).collect()
}

fn read(text: &str) -> Object {
    let mut loader = Loader::new();
    loader.read("in", text.as_bytes());
    let mut objects = Vec::new();
    match loader.finish() {
        Ok((manifests, _)) => manifests.into_objects(|object| objects.push(object)),
        Err(problems) => panic!("{problems}"),
    }
    objects.remove(0)
}

fn two_nodes(workload: String) -> [String; 3] {
    [node("n1", "a"), node("n2", "b"), workload]
}

#[test]
fn a_pod_of_a_failed_node_is_made_again_elsewhere() {
    let objects = two_nodes(workload("Deployment", "web", "replicas: 1,", ""));
    check_story(
        &objects,
        vec![(HOUR, fail("n1"))],
        "web",
        expect![[r#"
        0 web-qspq9-0 is created by ReplicaSet default/web-qspq9
        0 web-qspq9-0 is bound to n1
        2 web-qspq9-0 runs and is ready
        3600 web-qspq9-0 is lost: its node n1 has failed
        3950 web-qspq9-0 is deleted (taint)
        3950 web-qspq9-1 is created by ReplicaSet default/web-qspq9
        3950 web-qspq9-1 is bound to n2
        3952 web-qspq9-1 runs and is ready
    "#]],
    );
}

#[test]
fn a_pod_bears_a_failed_node_as_long_as_its_toleration_says() {
    let tolerations = "tolerations: [{key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, \
                       tolerationSeconds: 30}],";
    let objects = two_nodes(workload("Deployment", "web", "replicas: 1,", tolerations));
    check_story(
        &objects,
        vec![(HOUR, fail("n1"))],
        "web",
        expect![[r#"
        0 web-qspq9-0 is created by ReplicaSet default/web-qspq9
        0 web-qspq9-0 is bound to n1
        2 web-qspq9-0 runs and is ready
        3600 web-qspq9-0 is lost: its node n1 has failed
        3680 web-qspq9-0 is deleted (taint)
        3680 web-qspq9-1 is created by ReplicaSet default/web-qspq9
        3680 web-qspq9-1 is bound to n2
        3682 web-qspq9-1 runs and is ready
    "#]],
    );
}

#[test]
fn a_pod_of_a_node_that_recovers_in_time_starts_again_there() {
    let objects = two_nodes(workload("Deployment", "web", "replicas: 1,", ""));
    let commands = vec![(HOUR, fail("n1")), (HOUR + 120 * SECOND, Command::Recover(named("n1")))];
    check_story(
        &objects,
        commands,
        "web",
        expect![[r#"
        0 web-qspq9-0 is created by ReplicaSet default/web-qspq9
        0 web-qspq9-0 is bound to n1
        2 web-qspq9-0 runs and is ready
        3600 web-qspq9-0 is lost: its node n1 has failed
        3720 web-qspq9-0 starts again: its node works again
        3722 web-qspq9-0 runs and is ready
    "#]],
    );
}

#[test]
fn a_stateful_set_waits_until_the_pod_of_a_failed_node_is_gone() {
    let objects = two_nodes(workload("StatefulSet", "db", "replicas: 1,", ""));
    let commands = vec![(HOUR, fail("n2")), (2 * HOUR, Command::Remove(named("n2")))];
    check_story(
        &objects,
        commands,
        "db-0",
        expect![[r#"
            0 db-0 is created by StatefulSet default/db
            0 db-0 is bound to n2
            2 db-0 runs and is ready
            3600 db-0 is lost: its node n2 has failed
            3950 db-0 is deleted (taint)
            7240 db-0 is created by StatefulSet default/db
            7240 db-0 is bound to n1
            7242 db-0 runs and is ready
        "#]],
    );
}

#[test]
fn a_preempted_pod_is_made_again_and_waits_for_room() {
    let high = "{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: high}, value: 10}";
    let job = workload("Job", "urgent", "", "priorityClassName: high, restartPolicy: Never,");
    let objects = [node("n1", "a"), high.to_owned(), workload("Deployment", "web", "replicas: 4,", "")];
    let mut simulation = simulate(&objects, vec![(HOUR, Command::Apply(vec![read(&job)]))], None);
    simulation.advance(HOUR + 10 * SECOND);
    assert_eq!(places(&simulation).iter().filter(|pod| pod.ends_with(" -")).count(), 1);
    assert!(places(&simulation).contains(&"urgent-0 n1".to_owned()));
    simulation.advance(2 * HOUR);
    assert_eq!(places(&simulation).iter().filter(|pod| pod.ends_with(" -")).count(), 0);
    let result = simulation.result("greedy".to_owned());
    assert_eq!(result.summary.evictions, BTreeMap::from([("preemption", 1)]));
}

#[test]
fn a_drain_evicts_as_the_budget_allows() {
    let budget = "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: web}, spec: {maxUnavailable: 1, \
                  selector: {matchLabels: {app: web}}}}";
    let objects = [node("n1", "a"), workload("Deployment", "web", "replicas: 3,", ""), budget.to_owned()];
    let drain = Command::Drain { nodes: named("n1"), force: false };
    let commands = vec![(HOUR, Command::Apply(vec![read(&node("n2", "b"))])), (HOUR + SECOND, drain)];
    let mut simulation = simulate(&objects, commands, None);
    simulation.advance(HOUR);
    creations(
        &mut simulation,
        2 * HOUR,
        expect![[r#"
        3601 web-qspq9-3
        3606 web-qspq9-4
        3611 web-qspq9-5
    "#]],
    );
    assert!(places(&simulation).iter().all(|pod| pod.ends_with(" n2")));
    let result = simulation.result("greedy".to_owned());
    assert_eq!(result.summary.evictions, BTreeMap::from([("drain", 3)]));
    let service = result.workloads[0].service.clone().expect("a service");
    assert_eq!(service.fewest, Some(2), "the budget holds");
}

#[test]
fn a_job_tries_again_later_and_later_until_too_many_pods_have_failed() {
    let job = workload("Job", "broken", "backoffLimit: 3,", "restartPolicy: Never,");
    let job = job.replace("name: c,", "name: c, command: [sh, -c, 'sleep 1; exit 2'],");
    let mut simulation = simulate(&[node("n1", "a"), job], Vec::new(), None);
    creations(
        &mut simulation,
        HOUR,
        expect![[r#"
        0 broken-0
        13 broken-1
        36 broken-2
        79 broken-3
    "#]],
    );
    let result = simulation.result("greedy".to_owned());
    assert_eq!((result.summary.failed, result.summary.succeeded), (4, 0));
}

#[test]
fn an_indexed_job_runs_each_index_once() {
    let spec = "completionMode: Indexed, completions: 3, parallelism: 2,";
    let job = workload("Job", "train", spec, "restartPolicy: Never,");
    let mut simulation = simulate(&[node("n1", "a"), job], Vec::new(), None);
    creations(
        &mut simulation,
        HOUR,
        expect![[r#"
        0 train-0-0
        0 train-1-1
        62 train-2-2
    "#]],
    );
    assert_eq!(simulation.result("greedy".to_owned()).summary.succeeded, 3);
}

#[test]
fn a_cron_job_makes_jobs_on_time_and_keeps_the_last_ones() {
    let cron = "{apiVersion: batch/v1, kind: CronJob, metadata: {name: report}, spec: {schedule: '*/20 * * * *', \
                jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}}}";
    let mut simulation = simulate(&[node("n1", "a"), cron.to_owned()], Vec::new(), None);
    simulation.advance(4 * HOUR + SECOND);
    let jobs = simulation.names(Kind::Workload(WorkloadKind::Job));
    assert_eq!(jobs, ["report-29453940", "report-29453960", "report-29453980", "report-29454000"]);
    assert_eq!(simulation.result("greedy".to_owned()).summary.succeeded, 11);
}

#[test]
fn a_deployment_whose_template_changes_is_rolled_out() {
    let web = workload("Deployment", "web", "replicas: 4, minReadySeconds: 30,", "");
    let other = web.replace("image: i", "image: j");
    let commands = vec![(HOUR, Command::Apply(vec![read(&other)]))];
    let mut simulation = simulate(&two_nodes(web), commands, None);
    simulation.advance(HOUR - 1);
    assert_eq!(places(&simulation).len(), 4);
    creations(
        &mut simulation,
        2 * HOUR,
        expect![[r#"
        3600 web-bvpv4-0
        3600 web-bvpv4-1
        3632 web-bvpv4-2
        3632 web-bvpv4-3
    "#]],
    );
    let sets = simulation.names(Kind::Workload(WorkloadKind::ReplicaSet));
    assert_eq!((sets.len(), places(&simulation).len()), (2, 4), "the old ReplicaSet is kept without pods");
}

#[test]
fn a_stateful_set_is_made_and_updated_in_order() {
    let db = workload("StatefulSet", "db", "replicas: 3,", "");
    let other = db.replace("image: i", "image: j");
    let commands = vec![(HOUR, Command::Apply(vec![read(&other)]))];
    let mut simulation = simulate(&[node("n1", "a"), db], commands, None);
    creations(
        &mut simulation,
        HOUR - 1,
        expect![[r#"
        0 db-0
        2 db-1
        4 db-2
    "#]],
    );
    simulation.advance(2 * HOUR);
    let result = simulation.result("greedy".to_owned());
    assert_eq!((result.summary.created, result.summary.deleted), (6, 3), "each pod was replaced once");
}

#[test]
fn nodes_of_a_zone_that_is_lost_are_evicted_one_after_the_other() {
    let mut objects: Vec<String> = (0..4).map(|at| node(&format!("a{at}"), "a")).collect();
    objects.extend((0..4).map(|at| node(&format!("b{at}"), "b")));
    let zone = LabelSelector::parse("topology.kubernetes.io/zone=a").expect("a selector");
    let commands = vec![(HOUR, Command::Fail(NodeQuery::Labels(zone)))];
    let mut simulation = simulate(&objects, commands, None);
    let mut tainted = BTreeMap::new();
    while let Some(at) = simulation.next_wake().filter(|at| *at <= 2 * HOUR) {
        simulation.advance(at);
        for object in simulation.store().list(Kind::Node) {
            let Object::Node(node) = &**object else { continue };
            if node.taints.iter().any(|taint| taint.effect == TaintEffect::NoExecute) {
                tainted.entry(node.name.to_string()).or_insert((at - HOUR) / SECOND);
            }
        }
    }
    let times: Vec<(&str, Millis)> = tainted.iter().map(|(name, at)| (name.as_str(), *at)).collect();
    assert_eq!(times, [("a0", 50), ("a1", 60), ("a2", 70), ("a3", 80)]);
}

#[test]
fn nothing_is_evicted_if_all_nodes_are_lost() {
    let objects = two_nodes(workload("Deployment", "web", "replicas: 2,", ""));
    let mut simulation = simulate(&objects, vec![(HOUR, fail("n1")), (HOUR, fail("n2"))], None);
    simulation.advance(5 * HOUR);
    let result = simulation.result("greedy".to_owned());
    assert_eq!(result.summary.evictions, BTreeMap::new());
    let service = result.workloads[0].service.clone().expect("a service");
    assert_eq!(service.without_seconds, 4.0 * 3_600.0);
}

#[test]
fn a_claim_gets_a_volume_in_the_zone_of_the_selected_node() {
    let class = "{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: late}, provisioner: csi.example.com, \
                 volumeBindingMode: WaitForFirstConsumer}";
    let csi = "{apiVersion: storage.k8s.io/v1, kind: CSINode, metadata: {name: n1}, spec: {drivers: [{name: \
               csi.example.com, nodeID: n1, topologyKeys: [topology.kubernetes.io/zone]}]}}";
    let claims = "volumeClaimTemplates: [{metadata: {name: data}, spec: {storageClassName: late, accessModes: \
                  [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}],";
    let set = workload("StatefulSet", "db", &format!("replicas: 1, {claims}"), "");
    let objects = [node("n1", "a"), class.to_owned(), csi.to_owned(), set];
    let commands =
        vec![(HOUR, Command::Apply(vec![read(&node("n2", "b"))])), (2 * HOUR, Command::Remove(named("n1")))];
    let mut simulation = simulate(&objects, commands, None);
    simulation.advance(HOUR);
    assert_eq!((places(&simulation), simulation.names(Kind::Volume).len()), (vec!["db-0 n1".to_owned()], 1));
    simulation.advance(3 * HOUR);
    assert_eq!(places(&simulation), ["db-0 -"], "its volume is in the zone that is gone");
}

/// A pod that runs already, as `kubectl get` shows it.
fn running(name: &str, node: &str, owner: &str, labels: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, uid: {name}, creationTimestamp: '2025-12-31T00:00:00Z', labels: \
         {{{labels}}}, ownerReferences: [{{apiVersion: apps/v1, kind: {owner}, controller: true}}]}}, spec: {{nodeName: {node}, \
         containers: [{{name: c, image: i, resources: {{requests: {{cpu: 1}}}}}}]}}}}"
    )
}

#[test]
fn pods_that_run_already_are_those_of_their_controllers() {
    let cases = [
        (
            workload("Deployment", "web", "replicas: 2,", ""),
            "ReplicaSet, name: web-abc, uid: u",
            "pod-template-hash: abc",
        ),
        (workload("ReplicaSet", "web", "replicas: 2,", ""), "ReplicaSet, name: web", ""),
        (workload("StatefulSet", "web", "replicas: 2,", ""), "StatefulSet, name: web", ""),
    ];
    for (workload, owner, labels) in cases {
        let labels = format!("app: web, {labels}");
        let pods = ["web-0", "web-1"].map(|name| running(name, "n1", owner, &labels));
        let objects = [node("n1", "a"), node("n2", "b"), workload, pods[0].clone(), pods[1].clone()];
        let mut simulation = simulate(&objects, Vec::new(), None);
        simulation.advance(HOUR);
        assert_eq!(places(&simulation), ["web-0 n1", "web-1 n1"], "{owner}");
        assert_eq!(simulation.result("greedy".to_owned()).warnings, Vec::<String>::new(), "{owner}");
    }
}

#[test]
fn pods_of_a_controller_that_is_not_in_the_input_are_lost_with_their_node() {
    let pod = running("agent-x", "n1", "ReplicaSet, name: agent", "app: agent");
    let mut simulation = simulate(&[node("n1", "a"), node("n2", "b"), pod], vec![(HOUR, fail("n1"))], None);
    simulation.advance(3 * HOUR);
    let result = simulation.result("greedy".to_owned());
    assert_eq!((result.summary.created, result.summary.evictions.get("taint")), (1, Some(&1)));
    assert_eq!(
        result.warnings,
        ["ReplicaSet default/agent is not in the input: its pods are not made again"]
    );
}

#[test]
fn controllers_adopt_pods_that_they_select() {
    let lone = "{apiVersion: v1, kind: Pod, metadata: {name: lone, labels: {app: web}}, spec: {containers: [{name: c}]}}";
    let set = workload("ReplicaSet", "web", "replicas: 2,", "");
    let objects = [node("n1", "a"), lone.to_owned()];
    let late = vec![
        (HOUR, Command::Apply(vec![read(&set)])),
        (2 * HOUR, Command::Apply(vec![read(&lone.replace("lone", "late"))])),
    ];
    let mut simulation = simulate(&objects, late, None);
    simulation.advance(HOUR + 60 * SECOND);
    assert_eq!(
        simulation.names(Kind::Pod),
        ["lone", "web-0"],
        "the set makes one pod beside the one that it adopts"
    );
    simulation.advance(3 * HOUR);
    assert_eq!(simulation.names(Kind::Pod).len(), 2, "a pod that is adopted is surplus, and one is deleted");
    let report = simulation.result("greedy".to_owned());
    assert_eq!(report.workloads.iter().map(|group| group.created).sum::<u64>(), 3);
}

#[test]
fn a_quota_refuses_pods_until_another_one_ends() {
    let quota = "{apiVersion: v1, kind: ResourceQuota, metadata: {name: q}, spec: {hard: {pods: 2}}}";
    let objects = [
        node("n1", "a"),
        quota.to_owned(),
        workload("ReplicaSet", "web", "replicas: 3,", ""),
        workload("ReplicaSet", "late", "replicas: 1,", ""),
    ];
    let commands = vec![(HOUR, Command::Delete(read(&objects[2]).key()))];
    let mut simulation = simulate(&objects, commands, None);
    simulation.advance(60 * SECOND);
    assert_eq!(simulation.names(Kind::Pod), ["web-0", "web-1"]);
    simulation.advance(2 * HOUR);
    assert_eq!(simulation.names(Kind::Pod).len(), 1, "the other set makes its pod");
    let warnings = simulation.result("greedy".to_owned()).warnings;
    assert!(warnings[0].contains("ResourceQuota default/q: has no room for all pods"), "{warnings:?}");
}
