//! Writing JSON: compact, with the fields in the order in which they are written.

use std::io::Write as _;

use berth_model::labels::Labels;
use berth_model::node::ResourceList;
use berth_model::quantity::Quantity;
use berth_model::{Str, UnixSeconds};

use crate::time::rfc3339;

/// Writes JSON values, one after the other.
#[derive(Default)]
pub(super) struct Writer {
    text: Vec<u8>,
}

impl Writer {
    /// What was written.
    pub(super) fn finish(self) -> String {
        // All that was written is UTF-8: what `serde_json` writes, and what stands between.
        String::from_utf8(self.text).unwrap_or_default()
    }

    /// A string.
    pub(super) fn text(&mut self, value: &str) {
        let _ = serde_json::to_writer(&mut self.text, value); // writing to memory cannot fail
    }

    /// An integer.
    pub(super) fn number(&mut self, value: i64) {
        let _ = write!(self.text, "{value}"); // writing to a String cannot fail
    }

    /// True or false.
    pub(super) fn flag(&mut self, value: bool) {
        self.text.extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// An object.
    pub(super) fn object(&mut self, fill: impl FnOnce(&mut Fields<'_>)) {
        self.filled(fill);
    }

    /// An object; tells whether it got a field.
    fn filled(&mut self, fill: impl FnOnce(&mut Fields<'_>)) -> bool {
        self.text.push(b'{');
        let mut fields = Fields { writer: self, first: true };
        fill(&mut fields);
        let filled = !fields.first;
        self.text.push(b'}');
        filled
    }

    /// A list.
    pub(super) fn list<T>(&mut self, items: impl IntoIterator<Item = T>, mut each: impl FnMut(&mut Self, T)) {
        self.text.push(b'[');
        for (at, item) in items.into_iter().enumerate() {
            if at > 0 {
                self.text.push(b',');
            }
            each(self, item);
        }
        self.text.push(b']');
    }
}

/// Writes the fields of an object. What is empty, zero or false is left out unless a method says otherwise: Kubernetes
/// takes it for absent.
pub(crate) struct Fields<'w> {
    writer: &'w mut Writer,
    first: bool,
}

impl Fields<'_> {
    /// The writer for the value of a field.
    pub(super) fn value(&mut self, key: &str) -> &mut Writer {
        if !self.first {
            self.writer.text.push(b',');
        }
        self.first = false;
        self.writer.text(key);
        self.writer.text.push(b':');
        self.writer
    }

    /// A string, also where it is empty.
    pub(super) fn text(&mut self, key: &str, value: &str) {
        self.value(key).text(value);
    }

    /// A string.
    pub(super) fn non_empty(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            self.text(key, value);
        }
    }

    /// A string where there is one, also where it is empty.
    pub(super) fn optional(&mut self, key: &str, value: Option<&Str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    /// An integer, also where it is zero.
    pub(super) fn number(&mut self, key: &str, value: i64) {
        self.value(key).number(value);
    }

    /// JSON text, as it is.
    pub(super) fn json(&mut self, key: &str, value: &str) {
        self.value(key).text.extend_from_slice(value.as_bytes());
    }

    /// True.
    pub(super) fn truth(&mut self, key: &str, value: bool) {
        if value {
            self.flag(key, true);
        }
    }

    /// True or false.
    pub(super) fn flag(&mut self, key: &str, value: bool) {
        self.value(key).flag(value);
    }

    /// A time.
    pub(super) fn time(&mut self, key: &str, value: Option<UnixSeconds>) {
        if let Some(seconds) = value {
            self.text(key, &rfc3339(seconds));
        }
    }

    /// A quantity, also where it is zero.
    pub(super) fn amount(&mut self, key: &str, value: Quantity) {
        self.text(key, &value.to_exact_string());
    }

    /// An object, also where it has no field.
    pub(super) fn object(&mut self, key: &str, fill: impl FnOnce(&mut Fields<'_>)) {
        self.value(key).object(fill);
    }

    /// An object.
    pub(super) fn part(&mut self, key: &str, fill: impl FnOnce(&mut Fields<'_>)) {
        let (length, first) = (self.writer.text.len(), self.first);
        if !self.value(key).filled(fill) {
            self.writer.text.truncate(length);
            self.first = first;
        }
    }

    /// A list.
    pub(super) fn list<T>(&mut self, key: &str, items: &[T], mut each: impl FnMut(&mut Writer, &T)) {
        if !items.is_empty() {
            self.value(key).list(items, |writer, item| each(writer, item));
        }
    }

    /// A list of objects.
    pub(super) fn objects<T>(&mut self, key: &str, items: &[T], mut each: impl FnMut(&mut Fields<'_>, &T)) {
        self.list(key, items, |writer, item| writer.object(|fields| each(fields, item)));
    }

    /// A list of strings.
    pub(super) fn texts(&mut self, key: &str, items: &[Str]) {
        self.list(key, items, |writer, item| writer.text(item));
    }

    /// A map of strings.
    pub(super) fn labels(&mut self, key: &str, labels: &Labels) {
        self.part(key, |fields| labels.iter().for_each(|(key, value)| fields.text(key, value)));
    }

    /// A map of quantities.
    pub(super) fn amounts(&mut self, key: &str, list: &ResourceList) {
        self.part(key, |fields| write_amounts(fields, list));
    }

    /// A map of quantities where there is one, also where it is empty.
    pub(super) fn optional_amounts(&mut self, key: &str, list: Option<&ResourceList>) {
        if let Some(list) = list {
            self.object(key, |fields| write_amounts(fields, list));
        }
    }
}

fn write_amounts(fields: &mut Fields<'_>, list: &ResourceList) {
    list.iter().for_each(|(name, amount)| fields.amount(name, *amount));
}
