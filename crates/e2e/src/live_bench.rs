//! Berth's scheduler and upstream's, or Berth with and without a recording or an open page, under the same load through a
//! real API server, alternately.

mod browsers;

use std::fmt::{self, Write as _};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::control_plane::ControlPlane;
use crate::scheduler::{self, Kind, Scheduler};
use crate::testbed;
use berth_up::process::Usage;
use browsers::Browsers;

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// A scheduler as it is started usually.
    Plain(Kind),
    /// Berth with `--record`.
    Recording,
    /// Berth with `--ui`, whose page is open in three browsers.
    Watched,
}

impl Side {
    const ALL: [Self; 4] =
        [Self::Plain(Kind::Berth), Self::Plain(Kind::Upstream), Self::Recording, Self::Watched];

    fn kind(self) -> Kind {
        match self {
            Self::Plain(kind) => kind,
            Self::Recording | Self::Watched => Kind::Berth,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(kind) => kind.fmt(f),
            Self::Recording => f.write_str("berth --record"),
            Self::Watched => f.write_str("berth --ui"),
        }
    }
}

/// One run: a fresh control plane, one scheduler, all pods at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Who was measured.
    pub side: Side,
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
pub fn run(side: Side, nodes: u32, pods: u32) -> Result<Run> {
    let kind = side.kind();
    let program = scheduler::release(kind)?;
    let plane = ControlPlane::start()?;
    let mut flags = vec!["-v=0".to_owned()];
    if side == Side::Recording {
        flags.push(format!("--record={}", plane.folder.join("flow.rec").display()));
    }
    if side == Side::Watched {
        flags.push("--ui".to_owned());
    }
    let mut scheduler = Scheduler::run_with(kind, &program, &plane, &json!({}), "scheduler", &flags)?;
    scheduler.ready()?;
    let browsers = (side == Side::Watched).then(|| Browsers::open(&program, &plane, scheduler.port));
    let _browsers = browsers.transpose()?;
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
    ensure!(said["bound"] == pods, "{side}: {} of {pods} pods got a node", said["bound"]);
    Ok(Run {
        side,
        pods_per_s: number("bound") / number("total_s"),
        p50_s: number("p50_s"),
        p99_s: number("p99_s"),
        scheduler: scheduler.process.usage()?,
        server: plane.components()?.server.usage()?,
        store: plane.components()?.store.usage()?,
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

/// What is compared with what, where both were measured, and the name of that in documents.
const RATIOS: [(Side, Side, &str); 3] = [
    (Side::Plain(Kind::Berth), Side::Plain(Kind::Upstream), "berth_over_upstream"),
    (Side::Recording, Side::Plain(Kind::Berth), "recording_over_plain"),
    (Side::Watched, Side::Plain(Kind::Berth), "watched_over_plain"),
];

/// All runs as a Markdown table, then the medians of each side and what they are to each other.
pub fn table(runs: &[Run]) -> String {
    let mut text = String::from("| |");
    for (name, _) in FIGURES {
        let _ = write!(text, " {name} |");
    }
    text.push_str("\n| --- |");
    text.push_str(&" ---: |".repeat(FIGURES.len()));
    for run in runs {
        row(&mut text, &run.side.to_string(), |value| value(run));
    }
    for side in Side::ALL.into_iter().filter(|side| has(runs, *side)) {
        row(&mut text, &format!("median of {side}"), |value| median(runs, side, value));
    }
    for (over, under, _) in RATIOS {
        if has(runs, over) && has(runs, under) {
            row(&mut text, &format!("{over} / {under}"), |value| ratio(runs, over, under, value));
        }
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
        .map(|run| json!({"scheduler": run.side.to_string(), "figures": all(&|value| value(run))}))
        .collect();
    let medians: Value = (Side::ALL.into_iter().filter(|side| has(runs, *side)))
        .map(|side| (side.to_string(), all(&|value| median(runs, side, value))))
        .collect();
    let mut report = json!({"runs": each, "medians": medians});
    for (over, under, name) in RATIOS {
        if has(runs, over) && has(runs, under) {
            report[name] = all(&|value| ratio(runs, over, under, value));
        }
    }
    report
}

fn has(runs: &[Run], side: Side) -> bool {
    runs.iter().any(|run| run.side == side)
}

fn row(text: &mut String, name: &str, value: impl Fn(fn(&Run) -> f64) -> f64) {
    let _ = write!(text, "\n| {name} |");
    for (_, figure) in FIGURES {
        let value = value(figure);
        let digits = if value < 10.0 { 3 } else { usize::from(value < 100.0) };
        let _ = write!(text, " {value:.digits$} |");
    }
}

fn ratio(runs: &[Run], over: Side, under: Side, value: fn(&Run) -> f64) -> f64 {
    median(runs, over, value) / median(runs, under, value)
}

/// Not a number where there are no runs.
fn median(runs: &[Run], side: Side, value: fn(&Run) -> f64) -> f64 {
    let mut values: Vec<f64> = runs.iter().filter(|run| run.side == side).map(value).collect();
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
        let run = |side, pods_per_s| Run {
            side,
            pods_per_s,
            p50_s: 1.0,
            p99_s: 2.0,
            scheduler: Usage::default(),
            server: Usage::default(),
            store: Usage::default(),
        };
        let (berth, upstream) = (Side::Plain(Kind::Berth), Side::Plain(Kind::Upstream));
        let mut runs = vec![
            run(berth, 900.0),
            run(upstream, 400.0),
            run(berth, 600.0),
            run(upstream, 300.0),
            run(berth, 100.0),
        ];
        assert_eq!(median(&runs, berth, |run| run.pods_per_s), 600.0);
        assert_eq!(median(&runs, upstream, |run| run.pods_per_s), 350.0);
        assert_eq!(report(&runs)["berth_over_upstream"]["p50 s"], 1.0);
        assert_eq!(report(&runs)["recording_over_plain"], Value::Null);
        assert!(table(&runs).contains("| median of berth | 600 | 1.000 | 2.000 |"), "{}", table(&runs));
        runs.push(run(Side::Recording, 540.0));
        assert_eq!(report(&runs)["recording_over_plain"]["pods/s"], 0.9);
        assert!(table(&runs).contains("| berth --record / berth | 0.900 |"), "{}", table(&runs));
    }
}
