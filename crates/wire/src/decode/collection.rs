//! Lists, and maps with free keys.

use berth_model::Str;
use berth_model::labels::Labels;
use berth_model::node::ResourceList;
use serde::de::{IgnoredAny, MapAccess, SeqAccess};

use super::{Amount, Decode, IntoModel, Key, Seed, UninternedStr};
use crate::context::{Context, Step};

/// No node has resources of more kinds.
const RESOURCES: usize = 1000;
/// No list in a hint of the decoder makes us reserve more than this.
const RESERVED: usize = 16;

impl<'de, T: Decode<'de>> Decode<'de> for Vec<T> {
    const EXPECTED: &'static str = "a list";

    fn list<A: SeqAccess<'de>>(mut items: A, cx: &mut Context) -> Result<Self, A::Error> {
        let mut list = Vec::with_capacity(items.size_hint().unwrap_or_default().min(RESERVED));
        while let Some(item) =
            cx.within(Step::Index(list.len()), |cx| items.next_element_seed(Seed::new(cx)))?
        {
            list.push(item);
        }
        Ok(list)
    }
}

/// A list of objects, each of which is converted once read.
#[derive(Clone, Debug)]
pub(crate) struct List<T: IntoModel>(pub(crate) Vec<T::Out>);

impl<T: IntoModel> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Decode<'de> + IntoModel> Decode<'de> for List<T> {
    const EXPECTED: &'static str = "a list";

    fn list<A: SeqAccess<'de>>(mut items: A, cx: &mut Context) -> Result<Self, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = cx.within(Step::Index(list.len()), |cx| {
            let read: Option<T> = items.next_element_seed(Seed::new(cx))?;
            Ok(read.map(|item| item.into_model(cx)))
        })? {
            list.push(item);
        }
        Ok(Self(list))
    }
}

/// A map from strings to strings.
#[derive(Clone, Debug, Default)]
pub(crate) struct StringMap(pub(crate) Labels);

impl<'de> Decode<'de> for StringMap {
    const EXPECTED: &'static str = "an object of strings";

    fn map<A: MapAccess<'de>>(mut entries: A, cx: &mut Context) -> Result<Self, A::Error> {
        let mut pairs: Vec<(Str, Str)> = Vec::new();
        while let Some(Key(key)) = entries.next_key()? {
            let key = cx.intern(&key);
            let value = cx.within(Step::Key(key.clone()), |cx| entries.next_value_seed(Seed::new(cx)))?;
            pairs.push((key, value));
        }
        Ok(Self(pairs.into_iter().collect()))
    }
}

impl<'de> Decode<'de> for ResourceList {
    const EXPECTED: &'static str = "an object of quantities";

    fn map<A: MapAccess<'de>>(mut entries: A, cx: &mut Context) -> Result<Self, A::Error> {
        let mut list = ResourceList::new();
        while let Some(Key(key)) = entries.next_key()? {
            let name = cx.intern(&key);
            let amount = cx.within(Step::Key(name.clone()), |cx| {
                let Amount(amount) = entries.next_value_seed(Seed::new(cx))?;
                if amount.is_negative() {
                    cx.problem(format!("found {amount}, expected a quantity that is not negative"));
                }
                Ok(amount)
            })?;
            match list.binary_search_by(|(known, _)| known.cmp(&name)) {
                Ok(at) => list[at].1 = amount,
                Err(at) if list.len() < RESOURCES => list.insert(at, (name, amount)),
                Err(_) => cx.problem(format!("has more than {RESOURCES} resources")),
            }
        }
        Ok(list)
    }
}

/// An object's annotations, read only for the kinds of which they matter: those of pods are large and rarely alike.
#[derive(Clone, Debug, Default)]
pub(crate) struct Annotations(pub(crate) Labels);

/// Annotations with this prefix are read from all objects.
const OWN: &str = "berth.dev/";
/// `kubectl apply` keeps a copy of the whole object here.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

impl<'de> Decode<'de> for Annotations {
    const EXPECTED: &'static str = "an object of strings";

    fn map<A: MapAccess<'de>>(mut entries: A, cx: &mut Context) -> Result<Self, A::Error> {
        let mut pairs: Vec<(Str, Str)> = Vec::new();
        while let Some(Key(key)) = entries.next_key()? {
            let is_read = (cx.keep_annotations && key != LAST_APPLIED) || key.starts_with(OWN);
            if !is_read {
                entries.next_value::<IgnoredAny>()?;
                continue;
            }
            let key = cx.intern(&key);
            let value: UninternedStr =
                cx.within(Step::Key(key.clone()), |cx| entries.next_value_seed(Seed::new(cx)))?;
            pairs.push((key, value.0));
        }
        Ok(Self(pairs.into_iter().collect()))
    }
}

/// A map of which only the keys matter.
#[derive(Clone, Debug, Default)]
pub(crate) struct AnyMap(pub(crate) Vec<Str>);

impl<'de> Decode<'de> for AnyMap {
    const EXPECTED: &'static str = "an object";

    fn map<A: MapAccess<'de>>(mut entries: A, cx: &mut Context) -> Result<Self, A::Error> {
        let mut keys = Vec::new();
        while let Some(Key(key)) = entries.next_key()? {
            entries.next_value::<IgnoredAny>()?;
            keys.push(cx.intern(&key));
        }
        Ok(Self(keys))
    }
}
