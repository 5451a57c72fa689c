//! What the reader should know of, though the input can be used.

use std::collections::BTreeMap;
use std::fmt;

use rustc_hash::FxHashMap;

use berth_model::manifests::Place;

/// How many warnings are printed before the rest is only counted.
const PRINTED: usize = 50;
/// How many different warnings are kept; unknown fields of generated names could be endless.
const KEPT: usize = 1000;

/// Something about the input that is worth knowing, with how often it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// What it is, in one line.
    pub message: String,
    /// How often it was seen.
    pub count: usize,
    /// Where it was seen first.
    pub place: Place,
    /// The object of which it was seen first, as in `Pod default/web-1`.
    pub object: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            1 => write!(f, "{}: {}: {}", self.place, self.object, self.message),
            count => {
                write!(f, "{} ({count} times, first in {}: {})", self.message, self.place, self.object)
            }
        }
    }
}

/// All warnings of one load, in the order in which they were first seen. Equal texts are counted, not repeated.
#[derive(Clone, Debug, Default)]
pub struct Warnings {
    list: Vec<Warning>,
    index: FxHashMap<String, usize>,
    dropped: usize,
    unknown_kinds: BTreeMap<String, usize>,
}

impl Warnings {
    /// The warnings.
    pub fn iter(&self) -> impl Iterator<Item = &Warning> {
        self.list.iter()
    }

    /// How many different warnings there are.
    pub fn len(&self) -> usize {
        self.list.len() + self.dropped
    }

    /// Whether there is nothing to tell; objects of unknown kinds count.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty() && self.unknown_kinds.is_empty()
    }

    /// How many objects were left out, by `apiVersion/Kind`, because they do not concern scheduling.
    pub fn unknown_kinds(&self) -> &BTreeMap<String, usize> {
        &self.unknown_kinds
    }

    pub(crate) fn unknown_kind(&mut self, kind: String) {
        if self.unknown_kinds.len() < KEPT || self.unknown_kinds.contains_key(&kind) {
            *self.unknown_kinds.entry(kind).or_default() += 1;
        } else {
            self.dropped += 1;
        }
    }

    /// Notes something odd about an object, named as in `Pod default/web-1`. A text that was noted before is counted.
    pub fn add(&mut self, message: String, place: &Place, object: &str) {
        if let Some(&at) = self.index.get(&message) {
            self.list[at].count += 1;
        } else if self.list.len() < KEPT {
            self.index.insert(message.clone(), self.list.len());
            self.list.push(Warning { message, count: 1, place: place.clone(), object: object.to_owned() });
        } else {
            self.dropped += 1;
        }
    }
}

impl fmt::Display for Warnings {
    /// One line a warning, of many the first fifty, then one line for the kinds that were left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for warning in self.list.iter().take(PRINTED) {
            writeln!(f, "{warning}")?;
        }
        let more = self.len().saturating_sub(PRINTED);
        if more > 0 {
            writeln!(f, "and {more} more")?;
        }
        if !self.unknown_kinds.is_empty() {
            let kinds: Vec<_> = self.unknown_kinds.iter().map(|(k, n)| format!("{k} ({n})")).collect();
            writeln!(f, "left out, of no concern to scheduling: {}", kinds.join(", "))?;
        }
        Ok(())
    }
}
