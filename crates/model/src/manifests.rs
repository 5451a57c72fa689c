//! Everything that was read, by kind, each object with its place.

use std::fmt;

use crate::Str;
use crate::object::Object;
use crate::workload::PodGroupOwner;

/// The place of an object in what was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The name that the caller gave to the text, usually a file name.
    pub source: Str,
    /// The document's number in the source, from 1.
    pub document: usize,
    /// The line of the source on which the document begins, from 1; 0 if it is not known.
    pub line: usize,
    /// The object's number in the document's list, from 1; `None` if the document is the object itself.
    pub item: Option<usize>,
}

impl Place {
    /// The first document of a source.
    pub fn start(source: Str) -> Self {
        Self { source, document: 1, line: 1, item: None }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        match (self.document, self.line) {
            (1, _) => {}
            (document, 0) => write!(f, ", document {document}")?,
            (_, line) => write!(f, ":{line}")?,
        }
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

/// The value of an object, out of its box.
macro_rules! unboxed {
    ($value:ident) => {
        $value
    };
    ($value:ident, boxed) => {
        *$value
    };
}

/// The value of an object, in a box if its type is large.
macro_rules! as_boxed {
    ($value:expr) => {
        $value
    };
    ($value:expr, boxed) => {
        Box::new($value)
    };
}

macro_rules! define_manifests {
    ($( $variant:ident {
        ($type:ty) $(as $boxed:ident)? $(by $kinds:ident)? in $list:ident, $($rest:tt)*
    } )*) => {
        /// All objects that were read, by kind and in input order, each with its place.
        #[derive(Clone, Debug, Default)]
        pub struct Manifests {
            $(
                #[doc = concat!("[`", stringify!($variant), "`](crate::object::Kind::", stringify!($variant), ") objects.")]
                pub $list: Vec<Entry<$type>>,
            )*
            count: usize,
        }

        impl Manifests {
            /// Adds an object after all others.
            pub fn add(&mut self, object: Object, place: Place) {
                let number = self.count;
                self.count += 1;
                match object {
                    $( Object::$variant(value) => {
                        let value = unboxed!(value $(, $boxed)?);
                        self.$list.push(Entry { value, place, number });
                    } )*
                }
            }

            /// Gives all objects to `take`, kind by kind: what pods refer to comes before pods.
            pub fn into_objects(self, mut take: impl FnMut(Object)) {
                $(
                    for entry in self.$list {
                        take(Object::$variant(as_boxed!(entry.value $(, $boxed)?)));
                    }
                )*
            }
        }
    };
}

crate::for_each_object_kind!(define_manifests);

impl Manifests {
    /// What default spreading groups pods by: services, and controllers of the kinds that it knows.
    pub fn pod_group_owners(&self) -> impl Iterator<Item = PodGroupOwner> + '_ {
        let services = self.services.iter().map(|entry| entry.value.clone());
        services.chain(self.workloads.iter().filter_map(|entry| entry.value.owner()))
    }
}
