//! The result of a run in time as tables.

use std::fmt::Write;

use berth_cluster::report::{Line, Point, TimedSimulationResult, Waits, WorkloadReport};

use crate::changes::SCALED;
use crate::columns::{Cell, Columns, WIDTH};
use crate::section::{by_reason, counted_heading, heading, more, reason};
use crate::{human, style};

/// How many lines of a list the short table shows.
const SHOWN: usize = 20;
/// How many points of the series the short table shows.
const POINTS: usize = 12;
/// The width of a bar.
const BAR: usize = 10;
/// The width of a workload's name in the short table.
const NAME: usize = 24;

/// Renders the result. `wide` shows every line and all resources.
pub(super) fn render(result: &TimedSimulationResult, wide: bool) -> String {
    let limit = if wide { usize::MAX } else { SHOWN };
    let mut out = String::new();
    lines(&mut out, "STORY", &result.story, usize::MAX);
    lines(&mut out, "EVENTS", &result.events, limit);
    waits(&mut out, &result.waits);
    workloads(&mut out, &result.workloads, wide, limit);
    series(&mut out, result, wide);
    pending(&mut out, result, wide, limit);
    summary(&mut out, result);
    out
}

fn lines(out: &mut String, title: &str, lines: &[Line], limit: usize) {
    if lines.is_empty() {
        return;
    }
    counted_heading(out, title, lines.len());
    let mut table = Columns::new(["TIME", "WHAT"]);
    for line in lines.iter().take(limit) {
        table.row(vec![clock(line.at_seconds).into(), line.text.as_str().into()]);
    }
    table.print_within(out, WIDTH);
    more(out, lines.len(), limit);
}

fn waits(out: &mut String, waits: &[Waits]) {
    heading(out, "WAIT FOR A NODE");
    let mut table = Columns::new(["PRIORITY", "PODS", "P50", "P90", "P99", "LONGEST"]);
    for wait in waits {
        let priority = wait.priority.map_or_else(|| "all".to_owned(), |priority| priority.to_string());
        let times = [wait.p50_seconds, wait.p90_seconds, wait.p99_seconds, wait.max_seconds];
        let mut cells: Vec<Cell> = vec![priority.into(), wait.bound.to_string().into()];
        cells.extend(times.map(|seconds| Cell::from(span(seconds))));
        table.row(cells);
    }
    table.print(out);
    out.push('\n');
}

fn workloads(out: &mut String, workloads: &[WorkloadReport], wide: bool, limit: usize) {
    if workloads.is_empty() {
        return;
    }
    counted_heading(out, "WORKLOADS", workloads.len());
    // How long they waited is wide: the priorities have it.
    let mut titles = vec!["WORKLOAD", "PODS", "DONE", "FAILED", "EVICTED", "FEWEST", "BELOW", "NONE"];
    if wide {
        titles.push("P99 WAIT");
    }
    let mut table = Columns::new(titles);
    for workload in workloads.iter().take(limit) {
        let service = workload.service.as_ref();
        let name =
            if wide { workload.workload.clone() } else { human::cut(&short_kind(&workload.workload), NAME) };
        let fewest = service.and_then(|service| Some(format!("{}/{}", service.fewest?, service.desired)));
        let time = |of: Option<f64>| of.map_or_else(|| "-".to_owned(), span);
        let mut cells: Vec<Cell> = vec![
            name.into(),
            workload.created.to_string().into(),
            workload.succeeded.to_string().into(),
            workload.failed.to_string().into(),
            workload.evicted.to_string().into(),
            fewest.unwrap_or_else(|| "-".to_owned()).into(),
            time(service.map(|service| service.below_seconds)).into(),
            time(service.map(|service| service.without_seconds)).into(),
        ];
        if wide {
            cells.push(span(workload.waits.p99_seconds).into());
        }
        table.row(cells);
    }
    table.print(out);
    more(out, workloads.len(), limit);
}

/// `deploy/shop/web` for `Deployment shop/web`.
fn short_kind(workload: &str) -> String {
    let Some((kind, name)) = workload.split_once(' ') else { return workload.to_owned() };
    let known = SCALED.iter().find(|(known, _)| known.name() == kind);
    known.map_or_else(|| workload.to_owned(), |(_, names)| format!("{}/{name}", names[0]))
}

fn series(out: &mut String, result: &TimedSimulationResult, wide: bool) {
    heading(out, "OVER TIME");
    let names: Vec<&String> = result.resources.iter().map(|resource| &resource.name).collect();
    let shown =
        human::resources(names.into_iter().filter(|name| *name != "pods"), if wide { usize::MAX } else { 2 });
    let mut titles = vec!["TIME", "NODES", "PENDING", "RUNNING"];
    titles.extend(shown.iter().map(|name| if wide { *name } else { human::short(name) }));
    let mut table = Columns::new(titles);
    let step = if wide { 1 } else { result.series.len().div_ceil(POINTS).max(1) };
    let last = result.series.len().saturating_sub(1);
    let points = result.series.iter().enumerate().filter(|(at, _)| at % step == 0 || *at == last);
    for (_, point) in points {
        let mut cells: Vec<Cell> = vec![
            clock(point.at_seconds).into(),
            point.ready_nodes.to_string().into(),
            point.pending.to_string().into(),
            point.running.to_string().into(),
        ];
        cells.extend(shown.iter().map(|name| Cell::from(used(point, name))));
        table.row(cells);
    }
    table.print(out);
    for resource in &result.resources {
        if shown.contains(&resource.name.as_str()) {
            let percent = resource.utilization * 100.0;
            let _ = writeln!(out, "  {} requested on average: {percent:.1}%", resource.name);
        }
    }
    out.push('\n');
}

fn used(point: &Point, resource: &str) -> String {
    let amount = |of: &std::collections::BTreeMap<String, String>| {
        of.get(resource).map_or(0.0, |text| human::amount(text))
    };
    let (requested, allocatable) = (amount(&point.requested), amount(&point.allocatable));
    if allocatable <= 0.0 {
        return "-".to_owned();
    }
    let share = requested / allocatable;
    format!("{} {:>3.0}%", human::bar(share, BAR), share * 100.0)
}

fn pending(out: &mut String, result: &TimedSimulationResult, wide: bool, limit: usize) {
    if result.pending.is_empty() {
        return;
    }
    counted_heading(out, "PENDING AT THE END", result.pending.len());
    let pods = result.pending.iter().map(|pod| {
        let message = if pod.message.is_empty() { "not tried yet" } else { pod.message.as_str() };
        (message, format!("{}/{} ({})", pod.namespace, pod.name, span(pod.waited_seconds)))
    });
    let groups = by_reason(pods);
    for (why, pods) in groups.iter().take(limit) {
        reason(out, "", pods, why, wide);
    }
    more(out, groups.len(), limit);
}

fn summary(out: &mut String, result: &TimedSimulationResult) {
    let counts = &result.summary;
    let tone = if counts.pending > 0 { style::BAD } else { style::GOOD };
    let evictions: u64 = counts.evictions.values().sum();
    let _ = write!(
        out,
        "{} in {}: {} pods, {} succeeded, {} failed, {} evicted, {} running, {tone}{} pending{tone:#}",
        human::count(usize::try_from(counts.nodes).unwrap_or(usize::MAX), "node"),
        span(result.duration_seconds),
        counts.created,
        counts.succeeded,
        counts.failed,
        evictions,
        counts.running,
        counts.pending,
    );
    let _ = writeln!(out, " ({})", result.algorithm);
}

/// A time since the beginning: `12:00:50`, `1d 02:00:00`.
pub(super) fn clock(seconds: f64) -> String {
    let whole = seconds as u64;
    let (days, hours, minutes) = (whole / 86_400, whole / 3_600 % 24, whole / 60 % 60);
    let time = format!("{hours:02}:{minutes:02}:{:02}", whole % 60);
    if days > 0 { format!("{days}d {time}") } else { time }
}

/// A duration with its two largest units: `1h30m`, `50s`, `0.3s`.
pub(super) fn span(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        _ if seconds < 10.0 => {
            let text = format!("{seconds:.1}");
            format!("{}s", text.strip_suffix(".0").unwrap_or(&text))
        }
        0..60 => format!("{whole}s"),
        60..3_600 => two(whole / 60, 'm', whole % 60, 's'),
        3_600..86_400 => two(whole / 3_600, 'h', whole / 60 % 60, 'm'),
        _ => two(whole / 86_400, 'd', whole / 3_600 % 24, 'h'),
    }
}

fn two(first: u64, unit: char, second: u64, smaller: char) -> String {
    if second == 0 { format!("{first}{unit}") } else { format!("{first}{unit}{second}{smaller}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        let cases = [
            (0.0, "00:00:00", "0s"),
            (0.34, "00:00:00", "0.3s"),
            (50.0, "00:00:50", "50s"),
            (90.0, "00:01:30", "1m30s"),
            (5_400.0, "01:30:00", "1h30m"),
            (7_200.0, "02:00:00", "2h"),
            (93_600.0, "1d 02:00:00", "1d2h"),
        ];
        for (seconds, time, length) in cases {
            assert_eq!((clock(seconds).as_str(), span(seconds).as_str()), (time, length));
        }
    }
}
