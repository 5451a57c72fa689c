//! Objects from files: YAML or JSON, many documents, `List`s.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// An object of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// The file and the number of the document, for errors.
    pub place: String,
    /// The object.
    pub object: Value,
}

/// Reads all objects of files, of the `.yaml`, `.yml` and `.json` files of folders, and of stdin (`-`).
///
/// # Errors
/// If a file cannot be read, or a document is not an object of Kubernetes.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for path in paths {
        for file in files(path)? {
            let name = file.display().to_string();
            let text = if name == "-" {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text).context("cannot read stdin")?;
                text
            } else {
                fs::read_to_string(&file).with_context(|| format!("cannot read {name}"))?
            };
            for (number, document) in documents(&text).with_context(|| name.clone())?.into_iter().enumerate()
            {
                let place = format!("{name}: document {}", number + 1);
                flatten(place, document, &mut sources)?;
            }
        }
    }
    Ok(sources)
}

fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).with_context(|| format!("cannot list {}", path.display()))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| {
        file.extension()
            .is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension == *known))
    });
    files.sort();
    Ok(files)
}

fn documents(text: &str) -> Result<Vec<Value>> {
    if text.trim_start().starts_with('{') {
        let all = serde_json::Deserializer::from_str(text).into_iter();
        return all.collect::<Result<_, _>>().context("cannot be parsed as JSON");
    }
    let all: Vec<Value> = serde_saphyr::from_multiple(text).context("cannot be parsed as YAML")?;
    Ok(all)
}

/// Takes lists apart.
fn flatten(place: String, document: Value, into: &mut Vec<Source>) -> Result<()> {
    if document.is_null() {
        return Ok(());
    }
    let kind = document["kind"].as_str().unwrap_or_default();
    ensure!(
        !kind.is_empty() && document["apiVersion"].is_string(),
        "{place}: apiVersion and kind must be given; this is not an object of Kubernetes"
    );
    if !kind.ends_with("List") {
        let is_named = document["metadata"]["name"].is_string();
        ensure!(is_named, "{place}: {kind}: metadata.name must be given");
        into.push(Source { place, object: document });
        return Ok(());
    }
    let (kind, version) = (kind.trim_end_matches("List").to_owned(), document["apiVersion"].clone());
    let Value::Object(mut fields) = document else { return Ok(()) };
    let Some(Value::Array(items)) = fields.remove("items") else { return Ok(()) };
    for (number, mut item) in items.into_iter().enumerate() {
        // The items of a typed list may have no types of their own.
        if item["kind"].is_null() && !kind.is_empty() {
            item["kind"] = kind.clone().into();
            item["apiVersion"] = version.clone();
        }
        flatten(format!("{place}: item {}", number + 1), item, into)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Vec<String>> {
        let mut sources = Vec::new();
        for document in documents(text)? {
            flatten("f: document 1".to_owned(), document, &mut sources)?;
        }
        Ok(sources.iter().map(|s| format!("{}/{}", s.object["kind"], s.object["metadata"]["name"])).collect())
    }

    #[test]
    fn documents_and_lists_are_taken_apart() {
        let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n";
        assert_eq!(of(&format!("{pod}---\n{pod}")).unwrap(), ["\"Pod\"/\"a\"", "\"Pod\"/\"a\""]);
        let list = r#"{"apiVersion": "v1", "kind": "NodeList", "items": [{"metadata": {"name": "n"}}]}"#;
        assert_eq!(of(list).unwrap(), ["\"Node\"/\"n\""]);
        assert_eq!(of("").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn what_is_no_object_is_named() {
        let cases = [
            ("a: 1", "f: document 1: apiVersion and kind must be given; this is not an object of Kubernetes"),
            ("{apiVersion: v1, kind: Pod}", "cannot be parsed as JSON"),
            ("apiVersion: v1\nkind: Pod", "f: document 1: Pod: metadata.name must be given"),
        ];
        for (text, expected) in cases {
            assert_eq!(of(text).unwrap_err().to_string(), expected, "{text}");
        }
    }
}
