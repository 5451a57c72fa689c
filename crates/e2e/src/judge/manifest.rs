//! Objects of scenarios: short descriptions become complete manifests.
//!
//! `{Deployment: web, replicas: 3, image: v2}` is a Deployment with a selector, labels and one container. A later
//! description of the same object has only what changes; `null` removes a field.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

/// The node label, and the node selector of all pods, that keeps the scenarios of one control plane apart.
pub(super) const OWN: &str = "judge";

/// The kinds of objects that scenarios may have, and that are looked at: API version, kind and path.
pub(super) const KINDS: [(&str, &str, &str); 15] = [
    ("v1", "Node", "nodes"),
    ("v1", "Pod", "pods"),
    ("v1", "PersistentVolume", "persistentvolumes"),
    ("v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
    ("v1", "ResourceQuota", "resourcequotas"),
    ("v1", "LimitRange", "limitranges"),
    ("v1", "ReplicationController", "replicationcontrollers"),
    ("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    ("apps/v1", "Deployment", "deployments"),
    ("apps/v1", "ReplicaSet", "replicasets"),
    ("apps/v1", "StatefulSet", "statefulsets"),
    ("apps/v1", "DaemonSet", "daemonsets"),
    ("batch/v1", "Job", "jobs"),
    ("batch/v1", "CronJob", "cronjobs"),
    ("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
];

/// The short descriptions of a scenario's objects so far, by kind and name.
#[derive(Debug, Default)]
pub(super) struct Briefs(BTreeMap<(String, String), Value>);

impl Briefs {
    /// The complete manifest of a description, over an earlier one of the same object.
    ///
    /// # Errors
    /// If the description has an unknown field or kind.
    pub(super) fn manifest(&mut self, brief: &Value, scenario: &str) -> Result<Value> {
        let (kind, name) = identity(brief)?;
        let known = self.0.entry((kind.clone(), name.clone())).or_insert_with(|| json!({}));
        merge(known, brief);
        complete(&kind, &name, known, scenario).with_context(|| format!("{kind} {name}"))
    }
}

/// The path of a list of a kind, or of the lists of all namespaces.
///
/// # Errors
/// If the kind is unknown.
pub(super) fn path(kind: &str, namespace: Option<&str>) -> Result<String> {
    let found = KINDS.iter().find(|(_, known, _)| *known == kind);
    let (version, _, resource) = found.with_context(|| format!("scenarios have no {kind}"))?;
    let group = if *version == "v1" { "/api/v1".to_owned() } else { format!("/apis/{version}") };
    Ok(match namespace {
        Some(namespace) => format!("{group}/namespaces/{namespace}/{resource}"),
        None => format!("{group}/{resource}"),
    })
}

fn identity(brief: &Value) -> Result<(String, String)> {
    let fields = brief.as_object().context("an object is expected")?;
    let is_kind = |key: &str| key.starts_with(|first: char| first.is_ascii_uppercase());
    let (kind, name) = fields.iter().find(|(key, _)| is_kind(key)).context("no field names the kind")?;
    Ok((kind.clone(), name.as_str().context("the name is a text")?.to_owned()))
}

/// Puts `change` over `value`, field by field; `null` removes a field, a list replaces a list.
pub(super) fn merge(value: &mut Value, change: &Value) {
    let (Some(fields), Some(changes)) = (value.as_object_mut(), change.as_object()) else {
        *value = change.clone();
        return;
    };
    for (key, change) in changes {
        match change {
            Value::Null => drop(fields.remove(key)),
            change => merge(fields.entry(key.clone()).or_insert(Value::Object(Map::new())), change),
        }
    }
}

fn complete(kind: &str, name: &str, brief: &Value, scenario: &str) -> Result<Value> {
    let (version, ..) =
        KINDS.iter().find(|(_, known, _)| *known == kind).with_context(|| format!("no kind {kind}"))?;
    let known =
        ["replicas", "image", "cpu", "command", "labels", "strategy", "claims", "spec", "pod", "meta", kind];
    let fields = brief.as_object().context("an object is expected")?;
    if let Some(unknown) = fields.keys().find(|key| !known.contains(&key.as_str())) {
        bail!("unknown field {unknown}");
    }
    let mut object =
        json!({"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": scenario}});
    merge(&mut object["metadata"], &brief.get("meta").cloned().unwrap_or(json!({})));
    let mut spec = json!({});
    let template = template(kind, name, brief, scenario);
    match kind {
        "Pod" => {
            object["metadata"]["labels"] = template["metadata"]["labels"].clone();
            spec = template["spec"].clone();
        }
        "Job" => spec = json!({"template": template}),
        "CronJob" => spec = json!({"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": template}}}),
        "ReplicationController" => spec = json!({"selector": {"app": name}, "template": template}),
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" => {
            spec = json!({"selector": {"matchLabels": {"app": name}}, "template": template});
        }
        _ => ensure!(
            fields.keys().all(|key| ["spec", "meta", kind].contains(&key.as_str())),
            "only spec and meta"
        ),
    }
    if let Some(replicas) = brief.get("replicas") {
        spec["replicas"] = replicas.clone();
    }
    if let Some(strategy) = brief.get("strategy") {
        let field = if kind == "Deployment" { "strategy" } else { "updateStrategy" };
        spec[field] = strategy.clone();
    }
    if kind == "StatefulSet" {
        spec["serviceName"] = json!(name);
    }
    if let Some(claims) = brief.get("claims").and_then(Value::as_array) {
        let claim = |name: &Value| {
            json!({"metadata": {"name": name}, "spec": {
                "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
            }})
        };
        spec["volumeClaimTemplates"] = claims.iter().map(claim).collect();
    }
    merge(&mut spec, brief.get("spec").unwrap_or(&json!({})));
    object["spec"] = spec;
    Ok(object)
}

/// The template of the pods: one container, on the nodes of the scenario.
fn template(kind: &str, name: &str, brief: &Value, scenario: &str) -> Value {
    let get = |field: &str, default: &str| brief.get(field).cloned().unwrap_or(json!(default));
    let mut container = json!({
        "name": "c", "image": get("image", "v1"), "resources": {"requests": {"cpu": get("cpu", "500m")}},
    });
    if let Some(command) = brief.get("command") {
        container["command"] = command.clone();
    }
    let mut spec = json!({"nodeSelector": {OWN: scenario}, "containers": [container]});
    spec["terminationGracePeriodSeconds"] = json!(1);
    if matches!(kind, "Job" | "CronJob") {
        spec["restartPolicy"] = json!("Never");
    }
    merge(&mut spec, brief.get("pod").unwrap_or(&json!({})));
    let mut labels = json!({"app": name});
    merge(&mut labels, brief.get("labels").unwrap_or(&json!({})));
    json!({"metadata": {"labels": labels}, "spec": spec})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_description_has_only_what_changes() {
        let mut briefs = Briefs::default();
        let first = json!({"Deployment": "web", "replicas": 2, "strategy": {"type": "Recreate"}, "labels": {"a": "b"}});
        let first = briefs.manifest(&first, "s").unwrap();
        assert_eq!(first["spec"]["selector"]["matchLabels"], json!({"app": "web"}));
        let second = json!({"Deployment": "web", "image": "v2", "strategy": null, "spec": {"paused": true}});
        let second = briefs.manifest(&second, "s").unwrap();
        let mut expected = first.clone();
        expected["spec"]["template"]["spec"]["containers"][0]["image"] = json!("v2");
        expected["spec"]["paused"] = json!(true);
        expected["spec"].as_object_mut().unwrap().remove("strategy");
        assert_eq!(second, expected);
    }

    #[test]
    fn what_is_unknown_is_refused() {
        for (brief, expected) in [
            (json!({"Deployment": "web", "replica": 2}), "unknown field replica"),
            (json!({"Widget": "web"}), "no kind Widget"),
            (json!({"ResourceQuota": "q", "replicas": 2}), "only spec and meta"),
            (json!({"replicas": 2}), "no field names the kind"),
        ] {
            let error = format!("{:#}", Briefs::default().manifest(&brief, "s").unwrap_err());
            assert!(error.contains(expected), "{error}");
        }
    }
}
