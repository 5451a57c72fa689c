//! The names of plugins.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use berth_model::Str;

/// A plugin's name. Names of built-in plugins are constants; those of others are shared strings. A copy costs no
/// allocation.
#[derive(Clone)]
pub struct PluginName(Text);

#[derive(Clone)]
enum Text {
    Static(&'static str),
    Shared(Str),
}

impl PluginName {
    /// The name of a built-in plugin.
    pub const fn new(name: &'static str) -> Self {
        Self(Text::Static(name))
    }

    /// The scheduling framework itself, for what it rejects without a plugin.
    pub const FRAMEWORK: Self = Self::new("");

    /// The name as text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Static(name) => name,
            Text::Shared(name) => name,
        }
    }
}

impl From<Str> for PluginName {
    fn from(name: Str) -> Self {
        Self(Text::Shared(name))
    }
}

impl Deref for PluginName {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for PluginName {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for PluginName {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for PluginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for PluginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl PartialEq for PluginName {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for PluginName {}

impl PartialEq<str> for PluginName {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for PluginName {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialOrd for PluginName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PluginName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for PluginName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_its_text_wherever_it_is_stored() {
        let (fixed, shared) = (PluginName::new("NodePorts"), PluginName::from(Str::from("NodePorts")));
        assert_eq!(fixed, shared);
        assert!(shared < PluginName::new("NodeUnschedulable"));
        assert_eq!(format!("{fixed} {shared:?}"), "NodePorts \"NodePorts\"");
    }
}
