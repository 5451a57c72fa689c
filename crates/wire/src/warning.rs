//! What the reader should know, though the input can be used.

use std::fmt;

use berth_model::manifests::Place;
use rustc_hash::FxHashMap;

/// How many warnings are printed before the rest is only counted.
const PRINTED: usize = 50;
/// How many different warnings are kept: unknown fields with generated names could be endless.
const KEPT: usize = 1000;
/// How many objects a warning names before the rest is only counted.
const NAMED: usize = 3;

/// Something about the input that is worth knowing, with how often it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// What it is, in one line.
    pub message: String,
    /// How often it was seen.
    pub count: usize,
    /// Where it was seen first; `None` if it is about the input as a whole.
    pub place: Option<Place>,
    /// The first objects of which it was seen, as in `Pod default/web-1`.
    pub objects: Vec<String>,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(place) = &self.place else { return f.write_str(&self.message) };
        let names = self.objects.join(", ");
        match self.count - self.objects.len().min(self.count) {
            _ if names.is_empty() => write!(f, "{place}: {}", self.message),
            0 if self.count == 1 => write!(f, "{place}: {names}: {}", self.message),
            0 => write!(f, "{}: {names} (first in {place})", self.message),
            more => write!(f, "{}: {names} and {more} more (first in {place})", self.message),
        }
    }
}

/// All warnings of one load, in the order in which they were first seen. Equal texts are counted, not repeated.
#[derive(Clone, Debug, Default)]
pub struct Warnings {
    list: Vec<Warning>,
    index: FxHashMap<String, usize>,
    dropped: usize,
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

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Adds a warning about an object, named as in `Pod default/web-1`. A text that was added before is counted.
    pub fn add(&mut self, message: String, place: &Place, object: &str) {
        if let Some(&at) = self.index.get(&message) {
            let warning = &mut self.list[at];
            warning.count += 1;
            if warning.objects.len() < NAMED && !object.is_empty() {
                warning.objects.push(object.to_owned());
            }
            return;
        }
        let objects = if object.is_empty() { Vec::new() } else { vec![object.to_owned()] };
        self.push(Warning { message, count: 1, place: Some(place.clone()), objects });
    }

    /// Adds a warning about the input as a whole.
    pub fn add_general(&mut self, message: String) {
        self.push(Warning { message, count: 1, place: None, objects: Vec::new() });
    }

    /// Adds all warnings of another list.
    pub fn extend(&mut self, other: Self) {
        self.dropped += other.dropped;
        other.list.into_iter().for_each(|warning| self.push(warning));
    }

    fn push(&mut self, warning: Warning) {
        if self.list.len() < KEPT {
            self.index.insert(warning.message.clone(), self.list.len());
            self.list.push(warning);
        } else {
            self.dropped += 1;
        }
    }
}

impl fmt::Display for Warnings {
    /// One line for each warning; of many, the first fifty and a count of the others.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for warning in self.list.iter().take(PRINTED) {
            writeln!(f, "{warning}")?;
        }
        match self.len().saturating_sub(PRINTED) {
            0 => Ok(()),
            more => writeln!(f, "and {more} more"),
        }
    }
}
