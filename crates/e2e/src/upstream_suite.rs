//! Upstream's own end-to-end suite for schedulers, on real controllers and fake kubelets.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::client::eventually;
use crate::control_plane::ControlPlane;
use crate::object::{node_of_cpu, with};
use crate::scheduler::{Kind, Scheduler};
use crate::testbed;
use berth_up::process::{Process, log_file};

/// What is run where nobody says otherwise.
pub const FOCUS: &str = r"\[sig-scheduling\] Scheduler(Predicates|Preemption|Priorities)";

/// Features that are off by default, what needs hardware or several zones of a cloud, and three specs that no scheduler
/// passes here, since they need what no fake kubelet gives: traffic through containers, and a node status that the
/// kubelet keeps.
const SKIP: &str = "GPUDevicePlugin|Feature:|FeatureGate|Multi-AZ|conflict between pods with same hostPort\
                    |verify pod overhead is accounted for";

/// The suite makes pods of the same name one after the other, and kwok ends pods by their names. What is delayed is
/// cancelled where the pod goes by itself in between; otherwise its successor would go for it.
const DELAY: &str = "\n  delay:\n    durationMilliseconds: 500\n";

/// How one spec went.
#[derive(Debug)]
pub struct Spec {
    /// All its words.
    pub name: String,
    /// Whether it passed.
    pub passed: bool,
    /// Why it failed.
    pub failure: String,
    /// In seconds.
    pub took_s: f64,
}

/// Runs the specs that match `focus`; all that was logged stays in `logs`.
///
/// # Errors
/// Something is not built or does not start.
pub fn run(kind: Kind, focus: &str, logs: &Path) -> Result<Vec<Spec>> {
    fs::create_dir_all(logs)?;
    let plane = ControlPlane::start()?;
    let _controllers = plane.controllers(&[])?;
    for i in 0..4 {
        plane.admin.create("/api/v1/nodes", &fake_node(i))?;
    }
    let _kubelets = kubelets(&plane)?;
    let mut scheduler = Scheduler::start(kind, &plane, &json!({}))?;
    scheduler.ready()?;
    eventually("the namespace of the suite has its account", || {
        plane.admin.get("/api/v1/namespaces/default/serviceaccounts/default")
    })?;
    let report = logs.join("report.json");
    let _ = fs::remove_file(&report);
    let out = File::create(logs.join("suite.log"))?;
    Command::new(testbed::program("e2e.test")?)
        .current_dir(&plane.folder)
        .arg("--provider=skeleton")
        .arg(format!("--kubeconfig={}", plane.admin_kubeconfig().display()))
        .arg(format!("--ginkgo.focus={focus}"))
        .arg(format!("--ginkgo.skip={SKIP}"))
        .arg(format!("--ginkgo.json-report={}", report.display()))
        .args([
            "--ginkgo.no-color",
            "--ginkgo.timeout=40m",
            "--allowed-not-ready-nodes=0",
            "--minStartupPods=0",
        ])
        .args(["--node-schedulable-timeout=30s", "--disable-log-dump"])
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .status()?;
    for name in ["scheduler", "kube-apiserver", "kube-controller-manager", "kwok"] {
        let _ = fs::copy(log_file(&plane.folder, name), logs.join(format!("{name}.log")));
    }
    let text =
        fs::read(&report).with_context(|| format!("the suite made no report; see {}", logs.display()))?;
    scheduler.process.alive()?;
    Ok(specs(&serde_json::from_slice(&text)?))
}

/// The specs that were run.
fn specs(report: &Value) -> Vec<Spec> {
    let suites = report.as_array().into_iter().flatten();
    let all = suites.flat_map(|suite| suite["SpecReports"].as_array().into_iter().flatten());
    let ran = all.filter(|spec| {
        spec["LeafNodeType"] == "It" && spec["State"] != "skipped" && spec["State"] != "pending"
    });
    ran.map(|spec| {
        let texts =
            spec["ContainerHierarchyTexts"].as_array().into_iter().flatten().chain([&spec["LeafNodeText"]]);
        let words: Vec<&str> = texts.filter_map(Value::as_str).collect();
        Spec {
            name: words.join(" "),
            passed: spec["State"] == "passed",
            failure: spec["Failure"]["Message"].as_str().unwrap_or_default().to_owned(),
            took_s: spec["RunTime"].as_f64().unwrap_or_default() / 1e9,
        }
    })
    .collect()
}

/// kwok with the stages that it ships: nodes that send heartbeats, pods that run and end at once.
fn kubelets(plane: &ControlPlane) -> Result<Process> {
    let shipped = testbed::module(testbed::KWOK)?.join("kustomize/stage");
    let mut files = vec![
        shipped.join("node/fast/node-initialize.yaml"),
        shipped.join("node/heartbeat-with-lease/node-heartbeat-with-lease.yaml"),
    ];
    let pods = shipped.join("pod/fast");
    for entry in fs::read_dir(&pods).with_context(|| format!("cannot list {}", pods.display()))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with("pod-") && name.ends_with(".yaml") {
            files.push(path);
        }
    }
    ensure!(files.len() > 2, "kwok ships no stages of pods in {}", pods.display());
    files.sort();
    let mut stages: Vec<String> = files.iter().map(fs::read_to_string).collect::<Result<_, _>>()?;
    for stage in stages.iter_mut().filter(|stage| stage.contains("name: pod-delete\n")) {
        stage.push_str(DELAY);
    }
    fs::write(plane.folder.join("stages.yaml"), stages.join("\n---\n"))?;
    let args = [
        "--config=stages.yaml".to_owned(),
        format!("--kubeconfig={}", plane.admin_kubeconfig().display()),
        "--manage-all-nodes".to_owned(),
        "--node-lease-duration-seconds=40".to_owned(),
    ];
    Process::start("kwok", &testbed::program("kwok")?, &args, &plane.folder)
}

fn fake_node(i: usize) -> Value {
    let size = json!({"cpu": "8", "memory": "16Gi", "pods": "110", "ephemeral-storage": "100Gi"});
    let labels = json!({
        "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
        "topology.kubernetes.io/zone": format!("z{}", i % 2),
    });
    with(
        node_of_cpu(&format!("node-{i}"), "8"),
        json!({
            "metadata": {"labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}},
            "status": {"capacity": size, "allocatable": size},
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_spec_by_spec() {
        let report = json!([{"SpecReports": [
            {"LeafNodeType": "SynchronizedBeforeSuite", "State": "passed"},
            {"LeafNodeType": "It", "State": "skipped", "LeafNodeText": "left out"},
            {"LeafNodeType": "It", "State": "passed", "ContainerHierarchyTexts": ["a", "b"], "LeafNodeText": "c",
             "RunTime": 1_500_000_000},
            {"LeafNodeType": "It", "State": "timedout", "LeafNodeText": "verify pod overhead is accounted for",
             "Failure": {"Message": "too slow"}},
        ]}]);
        let specs = specs(&report);
        assert_eq!(specs.len(), 2);
        assert!(specs[0].passed && specs[0].name == "a b c" && specs[0].took_s == 1.5);
        assert!(!specs[1].passed && specs[1].failure == "too slow");
    }
}
