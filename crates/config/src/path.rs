//! Names of fields in upstream's notation, as in `profiles[0].pluginConfig[1].args.weight`.

use std::fmt;

/// The place of a value in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Path(String);

impl Path {
    /// The document itself.
    pub(crate) fn root() -> Self {
        Self::default()
    }

    pub(crate) fn child(&self, name: &str) -> Self {
        if self.0.is_empty() { Self(name.to_owned()) } else { Self(format!("{}.{name}", self.0)) }
    }

    pub(crate) fn index(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    /// An entry of a list or map that upstream names by a key in brackets.
    pub(crate) fn key(&self, key: &str) -> Self {
        Self(format!("{}[{key}]", self.0))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `path` is this one or inside of it.
    pub(crate) fn contains(&self, path: &str) -> bool {
        path.strip_prefix(&self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_upstreams_does() {
        let path = Path::root().child("profiles").index(0).child("args").key("a");
        assert_eq!(path.as_str(), "profiles[0].args[a]");
        assert!(Path::root().child("profiles").index(0).contains(path.as_str()));
        assert!(!Path::root().child("profile").contains(path.as_str()));
    }
}
