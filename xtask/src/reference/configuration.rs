//! The configuration: which plugins run where by default, and which arguments they take.

use std::fmt::Write;

use anyhow::{Context, Result};
use berth_config::{Configuration, ExtensionPoint, ExtensionPoints, REGISTRY};

use crate::tree::Source;

const FOLDER: &str = "crates/config/src/args/";

const HEAD: &str = "\
## Configuration
`--config` takes a `KubeSchedulerConfiguration` (`kubescheduler.config.k8s.io/v1`), as kube-scheduler does, with the same
defaults and the same validation; what has no effect here is named in a warning. Pods choose a profile by
`spec.schedulerName`. An example with three profiles: [examples/scheduler.yaml](../examples/scheduler.yaml).

A profile has one field that kube-scheduler does not know: `tieBreak` says which of several nodes with the best score is
chosen. `Hashed` (the default) computes an order of the nodes from the pod's namespace and name, so that over many pods
each node is chosen equally often. `FirstName` takes the first node by name. `--tie-break` overrides it.
";

/// The points at which any plugin runs, in the order in which a pod comes to them.
const ORDER: [ExtensionPoint; 10] = [
    ExtensionPoint::PreEnqueue,
    ExtensionPoint::QueueSort,
    ExtensionPoint::PreFilter,
    ExtensionPoint::Filter,
    ExtensionPoint::PostFilter,
    ExtensionPoint::PreScore,
    ExtensionPoint::Score,
    ExtensionPoint::Reserve,
    ExtensionPoint::PreBind,
    ExtensionPoint::Bind,
];

const ARGUMENTS: &str = "\
### Arguments
The fields of `pluginConfig[].args`. Those of Berth's own plugins are explained with the [algorithms](algorithms.md).
";

pub(super) fn section(sources: &[Source]) -> Result<String> {
    let mut out = format!("{HEAD}\n### Extension points\n");
    writeln!(
        out,
        "| point | plugins by default, in this order, scores with weights | others |\n| --- | --- | --- |"
    )?;
    let default = Configuration::default();
    let profile = default.profiles.first().context("the default configuration has a profile")?;
    for point in ORDER {
        let runs = names_at(&profile.points, point);
        let is_default = |name: &str| runs.iter().any(|run| run.split(' ').next() == Some(name));
        let others = REGISTRY
            .iter()
            .filter(|p| p.extends(point) && p.feature_gate().is_none() && !is_default(&p.name));
        let others: Vec<&str> = others.map(|p| &*p.name).collect();
        writeln!(out, "| `{}` | {} | {} |", point.field(), runs.join(", "), others.join(", "))?;
    }
    writeln!(out, "\n{ARGUMENTS}\n| plugin | fields | what for |\n| --- | --- | --- |")?;
    for source in sources.iter().filter(|s| s.path.starts_with(FOLDER)) {
        if let Some((name, purpose)) = purpose(source) {
            let fields: Vec<String> = fields(source, sources).iter().map(|f| format!("`{f}`")).collect();
            writeln!(out, "| {name} | {} | {purpose} |", fields.join(", "))?;
        }
    }
    Ok(out)
}

/// The plugins that run at a point.
fn names_at(points: &ExtensionPoints, point: ExtensionPoint) -> Vec<String> {
    let names = match point {
        ExtensionPoint::PreEnqueue => &points.pre_enqueue,
        ExtensionPoint::QueueSort => &points.queue_sort,
        ExtensionPoint::PreFilter => &points.pre_filter,
        ExtensionPoint::Filter => &points.filter,
        ExtensionPoint::PostFilter => &points.post_filter,
        ExtensionPoint::PreScore => &points.pre_score,
        ExtensionPoint::Reserve => &points.reserve,
        ExtensionPoint::PreBind => &points.pre_bind,
        ExtensionPoint::Bind => &points.bind,
        ExtensionPoint::Score => {
            return points.score.iter().map(|s| format!("{} {}", s.name, s.weight)).collect();
        }
        _ => return Vec::new(),
    };
    names.iter().map(ToString::to_string).collect()
}

/// `Arguments of NAME: what for.` at the head of a file.
fn purpose(source: &Source) -> Option<(&str, &str)> {
    let first = source.text.lines().next()?;
    first.strip_prefix("//! Arguments of ")?.split_once(": ")
}

/// The fields that a file's `FIELDS` lists, as texts or as constants of this file or of another one.
fn fields(source: &Source, sources: &[Source]) -> Vec<String> {
    let list = source.text.split_once("FIELDS: &[&str] = &[").and_then(|(_, rest)| rest.split_once(']'));
    let items = list.map_or("", |(list, _)| list).split(',').map(str::trim).filter(|item| !item.is_empty());
    let field = |item: &str| match (item.strip_prefix('"'), item.split_once("::")) {
        (Some(text), _) => Some(text.trim_end_matches('"').to_string()),
        (None, None) => constant(&source.text, item),
        (None, Some((module, name))) => {
            let file = sources.iter().find(|s| s.path == format!("{FOLDER}{module}.rs"))?;
            constant(&file.text, name)
        }
    };
    items.filter_map(field).collect()
}

fn constant(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("const {name}: &str = \""))?;
    rest.split_once('"').map(|(value, _)| value.to_string())
}
