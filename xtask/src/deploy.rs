//! `cargo xtask deploy`: what is in deploy/ fits together, and fits the program that it starts.
//!
//! With Helm (`$HELM`, or `helm` in the path) the chart is rendered too, and must come to the plain manifests.

mod agree;
mod chart;
mod extender;
mod metric;
mod object;
mod page;
mod restricted;
mod start;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::tree;
use object::Object;

/// What all checks look at.
struct Deploy {
    /// As `kubectl apply -f deploy/manifests` sends them.
    manifests: Vec<Object>,
    /// What is applied over them to take kube-scheduler's place.
    replace: Vec<Object>,
    static_pod: Vec<Object>,
    monitoring: Vec<Object>,
    policy: Vec<Object>,
}

impl Deploy {
    fn read(root: &Path) -> Result<Self> {
        let folder = |name: &str| object::read(&root.join("deploy").join(name));
        Ok(Self {
            manifests: folder("manifests")?,
            replace: folder("replace")?,
            static_pod: folder("static-pod")?,
            monitoring: folder("monitoring")?,
            policy: folder("policy")?,
        })
    }

    fn all(&self) -> impl Iterator<Item = &Object> {
        [&self.manifests, &self.replace, &self.static_pod, &self.monitoring, &self.policy]
            .into_iter()
            .flatten()
    }
}

/// Prints what does not fit; the exit code is 1 where anything does not.
pub(crate) fn run() -> Result<ExitCode> {
    let root = tree::root();
    let mut problems = problems(&root)?;
    match chart::helm() {
        Some(helm) => problems.extend(chart::rendered(&helm, &root, &Deploy::read(&root)?)?),
        None => println!("deploy: the chart is not rendered, there is no helm"),
    }
    for problem in &problems {
        println!("{problem}");
    }
    println!("deploy: {} problems", problems.len());
    Ok(ExitCode::from(u8::from(!problems.is_empty())))
}

/// All that can be seen without Helm.
fn problems(root: &Path) -> Result<Vec<String>> {
    checked(&Deploy::read(root)?, root)
}

fn checked(deploy: &Deploy, root: &Path) -> Result<Vec<String>> {
    let mut problems = agree::check(deploy);
    problems.extend(start::check(deploy, root)?);
    problems.extend(restricted::check(deploy));
    problems.extend(metric::check(deploy, root)?);
    problems.extend(chart::check(deploy, root)?);
    problems.extend(page::check(root)?);
    problems.extend(extender::check(root)?);
    Ok(problems)
}

fn text(root: &Path, path: &str) -> Result<String> {
    std::fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_deployed_fits_together() -> Result<()> {
        let problems = problems(&tree::root())?;
        assert!(problems.is_empty(), "{}", problems.join("\n"));
        Ok(())
    }

    #[test]
    fn what_does_not_fit_is_found() -> Result<()> {
        let deployment = "/spec/template/spec";
        let cases = [
            (
                "Deployment",
                format!("{deployment}/serviceAccountName"),
                "other",
                "there is no ServiceAccount other",
            ),
            ("Deployment", format!("{deployment}/volumes/0/name"), "other", "there is no volume config"),
            (
                "Deployment",
                format!("{deployment}/containers/0/args/1"),
                "--configure=x",
                "unexpected argument",
            ),
            (
                "Deployment",
                format!("{deployment}/containers/0/image"),
                "berth:0.0.0",
                "the image is berth:0.0.0",
            ),
            (
                "Deployment",
                "/spec/selector/matchLabels/app.kubernetes.io~1name".into(),
                "other",
                "selects \"other\"",
            ),
            ("Deployment", format!("{deployment}/securityContext/runAsUser"), "0", "runs as another user"),
            ("Service", "/spec/ports/0/targetPort".into(), "http", "there is no port http"),
            (
                "ClusterRole",
                "/metadata/name".into(),
                "other",
                "there is no ClusterRole berth-scheduler-measured-load",
            ),
            ("ServiceAccount", "/metadata/namespace".into(), "default", "wrong namespace"),
            ("Role", "/rules/0/resourceNames/0".into(), "other", "no role is for the lease"),
            ("ConfigMap", "/data/scheduler.yaml".into(), OTHER, "the policy is for other scheduler names"),
            (
                "PrometheusRule",
                "/spec/groups/0/rules/0/expr".into(),
                "berth_x_total",
                "asks for berth_x_total",
            ),
        ];
        let root = tree::root();
        for (kind, pointer, value, expected) in cases {
            let mut deploy = Deploy::read(&root)?;
            let objects = deploy.manifests.iter_mut().chain(&mut deploy.monitoring);
            let mut of_kind = objects.filter(|object| object.kind() == kind);
            let object = of_kind.next().with_context(|| format!("there is no {kind}"))?;
            *object.value.pointer_mut(&pointer).with_context(|| pointer.clone())? = value.into();
            let problems = checked(&deploy, &root)?.join("\n");
            assert!(problems.contains(expected), "{kind} {pointer}: {problems}");
        }
        Ok(())
    }

    const OTHER: &str = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n\
        leaderElection: {resourceName: berth}\nprofiles: [{schedulerName: other}]\n";

    #[test]
    fn the_chart_comes_to_the_manifests_where_there_is_helm() -> Result<()> {
        let root = tree::root();
        let Some(helm) = chart::helm() else { return Ok(()) };
        let problems = chart::rendered(&helm, &root, &Deploy::read(&root)?)?;
        assert!(problems.is_empty(), "{}", problems.join("\n"));
        Ok(())
    }
}
