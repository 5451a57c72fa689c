//! `cargo xtask plugin-docs`: docs/plugins.md, made from the plugins' own files.

use std::fmt::Write;
use std::process::ExitCode;

use anyhow::{Context, Result};
use berth_config::{Configuration, REGISTRY};

use crate::generated::{self, Args};
use crate::plugin_doc::{PluginDoc, plugins};
use crate::tree::{self, Source};

const PAGE: &str = "docs/plugins.md";

const HEAD: &str = "\
<!-- Made by `cargo xtask plugin-docs` from the module docs of crates/engine/src/plugins. Edit those. -->
# Plugins

Every plugin of kube-scheduler 1.37 with default feature gates, in upstream's default order, and after them the
[algorithms](algorithms.md) of Berth. One file each; the names are those of a `KubeSchedulerConfiguration`. The weight
is the one in the default profile; a plugin that scores without one runs only where a configuration enables it.

`DefaultPreemption` is no file here: the engine asks the same filters about nodes as they would be without some of their
pods (`crates/engine/src/preemption.rs`).
";

/// Writes the page, or with `--check` says whether it is what would be written.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let sources = tree::read(&tree::root())?;
    generated::write_or_check(args, PAGE, &page(&sources)?)
}

fn page(sources: &[Source]) -> Result<String> {
    let mut docs = plugins(sources);
    let place = |doc: &PluginDoc<'_>| REGISTRY.iter().position(|p| p.name == *doc.name && is_upstream(doc));
    docs.sort_by_key(|doc| (place(doc).unwrap_or(usize::MAX), doc.name));
    let default = Configuration::default();
    let profile = default.profiles.first().context("the default configuration has a profile")?;
    let weight = |name: &str| {
        let found = profile.points.score.iter().find(|s| s.name == *name);
        found.map_or(String::new(), |s| s.weight.to_string())
    };

    let mut out = format!("{HEAD}\n| plugin | decides at | weight | what for |\n| --- | --- | --- | --- |\n");
    for doc in &docs {
        let anchor = doc.name.to_lowercase();
        let row =
            format!("[{}](#{anchor}) | {} | {} | {}", doc.name, points(doc), weight(doc.name), doc.summary);
        writeln!(out, "| {row} |")?;
    }
    for doc in &docs {
        writeln!(out, "\n## {}\n{}\n", doc.name, doc.summary)?;
        for item in &doc.items {
            writeln!(out, "- {item}")?;
        }
        if !doc.remarks.is_empty() {
            writeln!(out, "\n{}", doc.remarks)?;
        }
        writeln!(out, "\nSource: [{0}](../{0})", doc.path)?;
    }
    Ok(out)
}

fn is_upstream(doc: &PluginDoc<'_>) -> bool {
    !doc.item("Upstream").is_some_and(|text| text.starts_with("none"))
}

fn points(doc: &PluginDoc<'_>) -> String {
    let points = ["QueueSort", "PreEnqueue", "Filter", "Score", "Reserve", "Bind"];
    points.into_iter().filter(|point| doc.item(point).is_some()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_what_the_plugins_say() -> Result<()> {
        let sources = tree::read(&tree::root())?;
        generated::assert_current(PAGE, &page(&sources)?);
        Ok(())
    }

    #[test]
    fn every_plugin_of_the_engine_can_be_named_in_a_configuration_and_upstreams_come_first() -> Result<()> {
        let sources = tree::read(&tree::root())?;
        let page = page(&sources)?;
        let headings: Vec<&str> = page.lines().filter_map(|l| l.strip_prefix("## ")).collect();
        assert_eq!(headings[..3], ["SchedulingGates", "PrioritySort", "NodeName"]);
        let own = headings.iter().position(|h| *h == "BestFit").context("own algorithms are there")?;
        let unknown: Vec<_> =
            headings[..own].iter().filter(|h| REGISTRY.iter().all(|p| p.name != ***h)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        Ok(())
    }
}
