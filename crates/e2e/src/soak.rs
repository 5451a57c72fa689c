//! A scheduler under churn: pods come and go, nodes are cordoned, relabelled and lost; nothing may pile up.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::client::Client;
use crate::control_plane::ControlPlane;
use crate::object::{node_of_cpu, pod, with};
use crate::scheduler::{self, Kind, Scheduler};

/// How many nodes there are, and how many pods at a time; the pods fill less than half of the nodes.
const NODES: usize = 100;
const PODS: usize = 500;

const NODE_LIST: &str = "/api/v1/nodes";
const POD_LIST: &str = "/api/v1/namespaces/default/pods";

/// How a soak went.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Pods made and deleted.
    pub pods: usize,
    /// The longest that a pod was seen to wait for its node although it fits, in seconds.
    pub longest_wait_s: f64,
    /// The scheduler's resident memory at the end of each tenth, in megabytes.
    pub resident_mb: Vec<f64>,
    /// The scheduler's processor time in seconds.
    pub cpu_s: f64,
    /// Lines of the scheduler's log that tell of errors.
    pub errors: Vec<String>,
}

/// Runs one for so long.
///
/// # Errors
/// Something does not start, the scheduler ends, or a pod that fits waits for more than a minute.
pub fn run(kind: Kind, length: Duration) -> Result<Report> {
    let program = scheduler::release(kind)?;
    let plane = ControlPlane::start()?;
    let api = &plane.admin;
    let mut scheduler = Scheduler::run(kind, &program, &plane, &json!({}), "scheduler", 0)?;
    let nodes: Vec<Value> = (0..NODES).map(|i| node_of_cpu(&format!("node-{i}"), "2")).collect();
    api.create_all(NODE_LIST, &nodes)?;
    let mut report = Report::default();
    let start = Instant::now();
    let mut round = 0;
    while start.elapsed() < length {
        let pods: Vec<Value> = (0..PODS).map(|i| churning_pod(round, i)).collect();
        api.create_all(POD_LIST, &pods)?;
        disturb(api, round)?;
        let waited = all_placed(api, &mut scheduler)?;
        report.longest_wait_s = report.longest_wait_s.max(waited.as_secs_f64());
        api.delete(POD_LIST)?;
        restore(api, round)?;
        report.pods += PODS;
        round += 1;
        if start.elapsed() * 10 >= length * (u32::try_from(report.resident_mb.len())? + 1) {
            report.resident_mb.push(scheduler.process.usage()?.resident_mb);
        }
    }
    report.cpu_s = scheduler.process.usage()?.cpu_s;
    report.errors =
        scheduler.process.log().lines().filter(|line| is_error(line)).map(str::to_owned).collect();
    Ok(report)
}

/// Plain pods, spread ones and picky ones, in turn.
fn churning_pod(round: usize, i: usize) -> Value {
    let plain = pod(&format!("pod-{round}-{i}"));
    let labels = json!({"app": "churn"});
    let shape = match i % 5 {
        0 => json!({"topologySpreadConstraints": [{
            "maxSkew": 5, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": labels},
        }]}),
        1 => json!({"affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{
            "weight": 10,
            "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": labels}},
        }]}}}),
        // No node has the label until the middle of a round.
        2 if i < 50 => json!({"nodeSelector": {"round": round.to_string()}}),
        _ => json!({}),
    };
    with(plain, json!({"metadata": {"labels": labels}, "spec": shape}))
}

fn disturb(api: &Client, round: usize) -> Result<()> {
    let of = |i: usize| format!("{NODE_LIST}/node-{}", (round * 7 + i) % NODES);
    for i in 0..5 {
        api.patch(&of(i), &json!({"spec": {"unschedulable": true}}))?;
        api.patch(&of(i + 10), &json!({"metadata": {"labels": {"round": round.to_string()}}}))?;
    }
    api.delete(&of(20))
}

fn restore(api: &Client, round: usize) -> Result<()> {
    for i in 0..5 {
        let path = format!("{NODE_LIST}/node-{}", (round * 7 + i) % NODES);
        api.patch(&path, &json!({"spec": {"unschedulable": null}}))?;
    }
    api.create(NODE_LIST, &node_of_cpu(&format!("node-{}", (round * 7 + 20) % NODES), "2")).map(|_| ())
}

/// Waits until each pod has a node, and says how long that took.
fn all_placed(api: &Client, scheduler: &mut Scheduler) -> Result<Duration> {
    let start = Instant::now();
    loop {
        scheduler.process.alive()?;
        let pods = api.list(POD_LIST)?;
        let waiting = pods.iter().find(|pod| pod["spec"]["nodeName"].is_null());
        let Some(waiting) = waiting else { return Ok(start.elapsed()) };
        ensure!(
            start.elapsed() < Duration::from_secs(60),
            "pod {} fits and waits: {}",
            waiting["metadata"]["name"],
            waiting["status"]["conditions"]
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// klog begins errors with E; JSON and text logs name the level.
fn is_error(line: &str) -> bool {
    let klog = line.starts_with('E') && line[1..].starts_with(|c: char| c.is_ascii_digit());
    klog || line.contains("\"ERROR\"") || line.contains(" ERROR ") || line.contains("panicked")
}
