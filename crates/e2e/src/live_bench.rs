//! Berth's scheduler and upstream's under the same load through a real API server, alternately.

use std::fmt::Write as _;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::control_plane::ControlPlane;
use crate::process::Usage;
use crate::scheduler::{self, Kind, Scheduler};
use crate::testbed;

/// One run: a fresh control plane, one scheduler, all pods at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Whose scheduler.
    pub kind: Kind,
    /// Pods that got a node, a second, from the first creation to the last binding seen.
    pub pods_per_s: f64,
    /// From just before a pod's creation until its node is seen, in seconds: the median,
    pub p50_s: f64,
    /// and what one in a hundred exceeds.
    pub p99_s: f64,
    /// What the scheduler used, from its start on.
    pub scheduler: Usage,
    /// What kube-apiserver used.
    pub server: Usage,
    /// What etcd used.
    pub store: Usage,
}

/// A fresh control plane, `nodes` nodes, then `pods` pods at once.
///
/// # Errors
/// Something does not start, or a pod gets no node.
pub fn run(kind: Kind, nodes: u32, pods: u32) -> Result<Run> {
    let program = scheduler::release(kind)?;
    let plane = ControlPlane::start()?;
    let mut scheduler = Scheduler::run(kind, &program, &plane, &json!({}), "scheduler", 0)?;
    scheduler.ready()?;
    let answer = Command::new(testbed::program("loadgen")?)
        .args([format!("-nodes={nodes}"), format!("-pods={pods}")])
        // Slower than this, on any machine, is not worth waiting for.
        .arg(format!("-wait={}s", 120 + (nodes + pods) / 50))
        .arg("-kubeconfig")
        .arg(plane.admin_kubeconfig())
        .output()?;
    let complaint = String::from_utf8_lossy(&answer.stderr).into_owned();
    ensure!(answer.status.success(), "loadgen failed: {complaint}");
    scheduler.process.alive()?;
    let said: Value = serde_json::from_slice(&answer.stdout).context("loadgen's report")?;
    let number = |key: &str| said[key].as_f64().unwrap_or_default();
    ensure!(said["bound"] == pods, "{kind}: {} of {pods} pods got a node", said["bound"]);
    Ok(Run {
        kind,
        pods_per_s: number("bound") / number("total_s"),
        p50_s: number("p50_s"),
        p99_s: number("p99_s"),
        scheduler: scheduler.process.usage()?,
        server: plane.processes[0].usage()?,
        store: plane.processes[1].usage()?,
    })
}

/// What is compared: its name, its value in a run.
type Figure = (&'static str, fn(&Run) -> f64);

const FIGURES: [Figure; 8] = [
    ("pods/s", |run| run.pods_per_s),
    ("p50 s", |run| run.p50_s),
    ("p99 s", |run| run.p99_s),
    ("CPU s", |run| run.scheduler.cpu_s),
    ("peak MB", |run| run.scheduler.peak_mb),
    ("apiserver CPU s", |run| run.server.cpu_s),
    ("apiserver peak MB", |run| run.server.peak_mb),
    ("etcd CPU s", |run| run.store.cpu_s),
];

/// All runs as a Markdown table, then the medians of each scheduler and Berth's over upstream's.
pub fn table(runs: &[Run]) -> String {
    let mut text = String::from("| |");
    for (name, _) in FIGURES {
        let _ = write!(text, " {name} |");
    }
    text.push_str("\n| --- |");
    text.push_str(&" ---: |".repeat(FIGURES.len()));
    for run in runs {
        row(&mut text, &run.kind.to_string(), |value| value(run));
    }
    let kinds = [Kind::Berth, Kind::Upstream];
    for kind in kinds.into_iter().filter(|kind| runs.iter().any(|run| run.kind == *kind)) {
        row(&mut text, &format!("median of {kind}"), |value| median(runs, kind, value));
    }
    if kinds.iter().all(|kind| runs.iter().any(|run| run.kind == *kind)) {
        row(&mut text, "berth / upstream", |value| ratio(runs, value));
    }
    text.push('\n');
    text
}

/// All runs, the medians and the ratios as JSON.
pub fn report(runs: &[Run]) -> Value {
    let all = |value: &dyn Fn(fn(&Run) -> f64) -> f64| -> Value {
        FIGURES.iter().map(|(name, figure)| ((*name).to_owned(), json!(value(*figure)))).collect()
    };
    let each: Vec<Value> = runs
        .iter()
        .map(|run| json!({"scheduler": run.kind.to_string(), "figures": all(&|value| value(run))}))
        .collect();
    json!({
        "runs": each,
        "medians": {
            "berth": all(&|value| median(runs, Kind::Berth, value)),
            "upstream": all(&|value| median(runs, Kind::Upstream, value)),
        },
        "berth_over_upstream": all(&|value| ratio(runs, value)),
    })
}

fn row(text: &mut String, name: &str, value: impl Fn(fn(&Run) -> f64) -> f64) {
    let _ = write!(text, "\n| {name} |");
    for (_, figure) in FIGURES {
        let value = value(figure);
        let digits = if value < 10.0 { 3 } else { usize::from(value < 100.0) };
        let _ = write!(text, " {value:.digits$} |");
    }
}

fn ratio(runs: &[Run], value: fn(&Run) -> f64) -> f64 {
    median(runs, Kind::Berth, value) / median(runs, Kind::Upstream, value)
}

/// Not a number where there are no runs.
fn median(runs: &[Run], kind: Kind, value: fn(&Run) -> f64) -> f64 {
    let mut values: Vec<f64> = runs.iter().filter(|run| run.kind == kind).map(value).collect();
    values.sort_by(f64::total_cmp);
    let Some(upper) = values.get(values.len() / 2) else { return f64::NAN };
    let lower = values[(values.len() - 1) / 2];
    f64::midpoint(lower, *upper)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_those_of_medians() {
        let run = |kind, pods_per_s| Run {
            kind,
            pods_per_s,
            p50_s: 1.0,
            p99_s: 2.0,
            scheduler: Usage::default(),
            server: Usage::default(),
            store: Usage::default(),
        };
        let runs = [
            run(Kind::Berth, 900.0),
            run(Kind::Upstream, 400.0),
            run(Kind::Berth, 600.0),
            run(Kind::Upstream, 300.0),
            run(Kind::Berth, 100.0),
        ];
        assert_eq!(median(&runs, Kind::Berth, |run| run.pods_per_s), 600.0);
        assert_eq!(median(&runs, Kind::Upstream, |run| run.pods_per_s), 350.0);
        assert_eq!(report(&runs)["berth_over_upstream"]["p50 s"], 1.0);
        assert!(table(&runs).contains("| median of berth | 600 | 1.000 | 2.000 |"), "{}", table(&runs));
    }
}
