//! Labels: a small sorted map of strings.

use crate::Str;

/// Labels of an object, sorted by key, each key once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Labels(Vec<(Str, Str)>);

impl Labels {
    /// The value of `key`, if the object has the label.
    pub fn get(&self, key: &str) -> Option<&Str> {
        let at = self.0.binary_search_by(|(k, _)| (**k).cmp(key)).ok()?;
        Some(&self.0[at].1)
    }

    /// Whether the object has the label, with any value.
    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// All labels in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&Str, &Str)> {
        self.0.iter().map(|(k, v)| (k, v))
    }

    /// Whether there is no label.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many labels there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Sets `key` to `value`, replacing what was there.
    pub fn insert(&mut self, key: Str, value: Str) {
        match self.0.binary_search_by(|(k, _)| k.cmp(&key)) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => self.0.insert(at, (key, value)),
        }
    }
}

impl<K: Into<Str>, V: Into<Str>> FromIterator<(K, V)> for Labels {
    /// Collects labels; of two with the same key the later one stays, as in a JSON object.
    fn from_iter<T: IntoIterator<Item = (K, V)>>(pairs: T) -> Self {
        let mut list: Vec<(Str, Str)> = pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
        list.sort_by(|a, b| a.0.cmp(&b.0)); // stable: equal keys stay in input order
        list.reverse();
        list.dedup_by(|a, b| a.0 == b.0);
        list.reverse();
        Self(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_labels_with_one_key_the_later_stays() {
        let labels = Labels::from_iter([("b", "1"), ("a", "1"), ("b", "2")]);
        assert_eq!(labels.len(), 2);
        assert_eq!(labels.get("b").map(|v| &**v), Some("2"));
        assert_eq!(labels.get("c"), None);
    }

    #[test]
    fn insert_keeps_the_keys_sorted() {
        let mut labels = Labels::from_iter([("b", "1")]);
        labels.insert("a".into(), "0".into());
        labels.insert("b".into(), "2".into());
        let all: Vec<_> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(all, ["a=0", "b=2"]);
    }
}
