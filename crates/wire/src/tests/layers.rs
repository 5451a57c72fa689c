//! Manifests over what a cluster has, and objects that are defined more than once.

use berth_model::workload::PodCount;

use super::{warned, wrong};

fn deployment(meta: &str, replicas: &str, cpu: &str) -> String {
    format!(
        "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: web{meta}}}, spec: {{{replicas} selector: {{matchLabels: \
         {{app: web}}}}, template: {{metadata: {{labels: {{app: web}}}}, spec: {{containers: [{{name: c, image: i, resources: \
         {{requests: {{cpu: {cpu}}}}}}}]}}}}}}}}\n"
    )
}

const STORED: &str = ", uid: u-1, creationTimestamp: '2026-01-31T12:00:00Z'";

#[test]
fn a_manifest_replaces_the_desired_state_and_keeps_what_the_server_owns_in_any_order() {
    let stored = deployment(STORED, "replicas: 3,", "1");
    let manifest = deployment("", "replicas: 5,", "2");
    for text in [format!("{stored}---\n{manifest}"), format!("{manifest}---\n{stored}")] {
        let (manifests, warnings) = warned(&text);
        assert!(warnings.is_empty(), "{warnings}");
        let [entry] = manifests.workloads.as_slice() else { panic!("{:?}", manifests.workloads) };
        let workload = &entry.value;
        assert_eq!((&*workload.uid, workload.created.is_some()), ("u-1", true));
        assert_eq!(workload.count, PodCount::Replicas { count: 5, first: 0 });
        assert_eq!(workload.template.spec.spec.containers[0].requests[0].1.to_string(), "2");
    }
}

#[test]
fn any_field_of_a_template_makes_an_update_but_not_what_the_server_sets() {
    let with = |meta: &str, rest: &str, spec: &str| {
        deployment(meta, "replicas: 3,", "1")
            .replace("image: i,", &format!("image: i, {rest}"))
            .replace("spec: {containers", &format!("spec: {{{spec} containers"))
    };
    let stored = with(
        STORED,
        "terminationMessagePolicy: File, env: [{name: A, value: a}],",
        "dnsPolicy: ClusterFirst,",
    );
    let snapshot = with(STORED, "", "");
    let cases = [
        (&stored, "env: [{name: A, value: a}],", false),
        (&stored, "env: [{name: A, value: b}],", true),
        (&stored, "", true),
        (&stored, "env: [{name: A, value: a}], args: [x],", true),
        // A snapshot has no such fields, so that nothing is known.
        (&snapshot, "env: [{name: A, value: b}],", false),
    ];
    for (stored, rest, expected) in cases {
        let (manifests, _) = warned(&format!("{stored}---\n{}", with("", rest, "")));
        assert_eq!(manifests.workloads[0].value.template_changed, expected, "{stored} {rest}");
    }
}

#[test]
fn a_manifest_without_replicas_leaves_their_number_to_the_autoscaler() {
    let text = format!("{}---\n{}", deployment(STORED, "replicas: 7,", "1"), deployment("", "", "1"));
    let (manifests, _) = warned(&text);
    assert_eq!(manifests.workloads[0].value.count, PodCount::Replicas { count: 7, first: 0 });
}

#[test]
fn equal_definitions_are_one_and_of_different_ones_the_later_counts_with_a_warning() {
    let namespace = |team: &str| {
        format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: shop, labels: {{team: {team}}}}}}}\n")
    };
    let (manifests, warnings) = warned(&format!("{}---\n{}", namespace("a"), namespace("a")));
    assert_eq!((manifests.namespaces.len(), warnings.len()), (1, 0));
    let (manifests, warnings) = warned(&format!("{}---\n{}", namespace("a"), namespace("b")));
    assert_eq!(manifests.namespaces[0].value.labels.get("team").map(|v| &**v), Some("b"));
    let expected = "in: Namespace shop: defined twice, differently; the later definition counts (in:3)\n";
    assert_eq!(warnings.to_string(), expected);
}

#[test]
fn a_running_pod_stays_as_it_is_and_a_changed_request_is_worth_a_warning() {
    let pod = |meta: &str, spec: &str, cpu: &str| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: a{meta}}}, spec: {{{spec} containers: [{{name: c, image: i, \
             resources: {{requests: {{cpu: {cpu}}}}}}}]}}}}\n"
        )
    };
    let running = pod(STORED, "nodeName: n1, tolerations: [{operator: Exists}],", "1");
    let node = "{apiVersion: v1, kind: Node, metadata: {name: n1}, status: {capacity: {cpu: 4}}}\n";
    for (cpu, count) in [("1", 0), ("2", 1)] {
        let (manifests, warnings) = warned(&format!("{node}---\n{running}---\n{}", pod("", "", cpu)));
        assert_eq!(manifests.pods.len(), 1);
        assert_eq!(manifests.pods[0].value.pod.node.as_deref(), Some("n1"));
        assert_eq!(warnings.len(), count, "{warnings}");
    }
}

#[test]
fn a_pod_that_has_ended_is_not_made_again_by_its_manifest() {
    let pod = |meta: &str, rest: &str| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: a{meta}}}, spec: {{containers: [{{name: c}}]}}{rest}}}\n"
        )
    };
    let text = format!("{}---\n{}", pod(STORED, ", status: {phase: Succeeded}"), pod("", ""));
    assert!(warned(&text).0.pods.is_empty());
}

#[test]
fn generated_names_are_numbered() {
    let pod =
        "{apiVersion: v1, kind: Pod, metadata: {generateName: job-}, spec: {containers: [{name: c}]}}\n";
    let (manifests, _) = warned(&format!("{pod}---\n{pod}"));
    let names: Vec<&str> = manifests.pods.iter().map(|entry| &*entry.value.pod.name).collect();
    assert_eq!(names, ["job-0", "job-1"]);
    assert_eq!(wrong("{apiVersion: v1, kind: Pod, spec: {containers: [{name: c}]}}").len(), 1);
}
