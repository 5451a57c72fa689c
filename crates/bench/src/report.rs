//! Tables of a comparison: for a terminal, as JSON, and as a page of Markdown.

mod grid;

use serde_json::{Value, json};

use crate::arm::Arm;
use crate::compare::Row;
use crate::machine::Machine;
use crate::outcome::Outcome;
pub use grid::{Grid, count, mebibytes, micros};

/// The arms of all rows, in the order of the columns.
fn arms(rows: &[Row]) -> Vec<Arm> {
    let all = [Arm::Upstream, Arm::UpstreamAll, Arm::Scan, Arm::Berth];
    all.into_iter().filter(|arm| rows.iter().any(|row| row.outcomes.contains_key(arm))).collect()
}

/// The table: pods a second of each arm and Berth's ratio to each, then the time of a pod, then memory.
pub fn grid(rows: &[Row]) -> Grid {
    let arms = arms(rows);
    let others: Vec<Arm> = arms.iter().copied().filter(|&arm| arm != Arm::Berth).collect();
    let mut grid = Grid::new("workload");
    for arm in &arms {
        grid.column(&format!("{}/s", arm.short()));
    }
    for arm in &others {
        grid.column(&format!("x {}", arm.short()));
    }
    for arm in &arms {
        grid.column(&format!("{} p50", arm.short()));
        grid.column(&format!("{} p99", arm.short()));
    }
    for arm in &arms {
        grid.column(&format!("{} MiB", arm.short()));
    }
    for row in rows {
        let of = |arm: &Arm, text: fn(&Outcome) -> String| row.outcomes.get(arm).map_or(String::new(), text);
        let mut cells = vec![row.label.clone()];
        cells.extend(arms.iter().map(|arm| of(arm, |o| format!("{}{}", count(o.pods_per_s), mark(o)))));
        cells.extend(others.iter().map(|&arm| row.ratio(arm).map_or(String::new(), |r| format!("{r:.1}"))));
        for arm in &arms {
            cells.push(of(arm, |o| micros(o.p50_us)));
            cells.push(of(arm, |o| micros(o.p99_us)));
        }
        cells.extend(arms.iter().map(|arm| of(arm, |o| mebibytes(o.peak_bytes))));
        grid.row(cells);
    }
    grid
}

fn mark(outcome: &Outcome) -> &'static str {
    if outcome.complete { "" } else { "*" }
}

/// What the heads of the columns mean, one a line.
fn legend(rows: &[Row]) -> String {
    let mut out = String::from(
        "/s: pods a second; p50, p99: microseconds a pod; MiB: peak memory; x: how many times faster berth is\n",
    );
    for arm in arms(rows).into_iter().filter(|&arm| arm != Arm::Berth) {
        out.push_str(&format!("{}: {}\n", arm.short(), arm.meaning()));
    }
    out
}

/// What the table's heads and marks mean, and where arms did different work.
pub fn notes(rows: &[Row]) -> String {
    let mut out = legend(rows);
    if rows.iter().flat_map(|row| row.outcomes.values()).any(|outcome| !outcome.complete) {
        out.push_str("* the run was ended early: the figure is that of the pods until then\n");
    }
    for row in rows {
        let Some(berth) = row.outcomes.get(&Arm::Berth) else { continue };
        for (arm, other) in row.outcomes.iter().filter(|(_, other)| other.complete && berth.complete) {
            if (other.placed, other.failed) != (berth.placed, berth.failed) {
                out.push_str(&format!(
                    "{}: {arm} placed {} pods and failed {}, berth placed {} and failed {}\n",
                    row.label, other.placed, other.failed, berth.placed, berth.failed
                ));
            }
        }
    }
    out
}

/// The whole comparison as JSON.
pub fn json(rows: &[Row], machine: &Machine) -> Value {
    let rows = rows.iter().map(|row| {
        let mut out = json!({"workload": row.label, "nodes": row.nodes, "pods": row.pods});
        for (arm, outcome) in &row.outcomes {
            out[arm.field()] = json!(outcome);
        }
        if let Some(ratio) = row.ratio(Arm::Upstream) {
            out["ratio"] = json!(ratio);
        }
        out
    });
    json!({"machine": machine, "rows": rows.collect::<Vec<_>>()})
}

/// The comparison as a page of Markdown.
pub fn markdown(rows: &[Row], machine: &Machine, runs: usize) -> String {
    let notes =
        notes(rows).lines().map(|line| format!("- {}\n", line.replace('*', "\\*"))).collect::<String>();
    format!(
        "# Performance\n\n\
         Written by `berth-bench -o markdown`. Medians of {runs} alternating runs, each in a process of its own, on: {}.\n\n\
         The clock runs while a scheduler decides, carries its decisions out and takes changes in; it stands still \
         while objects are read. Berth scores every node, always; upstream scores a sample by default, and every node \
         with `percentageOfNodesToScore: 100`. Upstream is its own code of version 1.37.2 in memory: queue, cache, \
         snapshot, framework, batching and preemption, without API server, binding and events (`bench/upstream`).\n\n\
         {}\n{notes}",
        machine.line(),
        grid(rows).markdown(),
    )
}
