//! The documents that commands print, from their JSON schemas.

use std::fmt::Write;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::tree::Source;

const HEAD: &str = "\
## Documents
`-o json` and `-o yaml` print one document. The same input gives the same document, byte for byte; fields may be added,
none is renamed or removed within `berth.dev/v1alpha1`. Documents that are described with an address are those of
[the API of the page](view-api.md).
";

pub(super) fn section(sources: &[Source]) -> Result<String> {
    let mut out = HEAD.to_string();
    for source in sources.iter().filter(|s| s.path.starts_with("docs/") && s.path.ends_with(".schema.json")) {
        let schema: Value = serde_json::from_str(&source.text).with_context(|| source.path.clone())?;
        let file = source.path.trim_start_matches("docs/");
        let title = schema["title"].as_str().unwrap_or(file);
        writeln!(out, "\n### {title}\n{} Schema: [{file}]({file})\n", text(&schema))?;
        writeln!(out, "| field | type | meaning |\n| --- | --- | --- |")?;
        rows(&schema, "", &mut out)?;
    }
    Ok(out)
}

/// A row for each field, those of objects and lists after them.
fn rows(schema: &Value, above: &str, out: &mut String) -> Result<()> {
    let required = |name: &str| schema["required"].as_array().is_some_and(|r| r.iter().any(|n| n == name));
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{above}{name}");
        let kind = kind(field);
        let optional = if required(name) { "" } else { ", optional" };
        writeln!(out, "| `{path}` | {kind}{optional} | {} |", text(field))?;
        rows(field, &format!("{path}."), out)?;
        rows(&field["items"], &format!("{path}[]."), out)?;
        rows(&field["additionalProperties"], &format!("{path}.*."), out)?;
    }
    Ok(())
}

fn kind(field: &Value) -> String {
    if let Some(value) = field["const"].as_str() {
        return format!("`{value}`");
    }
    if let Some(values) = field["enum"].as_array() {
        let names: Vec<String> = values.iter().filter_map(|v| Some(format!("`{}`", v.as_str()?))).collect();
        return names.join(" or ");
    }
    if let Some(types) = field["type"].as_array() {
        let names: Vec<&str> = types.iter().filter_map(Value::as_str).collect();
        return names.join(" or ");
    }
    match field["type"].as_str() {
        Some("array") if field["items"]["type"].is_array() => format!("list, each {}", kind(&field["items"])),
        Some("array") => format!("list of {}s", kind(&field["items"])),
        Some("object") if field["additionalProperties"].is_object() => {
            format!("map to {}s", kind(&field["additionalProperties"]))
        }
        Some(name) => name.to_string(),
        None => "any".to_string(),
    }
}

fn text(schema: &Value) -> &str {
    schema["description"].as_str().unwrap_or_default()
}
