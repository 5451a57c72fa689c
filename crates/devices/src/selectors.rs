//! Compiled selectors, kept by their text.

use std::cell::RefCell;
use std::sync::Arc;

use berth_model::Str;
use rustc_hash::FxHashMap;

use crate::cel::Selector;

/// A compiled selector, or upstream's text for why it does not compile.
pub type Compiled = Arc<Result<Selector, String>>;

/// Selectors that were compiled once.
#[derive(Debug, Default)]
pub struct Selectors(RefCell<FxHashMap<Str, Compiled>>);

impl Selectors {
    /// The selector of this text.
    pub fn get(&self, expression: &Str) -> Compiled {
        if let Some(known) = self.0.borrow().get(expression) {
            return known.clone();
        }
        let compiled = Arc::new(Selector::compile(expression));
        self.0.borrow_mut().insert(expression.clone(), compiled.clone());
        compiled
    }
}
