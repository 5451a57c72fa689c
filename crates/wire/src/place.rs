//! Where an object was read from.

use std::fmt;

use berth_model::Str;

/// The place of an object in what was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The name that the caller gave to the text, usually a file name.
    pub source: Str,
    /// The document's number in the source, from 1.
    pub document: usize,
    /// The object's number in the document's list, from 1; `None` where the document is the object itself.
    pub item: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, document {}", self.source, self.document)?;
        match self.item {
            Some(item) => write!(f, ", item {item}"),
            None => Ok(()),
        }
    }
}

/// An object and where it was read from.
#[derive(Clone, Debug)]
pub struct Entry<T> {
    /// The object.
    pub value: T,
    /// Where it was read from.
    pub place: Place,
    /// How many objects of all kinds came before it: the input's order, over all sources.
    pub number: usize,
}
