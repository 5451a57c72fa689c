//! Who somebody is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The group of all who are known.
const AUTHENTICATED: &str = "system:authenticated";

/// Who somebody is, as reviews have it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct User {
    #[serde(rename(deserialize = "username", serialize = "user"))]
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) groups: Vec<String>,
    pub(super) extra: BTreeMap<String, Vec<String>>,
}

impl User {
    /// Whoever says nothing.
    pub(super) fn anonymous() -> Self {
        let groups = vec!["system:unauthenticated".into()];
        Self { name: "system:anonymous".into(), groups, ..Self::default() }
    }

    /// The user as one who is known.
    pub(super) fn authenticated(mut self) -> Self {
        if !self.groups.iter().any(|group| group == AUTHENTICATED) {
            self.groups.push(AUTHENTICATED.to_owned());
        }
        self
    }
}
