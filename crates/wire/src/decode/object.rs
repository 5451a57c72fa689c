//! Objects with known fields.

use serde::de::MapAccess;

use super::{Decode, Key};
use crate::context::Context;

/// An object whose fields are known.
pub(crate) trait Fields<'de>: Default {
    /// Takes the value of one field, if the field is known; `false` leaves the value to the caller.
    fn field<A: MapAccess<'de>>(
        &mut self,
        key: &str,
        entries: &mut A,
        cx: &mut Context,
    ) -> Result<bool, A::Error>;
}

/// Reads all fields of an object; those that Kubernetes does not know are noted and skipped.
pub(crate) fn read_fields<'de, T: Fields<'de>, A: MapAccess<'de>>(
    mut entries: A,
    cx: &mut Context,
) -> Result<T, A::Error> {
    let mut object = T::default();
    while let Some(Key(key)) = entries.next_key()? {
        if !object.field(&key, &mut entries, cx)? {
            cx.unknown_field(&key);
            entries.next_value::<serde::de::IgnoredAny>()?;
        }
    }
    Ok(object)
}

/// Turns what was read of an object into what the rest of the program uses, and checks it. The path is still at it.
pub(crate) trait IntoModel {
    /// What the object becomes.
    type Out;

    /// Checks and converts. What is wrong goes into the context; the result is then never used.
    fn into_model(self, cx: &mut Context) -> Self::Out;
}

/// An object that is converted once read; `None` if it is absent.
#[derive(Clone, Debug)]
pub(crate) struct Obj<T: IntoModel>(pub(crate) Option<T::Out>);

impl<T: IntoModel> Default for Obj<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Decode<'de> + IntoModel> Decode<'de> for Obj<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn map<A: MapAccess<'de>>(entries: A, cx: &mut Context) -> Result<Self, A::Error> {
        let read = T::map(entries, cx)?;
        Ok(Self(Some(read.into_model(cx))))
    }
}

/// Declares an object: its fields with their names in the API, and the API's fields that are skipped.
macro_rules! wire_object {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident { $( $field:ident : $kind:ty = $key:literal, )* }
        skipped { $( $skipped:literal )* }
    ) => {
        $(#[$meta])*
        #[derive(Default)]
        $vis struct $name { $( pub(crate) $field: $kind, )* }

        impl<'de> $crate::decode::Fields<'de> for $name {
            fn field<A: serde::de::MapAccess<'de>>(
                &mut self,
                key: &str,
                entries: &mut A,
                cx: &mut $crate::context::Context,
            ) -> Result<bool, A::Error> {
                match key {
                    $( $key => {
                        self.$field = cx.within($crate::context::Step::Field($key), |cx| {
                            entries.next_value_seed($crate::decode::Seed::new(cx))
                        })?;
                    } )*
                    $( $skipped => { entries.next_value::<serde::de::IgnoredAny>()?; } )*
                    _ => return Ok(false),
                }
                Ok(true)
            }
        }

        impl<'de> $crate::decode::Decode<'de> for $name {
            const EXPECTED: &'static str = "an object";

            fn map<A: serde::de::MapAccess<'de>>(
                entries: A,
                cx: &mut $crate::context::Context,
            ) -> Result<Self, A::Error> {
                $crate::decode::read_fields(entries, cx)
            }
        }
    };
}
pub(crate) use wire_object;
