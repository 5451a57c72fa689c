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
            "Pod has no field metadata.labls; it is ignored: Pod default/a, Pod default/b (first in in)",
            "Pod has no field spec.tolerationz; it is ignored: Pod default/a, Pod default/b (first in in)",
        ]
    );
}

#[test]
fn list_positions_are_left_out_so_that_equal_cases_count() {
    let text = "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: a, image: i, imag: x}, {name: b, \
                image: i, imag: y}]}}";
    assert_eq!(
        lines(text),
        [
            "Pod has no field spec.containers[].imag; it is ignored: Pod default/p, Pod default/p (first in in)"
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
fn kinds_that_are_not_known_are_counted_by_name() {
    let text = "{apiVersion: v1, kind: Secret}\n---\n{apiVersion: v1, kind: Secret}\n---\n\
                {apiVersion: example.com/v1, kind: AccessList, metadata: {name: a}}\n";
    assert_eq!(lines(text), ["skipped, kinds that Berth does not know: example.com/v1/AccessList (1)"]);
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
            "in:10: Node here: no pod fits: status.allocatable and status.capacity are missing",
            "in: Pod default/web on gone: bound to a node that is not in the input",
            "in:6: CSINode gone: describes a node that is not in the input",
        ]
    );
}

#[test]
fn an_object_that_holds_containers_and_has_no_rule_is_named() {
    let text = "{apiVersion: example.com/v1, kind: Farm, metadata: {name: a, namespace: shop}, spec: {pod: {containers: \
                [{image: i}]}}}\n---\n{apiVersion: argoproj.io/v1alpha1, kind: Workflow, metadata: {generateName: b-}, \
                spec: {templates: [{container: {image: i}}]}}\n";
    let expected = |place: &str, object: &str, kind: &str| {
        format!(
            "{place}: {object}: holds containers, but its pods are not simulated: there is no rule for the kind {kind} (--workloads \
             FILE adds rules)"
        )
    };
    let expected =
        [expected("in", "Farm shop/a", "Farm"), expected("in:3", "Workflow default/b-", "Workflow")];
    assert_eq!(lines(text), expected);
}

#[test]
fn an_object_that_deploys_others_is_named_and_one_without_effect_or_an_empty_list_is_not() {
    let text = "{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: a}, spec: {chart: {}}}\n---\n\
                {apiVersion: apps/v1, kind: ControllerRevision, metadata: {name: a}, data: {spec: {template: {spec: {containers: \
                [{image: i}]}}}}}\n---\n{apiVersion: v1, kind: SecretList}\n---\n{apiVersion: v1, kind: PodList}\n";
    let expected = "in: HelmRelease default/a: deploys objects that are not in the input: render them and add them with -f";
    assert_eq!(lines(text), [expected]);
}

#[test]
fn a_container_that_mounts_what_its_pod_does_not_have_is_named() {
    let set = |claims: &str| {
        format!(
            "{{apiVersion: apps/v1, kind: StatefulSet, metadata: {{name: db}}, spec: {{selector: {{matchLabels: {{a: b}}}}, template: \
             {{metadata: {{labels: {{a: b}}}}, spec: {{containers: [{{name: c, image: i, volumeMounts: [{{name: data, mountPath: \
             /d}}]}}]}}}}{claims}}}}}"
        )
    };
    let claims = ", volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: \
                  {storage: 1Gi}}}}]";
    let expected = "in: StatefulSet default/db: spec.template.spec.containers: a container mounts the volume \"data\", which the \
                    pod does not have; the API server refuses it";
    assert_eq!(lines(&set("")), [expected]);
    assert_eq!(lines(&set(claims)), Vec::<String>::new());
}

#[test]
fn what_the_api_server_would_refuse_is_named_if_it_has_not_been_stored() {
    let text = "{apiVersion: batch/v1, kind: CronJob, metadata: {name: a META}, spec: {schedule: nonsense, jobTemplate: {spec: \
                {template: {spec: {containers: [{name: c, resources: {limits: {hugepages-2Mi: 4Mi}}}]}}}}}}";
    let job = "spec.jobTemplate.spec.template";
    assert_eq!(
        lines(&text.replace("META", "")),
        [
            format!("in: CronJob default/a: {job}.spec.containers[].image: missing; the API server refuses it"),
            format!(
                "in: CronJob default/a: {job}.spec.containers: huge pages are requested without cpu or memory; the API server \
                 refuses it"
            ),
            "in: CronJob default/a: spec.schedule: found \"nonsense\", expected five fields such as */5 * * * *; the API server \
             refuses it"
                .to_owned(),
            format!(
                "in: CronJob default/a: {job}: spec.restartPolicy of a Job must be OnFailure or Never; the API server refuses it"
            ),
        ]
    );
    assert_eq!(lines(&text.replace("META", ", uid: u")), Vec::<String>::new());
}
