//! Names of pods that controllers name by chance, and stand-ins for their hashes.
//!
//! Where a controller would append five random characters, pods are numbered from 0, past what is there; so the same
//! input has the same names. Where it would append a hash of the template, a hash of namespace and name stands in: it
//! stays the same when the template changes, so that two runs can be compared pod by pod.
//!
//! Upstream: apiserver `pkg/storage/names/generate.go`, apimachinery `util/rand` (`SafeEncodeString`).

use std::ops::Range;

use berth_model::Str;
use berth_model::manifests::Manifests;
use berth_model::workload::{PodCount, WorkloadKind};
use rustc_hash::{FxHashMap, FxHashSet};

/// The longest prefix of a generated name.
const MAX_PREFIX: usize = 58;
/// No vowels, so that no bad words come of it, and nothing that looks like something else.
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A stand-in for the hash of a workload's template: five characters.
pub fn hash(namespace: &str, name: &str) -> Str {
    // FNV-1a, as upstream hashes templates; the result must be the same on every machine and in every release.
    let bytes = namespace.bytes().chain([b'/']).chain(name.bytes());
    let mut state =
        bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let mut text = String::new();
    for _ in 0..5 {
        text.push(char::from(ALPHABET[state as usize % ALPHABET.len()]));
        state /= ALPHABET.len() as u32;
    }
    text.into()
}

/// The prefix of the names of a controller's pods: `web-` for `web`.
pub fn prefix(name: &str) -> String {
    format!("{name}-").chars().take(MAX_PREFIX).collect()
}

/// The prefix of the names of an indexed job's pods: `train-3-` for index 3 of `train`. The index is never cut off.
pub fn indexed_prefix(name: &str, index: i64) -> String {
    let suffix = format!("-{index}-");
    let mut prefix: String = name.chars().take(MAX_PREFIX - suffix.len()).collect();
    prefix.push_str(&suffix);
    prefix
}

/// Names that are given, and the numbers that come next.
pub(super) struct Names {
    taken: FxHashSet<(Str, Str)>,
    /// Numbers that belong to StatefulSets, by namespace and prefix.
    ordinals: FxHashMap<(Str, Str), Range<i64>>,
    next: FxHashMap<(Str, Str), i64>,
}

/// Numbered names with one prefix.
pub(super) struct Series {
    key: (Str, Str),
    ordinals: Range<i64>,
    number: i64,
}

impl Names {
    /// The names of the input's pods, and those that StatefulSets will give.
    pub(super) fn new(manifests: &Manifests) -> Self {
        let pods = manifests.pods.iter().map(|entry| &entry.value.pod);
        let mut ordinals = FxHashMap::default();
        for workload in manifests.workloads.iter().map(|entry| &entry.value) {
            if let (WorkloadKind::StatefulSet, PodCount::Replicas { count, first }) =
                (workload.kind, workload.count)
            {
                let key = (workload.namespace.clone(), format!("{}-", workload.name).into());
                ordinals.insert(key, i64::from(first)..i64::from(first) + i64::from(count));
            }
        }
        let taken = pods.map(|pod| (pod.spec.namespace.clone(), pod.name.clone())).collect();
        Self { taken, ordinals, next: FxHashMap::default() }
    }

    /// Whether a pod has the name.
    pub(super) fn is_taken(&self, namespace: &Str, name: &Str) -> bool {
        self.taken.contains(&(namespace.clone(), name.clone()))
    }

    /// Takes a name; `false` where a pod has it already.
    pub(super) fn take(&mut self, namespace: &Str, name: &Str) -> bool {
        self.taken.insert((namespace.clone(), name.clone()))
    }

    /// Starts to give names with a prefix.
    pub(super) fn series(&self, namespace: &Str, prefix: &str) -> Series {
        let key = (namespace.clone(), Str::from(prefix));
        let ordinals = self.ordinals.get(&key).cloned().unwrap_or_default();
        Series { number: self.next.get(&key).copied().unwrap_or_default(), ordinals, key }
    }

    /// The next free name of a series.
    pub(super) fn next(&self, series: &mut Series) -> Str {
        let (namespace, prefix) = &series.key;
        loop {
            if series.ordinals.contains(&series.number) {
                series.number = series.ordinals.end;
            }
            let name = Str::from(format!("{prefix}{}", series.number));
            series.number += 1;
            if !self.is_taken(namespace, &name) {
                return name;
            }
        }
    }

    /// Remembers where a series ended.
    pub(super) fn end(&mut self, series: Series) {
        self.next.insert(series.key, series.number);
    }

    /// A single name with a prefix.
    pub(super) fn one(&mut self, namespace: &Str, prefix: &str) -> Str {
        let mut series = self.series(namespace, prefix);
        let name = self.next(&mut series);
        self.end(series);
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_five_safe_characters_and_never_changes() {
        assert_eq!(&*hash("default", "web"), "qspq9");
        assert_ne!(hash("default", "web"), hash("shop", "web"));
    }

    #[test]
    fn long_names_are_cut_but_not_their_index() {
        let long = "x".repeat(70);
        assert_eq!(prefix("web"), "web-");
        assert_eq!(prefix(&long).len(), 58);
        assert_eq!(indexed_prefix("train", 3), "train-3-");
        let prefix = indexed_prefix(&long, 12);
        assert!(prefix.len() == 58 && prefix.ends_with("x-12-"));
    }
}
