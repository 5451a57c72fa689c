//! The Helm chart: it uses the values that it declares, and comes to the plain manifests where Helm is there to render
//! it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::object::{self, Object};
use super::{Deploy, text};

const CHART: &str = "deploy/helm/berth";
/// What Helm adds, and the plain manifests do not have.
const OF_HELM: [&str; 3] = ["app.kubernetes.io/managed-by", "helm.sh/chart", "checksum/config"];
/// What has to be switched on.
const SWITCHES: [&str; 3] = ["serviceMonitor", "alerts", "limits"];

/// Helm, if it is there.
pub(super) fn helm() -> Option<OsString> {
    let helm = std::env::var_os("HELM").unwrap_or_else(|| "helm".into());
    Command::new(&helm).arg("version").output().is_ok_and(|said| said.status.success()).then_some(helm)
}

/// What can be seen without Helm.
pub(super) fn check(deploy: &Deploy, root: &Path) -> Result<Vec<String>> {
    let values: Value = serde_saphyr::from_str(&text(root, &format!("{CHART}/values.yaml"))?)?;
    let schema: Value = serde_json::from_str(&text(root, &format!("{CHART}/values.schema.json"))?)?;
    let folder = root.join(CHART).join("templates");
    let mut templates = String::new();
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(&folder).context("the chart has no templates")? {
        let path = entry?.path();
        templates += &std::fs::read_to_string(&path)?;
        names.insert(path.file_name().unwrap_or_default().to_string_lossy().into_owned());
    }
    let mut problems = Vec::new();
    let used = used(&templates);
    for path in &used {
        if values.pointer(&format!("/{}", path.replace('.', "/"))).is_none() {
            problems
                .push(format!("{CHART}: a template uses the value {path}, which values.yaml does not have"));
        }
    }
    for (name, value) in values.as_object().into_iter().flatten() {
        let beneath = value.as_object().filter(|_| !schema["properties"][name]["properties"].is_null());
        let paths = match beneath {
            Some(fields) => fields.keys().map(|field| format!("{name}.{field}")).collect(),
            None => vec![name.clone()],
        };
        let unused = |path: &&String| !used.iter().any(|u| u == *path || u.starts_with(&format!("{path}.")));
        problems.extend(paths.iter().filter(unused).map(|path| format!("{CHART}: no template uses {path}")));
        if schema["properties"][name].is_null() {
            problems.push(format!("{CHART}: {name} is not in values.schema.json"));
        }
    }
    for object in [&deploy.manifests, &deploy.monitoring, &deploy.policy].into_iter().flatten() {
        if !names.contains(&object.file) {
            problems.push(format!("{CHART}: there is no template {}", object.file));
        }
    }
    Ok(problems)
}

/// The paths of values in templates.
fn used(templates: &str) -> BTreeSet<String> {
    let after = templates.split(".Values.").skip(1);
    let path = |text: &str| {
        let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.')).unwrap_or(text.len());
        text[..end].trim_end_matches('.').to_owned()
    };
    after.map(path).collect()
}

/// What Helm says of the chart, and what differs from the manifests in what it renders.
pub(super) fn rendered(helm: &OsString, root: &Path, deploy: &Deploy) -> Result<Vec<String>> {
    let lint = Command::new(helm).args(["lint", "--strict", CHART]).current_dir(root).output()?;
    let mut problems = Vec::new();
    if !lint.status.success() {
        problems.push(String::from_utf8_lossy(&lint.stdout).into_owned());
    }
    let plain = |groups: &[&[Object]]| groups.iter().copied().flatten().cloned().collect::<Vec<_>>();
    let beside = plain(&[&deploy.manifests]);
    problems.extend(differences("as it is", &render(helm, root, &[])?, &beside));
    let switches: Vec<String> = SWITCHES.iter().map(|name| format!("{name}.enabled=true")).collect();
    let whole = plain(&[&deploy.manifests, &deploy.monitoring, &deploy.policy]);
    problems.extend(differences("with everything", &render(helm, root, &switches)?, &whole));
    let instead = render(helm, root, &["replaceKubeScheduler=true".to_owned()])?;
    let maps: Vec<Object> = instead.into_iter().filter(|object| object.kind() == "ConfigMap").collect();
    problems.extend(differences("in kube-scheduler's place", &maps, &deploy.replace));
    let dashboard = render(helm, root, &["dashboard.enabled=true".to_owned()])?;
    let shown = dashboard.iter().find_map(|object| object.value["data"]["berth.json"].as_str());
    let shown: Value = serde_json::from_str(shown.context("no dashboard")?)?;
    if shown != serde_json::from_str::<Value>(&text(root, &format!("{CHART}/dashboard.json"))?)? {
        problems.push(format!("{CHART}: the dashboard is another one when it is rendered"));
    }
    Ok(problems)
}

fn render(helm: &OsString, root: &Path, values: &[String]) -> Result<Vec<Object>> {
    let mut command = Command::new(helm);
    command
        .args(["template", "berth", CHART, "--namespace", "kube-system", "--kube-version", "1.37"])
        .current_dir(root);
    for value in values {
        command.args(["--set", value]);
    }
    let said = command.output()?;
    ensure!(said.status.success(), "helm template: {}", String::from_utf8_lossy(&said.stderr));
    let mut objects = object::parse(CHART, std::str::from_utf8(&said.stdout)?)?;
    objects.iter_mut().for_each(|object| strip(&mut object.value));
    Ok(objects)
}

/// Takes out what Helm adds.
fn strip(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !OF_HELM.contains(&name.as_str()));
            fields.values_mut().for_each(strip);
            fields.retain(|name, value| name != "annotations" || *value != Value::Object(Default::default()));
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

fn differences(what: &str, rendered: &[Object], plain: &[Object]) -> Vec<String> {
    let find = |objects: &[Object], like: &Object| {
        objects.iter().find(|o| o.kind() == like.kind() && o.name() == like.name()).map(|o| o.value.clone())
    };
    let missing = rendered.iter().filter(|object| find(plain, object).is_none());
    let mut problems: Vec<String> =
        missing.map(|object| format!("{what}, the chart has more than the manifests: {object}")).collect();
    for object in plain {
        match find(rendered, object) {
            None => problems.push(format!("{what}, the chart lacks {object}")),
            Some(value) if value != object.value => {
                problems.push(format!("{what}, the chart has {value:#} for {object}, {:#}", object.value));
            }
            Some(_) => {}
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_in_templates() {
        let templates = "{{ .Values.image.tag }} {{- with .Values.resources }}{{ $.Values.name }}";
        let found: Vec<String> = used(templates).into_iter().collect();
        assert_eq!(found, ["image.tag", "name", "resources"]);
    }
}
