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
fn an_update_that_the_api_server_refuses_leaves_the_object_as_it_is() {
    let set = |meta: &str, policy: &str, size: &str, app: &str| {
        format!(
            "{{apiVersion: apps/v1, kind: StatefulSet, metadata: {{name: db{meta}}}, spec: {{replicas: 1, serviceName: db, \
             podManagementPolicy: {policy}, selector: {{matchLabels: {{app: {app}}}}}, template: {{metadata: {{labels: \
             {{app: {app}}}}}, spec: {{containers: [{{name: c, image: i}}]}}}}, volumeClaimTemplates: [{{metadata: {{name: \
             data}}, spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: {size}}}}}}}}}]}}}}\n"
        )
    };
    let job = |meta: &str, labels: &str, spec: &str, cpu: &str| {
        format!(
            "{{apiVersion: batch/v1, kind: Job, metadata: {{name: j{meta}}}, spec: {{{spec} template: {{metadata: {{labels: \
             {{app: j{labels}}}}}, spec: {{restartPolicy: Never, containers: [{{name: c, image: i, resources: {{requests: \
             {{cpu: {cpu}}}}}}}]}}}}}}}}\n"
        )
    };
    let stored_job =
        |spec: &str| job(STORED, ", job-name: j, batch.kubernetes.io/controller-uid: u-1", spec, "1");
    let indexed = "completionMode: Indexed, parallelism: 2, completions: 2,";
    let stored_set = set(STORED, "Parallel", "10Gi", "db");
    let stored_web = deployment(STORED, "replicas: 3,", "1");
    let web = |app: &str| deployment("", "replicas: 4,", "1").replace("app: web", &format!("app: {app}"));
    let cases = [
        (stored_set.clone(), set("", "Parallel", "10Gi", "db"), None),
        (stored_set.clone(), set("", "Parallel", "20Gi", "db"), Some("spec.volumeClaimTemplates")),
        (stored_set.clone(), set("", "OrderedReady", "10Gi", "db"), Some("spec.podManagementPolicy")),
        (stored_set, set("", "Parallel", "10Gi", "base"), Some("spec.selector")),
        (stored_web.clone(), web("web"), None),
        (stored_web, web("shop"), Some("spec.selector")),
        (stored_job(""), job("", "", "", "1"), None),
        (stored_job(""), job("", "", "", "2"), Some("spec.template")),
        (stored_job("suspend: true,"), job("", "", "", "2"), None),
        (stored_job("completions: 3,"), job("", "", "completions: 4,", "1"), Some("spec.completions")),
        (stored_job(indexed), job("", "", &indexed.replace('2', "4"), "1"), None),
        (
            stored_job(indexed),
            job("", "", "parallelism: 2, completions: 2,", "1"),
            Some("spec.completionMode"),
        ),
    ];
    for (stored, manifest, field) in cases {
        let before = warned(&stored).0.workloads[0].value.clone();
        for text in [format!("{stored}---\n{manifest}"), format!("{manifest}---\n{stored}")] {
            let (manifests, warnings) = warned(&text);
            assert_eq!(warnings.len(), usize::from(field.is_some()), "{text} {warnings}");
            let Some(field) = field else { continue };
            let expected =
                format!("the API server refuses this update, because {field} cannot be changed so; ");
            assert!(warnings.to_string().contains(&expected), "{text} {warnings}");
            assert_eq!(manifests.workloads[0].value, before, "{text}");
        }
    }
}

#[test]
fn of_a_claim_and_of_classes_some_fields_cannot_change_either() {
    let claim = |meta: &str, size: &str, rest: &str| {
        format!(
            "{{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {{name: data{meta}}}, spec: {{accessModes: \
             [ReadWriteOnce], resources: {{requests: {{storage: {size}}}}}{rest}}}}}\n"
        )
    };
    let storage = |meta: &str, mode: &str| {
        format!(
            "{{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {{name: ssd{meta}}}, provisioner: x, \
             volumeBindingMode: {mode}}}\n"
        )
    };
    let priority = |meta: &str, value: i32| {
        format!(
            "{{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {{name: high{meta}}}, value: {value}}}\n"
        )
    };
    let bound = claim(STORED, "10Gi", ", storageClassName: ssd, volumeName: pv-1");
    let cases = [
        (bound.clone(), claim("", "10Gi", ""), None),
        (bound.clone(), claim("", "20Gi", ""), None),
        (bound.clone(), claim("", "5Gi", ""), Some("spec.resources.requests.storage")),
        (bound.clone(), claim("", "10Gi", ", storageClassName: hdd"), Some("spec.storageClassName")),
        (bound, claim("", "10Gi", ", volumeMode: Block"), Some("spec.volumeMode")),
        (storage(STORED, "Immediate"), storage("", "WaitForFirstConsumer"), Some("volumeBindingMode")),
        (priority(STORED, 10), priority("", 20), Some("value")),
        (priority(STORED, 10), priority("", 10), None),
    ];
    for (stored, manifest, field) in cases {
        let (_, warnings) = warned(&format!("{stored}---\n{manifest}"));
        assert_eq!(warnings.len(), usize::from(field.is_some()), "{manifest} {warnings}");
        if let Some(field) = field {
            let expected =
                format!("the API server refuses this update, because {field} cannot be changed so; ");
            assert!(warnings.to_string().contains(&expected), "{manifest} {warnings}");
        }
    }
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
