//! Values of expressions, equality and order among them.
//!
//! Upstream: cel-go `common/types`; apiserver `pkg/cel/{quantity,semver,ip,cidr,url,format}.go`.

use std::cmp::Ordering;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use berth_model::Str;
use berth_model::quantity::Amount;

use super::functions::format::NamedFormat;
use super::functions::net::{Cidr, Url};
use super::functions::semver::Semver;
use super::types::Type;

/// Why an expression has no value, in upstream's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault(pub(crate) Str);

impl Fault {
    pub(crate) fn new(text: impl Into<Str>) -> Self {
        Self(text.into())
    }

    pub(crate) fn no_such_overload() -> Self {
        Self::new("no such overload")
    }

    pub(crate) fn no_such_key(key: &Value) -> Self {
        Self::new(format!("no such key: {key}"))
    }
}

/// A value, or why there is none. Errors are values: `&&`, `||` and comprehensions can absorb them.
pub(crate) type Outcome = Result<Value, Fault>;

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    String(Str),
    Bytes(Arc<[u8]>),
    List(Arc<Vec<Value>>),
    Map(Arc<Map>),
    Type(Box<Type>),
    /// Nanoseconds.
    Duration(i64),
    /// Seconds since the epoch, and nanoseconds.
    Timestamp(i64, u32),
    Optional(Option<Arc<Value>>),
    /// Upstream holds computed quantities behind a pointer, which its equality does not look through on the right side.
    Quantity(Arc<Amount>, Computed),
    Semver(Arc<Semver>),
    Ip(IpAddr),
    Cidr(Cidr),
    Url(Arc<Url>),
    Format(&'static NamedFormat),
}

/// Whether a quantity is the result of `add` or `sub`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Computed {
    No,
    Yes,
}

/// A map. Its entries are walked in the order in which they were given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Map {
    pub(crate) entries: Vec<(Value, Value)>,
    /// Whether a key that is missing has an empty map as its value, when it is selected.
    pub(crate) defaults_to_empty: bool,
}

impl Map {
    pub(crate) fn get(&self, key: &Value) -> Option<&Value> {
        self.entries.iter().find(|(known, _)| known.same_key(key)).map(|(_, value)| value)
    }
}

impl Value {
    pub(crate) fn text(text: impl Into<Str>) -> Self {
        Self::String(text.into())
    }

    pub(crate) fn list(items: Vec<Self>) -> Self {
        Self::List(Arc::new(items))
    }

    pub(crate) fn some(value: Self) -> Self {
        Self::Optional(Some(Arc::new(value)))
    }

    pub(crate) fn quantity(amount: Amount) -> Self {
        Self::Quantity(Arc::new(amount), Computed::No)
    }

    /// The name of the value's type, as it occurs in messages.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::String(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Type(_) => "type",
            Self::Duration(_) => "google.protobuf.Duration",
            Self::Timestamp(..) => "google.protobuf.Timestamp",
            Self::Optional(_) => "optional_type",
            Self::Quantity(..) => "kubernetes.Quantity",
            Self::Semver(_) => "kubernetes.Semver",
            Self::Ip(_) => "net.IP",
            Self::Cidr(_) => "net.CIDR",
            Self::Url(_) => "kubernetes.URL",
            Self::Format(_) => "kubernetes.NamedFormat",
        }
    }

    /// The name of the Go type that holds it, which some messages show.
    pub(crate) fn go_type(&self) -> &'static str {
        match self {
            Self::Null => "types.Null",
            Self::Bool(_) => "types.Bool",
            Self::Int(_) => "types.Int",
            Self::Uint(_) => "types.Uint",
            Self::Double(_) => "types.Double",
            Self::String(_) => "types.String",
            Self::Bytes(_) => "types.Bytes",
            Self::List(_) => "*types.baseList",
            Self::Map(_) => "*types.baseMap",
            Self::Type(_) => "*types.Type",
            Self::Duration(_) => "types.Duration",
            Self::Timestamp(..) => "types.Timestamp",
            Self::Optional(_) => "*types.Optional",
            Self::Quantity(_, Computed::No) => "cel.Quantity",
            Self::Quantity(_, Computed::Yes) => "*cel.Quantity",
            Self::Semver(_) => "cel.Semver",
            Self::Ip(_) => "cel.IP",
            Self::Cidr(_) => "cel.CIDR",
            Self::Url(_) => "cel.URL",
            Self::Format(_) => "cel.Format",
        }
    }

    /// The type of the value, without parameters of its own.
    pub(crate) fn type_of(&self) -> Type {
        match self {
            Self::Null => Type::Null,
            Self::Bool(_) => Type::Bool,
            Self::Int(_) => Type::Int,
            Self::Uint(_) => Type::Uint,
            Self::Double(_) => Type::Double,
            Self::String(_) => Type::String,
            Self::Bytes(_) => Type::Bytes,
            Self::List(_) => Type::list(Type::Dyn),
            Self::Map(_) => Type::map(Type::Dyn, Type::Dyn),
            Self::Type(_) => Type::Kind(Box::new(Type::Dyn)),
            Self::Duration(_) => Type::Duration,
            Self::Timestamp(..) => Type::Timestamp,
            Self::Optional(_) => Type::optional(Type::Dyn),
            other => Type::Object(other.type_name()),
        }
    }

    /// Whether two keys of a map are the same: numbers by their value.
    fn same_key(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::String(a), Self::String(b)) => a == b,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            _ => matches!(self.compare_numbers(other), Some(Some(Ordering::Equal))),
        }
    }

    /// The order of two numbers of whatever type: the inner `None` is for NaN, the outer for what is no number.
    fn compare_numbers(&self, other: &Self) -> Option<Option<Ordering>> {
        let wide = |value: &Self| match *value {
            Self::Int(i) => Some(i128::from(i)),
            Self::Uint(u) => Some(i128::from(u)),
            _ => None,
        };
        Some(match (self, other) {
            (Self::Double(a), Self::Double(b)) => a.partial_cmp(b),
            (Self::Double(a), b) => compare_double(*a, wide(b)?),
            (a, Self::Double(b)) => compare_double(*b, wide(a)?).map(Ordering::reverse),
            (a, b) => Some(wide(a)?.cmp(&wide(b)?)),
        })
    }

    /// Whether two values are equal, or why that cannot be said.
    ///
    /// # Errors
    /// Kubernetes' own types are only compared with values of their type.
    pub(crate) fn equal(&self, other: &Self) -> Result<bool, Fault> {
        Ok(match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Null, _) | (_, Self::Null) => false,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::String(a), Self::String(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::Duration(a), Self::Duration(b)) => a == b,
            (Self::Timestamp(a, n), Self::Timestamp(b, m)) => (a, n) == (b, m),
            (Self::Type(a), Self::Type(b)) => kind_name(a) == kind_name(b),
            (Self::List(a), Self::List(b)) => {
                a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.equal(b) != Ok(false))
            }
            (Self::Map(a), Self::Map(b)) => {
                let same = |(key, value): &(Self, Self)| {
                    b.get(key).is_some_and(|other| value.equal(other) != Ok(false))
                };
                a.entries.len() == b.entries.len() && a.entries.iter().all(same)
            }
            (Self::Optional(a), Self::Optional(b)) => match (a, b) {
                (Some(a), Some(b)) => return a.equal(b),
                (a, b) => a.is_none() && b.is_none(),
            },
            (Self::Quantity(a, _), Self::Quantity(b, Computed::No)) => a == b,
            (Self::Semver(a), Self::Semver(b)) => a.precedence(b) == Ordering::Equal,
            (Self::Ip(a), Self::Ip(b)) => a == b,
            (Self::Cidr(a), Self::Cidr(b)) => a == b,
            (Self::Url(a), Self::Url(b)) => a == b,
            (Self::Format(a), Self::Format(b)) => a.name == b.name,
            (
                Self::Quantity(..)
                | Self::Semver(_)
                | Self::Ip(_)
                | Self::Cidr(_)
                | Self::Url(_)
                | Self::Format(_),
                _,
            ) => return Err(Fault::no_such_overload()),
            (a, b) => matches!(a.compare_numbers(b), Some(Some(Ordering::Equal))),
        })
    }

    /// The order of two values.
    ///
    /// # Errors
    /// Values of different types have no order, but for numbers; nor has NaN.
    pub(crate) fn compare(&self, other: &Self) -> Result<Ordering, Fault> {
        Ok(match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::String(a), Self::String(b)) => a.cmp(b),
            (Self::Bytes(a), Self::Bytes(b)) => a.cmp(b),
            (Self::Duration(a), Self::Duration(b)) => a.cmp(b),
            (Self::Timestamp(a, n), Self::Timestamp(b, m)) => (a, n).cmp(&(b, m)),
            (a, b) => match a.compare_numbers(b) {
                Some(Some(order)) => order,
                Some(None) => return Err(Fault::new("NaN values cannot be ordered")),
                None => return Err(Fault::no_such_overload()),
            },
        })
    }

    /// Whether the type has an order.
    pub(crate) fn is_comparable(&self) -> bool {
        matches!(
            self,
            Self::Bool(_)
                | Self::Int(_)
                | Self::Uint(_)
                | Self::Double(_)
                | Self::String(_)
                | Self::Bytes(_)
                | Self::Duration(_)
                | Self::Timestamp(..)
        )
    }

    /// The size that costs are computed from: characters, bytes, elements; 1 for what has none.
    pub(crate) fn size(&self) -> u64 {
        self.sizer()
            .or_else(|| match self {
                Self::Optional(Some(inner)) => Some(inner.size()),
                _ => None,
            })
            .unwrap_or(1)
    }

    /// The size of a value that has one.
    pub(crate) fn sizer(&self) -> Option<u64> {
        Some(match self {
            Self::String(text) => text.chars().count() as u64,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::List(items) => items.len() as u64,
            Self::Map(map) => map.entries.len() as u64,
            Self::Ip(ip) => {
                if ip.is_ipv4() {
                    4
                } else {
                    16
                }
            }
            Self::Cidr(cidr) => u64::from(cidr.prefix.div_ceil(8)),
            _ => return None,
        })
    }
}

/// Equal types by their name alone: `list(int)` and `list(string)` are both `list` when a program runs.
pub(crate) fn kind_name(of: &Type) -> String {
    match of {
        Type::List(_) => "list".to_owned(),
        Type::Map(..) => "map".to_owned(),
        Type::Optional(_) => "optional_type".to_owned(),
        Type::Kind(_) => "type".to_owned(),
        Type::Null => "null_type".to_owned(),
        Type::Duration => "google.protobuf.Duration".to_owned(),
        Type::Timestamp => "google.protobuf.Timestamp".to_owned(),
        other => other.to_string(),
    }
}

fn compare_double(a: f64, b: i128) -> Option<Ordering> {
    if a.is_nan() {
        return None;
    }
    // Beyond 64 bits the sign decides; within them the integer part and then the fraction.
    if a >= 2f64.powi(64) {
        return Some(Ordering::Greater);
    }
    if a < -(2f64.powi(63)) {
        return Some(Ordering::Less);
    }
    let whole = a.trunc() as i128;
    Some(whole.cmp(&b).then_with(|| a.fract().partial_cmp(&0.0).unwrap_or(Ordering::Equal)))
}

impl fmt::Display for Value {
    /// As Go's `%v` prints the value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Uint(value) => write!(f, "{value}"),
            Self::Double(value) => f.write_str(&super::functions::convert::general(*value)),
            Self::String(text) => f.write_str(text),
            Self::Bytes(bytes) => write!(f, "{bytes:?}"),
            Self::List(items) => {
                f.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if at > 0 { ", " } else { "" })?;
                }
                f.write_str("]")
            }
            Self::Map(map) => {
                f.write_str("{")?;
                for (at, (key, value)) in map.entries.iter().enumerate() {
                    write!(f, "{}{key}: {value}", if at > 0 { ", " } else { "" })?;
                }
                f.write_str("}")
            }
            Self::Type(of) => f.write_str(&kind_name(of)),
            Self::Duration(nanos) => f.write_str(&super::functions::time::duration_text(*nanos)),
            Self::Timestamp(seconds, nanos) => {
                f.write_str(&super::functions::time::timestamp_text(*seconds, *nanos))
            }
            Self::Optional(None) => f.write_str("optional.none()"),
            Self::Optional(Some(value)) => write!(f, "optional({value})"),
            Self::Quantity(amount, _) => write!(f, "{amount}"),
            Self::Semver(version) => write!(f, "{version}"),
            Self::Ip(ip) => write!(f, "{ip}"),
            Self::Cidr(cidr) => write!(f, "{cidr}"),
            Self::Url(url) => write!(f, "{url}"),
            Self::Format(format) => f.write_str(format.name),
        }
    }
}
