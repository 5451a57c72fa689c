//! What is odd but harmless.

use super::{pod_yaml, warned};

fn lines(text: &str) -> Vec<String> {
    warned(text).1.to_string().lines().map(str::to_owned).collect()
}

#[test]
fn an_unknown_field_is_named_and_counted() {
    let pod = |name: &str| {
        pod_yaml("tolerationz: []").replace("name: web", &format!("name: {name}, labls: {{a: b}}"))
    };
    let text = format!("{}---\n{}", pod("a"), pod("b"));
    assert_eq!(
        lines(&text),
        [
            "Pod has no field metadata.labls; it is ignored (2 times, first in in, document 1: Pod default/a)",
            "Pod has no field spec.tolerationz; it is ignored (2 times, first in in, document 1: Pod default/a)",
        ]
    );
}

#[test]
fn list_positions_are_left_out_so_that_equal_cases_count() {
    let text = "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: a, imag: x}, {name: b, imag: y}]}}";
    assert_eq!(
        lines(text),
        [
            "Pod has no field spec.containers[].imag; it is ignored (2 times, first in in, document 1: Pod default/p)"
        ]
    );
}

#[test]
fn fields_that_decide_nothing_here_are_known_all_the_same() {
    let text = pod_yaml(
        "restartPolicy: Always, dnsPolicy: Default, volumes: [{name: tmp, emptyDir: {}}], securityContext: {anything: [goes]}",
    );
    assert!(lines(&text).is_empty());
}

#[test]
fn a_pod_that_has_ended_is_left_out() {
    let text = |phase: &str| format!("{}status: {{phase: {phase}}}\n", pod_yaml("nodeName: n1"));
    for phase in ["Succeeded", "Failed"] {
        let (manifests, warnings) = warned(&text(phase));
        assert!(manifests.pods.is_empty());
        assert_eq!(warnings.len(), 1, "{warnings}");
    }
    assert_eq!(warned(&text("Running")).0.pods.len(), 1);
}

#[test]
fn kinds_of_no_concern_are_counted_by_name() {
    let text = "{apiVersion: v1, kind: Secret}\n---\n{apiVersion: v1, kind: Secret}\n---\n\
                {apiVersion: example.com/v1, kind: AccessList, metadata: {name: a}}\n";
    assert_eq!(
        lines(text),
        ["left out, of no concern to scheduling: example.com/v1/AccessList (1), v1/Secret (2)"]
    );
}

#[test]
fn objects_that_speak_of_missing_nodes_are_counted() {
    let text = format!(
        "{}---\napiVersion: storage.k8s.io/v1\nkind: CSINode\nmetadata: {{name: gone}}\n---\n\
         apiVersion: v1\nkind: Node\nmetadata: {{name: here}}\n",
        pod_yaml("nodeName: gone")
    );
    assert_eq!(
        lines(&text),
        [
            "in, document 3: Node here: has neither status.allocatable nor status.capacity; no pod fits",
            "in, document 1: Pod default/web on gone: is bound to a node that is not in the input",
            "in, document 2: CSINode gone: describes a node that is not in the input",
        ]
    );
}
