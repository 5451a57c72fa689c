//! Paths in JSON, as in `spec.template.metadata.annotations[example.com/replicas]`.

use serde::Deserialize;
use serde_json::Value;

/// One or more places where a value may be; the first that is set counts. `=text` is the text itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "OneOrMany")]
pub(crate) struct Paths(Vec<String>);

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl From<OneOrMany> for Paths {
    fn from(paths: OneOrMany) -> Self {
        match paths {
            OneOrMany::One(path) => Self(vec![path]),
            OneOrMany::Many(paths) => Self(paths),
        }
    }
}

impl Paths {
    /// Whether the rule names no place.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value, and the path where it was found.
    pub(crate) fn find(&self, object: &Value) -> Option<(Value, &str)> {
        self.0.iter().find_map(|path| {
            let value = match path.strip_prefix('=') {
                Some(text) => Value::from(text),
                None => get(object, path).filter(|value| !value.is_null())?.clone(),
            };
            Some((value, path.as_str()))
        })
    }

    /// The first path, for messages.
    pub(crate) fn first(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }
}

/// The value at a path.
pub(crate) fn get<'v>(object: &'v Value, path: &str) -> Option<&'v Value> {
    let mut value = object;
    let mut rest = path;
    while !rest.is_empty() {
        let key;
        (key, rest) = match rest.strip_prefix('[') {
            Some(bracketed) => bracketed.split_once(']')?,
            None => rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len())),
        };
        rest = rest.strip_prefix('.').unwrap_or(rest);
        value = value.get(key)?;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_leads_through_objects_and_bracketed_keys() {
        let object = json!({"spec": {"a": {"example.com/b": 3}, "c": null}});
        let cases = [
            ("spec.a[example.com/b]", Some(json!(3))),
            ("spec.a", Some(json!({"example.com/b": 3}))),
            ("spec.a.b", None),
            ("spec.a[example.com/b", None),
        ];
        for (path, expected) in cases {
            assert_eq!(get(&object, path).cloned(), expected, "{path}");
        }
        let paths = Paths(vec!["spec.c".into(), "=1".into()]);
        assert_eq!(paths.find(&object), Some((json!("1"), "=1")));
    }
}
