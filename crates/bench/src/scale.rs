//! Growth: the time of a pod and memory against the number of nodes.

use crate::arm::Arm;
use crate::compare::Row;
use crate::machine::Machine;
use crate::outcome::Outcome;
use crate::plot::{Panel, Series, figure};
use crate::report::{Grid, count, mebibytes, micros};

/// Berth's outcome of a row.
fn berth(row: &Row) -> Option<&Outcome> {
    row.outcomes.get(&Arm::Berth)
}

fn labels(rows: &[Row]) -> Vec<&str> {
    let mut out: Vec<&str> = Vec::new();
    for row in rows {
        if !out.contains(&row.label.as_str()) {
            out.push(&row.label);
        }
    }
    out
}

/// One line a workload and number of nodes.
pub fn grid(rows: &[Row]) -> Grid {
    let mut grid = Grid::new("workload");
    for column in [
        "nodes",
        "pods",
        "us/pod",
        "p50 us",
        "p99 us",
        "max us",
        "seconds",
        "intake s",
        "load s",
        "MiB",
        "bytes/node",
    ] {
        grid.column(column);
    }
    for row in rows {
        let Some(o) = berth(row) else { continue };
        let mark = if o.complete { "" } else { "*" };
        grid.row(vec![
            row.label.clone(),
            count(row.nodes as f64),
            format!("{}{mark}", count(o.pods as f64)),
            micros(o.us_per_pod()),
            micros(o.p50_us),
            micros(o.p99_us),
            micros(o.max_us),
            format!("{:.2}", o.seconds),
            format!("{:.2}", o.intake_seconds),
            format!("{:.2}", o.load_seconds),
            mebibytes(o.peak_bytes),
            count(o.peak_bytes as f64 / row.nodes.max(1) as f64),
        ]);
    }
    grid
}

/// The plot: time of a pod on the left, memory on the right.
pub fn svg(rows: &[Row]) -> String {
    let series = |value: fn(&Outcome) -> f64| -> Vec<Series> {
        let of = |label: &str| Series {
            label: label.to_string(),
            points: rows
                .iter()
                .filter(|row| row.label == label)
                .filter_map(|row| Some((row.nodes as f64, value(berth(row)?))))
                .collect(),
        };
        labels(rows).into_iter().map(of).collect()
    };
    figure(&[
        Panel { title: "Time per pod".into(), unit: "us".into(), series: series(Outcome::us_per_pod) },
        Panel {
            title: "Peak memory".into(),
            unit: "MiB".into(),
            series: series(|o| o.peak_bytes as f64 / f64::from(1 << 20)),
        },
    ])
}

/// The growth as a section of Markdown; `plot` is the path of the plot's file.
pub fn markdown(rows: &[Row], machine: &Machine, plot: &str) -> String {
    let early = rows.iter().filter_map(berth).any(|o| !o.complete);
    let note = if early { "\n\\* the run was ended early\n" } else { "" };
    format!(
        "## Growth\n\n\
         As many pods as nodes, on: {}. `us/pod` is the time of the whole run over its pods; `intake` is the time in \
         which pods are made known and `load` that in which objects are generated and read, both off the clock.\n\n\
         ![Time per pod and memory against the number of nodes]({plot})\n\n{}{note}",
        machine.line(),
        grid(rows).markdown(),
    )
}
