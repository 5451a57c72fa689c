//! Each class of error names the field, what was found and what is allowed.

use super::{container_yaml, pod_yaml, wrong};

/// Checks that a text has exactly one problem, at the field, saying so.
fn check(text: &str, field: &str, part: &str) {
    let problems = wrong(text);
    assert_eq!(problems.len(), 1, "{problems:#?}\nin:\n{text}");
    assert!(problems[0].contains(&format!(": {field}: ")), "no field {field} in {}", problems[0]);
    assert!(problems[0].contains(part), "no {part:?} in {}", problems[0]);
}

#[test]
fn an_annotation_that_cannot_be_read_is_named_in_a_manifest_but_not_in_a_stored_object() {
    let pod = |meta: &str| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: a, {meta} annotations: {{berth.dev/run-duration: soon, note:              x}}}}, spec: {{containers: [{{name: c, image: i}}]}}}}"
        )
    };
    let field = "metadata.annotations.berth.dev/run-duration";
    check(
        &pod(""),
        field,
        "found \"soon\", expected a duration such as 90s, a range such as 5m..1h, or forever",
    );
    let mut loader = crate::Loader::new();
    loader.read("in", pod("uid: u,").as_bytes());
    assert!(loader.finish().is_ok(), "the scheduler of a cluster does not need it");
}

#[test]
fn a_wrong_field_of_a_pod_is_named_with_what_is_allowed() {
    let cases = [
        ("priority: high", "spec.priority", "found \"high\", expected an integer"),
        ("priority: \"5\"", "spec.priority", "leave out the quotes"),
        ("priority: 3000000000", "spec.priority", "expected an integer from -2147483648"),
        ("hostNetwork: \"true\"", "spec.hostNetwork", "expected true or false: leave out the quotes"),
        ("nodeSelector: {disk: 1}", "spec.nodeSelector.disk", "found 1, expected a string: quote it"),
        ("nodeSelector: {ssd: yes}", "spec.nodeSelector.ssd", "is a boolean in YAML"),
        ("nodeSelector: [a]", "spec.nodeSelector", "found a list, expected an object of strings"),
        ("nodeSelector: {-a: b}", "spec.nodeSelector.-a", "expected a label key"),
        ("nodeSelector: {a: b c}", "spec.nodeSelector.a", "expected a label value"),
        ("tolerations: {}", "spec.tolerations", "found an object, expected a list"),
        ("tolerations: [{operator: Equal}]", "spec.tolerations[0].operator", "must be Exists"),
        (
            "tolerations: [{key: a, operator: Gt, value: '1'}]",
            "spec.tolerations[0].operator",
            "found \"Gt\", which needs the feature gate TaintTolerationComparisonOperators (off by default)",
        ),
        (
            "tolerations: [{key: a, operator: Exists, value: b}]",
            "spec.tolerations[0].value",
            "takes no value",
        ),
        (
            "tolerations: [{key: a, effect: Never}]",
            "spec.tolerations[0].effect",
            "one of NoSchedule, PreferNoSchedule",
        ),
        ("tolerations: [{key: a, tolerationSeconds: 5}]", "spec.tolerations[0].effect", "must be NoExecute"),
        ("preemptionPolicy: Maybe", "spec.preemptionPolicy", "one of Never, PreemptLowerPriority"),
        ("os: {name: plan9}", "spec.os.name", "one of linux, windows"),
        ("overhead: {cpu: -1}", "spec.overhead.cpu", "found -1, expected a quantity that is not negative"),
        ("schedulingGates: [{}]", "spec.schedulingGates", "a gate has no name"),
        ("schedulingGates: [{name: g}], nodeName: n1", "spec.nodeName", "schedulingGates"),
        (
            "volumes: [{name: v, persistentVolumeClaim: {}}]",
            "spec.volumes[0].persistentVolumeClaim.claimName",
            "missing",
        ),
        ("volumes: [{name: v, csi: {driver: d}, ephemeral: {}}]", "spec.volumes[0]", "more than one source"),
        ("initContainers: [{name: main}]", "spec.containers[0].name", "another container"),
        ("restartPolicy: Alwayz", "spec.restartPolicy", "one of Always, OnFailure, Never"),
        ("volumes: [{name: v}, {name: v}]", "spec.volumes", "\"v\" is the name of two volumes"),
    ];
    for (fields, field, part) in cases {
        check(&pod_yaml(fields), field, part);
    }
}

#[test]
fn a_wrong_field_of_a_container_is_named_with_what_is_allowed() {
    let requests = "spec.containers[0].resources.requests";
    let cases = [
        ("resources: {requests: {cpu: 1 core}}", "cpu", "found \"1 core\", but a quantity ends in"),
        ("resources: {requests: {cpu: many}}", "cpu", "but a quantity starts with a number"),
        ("resources: {requests: {cpu: true}}", "cpu", "found true, expected a quantity"),
        ("resources: {requests: {cpu: -100m}}", "cpu", "not negative"),
        ("resources: {requests: {gpu: 1}}", "gpu", "unknown resource \"gpu\""),
        ("resources: {requests: {cpu: 2}, limits: {cpu: 1}}", "cpu", "more than the limit of 1"),
    ];
    for (fields, resource, part) in cases {
        check(&container_yaml(fields), &format!("{requests}.{resource}"), part);
    }
    let cases = [
        (
            "resources: {limits: {a.com/b: 1500m}}",
            "spec.containers[0].resources.limits[a.com/b]",
            "whole numbers",
        ),
        (
            "resources: {requests: {a.com/b: 1}}",
            "spec.containers[0].resources.requests[a.com/b]",
            "needs a limit",
        ),
        (
            "ports: [{containerPort: 70000}]",
            "spec.containers[0].ports[0].containerPort",
            "a port from 1 to 65535",
        ),
        (
            "ports: [{containerPort: \"80\"}]",
            "spec.containers[0].ports[0].containerPort",
            "found \"80\", expected an integer",
        ),
        (
            "ports: [{containerPort: 80, protocol: tcp}]",
            "spec.containers[0].ports[0].protocol",
            "one of TCP, UDP, SCTP",
        ),
    ];
    for (fields, field, part) in cases {
        check(&container_yaml(fields), field, part);
    }
}

#[test]
fn a_wrong_node_affinity_is_named_with_what_is_allowed() {
    let node = |term: &str| {
        format!(
            "affinity: {{nodeAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: {{nodeSelectorTerms: [{term}]}}}}}}"
        )
    };
    let required =
        "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms";
    let cases = [
        ("", "", "at least one term"),
        (
            "{matchExpressions: [{key: a, operator: Is, values: [b]}]}",
            "[0].matchExpressions[0].operator",
            "one of In, NotIn",
        ),
        (
            "{matchExpressions: [{key: a, operator: In}]}",
            "[0].matchExpressions[0].values",
            "at least one value",
        ),
        (
            "{matchExpressions: [{key: a, operator: Exists, values: [x]}]}",
            "[0].matchExpressions[0].values",
            "take none",
        ),
        (
            "{matchExpressions: [{key: a, operator: Gt, values: ['1', '2']}]}",
            "[0].matchExpressions[0].values",
            "exactly one",
        ),
        (
            "{matchExpressions: [{key: a, operator: Lt, values: [few]}]}",
            "[0].matchExpressions[0].values[0]",
            "with an integer",
        ),
        (
            "{matchExpressions: [{key: a, operator: In, values: [b c]}]}",
            "[0].matchExpressions[0].values[0]",
            "a label value",
        ),
        (
            "{matchExpressions: [{key: a, operator: Gt, values: [5]}]}",
            "[0].matchExpressions[0].values[0]",
            "quote it",
        ),
        (
            "{matchFields: [{key: spec.x, operator: In, values: [a]}]}",
            "[0].matchFields[0].key",
            "metadata.name",
        ),
        ("{matchFields: [{key: metadata.name, operator: In}]}", "[0].matchFields[0].values", "exactly one"),
    ];
    for (term, field, part) in cases {
        check(&pod_yaml(&node(term)), &format!("{required}{field}"), part);
    }
}

#[test]
fn a_wrong_pod_affinity_or_spread_is_named_with_what_is_allowed() {
    let preferred = "preferredDuringSchedulingIgnoredDuringExecution";
    let cases = [
        (
            format!("affinity: {{podAffinity: {{{preferred}: [{{weight: 0, podAffinityTerm: {{topologyKey: z}}}}]}}}}"),
            format!("spec.affinity.podAffinity.{preferred}[0].weight"),
            "found 0, expected an integer from 1 to 100",
        ),
        (
            format!("affinity: {{podAntiAffinity: {{{preferred}: [{{weight: 5, podAffinityTerm: {{}}}}]}}}}"),
            format!("spec.affinity.podAntiAffinity.{preferred}[0].podAffinityTerm.topologyKey"),
            "missing; expected a label key",
        ),
        (
            "topologySpreadConstraints: [{maxSkew: 0, topologyKey: z, whenUnsatisfiable: DoNotSchedule}]".into(),
            "spec.topologySpreadConstraints[0].maxSkew".into(),
            "above 0",
        ),
        (
            "topologySpreadConstraints: [{maxSkew: 1, topologyKey: z, whenUnsatisfiable: Wait}]".into(),
            "spec.topologySpreadConstraints[0].whenUnsatisfiable".into(),
            "one of DoNotSchedule, ScheduleAnyway",
        ),
        (
            "topologySpreadConstraints: [{maxSkew: 1, topologyKey: z, whenUnsatisfiable: ScheduleAnyway, minDomains: 2}]"
                .into(),
            "spec.topologySpreadConstraints[0].minDomains".into(),
            "only be set with",
        ),
        (
            "topologySpreadConstraints: [{maxSkew: 1, topologyKey: z, whenUnsatisfiable: DoNotSchedule, \
             nodeTaintsPolicy: Obey}]"
                .into(),
            "spec.topologySpreadConstraints[0].nodeTaintsPolicy".into(),
            "one of Honor, Ignore",
        ),
    ];
    for (fields, field, part) in cases {
        check(&pod_yaml(&fields), &field, part);
    }
}

/// An object, the field that is wrong with it, and what is said about it.
const OTHER_KINDS: &[(&str, &str, &str)] = &[
    (
        "v1, kind: Node, metadata: {name: n1}, spec: {taints: [{key: a, effect: Never}]}",
        "spec.taints[0].effect",
        "NoSchedule",
    ),
    (
        "v1, kind: Node, metadata: {name: n1}, spec: {taints: [{key: a, effect: NoExecute}, {key: a, effect: NoExecute}]}",
        "spec.taints[1]",
        "another taint",
    ),
    ("v1, kind: Node, metadata: {name: N1}", "metadata.name", "expected a DNS name"),
    (
        "v1, kind: Node, metadata: {name: n1}, status: {capacity: {cpu: lots}}",
        "status.capacity.cpu",
        "found \"lots\"",
    ),
    (
        "v1, kind: PersistentVolumeClaim, metadata: {name: c}, spec: {accessModes: [RWO], resources: {requests: {storage: 1}}}",
        "spec.accessModes",
        "ReadWriteOnce",
    ),
    (
        "v1, kind: PersistentVolumeClaim, metadata: {name: c}, spec: {accessModes: [ReadWriteOnce]}",
        "spec.resources",
        "storage is missing",
    ),
    (
        "v1, kind: PersistentVolume, metadata: {name: v}, spec: {accessModes: [ReadWriteOnce], capacity: {storage: 1}, csi: {driver: d}}",
        "spec.csi.volumeHandle",
        "missing",
    ),
    (
        "storage.k8s.io/v1, kind: StorageClass, metadata: {name: s}, provisioner: p, volumeBindingMode: Later",
        "volumeBindingMode",
        "Immediate, WaitForFirstConsumer",
    ),
    (
        "apps/v1, kind: Deployment, metadata: {name: d}, spec: {selector: {matchLabels: {a: b}}, template: {spec: {containers: [{name: c}]}}}",
        "spec.template.metadata.labels",
        "not matched",
    ),
    (
        "apps/v1, kind: ReplicaSet, metadata: {name: d}, spec: {selector: {}, replicas: -1, template: {spec: {containers: [{name: c}]}}}",
        "spec.replicas",
        "not negative",
    ),
    ("apps/v1, kind: DaemonSet, metadata: {name: d}, spec: {selector: {}}", "spec.template", "missing"),
    (
        "apps/v1, kind: Deployment, metadata: {name: d}, spec: {selector: {}, strategy: {rollingUpdate: {maxSurge: '3'}}, template: {spec: {containers: [{name: c}]}}}",
        "spec.strategy.rollingUpdate.maxSurge",
        "found \"3\", expected a number of pods or a percentage such as 25%",
    ),
    (
        "apps/v1, kind: Deployment, metadata: {name: d}, spec: {selector: {}, strategy: {rollingUpdate: {maxSurge: -1}}, template: {spec: {containers: [{name: c}]}}}",
        "spec.strategy.rollingUpdate.maxSurge",
        "found -1, expected",
    ),
    (
        "apps/v1, kind: Deployment, metadata: {name: d}, spec: {selector: {}, strategy: {type: Slow}, template: {spec: {containers: [{name: c}]}}}",
        "spec.strategy.type",
        "one of RollingUpdate, Recreate",
    ),
    (
        "batch/v1, kind: Job, metadata: {name: j}, spec: {podReplacementPolicy: Never, template: {spec: {containers: [{name: c}]}}}",
        "spec.podReplacementPolicy",
        "one of TerminatingOrFailed, Failed",
    ),
    (
        "batch/v1, kind: CronJob, metadata: {name: d}, spec: {jobTemplate: {spec: {parallelism: -1, template: {spec: {containers: [{name: c}]}}}}}",
        "spec.jobTemplate.spec.parallelism",
        "not negative",
    ),
    (
        "policy/v1, kind: PodDisruptionBudget, metadata: {name: b}, spec: {selector: {matchExpressions: [{key: a, operator: Gt, values: ['1']}]}}",
        "spec.selector.matchExpressions[0].operator",
        "one of In, NotIn, Exists, DoesNotExist",
    ),
    (
        "metrics.k8s.io/v1beta1, kind: NodeMetrics, metadata: {name: n1}, timestamp: today",
        "timestamp",
        "found \"today\", expected a time",
    ),
    (
        "scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: p}, value: 1.5",
        "value",
        "found 1.5, expected an integer",
    ),
];

#[test]
fn a_wrong_field_of_another_kind_is_named_with_what_is_allowed() {
    for (fields, field, part) in OTHER_KINDS {
        check(&format!("{{apiVersion: {fields}}}"), field, part);
    }
}

#[test]
fn all_problems_of_an_object_are_reported_together() {
    let text = container_yaml("resources: {requests: {cpu: x, memory: y}}, ports: [{containerPort: 0}]");
    let problems = wrong(&text);
    assert_eq!(problems.len(), 3, "{problems:#?}");
    assert_eq!(
        problems[2],
        "in: Pod default/web: spec.containers[0].ports[0].containerPort: found 0, expected a port from 1 to 65535"
    );
}

#[test]
fn an_object_without_name_kind_or_version_is_refused() {
    let cases = [
        ("kind: Pod", "apiVersion is missing"),
        ("apiVersion: v1", "kind is missing"),
        ("apiVersion: v1\nkind: Deployment", "the kind Deployment is in apps/v1"),
        ("apiVersion: apps/v1\nkind: Pod", "the kind Pod is in v1"),
        ("apiVersion: v1\nkind: Node", "metadata.name: missing; every object needs a name"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {name: a}", "Pod default/a: has no spec"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {}", "spec.containers: missing"),
        ("just text", "not a Kubernetes object: apiVersion and kind are missing"),
        ("- a\n- b", "item 2: not a Kubernetes object"),
    ];
    for (text, part) in cases {
        let problems = wrong(text).join("\n");
        assert!(problems.contains(part), "{text}: {problems}");
    }
}
