//! What a flow did, in eight bytes.

use std::hash::{Hash, Hasher};

use berth_flow::Action;
use rustc_hash::FxHasher;

use crate::entry::Entry;

/// A running hash of actions: equal for equal actions in equal order.
#[derive(Clone, Default)]
pub struct Fingerprint {
    hasher: FxHasher,
    actions: u64,
    /// How many of them [`Fingerprint::news`] has told of.
    told: u64,
}

impl Fingerprint {
    /// Nothing was done so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Something was done.
    pub fn add(&mut self, action: &Action) {
        action.hash(&mut self.hasher);
        self.actions += 1;
    }

    /// What is to be recorded, if something was done since this was asked last.
    pub fn news(&mut self) -> Option<Entry> {
        let (actions, hash) = self.value();
        (std::mem::replace(&mut self.told, actions) != actions).then_some(Entry::Did(actions, hash))
    }

    /// The number of actions, and their hash.
    pub fn value(&self) -> (u64, u64) {
        (self.actions, self.hasher.finish())
    }
}
