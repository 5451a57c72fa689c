//! A usage report as a table: a row for each node, namespace, workload or pod, then the total.

use std::fmt::Write;

use berth_sim::usage::{By, ResourceUse, UsageReport, UsageRow};

use crate::columns::{Cell, Columns, WIDTH};
use crate::shorten::Shortener;
use crate::{human, style};

/// How many rows the short table shows.
const SHOWN: usize = 40;
/// How many kinds of devices the short table shows.
const DEVICES: usize = 1;

/// How much a cell says. The most that fits is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// Amounts and shares of everything.
    Full,
    /// Amounts and shares of requests, amounts of the others.
    Requests,
    /// Amounts.
    Amounts,
    /// Shares.
    Shares,
}

/// Which columns there are beside requests.
#[derive(Clone, Copy)]
struct Shown {
    limits: bool,
    usage: bool,
}

/// Whether a pod has a limit of CPU or memory.
fn has_limits(report: &UsageReport) -> bool {
    let limits = ["cpu", "memory"].into_iter().filter_map(|name| report.total.resources.get(name));
    limits.into_iter().any(|one| human::amount(&one.limits) > 0.0)
}

/// What cells say, and how long names may be: the first variant that fits is shown.
const VARIANTS: [(Detail, usize); 6] = [
    (Detail::Full, 30),
    (Detail::Requests, 30),
    (Detail::Requests, 24),
    (Detail::Amounts, 30),
    (Detail::Amounts, 24),
    (Detail::Shares, 30),
];

/// Renders the report. `wide` shows every row and every resource.
pub(crate) fn render(report: &UsageReport, wide: bool) -> String {
    let bold = style::HEADING;
    let mut out = String::new();
    let title = match report.by {
        By::Node => "NODES",
        By::Namespace => "NAMESPACES",
        By::Workload => "WORKLOADS",
        By::Pod => "PODS",
    };
    let count = report.rows.len();
    let _ = writeln!(out, "{bold}{title} ({count}){bold:#}");
    let limit = if wide { usize::MAX } else { SHOWN };
    let tables = VARIANTS.map(|(detail, name)| table(report, wide, limit, detail, name));
    let [.., narrowest] = &tables;
    tables.iter().find(|table| wide || table.width() <= WIDTH).unwrap_or(narrowest).print(&mut out);
    if count > limit {
        let _ = writeln!(out, "  and {} more; -o wide shows all", count - limit);
    }
    out.push('\n');
    notes(&mut out, report);
    out
}

/// A table whose names have at most `width` characters: longer ones lose what they have in common, or their middles.
fn table(report: &UsageReport, wide: bool, limit: usize, detail: Detail, width: usize) -> Columns {
    let shown =
        Shown { limits: has_limits(report), usage: report.rows.iter().any(|row| row.difference.is_some()) };
    let mut resources = vec!["cpu", "memory"];
    let others = report.total.resources.keys().map(String::as_str).filter(|name| !resources.contains(name));
    let others: Vec<&str> = others.collect();
    let devices: Vec<&str> = others.iter().copied().filter(|name| name.contains('/')).collect();
    if wide {
        resources.extend(others.iter().filter(|name| !name.contains('/')));
    }
    let devices = &devices[..if wide { devices.len() } else { devices.len().min(DEVICES) }];
    let has_claims = report.total.offered_devices.is_some();
    let names: Vec<String> = report.rows.iter().map(name).collect();
    let shortener = Shortener::new(names.iter().map(String::as_str), if wide { usize::MAX } else { width });
    let mut table = Columns::new(titles(report.by, &resources, devices, shown, has_claims));
    let mut add = |first: String, row: &UsageRow| {
        let mut cells: Vec<Cell> = vec![first.into()];
        if report.by != By::Pod {
            cells.push(row.pods.to_string().into());
        }
        for resource in &resources {
            let amounts = row.resources.get(*resource).cloned().unwrap_or_default();
            cells.extend(amount_cells(resource, &amounts, shown, detail));
        }
        for device in devices {
            let amounts = row.resources.get(*device).cloned().unwrap_or_default();
            let is_node = report.by == By::Node || row.name.is_empty();
            cells.push(device_cell(device, &amounts, is_node));
        }
        if has_claims {
            let text = match row.offered_devices {
                Some(offered) => format!("{}/{offered}", row.devices),
                None => row.devices.to_string(),
            };
            cells.push(text.into());
        }
        table.row(cells);
    };
    for (row, name) in report.rows.iter().zip(&names).take(limit) {
        let name = shortener.short(name);
        add(if wide { name } else { human::cut(&name, width) }, row);
    }
    add("TOTAL".to_owned(), &report.total);
    table
}

fn titles(by: By, resources: &[&str], devices: &[&str], shown: Shown, has_claims: bool) -> Vec<Cell> {
    let first = match by {
        By::Node => "NODE",
        By::Namespace => "NAMESPACE",
        By::Workload => "WORKLOAD",
        By::Pod => "POD",
    };
    let mut titles = vec![first.to_owned()];
    if by != By::Pod {
        titles.push("PODS".to_owned());
    }
    for resource in resources {
        let short = match *resource {
            "memory" => "MEM".to_owned(),
            other => human::short(other).to_uppercase(),
        };
        titles.push(format!("{short} REQ"));
        if shown.limits {
            titles.push("LIMIT".to_owned());
        }
        if shown.usage {
            titles.push("USED".to_owned());
        }
    }
    titles.extend(devices.iter().map(|device| human::short(device).to_uppercase()));
    if has_claims {
        titles.push("DEVICES".to_owned());
    }
    titles.into_iter().map(Cell::from).collect()
}

/// The name of a row, as the table shows it.
fn name(row: &UsageRow) -> String {
    let kind = row.kind.as_deref().map(|kind| format!("{}/", short_kind(kind))).unwrap_or_default();
    match &row.namespace {
        Some(namespace) => format!("{namespace}/{kind}{}", row.name),
        None => row.name.clone(),
    }
}

/// What kubectl calls a kind in short.
fn short_kind(kind: &str) -> String {
    match kind {
        "Deployment" => "deploy".to_owned(),
        "ReplicaSet" => "rs".to_owned(),
        "StatefulSet" => "sts".to_owned(),
        "DaemonSet" => "ds".to_owned(),
        "ReplicationController" => "rc".to_owned(),
        other => other.to_lowercase(),
    }
}

/// Requests, limits, and usage if any is known.
fn amount_cells(resource: &str, one: &ResourceUse, shown: Shown, detail: Detail) -> Vec<Cell> {
    let text = |amount: Option<&str>, share: Option<f64>, is_first: bool| {
        let Some(amount) = amount else { return Cell::styled("-", style::QUIET) };
        let amount = human::amount(amount);
        let share = share.map(|share| format!("{:.0}%", share * 100.0));
        let printed = human::print(resource, amount);
        match (detail, share) {
            _ if amount == 0.0 => Cell::styled("0", style::QUIET),
            (Detail::Shares, Some(share)) => share.into(),
            (Detail::Full, Some(share)) => format!("{printed} {share}").into(),
            (Detail::Requests, Some(share)) if is_first => format!("{printed} {share}").into(),
            _ => printed.into(),
        }
    };
    let mut requests = text(Some(&one.requests), one.requests_share, true);
    if let Some(share) = one.requests_share {
        requests = requests.with(style::utilization(share));
    }
    let mut cells = vec![requests];
    if shown.limits {
        cells.push(text(Some(&one.limits), one.limits_share, false));
    }
    if shown.usage {
        cells.push(text(one.usage.as_deref(), one.usage_share, false));
    }
    cells
}

/// Devices are counted in small numbers.
fn device_cell(resource: &str, one: &ResourceUse, is_node: bool) -> Cell {
    let [requests, offered] = [&one.requests, &one.allocatable].map(|text| human::amount(text));
    match (requests, offered) {
        (0.0, 0.0) => Cell::styled("-", style::QUIET),
        (0.0, _) if !is_node => Cell::styled("0", style::QUIET),
        (_, _) if !is_node => human::print(resource, requests).into(),
        _ => format!("{}/{}", human::print(resource, requests), human::print(resource, offered)).into(),
    }
}

/// What the numbers add up to, and what is not known.
fn notes(out: &mut String, report: &UsageReport) {
    let total = &report.total;
    let mut notes = Vec::new();
    let (mut unused, mut beyond) = (Vec::new(), Vec::new());
    for name in ["cpu", "memory"] {
        let Some(one) = total.resources.get(name) else { continue };
        let Some(usage) = one.usage.as_deref().map(human::amount) else { continue };
        let requests = human::amount(&one.requests);
        let list = if requests >= usage { &mut unused } else { &mut beyond };
        let noun = if name == "cpu" { "CPU" } else { name };
        list.push(format!("{} {noun}", human::print(name, (requests - usage).abs())));
    }
    if report.rows.iter().all(|row| row.difference.is_none()) {
        let what = "usage is not known: the input has no NodeMetrics or PodMetrics";
        notes.push(format!("{what} (berth snapshot writes them if the cluster has a metrics server)"));
    } else if total.measured_pods == total.pods || report.by == By::Node {
        for (what, list) in [("requested and not used", unused), ("used beyond requests", beyond)] {
            if !list.is_empty() {
                notes.push(format!("{what}: {}", list.join(", ")));
            }
        }
    } else {
        let unmeasured = human::count(total.pods - total.measured_pods, "pod");
        notes.push(format!("{unmeasured} of {} not measured: their usage counts as none", total.pods));
    }
    if !has_limits(report) {
        notes.push("no pod has a limit of CPU or memory".to_owned());
    }
    if report.pending > 0 {
        notes.push(format!("{} on no node, not counted", human::count(report.pending, "pending pod")));
    }
    for note in &notes {
        for line in human::wrap(note, WIDTH) {
            let _ = writeln!(out, "{line}");
        }
    }
}
