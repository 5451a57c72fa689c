//! The types of expressions, and how type parameters are bound.
//!
//! Upstream: cel-go `common/types/types.go`, `checker/types.go`, `checker/format.go`.

use std::fmt;

use rustc_hash::FxHashMap;

/// The type of an expression or of a declared argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// What an expression with an error has.
    Error,
    /// Known only when the expression runs.
    Dyn,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Duration,
    Timestamp,
    List(Box<Type>),
    Map(Box<Type>, Box<Type>),
    /// `optional_type(T)`.
    Optional(Box<Type>),
    /// The type of a type.
    Kind(Box<Type>),
    /// A type of Kubernetes, by name.
    Object(&'static str),
    /// A parameter of a declaration, or a variable that stands for one.
    Param(String),
}

/// `device` itself.
pub(crate) const DEVICE: Type = Type::Object("kubernetes.DRADevice");

impl Type {
    pub(crate) fn list(element: Self) -> Self {
        Self::List(Box::new(element))
    }

    pub(crate) fn map(key: Self, value: Self) -> Self {
        Self::Map(Box::new(key), Box::new(value))
    }

    pub(crate) fn optional(value: Self) -> Self {
        Self::Optional(Box::new(value))
    }

    pub(crate) fn is_dyn_or_error(&self) -> bool {
        matches!(self, Self::Dyn | Self::Error)
    }

    /// The type within an optional type, and whether there was one.
    pub(crate) fn unwrap_optional(&self) -> (&Self, bool) {
        match self {
            Self::Optional(value) => (value, true),
            other => (other, false),
        }
    }

    fn parameters(&self) -> Vec<&Self> {
        match self {
            Self::List(a) | Self::Optional(a) | Self::Kind(a) => vec![a],
            Self::Map(a, b) => vec![a, b],
            _ => Vec::new(),
        }
    }

    /// Whether null is a value of the type, by the rules of cel-go's older checker.
    fn is_nullable(&self) -> bool {
        matches!(self, Self::Null | Self::Optional(_) | Self::Object(_) | Self::Duration | Self::Timestamp)
    }

    /// Whether a value of this type can be compared with and put beside one of `other`, without parameters in it.
    fn same_shape(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error => f.write_str("!error!"),
            Self::Dyn => f.write_str("dyn"),
            Self::Null => f.write_str("null"),
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Uint => f.write_str("uint"),
            Self::Double => f.write_str("double"),
            Self::String => f.write_str("string"),
            Self::Bytes => f.write_str("bytes"),
            Self::Duration => f.write_str("duration"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::List(a) => write!(f, "list({a})"),
            Self::Map(a, b) => write!(f, "map({a}, {b})"),
            Self::Optional(a) => write!(f, "optional_type({a})"),
            Self::Kind(a) => write!(f, "type({a})"),
            Self::Object(name) => f.write_str(name),
            Self::Param(name) => f.write_str(name),
        }
    }
}

/// Which types the type variables stand for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bindings(FxHashMap<String, Type>);

impl Bindings {
    pub(crate) fn bind(&mut self, name: &str, to: Type) {
        self.0.insert(name.to_owned(), to);
    }

    fn find(&self, of: &Type) -> Option<&Type> {
        match of {
            Type::Param(name) => self.0.get(name),
            _ => None,
        }
    }

    /// The type with all bound variables replaced, and with `dyn` for the others if `free_to_dyn`.
    pub(crate) fn substitute(&self, of: &Type, free_to_dyn: bool) -> Type {
        if let Some(bound) = self.find(of) {
            return self.substitute(bound, free_to_dyn);
        }
        let within = |t: &Type| Box::new(self.substitute(t, free_to_dyn));
        match of {
            Type::Param(_) if free_to_dyn => Type::Dyn,
            Type::List(a) => Type::List(within(a)),
            Type::Map(a, b) => Type::Map(within(a), within(b)),
            Type::Optional(a) => Type::Optional(within(a)),
            Type::Kind(a) => Type::Kind(within(a)),
            other => other.clone(),
        }
    }

    /// Whether values of the types on the left can be used where those on the right are expected. Binds variables only
    /// if so.
    pub(crate) fn all_assignable(&mut self, left: &[Type], right: &[Type]) -> bool {
        let mut tried = self.clone();
        let fits = left.len() == right.len() && left.iter().zip(right).all(|(a, b)| tried.unify(a, b));
        if fits {
            *self = tried;
        }
        fits
    }

    /// [`Self::all_assignable`] for one pair.
    pub(crate) fn assignable(&mut self, left: &Type, right: &Type) -> bool {
        self.all_assignable(std::slice::from_ref(left), std::slice::from_ref(right))
    }

    fn unify(&mut self, a: &Type, b: &Type) -> bool {
        if let Type::Param(_) = b {
            match self.substitutable(a, b) {
                (true, _) => return true,
                (false, true) => return false,
                (false, false) => {}
            }
        }
        if let Type::Param(_) = a {
            return self.substitutable(b, a).0;
        }
        if a.is_dyn_or_error() || b.is_dyn_or_error() {
            return true;
        }
        if *a == Type::Null {
            return b.is_nullable();
        }
        if *b == Type::Null {
            return a.is_nullable();
        }
        match (a, b) {
            (Type::Kind(_), Type::Kind(_)) => true,
            (Type::List(_) | Type::Map(..) | Type::Optional(_), _) => {
                a.same_shape(b)
                    && a.parameters().into_iter().zip(b.parameters()).all(|(a, b)| self.unify(a, b))
            }
            _ => a == b,
        }
    }

    /// Whether variable `b` can stand for `a`, and whether it stood for something before.
    fn substitutable(&mut self, a: &Type, b: &Type) -> (bool, bool) {
        if a == b {
            return (true, true);
        }
        if let Some(bound) = self.find(b).cloned() {
            if *a == bound {
                return (true, true);
            }
            if self.unify(a, &bound) {
                let general = most_general(a, &bound);
                if self.absent(b, &general)
                    && let Type::Param(name) = b
                {
                    self.bind(name, general);
                }
                return (true, true);
            }
            return (false, true);
        }
        if self.absent(b, a)
            && let Type::Param(name) = b
        {
            self.bind(name, a.clone());
            return (true, false);
        }
        (false, false)
    }

    /// Whether `of` does not occur in `within`: a variable must not stand for a type that holds it.
    fn absent(&self, of: &Type, within: &Type) -> bool {
        if of == within {
            return false;
        }
        match within {
            Type::Param(_) => self.find(within).is_none_or(|bound| self.absent(of, bound)),
            other => other.parameters().into_iter().all(|parameter| self.absent(of, parameter)),
        }
    }
}

/// The more general of two types that unify.
pub(crate) fn most_general(a: &Type, b: &Type) -> Type {
    if less_specific(a, b) { a.clone() } else { b.clone() }
}

fn less_specific(a: &Type, b: &Type) -> bool {
    match (a, b) {
        (Type::Dyn | Type::Param(_), _) => true,
        (_, Type::Dyn | Type::Param(_)) => false,
        (Type::Kind(_), Type::Kind(_)) => true,
        (Type::List(_) | Type::Map(..) | Type::Optional(_), _) => {
            a.same_shape(b)
                && a.parameters().into_iter().zip(b.parameters()).all(|(a, b)| less_specific(a, b))
        }
        _ => a == b,
    }
}
