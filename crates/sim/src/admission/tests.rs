//! What the API server would set in new pods, and in no others.

use crate::fixture::{documents, pod, refused, workload, world};
use berth_model::node::ResourceList;
use berth_model::pod::PodSpec;

fn bare(meta: &str, spec: &str, container: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: a, {meta}}}, spec: {{{spec} containers: [{{name: c, {container}}}]}}}}"
    )
}

fn amounts(list: &ResourceList) -> String {
    list.iter().map(|(name, amount)| format!("{name}={amount}")).collect::<Vec<_>>().join(" ")
}

/// The spec of the pod `a`, and how the API server would complain.
fn spec_of(objects: &[&str]) -> (PodSpec, Vec<String>) {
    let world = world(&documents(objects));
    let warnings = world.warnings.iter().map(|warning| warning.message.clone()).collect();
    ((*pod(&world, "a").spec).clone(), warnings)
}

fn priority_class(name: &str, value: i32, fields: &str) -> String {
    format!(
        "{{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {{name: {name}}}, value: {value}, {fields}}}"
    )
}

#[test]
fn a_pods_priority_is_that_of_its_class() {
    let high = priority_class("high", 100, "");
    let calm = priority_class("calm", 7, "preemptionPolicy: Never");
    let default = priority_class("usual", 5, "globalDefault: true");
    let lower = priority_class("other", 3, "globalDefault: true");
    let class = |name: &str| bare("", &format!("priorityClassName: {name},"), "");
    let stored = bare("", "priorityClassName: gone, priority: 42, preemptionPolicy: Never,", "")
        .replace("name: a, ", "name: b, uid: u");
    let cases: &[(&[&str], i32, bool, &str)] = &[
        (&[&bare("", "", "")], 0, false, "no class"),
        (&[&default, &bare("", "", "")], 5, false, "the global default"),
        (&[&default, &lower, &bare("", "", "")], 3, false, "of two global defaults the lower"),
        (&[&default, &high, &class("high")], 100, false, "its own class"),
        (&[&calm, &class("calm")], 7, true, "the class's preemption policy"),
        (&[&class("system-cluster-critical")], 2_000_000_000, false, "built in"),
        (&[&class("system-node-critical")], 2_000_001_000, false, "built in"),
        (&[&stored, &class("gone")], 42, true, "a class that a stored pod tells of"),
    ];
    for (objects, priority, never, why) in cases {
        let (spec, warnings) = spec_of(objects);
        assert_eq!((spec.priority, spec.never_preempts), (*priority, *never), "{why}");
        assert!(warnings.is_empty(), "{why}: {warnings:?}");
    }
}

#[test]
fn a_class_that_is_not_there_is_an_error() {
    let named = "priorityClassName: high, runtimeClassName: gvisor,";
    let expected = |place: &str, object: &str, path: &str| {
        [("priorityClassName", "high", "Priority"), ("runtimeClassName", "gvisor", "Runtime")]
            .map(|(field, name, kind)| {
                format!(
                    "{place}: {object}: {path}.{field}: found \"{name}\", but no {kind}Class of this name is in the \
                     input, so the API server would refuse the pod"
                )
            })
            .join("\n")
    };
    assert_eq!(refused(&bare("", named, "")), expected("in", "Pod default/a", "spec"));
    let cases =
        [("Deployment", "replicas: 3,"), ("StatefulSet", "replicas: 3,"), ("ReplicaSet", "replicas: 3,")];
    for (kind, spec) in cases {
        let text = workload(kind, "web", "", spec, named);
        let expected = expected("in", &format!("{kind} default/web"), "spec.template.spec");
        assert_eq!(refused(&text), expected, "told once, not for each pod");
        assert_eq!(refused(&text.replace("replicas: 3", "replicas: 0")), "", "nobody is refused");
    }
}

#[test]
fn a_pod_that_sets_what_admission_sets_is_taken_as_it_is() {
    let high = priority_class("high", 100, "");
    let sandbox = "{apiVersion: node.k8s.io/v1, kind: RuntimeClass, metadata: {name: s}, handler: h, overhead: {podFixed: \
                   {cpu: 1}}, scheduling: {nodeSelector: {box: 'yes'}}}";
    let refuses = "the API server would refuse it; taken as it is";
    let cases: &[(&str, &str)] = &[
        ("priority: 7,", "asks for priority 7, but its class gives 0"),
        ("priority: 7, priorityClassName: high,", "asks for priority 7, but its class gives 100"),
        (
            "preemptionPolicy: Never, priorityClassName: high,",
            "asks for preemptionPolicy Never, but its class gives PreemptLowerPriority",
        ),
        ("overhead: {cpu: 2},", "has an overhead but no runtime class"),
        ("overhead: {cpu: 2}, runtimeClassName: s,", "has another overhead than its runtime class s"),
        (
            "nodeSelector: {box: 'no'}, runtimeClassName: s,",
            "selects nodes with box=no, but its runtime class s with box=yes",
        ),
    ];
    for (fields, why) in cases {
        let (spec, warnings) = spec_of(&[&high, sandbox, &bare("", fields, "")]);
        assert_eq!(warnings, [format!("{why}: {refuses}")], "{fields}");
        assert!(spec.priority == 100 || !fields.contains("Never"));
        assert!(spec.priority == 7 || !fields.contains("priority: 7"));
    }
}

#[test]
fn a_runtime_class_adds_overhead_selector_and_tolerations() {
    let class = "{apiVersion: node.k8s.io/v1, kind: RuntimeClass, metadata: {name: s}, handler: h, overhead: {podFixed: \
                 {cpu: 250m}}, scheduling: {nodeSelector: {box: 'yes'}, tolerations: [{key: box, operator: Exists}]}}";
    let (spec, warnings) =
        spec_of(&[class, &bare("", "runtimeClassName: s, nodeSelector: {disk: ssd},", "")]);
    assert_eq!(amounts(&spec.overhead), "cpu=0.25");
    let selector: Vec<_> = spec.node_selector.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(selector, ["box=yes", "disk=ssd"]);
    let tolerations: Vec<_> = spec.tolerations.iter().map(|t| &*t.key).collect();
    assert_eq!(tolerations, ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable", "box"]);
    assert!(warnings.is_empty());
}

fn limit_range(name: &str, items: &str) -> String {
    format!("{{apiVersion: v1, kind: LimitRange, metadata: {{name: {name}}}, spec: {{limits: [{items}]}}}}")
}

#[test]
fn a_limit_range_gives_containers_what_they_do_not_set() {
    let range =
        limit_range("r", "{type: Container, default: {cpu: 2, memory: 2Ki}, defaultRequest: {cpu: 1}}");
    let maximum = limit_range("r", "{type: Container, max: {cpu: 4}}");
    let cases: &[(&str, &str, &str, &str)] = &[
        (&range, "", "cpu=1 memory=2048", "cpu=2 memory=2048"),
        (&range, "resources: {requests: {cpu: 500m}}", "cpu=0.5 memory=2048", "cpu=2 memory=2048"),
        (&range, "resources: {limits: {cpu: 3}}", "cpu=3 memory=2048", "cpu=3 memory=2048"),
        (&maximum, "", "cpu=4", "cpu=4"),
        (&maximum.replace("name: r", "name: r, namespace: other"), "", "", ""),
    ];
    for (range, container, requests, limits) in cases {
        let (spec, warnings) = spec_of(&[range, &bare("", "initContainers: [{name: i}],", container)]);
        let found = (amounts(&spec.containers[0].requests), amounts(&spec.containers[0].limits));
        assert_eq!((found.0.as_str(), found.1.as_str()), (*requests, *limits), "{range} {container}");
        assert_eq!(spec.init_containers[0].requests.is_empty(), requests.is_empty(), "init containers too");
        assert!(warnings.is_empty(), "{warnings:?}");
    }
}

#[test]
fn what_a_limit_range_gives_counts_for_the_pod_as_a_whole() {
    let range = limit_range("r", "{type: Container, defaultRequest: {cpu: 1}}");
    let (spec, _) = spec_of(&[&range, &bare("", "resources: {limits: {cpu: 4}},", "")]);
    assert_eq!(amounts(spec.pod_requests.as_ref().unwrap()), "cpu=1", "the containers' sum, not the limit");
}

#[test]
fn a_pod_beyond_the_bounds_is_told() {
    let container = |bounds: &str| limit_range("r", &format!("{{type: Container, {bounds}}}"));
    let whole = |bounds: &str| limit_range("r", &format!("{{type: Pod, {bounds}}}"));
    let request = "resources: {requests: {cpu: 2}}";
    let limit = "resources: {requests: {cpu: 1}, limits: {cpu: 3}}";
    let cases: &[(&str, &str, &str)] = &[
        (&container("min: {cpu: 3}"), request, "minimum cpu usage per Container is 3, but request is 2"),
        (&container("min: {memory: 1}"), request, ""),
        (&container("max: {cpu: 2}"), limit, "maximum cpu usage per Container is 2, but limit is 3"),
        (&container("min: {cpu: 1}, max: {cpu: 3}"), limit, ""),
        (&whole("min: {cpu: 3}"), request, "minimum cpu usage per Pod is 3, but request is 2"),
        (&whole("min: {memory: 1}"), request, "minimum memory usage per Pod is 1.  No request is specified"),
        (&whole("max: {cpu: 2}"), request, "maximum cpu usage per Pod is 2.  No limit is specified"),
        (&whole("max: {cpu: 2}"), limit, "maximum cpu usage per Pod is 2, but limit is 3"),
    ];
    for (range, resources, why) in cases {
        let (_, warnings) = spec_of(&[range, &bare("", "", resources)]);
        let expected =
            format!("violates a limit range ({why}): the API server would refuse it; taken as it is");
        assert_eq!(warnings, if why.is_empty() { vec![] } else { vec![expected] }, "{range} {resources}");
    }
}

#[test]
fn a_default_limit_below_the_request_of_a_container_is_told() {
    let range = limit_range("r", "{type: Container, default: {cpu: 1}, defaultRequest: {memory: 2Gi}}");
    let cases: &[(&str, &str)] = &[
        ("resources: {requests: {cpu: 2}}", "cpu request of 2 is more than the limit of 1"),
        ("resources: {limits: {memory: 1Gi}}", ""), // the limit is the request, too
        ("resources: {requests: {cpu: 1}}", ""),
    ];
    for (resources, why) in cases {
        let (_, warnings) = spec_of(&[&range, &bare("", "", resources)]);
        let expected = format!(
            "container c: with the defaults of a limit range, the {why}: the API server would refuse it; taken as it is"
        );
        assert_eq!(warnings, if why.is_empty() { vec![] } else { vec![expected] }, "{resources}");
    }
}

#[test]
fn pods_that_are_stored_are_left_alone() {
    let range = limit_range("r", "{type: Container, defaultRequest: {cpu: 1}}");
    let default = priority_class("usual", 5, "globalDefault: true");
    let high = priority_class("high", 100, "");
    let cases: &[(&str, &str, bool, i32)] = &[
        ("", "", true, 5),
        ("uid: u", "", false, 0),
        ("creationTimestamp: '2026-01-01T00:00:00Z'", "", false, 0),
        ("", "nodeName: n1,", false, 0),
        ("", "nodeName: n1, priorityClassName: high,", false, 100),
        ("uid: u", "priorityClassName: high, priority: 9,", false, 9),
    ];
    for (meta, spec, is_admitted, priority) in cases {
        let node = crate::fixture::node("n1", "", "");
        let (spec, warnings) = spec_of(&[&node, &range, &default, &high, &bare(meta, spec, "")]);
        assert_eq!(!spec.containers[0].requests.is_empty(), *is_admitted, "{meta} {spec:?}");
        assert_eq!(!spec.tolerations.is_empty(), *is_admitted, "{meta} {spec:?}");
        assert_eq!(spec.priority, *priority, "{meta} {spec:?}");
        assert!(warnings.is_empty(), "{warnings:?}");
    }
}

#[test]
fn a_claim_without_class_gets_the_newest_default() {
    let class = |name: &str, created: &str, default: &str| {
        format!(
            "{{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {{name: {name}, creationTimestamp: \
             '{created}T00:00:00Z', annotations: {{storageclass.{default}}}}}, provisioner: p}}"
        )
    };
    let yes = "kubernetes.io/is-default-class: 'true'";
    let old = class("old", "2025-01-01", yes);
    let young = class("young", "2026-01-01", "beta.kubernetes.io/is-default-class: 'true'");
    let twin = class("a-twin", "2026-01-01", yes);
    let other = class("other", "2027-01-01", "kubernetes.io/is-default-class: 'false'");
    let claim = |meta: &str, spec: &str| {
        format!(
            "{{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {{name: c, {meta}}}, spec: {{{spec} accessModes: \
             [ReadWriteOnce], resources: {{requests: {{storage: 1}}}}}}}}"
        )
    };
    let cases: &[(&[&str], String, Option<&str>)] = &[
        (&[&old, &young, &other], claim("", ""), Some("young")),
        (&[&young, &twin], claim("", ""), Some("a-twin")),
        (&[&other], claim("", ""), None),
        (&[&old], claim("", "storageClassName: '',"), Some("")),
        (&[&old], claim("uid: u", ""), Some("old")),
        (&[&old], claim("uid: u", "volumeName: v,"), None),
    ];
    for (classes, claim, expected) in cases {
        let world = world(&documents(&[*classes, &[claim]].concat()));
        let found = world.cluster.storage().claim(&"default".into(), &"c".into());
        assert_eq!(found.and_then(|claim| claim.storage_class.as_deref()), *expected, "{claim}");
    }
}
