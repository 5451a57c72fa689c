//! docs/operations.md, word by word: its commands are run as they stand on the page.
//!
//! What stands in for a machine: a folder for `/etc/kubernetes`, processes for containers, and `kubectl logs` shows the
//! process's log, since there is no kubelet to ask for it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use berth_up::process::Process;
use serde_json::{Value, json};

use super::leader::LEASE;
use crate::client::eventually;
use crate::control_plane::free_port;
use crate::object::{node, pod};
use crate::stage::Stage;
use crate::static_pods::{StaticPods, commands};
use crate::testbed;

const HEADING: &str = "### If you can change the static pods of the control plane (kubeadm)";
/// So many pods are made before, during and after the exchange, each time.
const BATCH: usize = 20;
const NODES: usize = 4;

/// As kubeadm 1.37 writes it, but for its probes.
const KUBEADM: &str = "apiVersion: v1
kind: Pod
metadata:
  labels:
    component: kube-scheduler
    tier: control-plane
  name: kube-scheduler
  namespace: kube-system
spec:
  containers:
  - command:
    - kube-scheduler
    - --authentication-kubeconfig=/etc/kubernetes/scheduler.conf
    - --authorization-kubeconfig=/etc/kubernetes/scheduler.conf
    - --bind-address=127.0.0.1
    - --kubeconfig=/etc/kubernetes/scheduler.conf
    - --leader-elect=true
    image: registry.k8s.io/kube-scheduler:v1.37.2
    imagePullPolicy: IfNotPresent
    name: kube-scheduler
    resources:
      requests:
        cpu: 100m
    volumeMounts:
    - mountPath: /etc/kubernetes/scheduler.conf
      name: kubeconfig
      readOnly: true
  hostNetwork: true
  priority: 2000001000
  priorityClassName: system-node-critical
  securityContext:
    seccompProfile:
      type: RuntimeDefault
  volumes:
  - hostPath:
      path: /etc/kubernetes/scheduler.conf
      type: FileOrCreate
    name: kubeconfig
";

pub(super) fn followed(stage: &mut Stage) -> Result<()> {
    stage.nobody_schedules();
    stage.api.delete(LEASE)?;
    let mut machine = Machine::new(stage)?;
    let [exchange, see, place, back] = machine.blocks.clone();
    stage.nodes(&(0..NODES).map(|i| node(&format!("host-{i}"))).collect::<Vec<_>>())?;
    stage.api.create(&stage.group("apps/v1", "deployments"), &web())?;
    let upstream = machine.leader(stage, "")?;
    machine.placed(stage, BATCH)?;

    machine.run(stage, &exchange)?;
    scale(stage, 2 * BATCH)?; // nobody leads now
    let berth = machine.leader(stage, &upstream)?;
    let seen = machine.run(stage, &see)?;
    ensure!(seen.contains("berth-scheduler-host-0") && seen.contains(&berth), "{seen}");
    machine.placed(stage, 2 * BATCH)?;
    let told = machine.run(stage, &place)?;
    ensure!(told.contains("placed") && told.contains("pod=default/berth-check"), "{told}");

    machine.run(stage, &back)?;
    scale(stage, 3 * BATCH)?;
    machine.leader(stage, &berth)?;
    machine.placed(stage, 3 * BATCH)?;
    once(stage, 3 * BATCH)?;
    for list in ["deployments", "replicasets"] {
        stage.api.delete(&stage.group("apps/v1", list))?;
    }
    fs::remove_file(machine.pods.root.join("manifests/kube-scheduler.yaml"))?;
    machine.pods.look()
}

/// A control plane node, and somebody who follows the page on it.
struct Machine {
    pods: StaticPods,
    blocks: [String; 4],
    folder: PathBuf,
    _controllers: Process,
}

impl Machine {
    fn new(stage: &Stage) -> Result<Self> {
        let plane = &stage.plane;
        let blocks = commands(&testbed::workspace().join("docs/operations.md"), HEADING)?;
        let blocks = blocks.try_into().ok().context("the page has other commands than four blocks")?;
        let folder = plane.folder.join("machine");
        let pods = StaticPods::new(folder.join("kubernetes"), stage.api.clone(), "host-0", free_port()?)?;
        fs::copy(plane.scheduler_kubeconfig(), pods.root.join("scheduler.conf"))?;
        fs::write(pods.root.join("manifests/kube-scheduler.yaml"), KUBEADM)?;
        let shipped = testbed::workspace().join("deploy/static-pod/berth-scheduler.yaml");
        fs::copy(shipped, folder.join("berth-scheduler.yaml"))?;
        fs::create_dir_all(folder.join("bin"))?;
        let kubectl = folder.join("bin/kubectl");
        let log = pods.log("berth-scheduler");
        let script = format!(
            "#!/bin/sh\nexport PATH=\"$REAL_PATH\"\ncase \" $* \" in *\" logs \"*) exec cat {};; *) exec kubectl \"$@\";; esac\n",
            log.display()
        );
        fs::write(&kubectl, script)?;
        fs::set_permissions(&kubectl, fs::Permissions::from_mode(0o755))?;
        let controllers = ["--controllers=deployment-controller,replicaset-controller".to_owned()];
        let _controllers = plane.controllers(&controllers)?;
        fs::copy(plane.admin_kubeconfig(), folder.join("admin.conf"))?;
        Ok(Self { pods, blocks, folder, _controllers })
    }

    /// Runs commands of the page, and gives what they print.
    fn run(&mut self, stage: &Stage, commands: &str) -> Result<String> {
        let path = std::env::var("PATH").unwrap_or_default();
        let commands = commands.replace("/etc/kubernetes", &self.pods.root.display().to_string());
        let mut child = Command::new("sh")
            .args(["-e", "-c", &commands])
            .current_dir(&self.folder)
            .env("PATH", format!("{}:{path}", self.folder.join("bin").display()))
            .env("REAL_PATH", path)
            .env("HOME", &self.folder)
            .env("KUBECONFIG", self.folder.join("admin.conf"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot run sh")?;
        let done = eventually("the page's commands come to an end", || {
            finish_deletions(stage)?;
            Ok(child.try_wait()?)
        });
        if done.is_err() {
            child.kill()?;
        }
        let ran = child.wait_with_output()?;
        let [out, error] = [ran.stdout, ran.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
        ensure!(ran.status.success(), "{commands}{out}{error}");
        self.pods.look()?;
        Ok(out)
    }

    /// Waits until somebody else leads.
    fn leader(&mut self, stage: &Stage, not: &str) -> Result<String> {
        eventually("somebody else leads", || {
            self.pods.look()?;
            let lease = stage.api.get(LEASE)?.unwrap_or_default();
            let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned();
            Ok((!holder.is_empty() && holder != not).then_some(holder))
        })
    }

    /// Waits until there are so many pods and all have nodes.
    fn placed(&mut self, stage: &Stage, count: usize) -> Result<()> {
        eventually(&format!("{count} pods have nodes"), || {
            self.pods.look()?;
            let pods = stage.api.list(&stage.core("pods"))?;
            let placed = pods.iter().filter(|pod| pod["spec"]["nodeName"].is_string()).count();
            Ok((placed == count && pods.len() == count).then_some(()))
        })
    }
}

/// Lets pods go that are asked to, as the kubelet of their node would.
fn finish_deletions(stage: &Stage) -> Result<()> {
    const PODS: &str = "/api/v1/namespaces/default/pods";
    for pod in stage.api.list(PODS)? {
        if pod["metadata"]["deletionTimestamp"].is_string() {
            stage.api.delete(&format!("{PODS}/{}", pod["metadata"]["name"].as_str().unwrap_or_default()))?;
        }
    }
    Ok(())
}

/// A deployment, whose pods its controllers make.
fn web() -> Value {
    let labels = json!({"app": "web"});
    let template = json!({"metadata": {"labels": labels}, "spec": pod("web")["spec"]});
    json!({
        "metadata": {"name": "web"},
        "spec": {"replicas": BATCH, "selector": {"matchLabels": labels}, "template": template},
    })
}

fn scale(stage: &Stage, replicas: usize) -> Result<()> {
    let path = stage.group("apps/v1", "deployments/web");
    stage.api.patch(&path, &json!({"spec": {"replicas": replicas}})).map(|_| ())
}

/// Each pod is said to be scheduled, once.
fn once(stage: &Stage, count: usize) -> Result<()> {
    eventually("each pod is said to be scheduled once", || {
        let events = stage.api.list(&stage.group("events.k8s.io/v1", "events"))?;
        let mut names: Vec<&str> = events
            .iter()
            .filter(|event| event["reason"] == "Scheduled")
            .filter_map(|event| event["regarding"]["name"].as_str())
            .collect();
        let total = names.len();
        names.sort_unstable();
        names.dedup();
        ensure!(names.len() == total, "a pod is said to be scheduled twice");
        Ok((total == count).then_some(()))
    })
}
