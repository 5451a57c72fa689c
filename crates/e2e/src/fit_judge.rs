//! `berth fit` beside cluster-capacity of kubernetes-sigs: how many more pods of a kind fit into a real control plane.
//!
//! cluster-capacity runs upstream's scheduler on a copy of the cluster and places one pod after the other, until one
//! does not fit. Both programs read the same API server. The folder `fit` of this crate has the cluster and the pods.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::testbed;
use crate::up::machine::Machine;

/// How often cluster-capacity is asked until it answers.
const ATTEMPTS: usize = 3;

/// A kind of pod that is counted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kind {
    /// What is special about it.
    name: String,
    /// The pod's labels.
    #[serde(default)]
    labels: Value,
    /// The requests of its container.
    requests: Value,
    /// The limits of its container.
    #[serde(default)]
    limits: Value,
    /// The ports of its container.
    #[serde(default)]
    ports: Value,
    /// The rest of its spec.
    #[serde(default)]
    spec: serde_json::Map<String, Value>,
    /// How many fit, as cluster-capacity said when it was recorded.
    fits: Option<u64>,
}

impl Kind {
    /// The pod, with the defaults of the API server that cluster-capacity wants to see.
    fn manifest(&self) -> Value {
        let resources = json!({"requests": self.requests, "limits": self.limits});
        let container = json!({"name": "main", "resources": resources, "ports": self.ports});
        let mut spec = self.spec.clone();
        spec.insert("containers".into(), json!([container]));
        spec.insert("terminationGracePeriodSeconds".into(), json!(30));
        for containers in ["containers", "initContainers"] {
            for container in spec.get_mut(containers).and_then(Value::as_array_mut).into_iter().flatten() {
                container["image"] = json!("main");
                container["imagePullPolicy"] = json!("IfNotPresent");
                container["terminationMessagePolicy"] = json!("File");
            }
        }
        let meta = json!({"name": "counted", "namespace": "default", "labels": self.labels});
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
    }
}

/// What one program says of a kind of pod.
#[derive(Debug, PartialEq, Eq)]
pub struct Count {
    /// How many fit.
    pub pods: u64,
    /// How many each node takes.
    pub nodes: BTreeMap<String, u64>,
    /// How long the program ran.
    pub took: Duration,
}

/// What both say of it.
#[derive(Debug)]
pub struct Verdict {
    /// What is special about the pod.
    pub name: String,
    /// `berth fit`.
    pub berth: Count,
    /// cluster-capacity, or why it gives no answer.
    pub reference: Result<Count, String>,
    /// What cluster-capacity said when `pods.yaml` was written; a plain `cargo test` compares it with `berth fit`.
    pub recorded: Option<u64>,
}

impl Verdict {
    /// Whether both count equally many pods.
    pub fn agrees(&self) -> bool {
        self.reference.as_ref().is_ok_and(|reference| reference.pods == self.berth.pods)
    }

    /// Whether `pods.yaml` has what cluster-capacity says.
    pub fn is_recorded(&self) -> bool {
        self.reference.as_ref().ok().map(|reference| reference.pods) == self.recorded
    }

    /// Whether both put equally many on each node. Ties are broken differently, so that this need not be.
    pub fn same_nodes(&self) -> bool {
        self.reference.as_ref().is_ok_and(|reference| reference.nodes == self.berth.nodes)
    }
}

/// Counts every kind with both programs; `cluster_capacity` is the reference's program.
///
/// # Errors
/// If the control plane does not start, or `berth fit` fails.
pub fn run(cluster_capacity: &Path) -> Result<Vec<Verdict>> {
    let mut machine = Machine::new()?;
    let cluster = folder().join("cluster.yaml");
    let cluster = cluster.to_str().context("the path is not UTF-8")?;
    machine.up("fit", &["--scheduler", "none", "-f", cluster])?;
    let kubeconfig = PathBuf::from(machine.ok(&["up", "kubeconfig", "fit"])?.trim());
    let verdict = |kind: Kind| {
        let file = machine.file("counted.json", &kind.manifest().to_string())?;
        let berth = berth(&machine, &kubeconfig, &file).with_context(|| kind.name.clone())?;
        // It sometimes panics at its end.
        let ask = || reference(cluster_capacity, &kubeconfig, &file).map_err(|error| error.to_string());
        let mut answer = ask();
        for _ in 1..ATTEMPTS {
            answer = answer.or_else(|_| ask());
        }
        Ok(Verdict { name: kind.name, berth, reference: answer, recorded: kind.fits })
    };
    kinds()?.into_iter().map(verdict).collect()
}

fn folder() -> PathBuf {
    testbed::workspace().join("crates/e2e/fit")
}

fn kinds() -> Result<Vec<Kind>> {
    let text = fs::read_to_string(folder().join("pods.yaml"))?;
    serde_saphyr::from_str(&text).context("pods.yaml")
}

fn berth(machine: &Machine, kubeconfig: &Path, file: &Path) -> Result<Count> {
    let (kubeconfig, file) = (kubeconfig.to_string_lossy(), file.to_string_lossy());
    let started = Instant::now();
    let output = machine.berth(&["fit", "--kubeconfig", &kubeconfig, "-f", &file, "-o", "json"])?;
    let took = started.elapsed();
    let said = String::from_utf8_lossy(&output.stderr);
    let answer: Value = serde_json::from_slice(&output.stdout).with_context(|| said.into_owned())?;
    let nodes = answer["nodes"].as_array().into_iter().flatten();
    let nodes = nodes.filter_map(|node| Some((node["name"].as_str()?.to_owned(), node["pods"].as_u64()?)));
    Ok(Count { pods: answer["count"].as_u64().context("no count")?, nodes: nodes.collect(), took })
}

fn reference(program: &Path, kubeconfig: &Path, file: &Path) -> Result<Count> {
    let started = Instant::now();
    let mut command = Command::new(program);
    command.arg("--kubeconfig").arg(kubeconfig).arg("--podspec").arg(file).args(["-o", "json"]);
    let output = command.output().with_context(|| format!("cannot run {}", program.display()))?;
    let took = started.elapsed();
    let said = [output.stdout.as_slice(), &output.stderr].concat();
    let said = String::from_utf8_lossy(&said).trim().to_owned();
    let is_warning = |line: &&str| line.starts_with('W') && line.contains("registry.go");
    let reason = said.lines().rfind(|line| !is_warning(line)).unwrap_or_default().to_owned();
    ensure!(output.status.success(), reason);
    // The first line is its version.
    let answer = said.lines().find(|line| line.starts_with('{')).context(reason)?;
    let answer: Value = serde_json::from_str(answer)?;
    let status = &answer["status"];
    let pods = status["pods"].as_array().into_iter().flatten();
    let nodes = pods.flat_map(|pod| pod["replicasOnNodes"].as_array().into_iter().flatten());
    let nodes =
        nodes.filter_map(|node| Some((node["nodeName"].as_str()?.to_owned(), node["replicas"].as_u64()?)));
    Ok(Count { pods: status["replicas"].as_u64().context("no replicas")?, nodes: nodes.collect(), took })
}

#[cfg(test)]
mod tests {
    use berth_engine::profile::Profile;
    use berth_engine::scheduler::Scheduler;
    use berth_sim::fit::{Shape, fit};
    use berth_sim::run::Options;
    use berth_sim::world::World;
    use berth_wire::Loader;

    use super::*;

    #[test]
    fn as_many_pods_fit_as_cluster_capacity_has_counted() {
        let cluster = fs::read(folder().join("cluster.yaml")).unwrap();
        let kinds = kinds().unwrap();
        assert!(kinds.iter().filter(|kind| kind.fits.is_some()).count() >= 20);
        for kind in kinds {
            let Some(expected) = kind.fits else { continue };
            let mut loader = Loader::new();
            loader.read("cluster.yaml", &cluster);
            loader.read_json_object("counted", &kind.manifest().to_string());
            let (manifests, _) = loader.finish().unwrap();
            let mut world = World::admitted(manifests, None).unwrap();
            let shapes = Shape::in_proportion(&world.cluster, &world.waiting);
            for row in std::mem::take(&mut world.waiting) {
                world.cluster.remove_pod(row);
            }
            let mut scheduler = Scheduler::new(world.cluster, vec![Profile::standard("default-scheduler")]);
            let options = Options { preemption: true, all_schedulers: false, verify: true };
            let found = fit(&mut scheduler, &world.claim_templates, &shapes, usize::MAX, options).unwrap();
            assert_eq!(found.sets as u64, expected, "{}", kind.name);
        }
    }
}
