//! The functions that an expression can call, by name, with their overloads.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use super::types::Type;

/// One overload of a function.
#[derive(Debug)]
pub(crate) struct Overload {
    /// What tells it from the function's other overloads; costs depend on it.
    pub(crate) id: &'static str,
    /// Whether it is called on a receiver, which is the first argument.
    pub(crate) member: bool,
    pub(crate) arguments: Vec<Type>,
    pub(crate) result: Type,
    /// The names of the type parameters.
    pub(crate) parameters: Vec<String>,
}

/// All functions, in the order of their overloads.
static FUNCTIONS: LazyLock<FxHashMap<&'static str, Vec<Overload>>> = LazyLock::new(|| {
    let mut functions: FxHashMap<&'static str, Vec<Overload>> = FxHashMap::default();
    for line in include_str!("signatures.txt").lines().filter(|line| !line.starts_with('#')) {
        if let Some((name, overload)) = read_line(line) {
            functions.entry(name).or_default().push(overload);
        }
    }
    functions
});

/// The overloads of a function, if there is one of this name.
pub(crate) fn function(name: &str) -> Option<&'static [Overload]> {
    FUNCTIONS.get(name).map(Vec::as_slice)
}

fn read_line(line: &'static str) -> Option<(&'static str, Overload)> {
    let (name, rest) = line.split_once(' ')?;
    let (id, rest) = rest.split_once(' ')?;
    let member = rest.starts_with('.');
    let rest = rest.trim_start_matches(['.', '(']);
    let mut reader = Reader { rest };
    let mut arguments = Vec::new();
    while !reader.takes(")") {
        arguments.push(reader.read_type()?);
        reader.takes(", ");
    }
    reader.takes(" ");
    let result = reader.read_type()?;
    let mut parameters = Vec::new();
    for argument in arguments.iter().chain([&result]) {
        collect_parameters(argument, &mut parameters);
    }
    Some((name, Overload { id, member, arguments, result, parameters }))
}

fn collect_parameters(of: &Type, into: &mut Vec<String>) {
    match of {
        Type::Param(name) if !into.contains(name) => into.push(name.clone()),
        Type::List(a) | Type::Optional(a) | Type::Kind(a) => collect_parameters(a, into),
        Type::Map(a, b) => {
            collect_parameters(a, into);
            collect_parameters(b, into);
        }
        _ => {}
    }
}

struct Reader {
    rest: &'static str,
}

impl Reader {
    fn takes(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn read_type(&mut self) -> Option<Type> {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        let inner = if self.takes("(") { Some(self.read_type()?) } else { None };
        let second = if inner.is_some() && self.takes(", ") { Some(self.read_type()?) } else { None };
        if inner.is_some() {
            self.takes(")");
        }
        Some(match (name, inner, second) {
            ("list", Some(a), None) => Type::list(a),
            ("map", Some(a), Some(b)) => Type::map(a, b),
            ("optional", Some(a), None) => Type::optional(a),
            ("type", Some(a), None) => Type::Kind(Box::new(a)),
            (name, None, None) => simple(name)?,
            _ => return None,
        })
    }
}

/// A type without parameters, by its name in an expression or in a signature.
pub(crate) fn simple(name: &str) -> Option<Type> {
    Some(match name {
        "dyn" => Type::Dyn,
        "bool" => Type::Bool,
        "int" => Type::Int,
        "uint" => Type::Uint,
        "double" => Type::Double,
        "string" => Type::String,
        "bytes" => Type::Bytes,
        "duration" => Type::Duration,
        "timestamp" => Type::Timestamp,
        "Quantity" => Type::Object("kubernetes.Quantity"),
        "Semver" => Type::Object("kubernetes.Semver"),
        "URL" => Type::Object("kubernetes.URL"),
        "IP" => Type::Object("net.IP"),
        "CIDR" => Type::Object("net.CIDR"),
        "NamedFormat" => Type::Object("kubernetes.NamedFormat"),
        parameter if parameter.len() == 1 => Type::Param(parameter.to_owned()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read() {
        let lines = include_str!("signatures.txt").lines().filter(|line| !line.starts_with('#'));
        for line in lines {
            assert!(read_line(line).is_some(), "{line}");
        }
    }
}
