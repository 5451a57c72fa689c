//! JSON text with any number of objects and lists in a row.

use std::borrow::Cow;

use berth_model::manifests::Place;
use serde_json::value::RawValue;

use crate::head::Head;
use crate::loader::Loader;

/// A `List` in a `List` is legal; there is no reason for many levels.
const NESTED_LISTS: usize = 4;

/// Why the rest of a text could not be read.
pub(crate) struct Broken {
    /// Where the rest begins, in bytes.
    pub(crate) at: usize,
    /// Which document is broken, from 1.
    pub(crate) document: usize,
    /// What is wrong, with line and column.
    pub(crate) message: String,
}

/// Reads all documents of the text. What comes after the first syntax error is left to the caller.
pub(crate) fn read_stream(loader: &mut Loader, source: &berth_model::Str, text: &str) -> Result<(), Broken> {
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<Head<'_>>();
    let mut number = 0;
    loop {
        let start = documents.byte_offset();
        let Some(head) = documents.next().filter(|_| !loader.gives_up()) else { return Ok(()) };
        number += 1;
        match head {
            Ok(head) => {
                let place = Place { document: number, line: 0, ..Place::start(source.clone()) };
                read_object(loader, &place, &text[start..documents.byte_offset()], head);
            }
            Err(error) => {
                return Err(Broken { at: start, document: number, message: error.to_string() });
            }
        }
    }
}

/// Reads one document: an object or a list of objects.
pub(crate) fn read_document(loader: &mut Loader, place: &Place, text: &str) {
    match serde_json::from_str::<Head<'_>>(text) {
        Ok(head) => read_object(loader, place, text, head),
        Err(error) => loader.complain(place, format!("broken JSON: {error}")),
    }
}

fn read_object(loader: &mut Loader, place: &Place, text: &str, head: Head<'_>) {
    match head.list() {
        Some(items) => read_items(loader, place, &head, items, &mut 0, NESTED_LISTS),
        None => loader.add_object(place, text, &head),
    }
}

/// Items of lists in lists are numbered through.
fn read_items(
    loader: &mut Loader,
    place: &Place,
    list: &Head<'_>,
    items: &[&RawValue],
    number: &mut usize,
    depth: usize,
) {
    for item in items {
        if loader.gives_up() {
            return;
        }
        *number += 1;
        let place = Place { item: Some(*number), ..place.clone() };
        let mut head = Head::peek(item.get());
        if head.may_be_list()
            && let Ok(inner) = serde_json::from_str::<Head<'_>>(item.get())
            && let Some(items) = inner.list()
        {
            if depth == 0 {
                loader.complain(&place, format!("lists are nested more than {NESTED_LISTS} deep"));
            } else {
                *number -= 1; // the list is not an object
                read_items(loader, &place, &inner, items, number, depth - 1);
            }
            continue;
        }
        if let Some(kind) = list.item_kind() {
            if head.kind.is_empty() {
                head.kind = Cow::Owned(kind.to_owned());
            }
            if head.api_version.is_empty() {
                head.api_version = Cow::Owned(list.api_version.clone().into_owned());
            }
        }
        loader.add_object(&place, item.get(), &head);
    }
}
