//! Values that are shared as long as they are in use.

use std::hash::Hash;
use std::sync::Arc;

use rustc_hash::FxHashSet;

/// Below this size nothing is thrown out.
const SMALL: usize = 1 << 14;

/// One copy of each value that is in use. Values without another owner are removed when the pool has doubled,
/// so that a decoder which follows a cluster for months does not remember every pod it saw.
pub(crate) struct Pool<T: ?Sized> {
    values: FxHashSet<Arc<T>>,
    sweep_at: usize,
}

impl<T: ?Sized> Default for Pool<T> {
    fn default() -> Self {
        Self { values: FxHashSet::default(), sweep_at: SMALL }
    }
}

impl<T: ?Sized + Eq + Hash> Pool<T> {
    /// The shared copy, if there is one.
    pub(crate) fn get(&self, value: &T) -> Option<Arc<T>> {
        self.values.get(value).cloned()
    }

    /// Makes a new value the shared copy.
    pub(crate) fn add(&mut self, value: Arc<T>) -> Arc<T> {
        if self.values.len() >= self.sweep_at {
            self.values.retain(|value| Arc::strong_count(value) > 1);
            self.sweep_at = SMALL.max(2 * self.values.len());
        }
        self.values.insert(value.clone());
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_without_an_owner_are_removed() {
        let mut pool = Pool::<str>::default();
        let kept = pool.add("kept".into());
        for number in 0..5 * SMALL {
            pool.add(number.to_string().into());
        }
        assert!(pool.values.len() <= SMALL);
        assert!(pool.get("kept").is_some_and(|found| Arc::ptr_eq(&found, &kept)));
    }
}
