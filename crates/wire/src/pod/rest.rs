//! What a pod template has beside all that scheduling looks at: environment variables, probes, mounts and so on.
//!
//! The fields are compared as JSON. What the API server sets in a template that it stores is left out on both sides.
//!
//! Upstream: `pkg/apis/core/v1/defaults.go`.

use berth_model::Str;
use berth_model::labels::Labels;
use berth_model::pod_manifest::TemplateRest;
use berth_model::quantity::Quantity;
use serde_json::{Map, Value, json};

/// Fields of a pod spec that are decoded and compared by their meaning.
const DECODED: &[&str] = &[
    "activeDeadlineSeconds",
    "affinity",
    "hostNetwork",
    "hostUsers",
    "nodeName",
    "nodeSelector",
    "os",
    "overhead",
    "preemptionPolicy",
    "priority",
    "priorityClassName",
    "resourceClaims",
    "resources",
    "restartPolicy",
    "runtimeClassName",
    "schedulerName",
    "schedulingGates",
    "terminationGracePeriodSeconds",
    "tolerations",
    "topologySpreadConstraints",
];
/// Fields at any depth that are decoded and compared by their meaning.
const DECODED_INSIDE: &[&str] = &["hostPort", "resources", "restartPolicy"];
/// Fields that the API server does not store if they are false.
const FALSE: &[&str] = &["hostIPC", "hostPID", "readOnly", "stdin", "stdinOnce", "tty"];
/// The values that the API server sets, and that mean the same as an absent field.
const DEFAULTS: &[(&str, &str)] = &[
    ("apiVersion", "v1"),
    ("cachingMode", "ReadWrite"),
    ("divisor", "0"),
    ("dnsPolicy", "ClusterFirst"),
    ("fsType", "ext4"),
    ("iscsiInterface", "default"),
    ("kind", "Shared"),
    ("path", "/"),
    ("procMount", "Default"),
    ("protocol", "TCP"),
    ("scheme", "HTTP"),
    ("terminationMessagePath", "/dev/termination-log"),
    ("terminationMessagePolicy", "File"),
    ("volumeMode", "Filesystem"),
];
/// The numbers that the API server sets.
const NUMBERS: &[(&str, i64)] = &[
    ("defaultMode", 0o644),
    ("expirationSeconds", 3600),
    ("failureThreshold", 3),
    ("initialDelaySeconds", 0),
    ("periodSeconds", 10),
    ("successThreshold", 1),
    ("timeoutSeconds", 1),
];

/// What the template of a workload has beside all that scheduling looks at. `None` if the API server has stored the
/// workload and the text has only a part of it: a stored template always has a `dnsPolicy`.
pub(crate) fn of_workload(json: &str, stored: bool) -> Option<Box<TemplateRest>> {
    let mut object: Value = serde_json::from_str(json).ok()?;
    let template = object.pointer_mut("/spec/template")?.take();
    if stored && template["spec"]["dnsPolicy"].is_null() {
        return None;
    }
    let annotations = template["metadata"]["annotations"].as_object();
    let annotations = annotations.into_iter().flatten();
    let text = |(key, value): (&String, &Value)| Some((Str::from(key.as_str()), Str::from(value.as_str()?)));
    let annotations: Labels = annotations.filter_map(text).collect();
    let fields = match &template["spec"] {
        Value::Object(spec) => reduced_spec(spec.clone()).to_string(),
        _ => return None,
    };
    Some(Box::new(TemplateRest { annotations, fields: fields.into() }))
}

fn reduced_spec(mut spec: Map<String, Value>) -> Value {
    // The older name is stored beside the newer one.
    if let Some(account) = spec.remove("serviceAccount") {
        spec.entry("serviceAccountName").or_insert(account);
    }
    spec.retain(|key, _| !DECODED.contains(&key.as_str()));
    reduced_object(spec)
}

/// An object without what means the same as an absent field, with sorted keys.
fn reduced_object(fields: Map<String, Value>) -> Value {
    let pull_policy = default_pull_policy(&fields);
    let is_set = |(key, value): &(String, Value)| {
        let is_policy = matches!(key.as_str(), "imagePullPolicy" | "pullPolicy");
        let is_default = is_policy && value.as_str() == Some(pull_policy);
        !is_default && !DECODED_INSIDE.contains(&key.as_str())
    };
    let reduced = fields.into_iter().filter(is_set).filter_map(|(key, value)| {
        let value = reduced(&key, value)?;
        Some((key, value))
    });
    let mut sorted: Vec<(String, Value)> = reduced.collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    Value::Object(sorted.into_iter().collect())
}

/// The value of a field; `None` if the field means the same when it is absent.
fn reduced(key: &str, value: Value) -> Option<Value> {
    let is_default = match &value {
        Value::Null => true,
        Value::Bool(set) => (!set && FALSE.contains(&key)) || (*set && key == "enableServiceLinks"),
        Value::Number(number) => NUMBERS.iter().any(|(of, n)| *of == key && number.as_i64() == Some(*n)),
        Value::String(text) => text.is_empty() || DEFAULTS.contains(&(key, text)),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    };
    match value {
        _ if is_default => None,
        Value::Object(fields) => Some(reduced_object(fields))
            .filter(|fields| fields.as_object().is_some_and(|map| !map.is_empty())),
        Value::Array(items) => {
            Some(Value::Array(items.into_iter().map(|item| reduced("", item).unwrap_or(json!({}))).collect()))
        }
        Value::String(text) if key == "sizeLimit" => {
            Some(Quantity::parse(&text).map_or(text, |amount| amount.to_string()).into())
        }
        Value::Number(number) if key == "sizeLimit" => Some(number.to_string().into()),
        value => Some(value),
    }
}

/// The pull policy that the API server sets for the image of a container or volume.
fn default_pull_policy(fields: &Map<String, Value>) -> &'static str {
    let image = fields.get("image").or_else(|| fields.get("reference")).and_then(Value::as_str);
    let name = image.and_then(|image| image.rsplit('/').next()).unwrap_or_default();
    let is_latest = !name.contains('@') && name.split_once(':').is_none_or(|(_, tag)| tag == "latest");
    if is_latest { "Always" } else { "IfNotPresent" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest(template: &str, stored: bool) -> Option<Box<TemplateRest>> {
        let template: Value = serde_json::from_str(template).unwrap();
        of_workload(&json!({"spec": {"template": template}}).to_string(), stored)
    }

    #[test]
    fn a_stored_template_equals_its_manifest() {
        let manifest = r#"{"spec": {"serviceAccountName": "web", "securityContext": {}, "containers": [{
            "name": "web", "image": "registry:5000/web:1", "env": [{"name": "A", "value": ""}],
            "ports": [{"containerPort": 80}], "livenessProbe": {"httpGet": {"port": 80}},
            "resources": {"requests": {"cpu": "1000m"}}, "volumeMounts": [{"name": "v", "mountPath": "/v", "readOnly": false}]}],
            "volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1024Mi"}}, {"name": "s", "secret": {"secretName": "s"}}]}}"#;
        let stored = r#"{"metadata": {"creationTimestamp": null, "annotations": {"kubectl.kubernetes.io/restartedAt": "t"}},
            "spec": {"serviceAccountName": "web", "serviceAccount": "web", "securityContext": {}, "dnsPolicy": "ClusterFirst",
            "restartPolicy": "Always", "schedulerName": "default-scheduler", "terminationGracePeriodSeconds": 30,
            "containers": [{"name": "web", "image": "registry:5000/web:1", "imagePullPolicy": "IfNotPresent",
            "env": [{"name": "A"}], "ports": [{"containerPort": 80, "protocol": "TCP"}],
            "livenessProbe": {"httpGet": {"path": "/", "port": 80, "scheme": "HTTP"}, "timeoutSeconds": 1, "periodSeconds": 10,
            "successThreshold": 1, "failureThreshold": 3}, "resources": {"requests": {"cpu": "1"}},
            "volumeMounts": [{"name": "v", "mountPath": "/v"}], "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File"}], "volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1Gi"}},
            {"name": "s", "secret": {"secretName": "s", "defaultMode": 420}}]}}"#;
        assert_eq!(rest(manifest, false).unwrap().fields, rest(stored, true).unwrap().fields);
    }

    #[test]
    fn every_other_field_counts() {
        let container = |fields: &str| {
            format!(
                r#"{{"spec": {{"dnsPolicy": "ClusterFirst", "containers": [{{"name": "c", "image": "i"{fields}}}]}}}}"#
            )
        };
        let plain = rest(&container(""), false);
        for fields in [
            r#", "env": [{"name": "A", "value": "1"}]"#,
            r#", "envFrom": [{"configMapRef": {"name": "a"}}]"#,
            r#", "command": ["sleep"]"#,
            r#", "imagePullPolicy": "Never""#,
            r#", "livenessProbe": {"exec": {"command": ["true"]}}"#,
            r#", "lifecycle": {"preStop": {"sleep": {"seconds": 5}}}"#,
            r#", "securityContext": {"runAsNonRoot": false}"#,
            r#", "ports": [{"containerPort": 80}]"#,
            r#", "volumeMounts": [{"name": "v", "mountPath": "/v"}]"#,
        ] {
            assert_ne!(rest(&container(fields), false), plain, "{fields}");
        }
    }

    #[test]
    fn of_a_snapshot_nothing_is_known() {
        let template = r#"{"spec": {"containers": [{"name": "c"}]}}"#;
        assert_eq!(rest(template, true), None);
        assert!(rest(template, false).is_some());
    }
}
