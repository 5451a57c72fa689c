//! Dashboards and alerts ask for metrics that are there, roles for paths that are served.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use super::{Deploy, text};

const FAMILIES: [&str; 5] = ["scheduler_", "berth_", "rest_client_", "leader_election_", "process_"];
/// What every process tells of itself; the library that counts has them.
const PROCESS: [&str; 3] = ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"];

pub(super) fn check(deploy: &Deploy, root: &Path) -> Result<Vec<String>> {
    let dashboard: Value = serde_json::from_str(&text(root, "deploy/helm/berth/dashboard.json")?)?;
    let mut expressions = Vec::new();
    collect(&dashboard, &mut expressions);
    deploy.monitoring.iter().for_each(|object| collect(&object.value, &mut expressions));
    let mut problems = Vec::new();
    let asked: BTreeSet<&str> = expressions.iter().flat_map(|expression| names(expression)).collect();
    for name in &asked {
        if !is_counted(name, root)? {
            problems.push(format!("a dashboard or an alert asks for {name}, which is not counted"));
        }
    }
    if asked.is_empty() {
        problems.push("dashboards and alerts ask for nothing".to_owned());
    }
    let routes = text(root, "crates/live/src/serve/route.rs")?;
    for object in &deploy.manifests {
        for path in object.list("/rules").iter().flat_map(|rule| rule["nonResourceURLs"].as_array()).flatten()
        {
            if !routes.contains(&path.to_string()) {
                problems.push(format!("{object}: {path} is not served"));
            }
        }
    }
    Ok(problems)
}

/// Whether there is such a metric, or one of its parts.
pub(super) fn is_counted(name: &str, root: &Path) -> Result<bool> {
    let source = text(root, "crates/live/src/metrics.rs")?;
    let known = |name: &str| source.contains(&format!("\"{name}\"")) || PROCESS.contains(&name);
    let parts = ["_bucket", "_sum", "_count"];
    Ok(known(name) || parts.iter().any(|part| name.strip_suffix(part).is_some_and(known)))
}

/// All expressions below a value.
fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == "expr" => found.push(text.clone()),
                    _ => collect(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}

/// The names of metrics in an expression.
pub(super) fn names(expression: &str) -> impl Iterator<Item = &str> {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| FAMILIES.iter().any(|family| word.starts_with(family)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_found_in_expressions() {
        let expression = r#"sum by (job) (rate(berth_troubles_total{job=~"a"}[5m])) / scheduler_cache_size"#;
        assert_eq!(names(expression).collect::<Vec<_>>(), ["berth_troubles_total", "scheduler_cache_size"]);
    }
}
