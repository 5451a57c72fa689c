//! What several of the objects have: amounts with their format, maps with qualified names, raw configuration.

use berth_model::Str;
use berth_model::device::{DeviceTaint, DeviceTaintEffect, DeviceToleration, OpaqueConfig};
use berth_model::quantity::Amount;
use serde::de::{MapAccess, SeqAccess};

use crate::context::{Context, Step, quoted};
use crate::decode::{Decode, IntoModel, Key, Scalar, Seed, wire_object};
use crate::selector::one_of;
use crate::syntax::{check_label_key, check_label_value, is_dns_label, is_subdomain};

const NAME: &str = "at most 32 letters, digits or '_', beginning with no digit, optionally after a DNS name and '/', as in \
                    gpu.example.com/model";

/// An amount with its format, as text or as a plain number.
#[derive(Clone, Debug)]
pub(super) struct AmountField(pub(super) Amount);

impl Default for AmountField {
    fn default() -> Self {
        Self(Amount::new(0, berth_model::quantity::Format::Decimal))
    }
}

impl Decode<'_> for AmountField {
    const EXPECTED: &'static str = "a quantity such as 500m, 2 or 1.5Gi";

    fn scalar(found: &Scalar<'_>, cx: &mut Context) -> Option<Self> {
        let parsed = match found {
            Scalar::Text(text) => Amount::parse(text.trim()),
            Scalar::Bool(_) => return None,
            number => Amount::parse(&number.to_string()),
        };
        match parsed {
            Ok(amount) => Some(Self(amount)),
            Err(why) => {
                cx.problem(format!("found {found}, but {why}"));
                Some(Self::default())
            }
        }
    }
}

impl IntoModel for AmountField {
    type Out = Amount;

    fn into_model(self, _: &mut Context) -> Amount {
        self.0
    }
}

/// A map with free keys, sorted by them.
#[derive(Debug)]
pub(super) struct Keyed<T: IntoModel>(pub(super) Vec<(Str, T::Out)>);

impl<T: IntoModel> Default for Keyed<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Decode<'de> + IntoModel> Decode<'de> for Keyed<T> {
    const EXPECTED: &'static str = "an object";

    fn map<A: MapAccess<'de>>(mut entries: A, cx: &mut Context) -> Result<Self, A::Error> {
        let mut found: Vec<(Str, T::Out)> = Vec::new();
        while let Some(Key(key)) = entries.next_key()? {
            let name = cx.intern(&key);
            let value = cx.within(Step::Key(name.clone()), |cx| -> Result<T::Out, A::Error> {
                let read: T = entries.next_value_seed(Seed::new(cx))?;
                Ok(read.into_model(cx))
            })?;
            match found.binary_search_by(|(known, _)| known.cmp(&name)) {
                Ok(at) => found[at].1 = value,
                Err(at) => found.insert(at, (name, value)),
            }
        }
        Ok(Self(found))
    }
}

impl<T: IntoModel> Keyed<T> {
    /// The entries, with keys that are qualified names.
    pub(super) fn qualified(self, cx: &mut Context, field: &'static str) -> Vec<(Str, T::Out)> {
        for (name, _) in &self.0 {
            if !is_qualified_name(name) {
                cx.problem_at(field, format!("found the name {}, expected {NAME}", quoted(name)));
            }
        }
        self.0
    }

    /// The entries, with keys that are DNS labels.
    pub(super) fn labels(self, cx: &mut Context, field: &'static str) -> Vec<(Str, T::Out)> {
        for (name, _) in &self.0 {
            if !is_dns_label(name) {
                cx.problem_at(field, format!("found the name {}, expected a DNS label", quoted(name)));
            }
        }
        self.0
    }
}

/// `id` or `domain/id`.
pub(super) fn is_qualified_name(name: &str) -> bool {
    let is_id = |id: &str| {
        id.len() <= 32
            && !id.starts_with(|c: char| c.is_ascii_digit())
            && !id.is_empty()
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    match name.split_once('/') {
        Some((domain, id)) => is_driver(domain) && is_id(id),
        None => is_id(name),
    }
}

/// Complains unless it is a domain and an identifier.
pub(super) fn check_fully_qualified(cx: &mut Context, field: &'static str, name: &str) {
    if !name.contains('/') || !is_qualified_name(name) {
        cx.problem_at(field, format!("found {}, expected a domain and a name: {NAME}", quoted(name)));
    }
}

pub(super) fn is_driver(name: &str) -> bool {
    name.len() <= 63 && is_subdomain(name)
}

pub(super) fn check_driver(cx: &mut Context, field: &'static str, name: &str) {
    if !is_driver(name) {
        let message =
            format!("found {}, expected the DNS name of a driver, at most 63 characters", quoted(name));
        cx.problem_at(field, message);
    }
}

/// Names of pools are DNS names with slashes between them.
pub(super) fn check_pool(cx: &mut Context, field: &'static str, name: &str) {
    if name.len() > 253 || !name.split('/').all(is_subdomain) {
        cx.problem_at(field, format!("found {}, expected DNS names with '/' between them", quoted(name)));
    }
}

/// Complains about a list with more entries than the API server takes.
pub(super) fn check_size(cx: &mut Context, field: &'static str, found: usize, most: usize) {
    if found > most {
        cx.problem_at(field, format!("has {found} entries, at most {most} are allowed"));
    }
}

/// Complains about names that occur twice.
pub(super) fn check_unique<'a>(cx: &mut Context, field: &'static str, names: impl Iterator<Item = &'a Str>) {
    let mut seen = std::collections::BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            cx.problem_at(field, format!("{} occurs twice", quoted(name)));
        }
    }
}

/// JSON as it is.
#[derive(Clone, Debug, Default)]
pub(super) struct RawJson(pub(super) Str);

impl<'de> Decode<'de> for RawJson {
    const EXPECTED: &'static str = "an object";

    fn map<A: MapAccess<'de>>(mut entries: A, _: &mut Context) -> Result<Self, A::Error> {
        let mut object = serde_json::Map::new();
        while let Some((key, value)) = entries.next_entry::<String, serde_json::Value>()? {
            object.insert(key, value);
        }
        Ok(Self(serde_json::Value::Object(object).to_string().into()))
    }
}

wire_object! {
    /// `v1.OpaqueDeviceConfiguration`.
    pub(super) struct OpaqueWire {
        driver: Str = "driver",
        parameters: RawJson = "parameters",
    }
    skipped {}
}

impl IntoModel for OpaqueWire {
    type Out = OpaqueConfig;

    fn into_model(self, cx: &mut Context) -> OpaqueConfig {
        check_driver(cx, "driver", &self.driver);
        match self.parameters.0.len() {
            0 => cx.problem_at("parameters", "missing; expected an object for the driver"),
            length if length > 10 * 1024 => {
                cx.problem_at("parameters", format!("has {length} bytes, at most 10240 are allowed"));
            }
            _ => {}
        }
        OpaqueConfig { driver: self.driver, parameters: self.parameters.0 }
    }
}

wire_object! {
    /// `v1.CELDeviceSelector`.
    pub(super) struct CelWire {
        expression: Str = "expression",
    }
    skipped {}
}

wire_object! {
    /// `v1.DeviceSelector`.
    pub(super) struct SelectorWire {
        cel: Option<CelWire> = "cel",
    }
    skipped {}
}

impl IntoModel for SelectorWire {
    type Out = Str;

    fn into_model(self, cx: &mut Context) -> Str {
        match self.cel {
            None => {
                cx.problem_at("cel", "missing; a selector is an expression in CEL");
                Str::default()
            }
            Some(CelWire { expression }) => {
                if expression.len() > 10 * 1024 {
                    let message = format!("has {} bytes, at most 10240 are allowed", expression.len());
                    cx.within(Step::Field("cel"), |cx| cx.problem_at("expression", message));
                }
                expression
            }
        }
    }
}

const EFFECTS: [&str; 3] = ["NoExecute", "NoSchedule", "None"];

fn effect(cx: &mut Context, name: &Str) -> DeviceTaintEffect {
    match &**name {
        "None" => DeviceTaintEffect::None,
        "NoSchedule" => DeviceTaintEffect::NoSchedule,
        "NoExecute" => DeviceTaintEffect::NoExecute,
        other => {
            cx.not_one_of("effect", other, &EFFECTS);
            DeviceTaintEffect::Other(name.clone())
        }
    }
}

wire_object! {
    /// `v1.DeviceTaint`.
    pub(super) struct DeviceTaintWire {
        key: Str = "key",
        value: Str = "value",
        effect: Str = "effect",
    }
    skipped { "timeAdded" }
}

impl IntoModel for DeviceTaintWire {
    type Out = DeviceTaint;

    fn into_model(self, cx: &mut Context) -> DeviceTaint {
        check_label_key(cx, "key", &self.key);
        check_label_value(cx, "value", &self.value);
        let effect = effect(cx, &self.effect);
        DeviceTaint { key: self.key, value: self.value, effect }
    }
}

wire_object! {
    /// `v1.DeviceToleration`.
    pub(super) struct DeviceTolerationWire {
        key: Str = "key",
        operator: Str = "operator",
        value: Str = "value",
        effect: Str = "effect",
        seconds: Option<i64> = "tolerationSeconds",
    }
    skipped {}
}

impl IntoModel for DeviceTolerationWire {
    type Out = DeviceToleration;

    fn into_model(self, cx: &mut Context) -> DeviceToleration {
        let exists = match &*self.operator {
            "" => false,
            name => one_of(cx, "operator", name, &[("Equal", false), ("Exists", true)]),
        };
        if !self.key.is_empty() {
            check_label_key(cx, "key", &self.key);
        }
        if exists && !self.value.is_empty() {
            cx.problem_at("value", format!("found {}, but Exists takes no value", quoted(&self.value)));
        } else {
            check_label_value(cx, "value", &self.value);
        }
        let effect = (!self.effect.is_empty()).then(|| effect(cx, &self.effect));
        DeviceToleration { key: self.key, exists, value: self.value, effect, seconds: self.seconds }
    }
}

/// A list of objects that a `Vec` of scalars cannot hold: amounts.
#[derive(Debug, Default)]
pub(super) struct Amounts(pub(super) Vec<Amount>);

impl<'de> Decode<'de> for Amounts {
    const EXPECTED: &'static str = "a list";

    fn list<A: SeqAccess<'de>>(items: A, cx: &mut Context) -> Result<Self, A::Error> {
        let fields = Vec::<AmountField>::list(items, cx)?;
        Ok(Self(fields.into_iter().map(|field| field.0).collect()))
    }
}
