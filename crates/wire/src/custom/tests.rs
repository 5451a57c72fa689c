use berth_model::workload::PodCount;

use super::Rules;
use super::rule::Rule;
use crate::tests::warned;
use crate::{Loader, RuleError};

/// The workloads that a text comes to: name, number of pods, CPU and memory that a pod requests.
fn pods(text: &str) -> Vec<String> {
    let (manifests, warnings) = warned(text);
    assert!(warnings.is_empty(), "{warnings}");
    let workloads = manifests.workloads.iter().map(|entry| &entry.value);
    let shown = workloads.map(|workload| {
        let PodCount::Replicas { count, .. } = workload.count else { return "not replicas".to_owned() };
        let requests = workload.template.spec.spec.total_requests().exact;
        let amount = |name: &str| requests.get(name).map_or("-".to_owned(), ToString::to_string);
        format!("{} x{count} cpu {} memory {}", workload.name, amount("cpu"), amount("memory"))
    });
    shown.collect()
}

const CONTAINERS: &str = "spec: {containers: [{name: c, image: i, resources: {requests: {cpu: 2}}}]}";

#[test]
fn the_built_in_rules_are_in_order() {
    let mut rules = Rules::default();
    assert!(rules.find("ray.io", "RayCluster").is_some_and(|rule: &Rule| !rule.pods.is_empty()));
    assert_eq!(rules.add(super::rule::OWN), Ok(()));
}

#[test]
fn each_kind_makes_the_pods_of_its_templates() {
    let template = format!("template: {{{CONTAINERS}}}");
    let cases: &[(&str, &str, String, &[&str])] = &[
        ("argoproj.io/v1alpha1", "Rollout", format!("replicas: 5, {template}"), &["x x5 cpu 2 memory -"]),
        (
            "ray.io/v1",
            "RayCluster",
            format!("headGroupSpec: {{{template}}}, workerGroupSpecs: [{{groupName: small, replicas: 3, {template}}}, \
                     {{groupName: big, minReplicas: 2, numOfHosts: 4, {template}}}, {{groupName: none, {template}}}]"),
            &["x-head x1 cpu 2 memory -", "x-small x3 cpu 2 memory -", "x-big x8 cpu 2 memory -"],
        ),
        (
            "jobset.x-k8s.io/v1alpha2",
            "JobSet",
            format!("replicatedJobs: [{{name: workers, replicas: 2, template: {{spec: {{parallelism: 4, {template}}}}}}}]"),
            &["x-workers x8 cpu 2 memory -"],
        ),
        (
            "leaderworkerset.x-k8s.io/v1",
            "LeaderWorkerSet",
            format!("replicas: 3, leaderWorkerTemplate: {{size: 4, workerTemplate: {{{CONTAINERS}}}}}"),
            &["x-leader x3 cpu 2 memory -", "x-worker x9 cpu 2 memory -"],
        ),
        (
            "batch.volcano.sh/v1alpha1",
            "Job",
            format!("tasks: [{{name: ps, {template}}}, {{name: worker, replicas: 6, {template}}}]"),
            &["x-ps x1 cpu 2 memory -", "x-worker x6 cpu 2 memory -"],
        ),
        (
            "kubeflow.org/v1",
            "PyTorchJob",
            format!("pytorchReplicaSpecs: {{Master: {{{template}}}, Worker: {{replicas: 3, {template}}}}}"),
            &["x-master x1 cpu 2 memory -", "x-worker x3 cpu 2 memory -"],
        ),
        (
            "trainer.kubeflow.org/v1alpha1",
            "TrainJob",
            "trainer: {numNodes: 2, resourcesPerNode: {requests: {cpu: 4, memory: 8Gi}}}".to_owned(),
            &["x-node x2 cpu 4 memory 8589934592"],
        ),
        (
            "sparkoperator.k8s.io/v1beta2",
            "SparkApplication",
            "driver: {cores: 1, memory: 512m}, executor: {cores: 2, instances: 3, memory: 8g, memoryOverhead: 1g}".to_owned(),
            &["x-driver x1 cpu 1 memory 939524096", "x-exec x3 cpu 2 memory 9663676416"],
        ),
        (
            "serving.knative.dev/v1",
            "Service",
            "template: {metadata: {annotations: {autoscaling.knative.dev/min-scale: '4'}}, spec: {containerConcurrency: 9, \
             containers: [{image: i, resources: {requests: {cpu: 1}}}]}}".to_owned(),
            &["x x4 cpu 1.025 memory -"],
        ),
        (
            "monitoring.coreos.com/v1",
            "Prometheus",
            "replicas: 2, shards: 3, resources: {requests: {memory: 400Mi}}".to_owned(),
            &["x x6 cpu 0.01 memory 471859200"],
        ),
        ("monitoring.coreos.com/v1", "Alertmanager", String::new(), &["x x1 cpu 0.01 memory 262144000"]),
    ];
    for (api_version, kind, spec, expected) in cases {
        let text =
            format!("{{apiVersion: {api_version}, kind: {kind}, metadata: {{name: x}}, spec: {{{spec}}}}}");
        assert_eq!(pods(&text), *expected, "{kind}");
    }
}

#[test]
fn an_app_wrapper_is_read_as_the_objects_in_it() {
    let job = format!(
        "{{apiVersion: apps/v1, kind: ReplicaSet, metadata: {{name: a}}, spec: {{replicas: 2, selector: \
                       {{matchLabels: {{a: b}}}}, template: {{metadata: {{labels: {{a: b}}}}, {CONTAINERS}}}}}}}"
    );
    let text = format!(
        "{{apiVersion: workload.codeflare.dev/v1beta2, kind: AppWrapper, metadata: {{name: x}}, spec: {{components: \
         [{{template: {job}}}]}}}}"
    );
    assert_eq!(pods(&text), ["a x2 cpu 2 memory -"]);
}

#[test]
fn of_a_resource_that_is_defined_twice_the_later_or_the_manifest_counts() {
    let rollout = |meta: &str, replicas: u32| {
        format!(
            "{{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {{name: x{meta}}}, spec: {{replicas: {replicas}, \
             template: {{{CONTAINERS}}}}}}}"
        )
    };
    let (first, second, stored) = (rollout("", 1), rollout("", 2), rollout(", uid: u", 3));
    let both = "in: Rollout default/x: defined twice, differently; the later definition counts (in:3)\n";
    let cases = [
        ([&first, &first], 1, ""),
        ([&first, &second], 2, both),
        ([&second, &first], 1, both),
        ([&first, &stored], 1, ""),
        ([&stored, &first], 1, ""),
    ];
    for ([one, other], expected, warning) in cases {
        let (manifests, warnings) = warned(&format!("{one}\n---\n{other}\n"));
        let counts: Vec<PodCount> = manifests.workloads.iter().map(|entry| entry.value.count).collect();
        assert_eq!(counts, [PodCount::Replicas { count: expected, first: 0 }], "{one} {other}");
        assert_eq!(warnings.to_string(), warning, "{one} {other}");
    }
}

#[test]
fn what_is_suspended_or_has_ended_makes_no_pods() {
    let text = |fields: &str| {
        format!(
            "{{apiVersion: jobset.x-k8s.io/v1alpha2, kind: JobSet, metadata: {{name: x}}, spec: {{{fields} replicatedJobs: []}}, \
             status: {{terminalState: STATE}}}}"
        )
    };
    let (manifests, warnings) = warned(&text("suspend: true,").replace("STATE", "''"));
    assert!(manifests.workloads.is_empty());
    assert_eq!(warnings.to_string(), "in: JobSet default/x: suspended: makes no pods\n");
    let (manifests, warnings) = warned(&text("").replace("STATE", "Completed"));
    assert!(manifests.workloads.is_empty() && warnings.is_empty());
}

#[test]
fn a_wrong_field_is_named_by_its_path_in_the_resource() {
    let text = "{apiVersion: ray.io/v1, kind: RayCluster, metadata: {name: x}, spec: {headGroupSpec: {template: {spec: \
                {containers: [{name: c, resources: {requests: {cpu: many}}}]}}}, workerGroupSpecs: [{groupName: a, \
                replicas: -1, template: {spec: {containers: [{name: c}]}}}]}}";
    let problems = crate::tests::wrong(text);
    assert_eq!(
        problems,
        [
            "in: RayCluster default/x: spec.workerGroupSpecs[0].replicas: found -1, expected an integer that is not negative",
            "in: RayCluster default/x: spec.headGroupSpec.template.spec.containers[0].resources.requests.cpu: found \"many\", \
             but a quantity starts with a number, as in 500m, 2, 1.5Gi or 1e3",
        ]
    );
}

#[test]
fn users_add_rules_and_replace_built_in_ones() {
    let mut rules = Rules::default();
    let own = "- {group: example.com, kind: Farm, pods: [{template: spec.pod, count: spec.size}]}";
    assert_eq!(rules.add(own), Ok(()));
    let mut loader = Loader::new().with_rules(rules.clone());
    let text = format!(
        "{{apiVersion: example.com/v1, kind: Farm, metadata: {{name: x}}, spec: {{size: 7, pod: {{{CONTAINERS}}}}}}}"
    );
    loader.read("in", text.as_bytes());
    let (manifests, _) = loader.finish().unwrap();
    assert_eq!(manifests.workloads[0].value.count, PodCount::Replicas { count: 7, first: 0 });
    let builtin = RuleError::new("apps/Deployment is read by Berth itself and takes no rule");
    assert_eq!(rules.add("- {group: apps, kind: Deployment}"), Err(builtin));
    assert!(
        rules
            .add("- {group: a, kind: B, pod: []}")
            .is_err_and(|e| e.to_string().contains("unknown field `pod`"))
    );
}
