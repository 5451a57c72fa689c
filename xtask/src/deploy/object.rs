//! Kubernetes objects in YAML files, as plain values.

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// An object and the file that it is in.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Object {
    pub(super) file: String,
    pub(super) value: Value,
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {}", self.file, self.kind(), self.name())
    }
}

impl Object {
    /// The text at a JSON pointer; empty where there is none.
    pub(super) fn text(&self, pointer: &str) -> &str {
        self.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// The list at a JSON pointer; empty where there is none.
    pub(super) fn list(&self, pointer: &str) -> &[Value] {
        self.value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    pub(super) fn kind(&self) -> &str {
        self.text("/kind")
    }

    pub(super) fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    pub(super) fn namespace(&self) -> &str {
        self.text("/metadata/namespace")
    }

    /// Where its pods' metadata and spec are, if it has some: a JSON pointer.
    pub(super) fn pod(&self) -> Option<&'static str> {
        match self.kind() {
            "Deployment" => Some("/spec/template"),
            "Pod" => Some(""),
            _ => None,
        }
    }
}

/// All objects of a folder's YAML files, by file.
pub(super) fn read(folder: &Path) -> Result<Vec<Object>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        paths.push(entry?.path());
    }
    paths.sort();
    let mut objects = Vec::new();
    for path in paths {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        ensure!(path.extension().is_some_and(|e| e == "yaml"), "{}: not YAML", path.display());
        let text = std::fs::read_to_string(&path)?;
        objects.extend(parse(&file, &text).with_context(|| path.display().to_string())?);
    }
    Ok(objects)
}

/// All objects of a text.
pub(super) fn parse(file: &str, text: &str) -> Result<Vec<Object>> {
    let values: Vec<Value> = serde_saphyr::from_multiple(text)?;
    let objects = values.into_iter().filter(|value| !value.is_null());
    objects
        .map(|value| {
            let object = Object { file: file.to_owned(), value };
            ensure!(!object.text("/apiVersion").is_empty(), "an object of no version");
            ensure!(!object.kind().is_empty() && !object.name().is_empty(), "an object of no kind or name");
            Ok(object)
        })
        .collect()
}
