//! What is started: the image is of this version, its flags are flags, its configuration can be read, and says what
//! roles and policies go by.

use std::path::Path;

use anyhow::{Context, Result};
use berth_config::Configuration;

use super::object::Object;
use super::{Deploy, text};

const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(super) fn check(deploy: &Deploy, root: &Path) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for object in deploy.all() {
        let Some(pod) = object.pod() else { continue };
        let containers = object.list(&format!("{pod}/spec/containers"));
        for at in 0..containers.len() {
            problems.extend(in_container(object, &format!("{pod}/spec/containers/{at}")));
        }
    }
    problems.extend(in_configuration(deploy)?);
    problems.extend(in_files(root)?);
    Ok(problems)
}

fn in_container(object: &Object, at: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let image = object.text(&format!("{at}/image"));
    if image != format!("berth:{VERSION}") {
        problems.push(format!("{object}: the image is {image}, the version {VERSION}"));
    }
    let args = object.list(&format!("{at}/args")).iter().filter_map(|arg| arg.as_str());
    if let Err(error) = berth_cli::command().try_get_matches_from(["berth"].into_iter().chain(args)) {
        problems.push(format!("{object}: {error}"));
    }
    problems
}

fn in_configuration(deploy: &Deploy) -> Result<Vec<String>> {
    let beside = configuration(&deploy.manifests).context("manifests")?;
    let instead = configuration(&deploy.replace).context("replace")?;
    let mut problems = Vec::new();
    let mut expect = |holds: bool, what: &str| {
        if !holds {
            problems.push(what.to_owned());
        }
    };
    expect(
        beside.warnings.is_empty() && instead.warnings.is_empty(),
        "a configuration has fields without effect",
    );
    let lease = &beside.leader_election.resource_name;
    let rules = deploy.manifests.iter().flat_map(|object| object.list("/rules"));
    let leases: Vec<_> = rules.filter(|rule| rule["resources"] == serde_json::json!(["leases"])).collect();
    expect(
        leases.iter().any(|rule| rule["resourceNames"] == serde_json::json!([lease])),
        "no role is for the lease of the configuration",
    );
    expect(
        instead.leader_election == Configuration::default().leader_election,
        "who takes kube-scheduler's place takes another lease",
    );
    let names = |of: &Configuration| -> Vec<String> {
        of.profiles.iter().map(|profile| format!("'{}'", profile.scheduler_name)).collect()
    };
    expect(
        names(&instead) == names(&Configuration::default()),
        "who takes kube-scheduler's place has other pods",
    );
    let ours = format!("in [{}]", names(&beside).join(", "));
    let variables = deploy.policy.iter().flat_map(|object| object.list("/spec/variables"));
    let mut expressions = variables.filter_map(|variable| variable["expression"].as_str());
    expect(expressions.any(|text| text.ends_with(&ours)), "the policy is for other scheduler names");
    Ok(problems)
}

/// The configuration in a ConfigMap, under the name that the Deployment's flag has.
fn configuration(objects: &[Object]) -> Result<Configuration> {
    let map = objects.iter().find(|object| object.kind() == "ConfigMap").context("no ConfigMap")?;
    let text = map.value["data"]["scheduler.yaml"].as_str().context("no scheduler.yaml in the ConfigMap")?;
    Ok(berth_config::parse(text.as_bytes())?)
}

/// Versions that stand in other files.
fn in_files(root: &Path) -> Result<Vec<String>> {
    let toolchain = text(root, "rust-toolchain.toml")?;
    let rust = toolchain.split('"').nth(1).context("rust-toolchain.toml names no version")?;
    let lines = [
        ("deploy/Dockerfile", format!("FROM rust:{rust}-alpine AS build")),
        ("deploy/Dockerfile", "USER 65532:65532".to_owned()),
        ("deploy/helm/berth/Chart.yaml", format!("version: {VERSION}")),
        ("deploy/helm/berth/Chart.yaml", format!("appVersion: {VERSION}")),
    ];
    let mut problems = Vec::new();
    for (path, line) in lines {
        if !text(root, path)?.lines().any(|found| found == line) {
            problems.push(format!("{path}: there is no line {line:?}"));
        }
    }
    Ok(problems)
}
