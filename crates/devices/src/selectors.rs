//! Compiled selectors, kept by their text.

use std::sync::{Arc, Mutex, PoisonError};

use berth_model::Str;
use rustc_hash::FxHashMap;

use crate::cel::Selector;

/// A compiled selector, or upstream's text for why it does not compile.
pub type Compiled = Arc<Result<Selector, String>>;

/// How many selectors are kept; more are forgotten together. A cluster has some for each class and each template.
const KEPT: usize = 10_000;

/// Selectors that were compiled once.
#[derive(Debug, Default)]
pub struct Selectors(Mutex<FxHashMap<Str, Compiled>>);

impl Selectors {
    /// The selector of this text.
    pub fn get(&self, expression: &Str) -> Compiled {
        // A panic elsewhere leaves the map whole: entries are inserted in one step.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(expression) {
            return known.clone();
        }
        let compiled = Arc::new(Selector::compile(expression));
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(expression.clone(), compiled.clone());
        compiled
    }
}

/// A copy starts empty: what it needs is compiled again.
impl Clone for Selectors {
    fn clone(&self) -> Self {
        Self::default()
    }
}
