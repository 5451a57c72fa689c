//! Objects refer to objects that are there, and select what they mean.

use serde_json::Value;

use super::Deploy;
use super::object::Object;

const APP: &str = "app.kubernetes.io/name";
/// Kinds that are in no namespace.
const GLOBAL: [&str; 4] =
    ["ClusterRole", "ClusterRoleBinding", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"];

pub(super) fn check(deploy: &Deploy) -> Vec<String> {
    let mut problems = Vec::new();
    let mut expect = |object: &Object, holds: bool, what: &str| {
        if !holds {
            problems.push(format!("{object}: {what}"));
        }
    };
    for object in deploy.all() {
        let namespaced = !GLOBAL.contains(&object.kind());
        expect(object, object.namespace() == if namespaced { "kube-system" } else { "" }, "wrong namespace");
        for (kind, name) in references(object) {
            let there = deploy.all().any(|other| other.kind() == kind && other.name() == name);
            let built_in = match kind.as_str() {
                "ClusterRole" => name.starts_with("system:"),
                kind => kind == "Role" && name == "extension-apiserver-authentication-reader",
            };
            expect(object, there || built_in, &format!("there is no {kind} {name}"));
        }
        for selected in selectors(object) {
            expect(
                object,
                selected == app(deploy),
                &format!("selects {selected:?}, no pod of the Deployment"),
            );
        }
        for port in ports(object) {
            expect(object, has_port(deploy, &port), &format!("there is no port {port}"));
        }
        for mount in mounts(object) {
            expect(object, volumes(object).contains(&mount), &format!("there is no volume {mount}"));
        }
    }
    let ours = |object: &&Object| object.kind() != "Pod";
    for object in deploy.all().filter(ours) {
        expect(object, object.value["metadata"]["labels"][APP] == "berth-scheduler", "has no label of ours");
    }
    problems
}

/// What the pods of the Deployment are labelled with.
fn app(deploy: &Deploy) -> &str {
    let deployment = deploy.manifests.iter().find(|object| object.kind() == "Deployment");
    let labels = deployment.map(|object| &object.value["spec"]["template"]["metadata"]["labels"]);
    labels.and_then(|labels| labels[APP].as_str()).unwrap_or_default()
}

/// Kind and name of what an object refers to.
fn references(object: &Object) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut refer = |kind: &str, name: &str| {
        if !name.is_empty() {
            found.push((kind.to_owned(), name.to_owned()));
        }
    };
    refer(object.text("/roleRef/kind"), object.text("/roleRef/name"));
    for subject in object.list("/subjects") {
        refer(text(&subject["kind"]), text(&subject["name"]));
    }
    if let Some(pod) = object.pod() {
        refer("ServiceAccount", object.text(&format!("{pod}/spec/serviceAccountName")));
        for volume in object.list(&format!("{pod}/spec/volumes")) {
            refer("ConfigMap", text(&volume["configMap"]["name"]));
        }
    }
    refer("ValidatingAdmissionPolicy", object.text("/spec/policyName"));
    for condition in object.list("/spec/matchConditions") {
        let account = text(&condition["expression"]).split("kube-system:").nth(1);
        refer("ServiceAccount", account.unwrap_or_default().trim_end_matches('\''));
    }
    found
}

/// The labels by which an object selects pods, or services that have the same.
fn selectors(object: &Object) -> Vec<&str> {
    let spec = &object.value["spec"];
    let mut found = match object.kind() {
        "Service" => vec![&spec["selector"]],
        "Deployment" | "PodDisruptionBudget" | "ServiceMonitor" => vec![&spec["selector"]["matchLabels"]],
        _ => Vec::new(),
    };
    if let Some(pod) = object.pod() {
        let spread = object.list(&format!("{pod}/spec/topologySpreadConstraints"));
        found.extend(spread.iter().map(|constraint| &constraint["labelSelector"]["matchLabels"]));
    }
    found.into_iter().map(|labels| labels[APP].as_str().unwrap_or_default()).collect()
}

/// The ports that an object means.
fn ports(object: &Object) -> Vec<String> {
    let mut found = Vec::new();
    match object.kind() {
        "Service" => found.extend(object.list("/spec/ports").iter().map(|port| shown(&port["targetPort"]))),
        "ServiceMonitor" => {
            found.extend(object.list("/spec/endpoints").iter().map(|end| shown(&end["port"])))
        }
        "Deployment" => {
            for container in object.list("/spec/template/spec/containers") {
                let probes = ["startupProbe", "livenessProbe", "readinessProbe"];
                found.extend(probes.iter().map(|probe| shown(&container[*probe]["httpGet"]["port"])));
            }
        }
        _ => {}
    }
    found
}

fn has_port(deploy: &Deploy, name: &str) -> bool {
    let containers = deploy.manifests.iter().flat_map(|object| object.list("/spec/template/spec/containers"));
    let mut ports = containers.flat_map(|container| container["ports"].as_array().into_iter().flatten());
    ports.any(|port| port["name"] == name)
}

fn mounts(object: &Object) -> Vec<String> {
    let Some(pod) = object.pod() else { return Vec::new() };
    let containers = object.list(&format!("{pod}/spec/containers")).iter();
    let mounts = containers.flat_map(|container| container["volumeMounts"].as_array().into_iter().flatten());
    mounts.map(|mount| shown(&mount["name"])).collect()
}

fn volumes(object: &Object) -> Vec<String> {
    let Some(pod) = object.pod() else { return Vec::new() };
    object.list(&format!("{pod}/spec/volumes")).iter().map(|volume| shown(&volume["name"])).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}
