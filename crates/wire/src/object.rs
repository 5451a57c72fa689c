//! One object: from its JSON text to the model, and back.

use berth_model::Str;
use berth_model::object::{Kind, Object, ObjectKey};

use crate::context::{Context, FieldError};
use crate::encode::Fields;

/// How objects of one type are read and written.
pub(crate) trait Format: Sized {
    /// What tells the kinds of the type apart; `()` for a type that has one kind.
    type Kinds;

    /// Reads an object's JSON text. What is wrong with its fields goes into the context.
    ///
    /// # Errors
    /// When the text is not JSON.
    fn read(cx: &mut Context, kind: Self::Kinds, json: &str) -> serde_json::Result<Self>;

    /// Writes the fields of the object, without `apiVersion` and `kind`.
    fn write(&self, fields: &mut Fields<'_>);

    /// Whether anything is read from the annotations of the objects.
    fn has_annotations(_kind: Self::Kinds) -> bool {
        false
    }
}

impl<T: Format> Format for Box<T> {
    type Kinds = T::Kinds;

    fn read(cx: &mut Context, kind: T::Kinds, json: &str) -> serde_json::Result<Self> {
        T::read(cx, kind, json).map(Self::new)
    }

    fn write(&self, fields: &mut Fields<'_>) {
        T::write(self, fields);
    }
}

/// A type with one kind, read by one wire type: what most entries of the table are.
macro_rules! wire_format {
    ($type:ty, $wire:ty, $write:path $(, has_annotations: $annotations:literal)?) => {
        impl $crate::object::Format for $type {
            type Kinds = ();

            fn read(cx: &mut $crate::context::Context, (): (), json: &str) -> serde_json::Result<Self> {
                $crate::decode::decode_model::<$wire>(cx, json)
            }

            fn write(&self, fields: &mut $crate::encode::Fields<'_>) {
                $write(fields, self);
            }

            $( fn has_annotations((): ()) -> bool {
                $annotations
            } )?
        }
    };
}
pub(crate) use wire_format;

/// The first of the arguments, whatever the second is.
macro_rules! bound {
    ($name:ident, $kinds:ident) => {
        $name
    };
}

/// The sub-kind of a type with several kinds, otherwise `()`.
macro_rules! kinds {
    () => {
        ()
    };
    ($kind:expr) => {
        $kind
    };
}

macro_rules! define_dispatch {
    ($( $variant:ident { ($type:ty) $(as $boxed:ident)? $(by $kinds:ident)? in $($rest:tt)* } )*) => {
        fn read(cx: &mut Context, kind: Kind, json: &str) -> serde_json::Result<Object> {
            Ok(match kind {
                $( Kind::$variant $((bound!(of, $kinds)))? => {
                    Object::$variant(Format::read(cx, kinds!($(bound!(of, $kinds))?), json)?)
                } )*
            })
        }

        fn has_annotations(kind: Kind) -> bool {
            match kind {
                $( Kind::$variant $((bound!(of, $kinds)))? => {
                    <$type as Format>::has_annotations(kinds!($(bound!(of, $kinds))?))
                } )*
            }
        }

        /// Writes the fields of the object, without `apiVersion` and `kind`.
        pub(crate) fn write(object: &Object, fields: &mut Fields<'_>) {
            match object {
                $( Object::$variant(value) => Format::write(value, fields), )*
            }
        }
    };
}

berth_model::for_each_object_kind!(define_dispatch);

/// The result of decoding one object's text.
pub(crate) struct Decoded {
    /// The object; `None` if something is wrong with it.
    pub(crate) object: Option<Object>,
    /// What distinguishes it from all others, as far as it could be read.
    pub(crate) key: ObjectKey,
    /// What is wrong with it.
    pub(crate) problems: Vec<FieldError>,
    /// Its fields that Kubernetes does not know.
    pub(crate) unknown: Vec<String>,
    /// Why the API server would refuse it, though what it means is clear.
    pub(crate) refusals: Vec<FieldError>,
    /// Whether an API server has stored it.
    pub(crate) stored: bool,
}

/// Decodes the JSON text of an object of this kind.
pub(crate) fn decode(cx: &mut Context, kind: Kind, json: &str) -> Decoded {
    cx.clear();
    cx.keep_annotations = has_annotations(kind);
    let object = match read(cx, kind, json) {
        Ok(object) => Some(object),
        Err(error) => {
            cx.clear();
            cx.problem(format!("broken JSON: {error}"));
            None
        }
    };
    let nameless = || ObjectKey { kind, namespace: Str::default(), name: Str::default() };
    let key = object.as_ref().map_or_else(nameless, Object::key);
    let (problems, unknown) = (std::mem::take(&mut cx.problems), std::mem::take(&mut cx.unknown));
    let refusals = std::mem::take(&mut cx.refusals);
    Decoded {
        object: object.filter(|_| problems.is_empty()),
        key,
        problems,
        unknown,
        refusals,
        stored: cx.stored,
    }
}
