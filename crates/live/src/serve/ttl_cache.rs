//! A cache with a bound on its entries and a lifetime for each of them.

use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use quick_cache::sync::Cache;

/// Values by key, each until its lifetime ends. When the cache is full, entries that are rarely used make room.
pub(super) struct TtlCache<K, V> {
    entries: Cache<K, (Instant, V)>,
    /// When expired entries are removed next.
    sweep_at: Mutex<Instant>,
}

impl<K: Clone + Eq + Hash, V: Clone> TtlCache<K, V> {
    /// An empty cache of at most `capacity` entries.
    pub(super) fn new(capacity: usize) -> Self {
        Self { entries: Cache::new(capacity), sweep_at: Mutex::new(Instant::now()) }
    }

    /// The value of a key, if its lifetime has not ended.
    pub(super) fn get(&self, key: &K, now: Instant) -> Option<V> {
        self.entries.get(key).filter(|(until, _)| now < *until).map(|(_, value)| value)
    }

    /// Stores a value. A lifetime that the clock cannot represent counts as none.
    pub(super) fn insert(&self, key: K, value: V, lifetime: Duration, now: Instant) {
        let Some(until) = now.checked_add(lifetime) else { return };
        self.entries.insert(key, (until, value));
        let mut sweep_at = self.sweep_at.lock().unwrap_or_else(PoisonError::into_inner);
        if now >= *sweep_at {
            self.entries.retain(|_, (until, _)| now < *until);
            *sweep_at = until;
        }
    }

    /// The number of entries, with those that expired but were not removed yet.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_expire_and_are_removed() {
        let cache = TtlCache::new(100);
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        (0..50).for_each(|key| cache.insert(key, "old", second, start));
        assert_eq!(cache.get(&7, start), Some("old"));
        assert_eq!(cache.get(&7, start + second), None);
        cache.insert(50, "new", second, start + second);
        assert_eq!((cache.len(), cache.get(&50, start + second)), (1, Some("new")));
    }

    #[test]
    fn a_full_cache_takes_new_entries() {
        let (cache, now) = (TtlCache::new(100), Instant::now());
        for key in 0..10_000 {
            cache.insert(key, key, Duration::from_secs(10), now);
            assert_eq!(cache.get(&key, now), Some(key));
        }
        assert!(cache.len() <= 100, "{}", cache.len());
    }

    #[test]
    fn a_lifetime_without_end_stores_nothing() {
        let (cache, now) = (TtlCache::new(100), Instant::now());
        cache.insert(1, "a", Duration::MAX, now);
        assert_eq!(cache.get(&1, now), None);
    }
}
