//! DaemonSets.

use crate::fixture::{documents, labels, names, node, pod, running, workload, world};

/// The nodes for which a DaemonSet makes pods.
fn nodes(template: &str, nodes: &[&str]) -> Vec<String> {
    let set = workload("DaemonSet", "log", "", "", template);
    let world = world(&documents(&[nodes, &[&set]].concat()));
    names(&world).into_iter().map(|name| name.trim_start_matches("log-").to_owned()).collect()
}

fn tainted(name: &str, taints: &str) -> String {
    node(name, "", &format!("taints: [{taints}]"))
}

#[test]
fn a_node_gets_a_pod_if_its_taints_are_borne() {
    let cordoned =
        "unschedulable: true, taints: [{key: node.kubernetes.io/unschedulable, effect: NoSchedule}]";
    let condition =
        |name: &str, effect: &str| format!("{{key: node.kubernetes.io/{name}, effect: {effect}}}");
    let cases: &[(&str, &str, bool)] = &[
        ("", "", true),
        ("", "{key: gpu, effect: NoSchedule}", false),
        ("", "{key: gpu, effect: NoExecute}", false),
        ("", "{key: gpu, effect: PreferNoSchedule}", true),
        ("tolerations: [{key: gpu, operator: Exists}],", "{key: gpu, effect: NoSchedule}", true),
        ("", &condition("not-ready", "NoExecute"), true),
        ("", &condition("not-ready", "NoSchedule"), false),
        ("", &condition("unreachable", "NoExecute"), true),
        ("", &condition("disk-pressure", "NoSchedule"), true),
        ("", &condition("memory-pressure", "NoSchedule"), true),
        ("", &condition("pid-pressure", "NoSchedule"), true),
        ("", &condition("network-unavailable", "NoSchedule"), false),
        ("hostNetwork: true,", &condition("network-unavailable", "NoSchedule"), true),
    ];
    for (template, taints, expected) in cases {
        assert_eq!(nodes(template, &[&tainted("n1", taints)]).len() == 1, *expected, "{template} {taints}");
    }
    assert_eq!(nodes("", &[&node("n1", "", cordoned)]), ["n1"], "a cordoned node");
    assert_eq!(
        nodes("", &[&node("n1", "", "unschedulable: true")]),
        ["n1"],
        "a cordoned node without the taint"
    );
}

#[test]
fn a_node_gets_a_pod_if_selector_and_required_affinity_match() {
    let a = node("a", "labels: {disk: ssd}", "");
    let b = node("b", "labels: {disk: hdd}", "");
    let affinity = |term: &str| {
        format!(
            "affinity: {{nodeAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: {{nodeSelectorTerms: \
             [{term}]}}}}}},"
        )
    };
    let cases: &[(&str, &[&str])] = &[
        ("", &["a", "b"]),
        ("nodeSelector: {disk: ssd},", &["a"]),
        (&affinity("{matchExpressions: [{key: disk, operator: NotIn, values: [ssd]}]}"), &["b"]),
        (&affinity("{matchFields: [{key: metadata.name, operator: In, values: [b]}]}"), &["b"]),
    ];
    for (template, expected) in cases {
        assert_eq!(nodes(template, &[&a, &b]), *expected, "{template}");
    }
    let set = workload("DaemonSet", "log", "", "", "nodeName: b,");
    let world = world(&documents(&[&a, &b, &set]));
    assert_eq!((world.cluster.pods().len(), pod(&world, "log-b").node.as_deref()), (1, Some("b")));
}

#[test]
fn a_daemon_set_that_no_node_accepts_is_pointed_out_unless_the_cluster_has_it() {
    let set = workload("DaemonSet", "log", "", "", "nodeSelector: {disk: tape},");
    let stored = set.replace("name: log", "name: log, uid: u");
    let expected = "in:3: DaemonSet default/log: makes no pods: no node matches its node selector, affinity and tolerations\n";
    for (set, expected) in [(&set, expected), (&stored, "")] {
        let world = world(&documents(&[&node("a", "", ""), set]));
        assert_eq!(world.warnings.to_string(), expected, "{set}");
    }
}

#[test]
fn a_daemon_pod_is_meant_for_one_node_and_bears_its_conditions() {
    let affinity = "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: \
                    [{matchExpressions: [{key: disk, operator: Exists}]}]}, \
                    preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, preference: {matchExpressions: [{key: x, \
                    operator: Exists}]}}]}},";
    let set = workload("DaemonSet", "log", "", "", affinity);
    let world = world(&documents(&[&node("a", "labels: {disk: ssd}", ""), &set]));
    let pod = pod(&world, "log-a");
    let required = pod.spec.node_affinity.required.as_ref().unwrap();
    assert_eq!(required.terms.len(), 1);
    assert!(required.terms[0].expressions.is_empty(), "the node's name takes the place of what was demanded");
    assert_eq!(&*required.terms[0].fields[0].values[0], "a");
    assert_eq!(pod.spec.node_affinity.preferred.len(), 1);
    let tolerations: Vec<_> =
        pod.spec.tolerations.iter().map(|t| t.key.trim_start_matches("node.kubernetes.io/")).collect();
    assert_eq!(
        tolerations,
        ["not-ready", "unreachable", "disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"]
    );
    assert_eq!(labels(pod), ["app=log", "controller-revision-hash=s9nc6", "pod-template-generation=1"]);
}

#[test]
fn a_node_that_has_its_pod_gets_no_second_one() {
    let labels = "app: log, controller-revision-hash: r7, pod-template-generation: '4'";
    let there = running("log-x", labels, "DaemonSet", "log");
    let leaving = there.replace("uid:", "deletionTimestamp: '2026-01-01T00:00:00Z', uid:");
    let waits = there.replace(
        "nodeName: n1,",
        "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchFields: \
         [{key: metadata.name, operator: In, values: [n1]}]}]}}},",
    );
    for (text, why) in [(&there, "runs"), (&leaving, "is going away"), (&waits, "waits for its node")] {
        let set = workload("DaemonSet", "log", "", "", "");
        let world = world(&documents(&[&node("n1", "", ""), &node("n2", "", ""), &set, text]));
        assert_eq!(world.cluster.pods().len(), 2, "{why}");
        let label = |key: &str| pod(&world, "log-n2").spec.labels.get(key).cloned().unwrap();
        assert_eq!((&*label("controller-revision-hash"), &*label("pod-template-generation")), ("r7", "4"));
    }
}
