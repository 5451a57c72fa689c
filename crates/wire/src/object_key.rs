//! The identity of an object.

use std::fmt;

use berth_model::Str;

use crate::kind::Kind;

/// What tells an object from all others that there are at one time; one that is made again has the same key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// What it is.
    pub kind: Kind,
    /// `metadata.namespace`; empty where the kind has none.
    pub namespace: Str,
    /// `metadata.name`.
    pub name: Str,
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.name.is_empty() { "(without name)" } else { &*self.name };
        match &*self.namespace {
            "" => write!(f, "{} {name}", self.kind.name()),
            namespace => write!(f, "{} {namespace}/{name}", self.kind.name()),
        }
    }
}
