//! From the checked tree to what is evaluated: attributes with their qualifiers, folded constants, compiled patterns.
//!
//! Upstream: cel-go `interpreter/{planner,decorators}.go`. What an evaluation costs depends on this shape.

use std::sync::Arc;

use regex::Regex;

use super::check::Checked;
use super::functions;
use super::tree::{Kind, Node};
use super::value::{Fault, Map, Value};

/// A step of an evaluation.
#[derive(Debug)]
pub(super) enum Plan {
    Const(Value),
    Attr(Attr),
    /// `has(…)`: the last qualifier of the attribute tests only.
    Test(Attr),
    And(Vec<Plan>),
    Or(Vec<Plan>),
    Equal(Box<Plan>, Box<Plan>),
    NotEqual(Box<Plan>, Box<Plan>),
    /// `a.or(b)`.
    OptionalOr(Box<Plan>, Box<Plan>),
    /// `a.orValue(b)`.
    OptionalOrValue(Box<Plan>, Box<Plan>),
    Call {
        function: String,
        overload: &'static str,
        args: Vec<Plan>,
        pattern: Option<Regex>,
    },
    /// `x in [constants]`.
    Member(Box<Plan>, Vec<Value>),
    List {
        elements: Vec<Plan>,
        optional: Vec<bool>,
    },
    Map {
        entries: Vec<(Plan, Plan, bool)>,
    },
    Fold(Box<FoldPlan>),
}

/// A comprehension.
#[derive(Debug)]
pub(super) struct FoldPlan {
    pub(super) range: Plan,
    pub(super) var: String,
    pub(super) second_var: Option<String>,
    pub(super) accumulator: String,
    pub(super) init: Plan,
    pub(super) condition: Plan,
    pub(super) step: Plan,
    pub(super) result: Plan,
}

/// Something that fields and indices are selected of.
#[derive(Debug)]
pub(super) enum Attr {
    /// A variable.
    Variable { name: String, qualifiers: Vec<Arc<Qualifier>> },
    /// The result of another step.
    Relative { operand: Box<Plan>, qualifiers: Vec<Arc<Qualifier>> },
    /// One of two attributes.
    Conditional { condition: Box<Plan>, truthy: Box<Attr>, falsy: Box<Attr> },
}

/// One selection.
#[derive(Debug)]
pub(super) struct Qualifier {
    pub(super) key: QualifierKey,
    pub(super) optional: bool,
    /// Whether only presence is asked.
    pub(super) test: bool,
}

/// What is selected.
#[derive(Debug)]
pub(super) enum QualifierKey {
    Const(Value),
    Dynamic(Attr),
}

impl Attr {
    fn qualify(&mut self, qualifier: &Arc<Qualifier>) {
        match self {
            Self::Variable { qualifiers, .. } | Self::Relative { qualifiers, .. } => {
                qualifiers.push(qualifier.clone());
            }
            Self::Conditional { truthy, falsy, .. } => {
                truthy.qualify(qualifier);
                falsy.qualify(qualifier);
            }
        }
    }
}

impl Plan {
    fn into_attr(self) -> Attr {
        match self {
            Self::Attr(attr) => attr,
            other => Attr::Relative { operand: Box::new(other), qualifiers: Vec::new() },
        }
    }

    fn constant(&self) -> Option<&Value> {
        match self {
            Self::Const(value) => Some(value),
            _ => None,
        }
    }
}

/// Plans the evaluation.
///
/// # Errors
/// Constants that cannot be converted, and patterns that are none.
pub(super) fn plan(node: &Node, checked: &Checked) -> Result<Plan, Fault> {
    if let Some(named) = &checked.type_names[node.id] {
        return Ok(Plan::Const(Value::Type(Box::new(named.clone()))));
    }
    Ok(match &node.kind {
        Kind::Literal(value) => Plan::Const(value.clone()),
        Kind::Ident(name) => Plan::Attr(Attr::Variable { name: name.clone(), qualifiers: Vec::new() }),
        Kind::Select { operand, field, test } => {
            let mut attr = plan(operand, checked)?.into_attr();
            let key = QualifierKey::Const(Value::text(field.as_str()));
            attr.qualify(&Arc::new(Qualifier { key, optional: false, test: *test }));
            if *test { Plan::Test(attr) } else { Plan::Attr(attr) }
        }
        Kind::Call { function, target, args } => {
            let name = checked.qualified[node.id].as_ref().unwrap_or(function);
            let target = target.as_deref().filter(|_| checked.qualified[node.id].is_none());
            let mut planned = Vec::with_capacity(args.len() + 1);
            for arg in target.into_iter().chain(args) {
                planned.push(plan(arg, checked)?);
            }
            let overload = match checked.overloads[node.id][..] {
                [one] => one,
                _ => "",
            };
            call(name, overload, planned)?
        }
        Kind::List { elements, optional } => {
            let elements =
                elements.iter().map(|element| plan(element, checked)).collect::<Result<Vec<_>, _>>()?;
            list(elements, optional.clone())
        }
        Kind::Map { entries } => {
            let mut planned = Vec::with_capacity(entries.len());
            for entry in entries {
                planned.push((plan(&entry.key, checked)?, plan(&entry.value, checked)?, entry.optional));
            }
            map(planned)
        }
        Kind::Struct(name) => return Err(Fault::new(format!("unknown type: {name}"))),
        Kind::Fold(fold) => Plan::Fold(Box::new(FoldPlan {
            range: plan(&fold.range, checked)?,
            var: fold.var.clone(),
            second_var: fold.second_var.clone(),
            accumulator: fold.accumulator.clone(),
            init: plan(&fold.init, checked)?,
            condition: plan(&fold.condition, checked)?,
            step: plan(&fold.step, checked)?,
            result: plan(&fold.result, checked)?,
        })),
    })
}

fn list(elements: Vec<Plan>, optional: Vec<bool>) -> Plan {
    let constants: Option<Vec<Value>> = elements.iter().map(|element| element.constant().cloned()).collect();
    match constants {
        Some(items) if !optional.contains(&true) => Plan::Const(Value::list(items)),
        _ => Plan::List { elements, optional },
    }
}

fn map(entries: Vec<(Plan, Plan, bool)>) -> Plan {
    let constants: Option<Vec<(Value, Value)>> = entries
        .iter()
        .map(|(key, value, optional)| {
            Some((key.constant()?.clone(), value.constant().filter(|_| !optional)?.clone()))
        })
        .collect();
    match constants {
        Some(entries) => Plan::Const(Value::Map(Arc::new(Map { entries, defaults_to_empty: false }))),
        None => Plan::Map { entries },
    }
}

fn call(function: &str, overload: &'static str, mut args: Vec<Plan>) -> Result<Plan, Fault> {
    let two = |args: Vec<Plan>| -> Option<[Box<Plan>; 2]> {
        let mut args = args.into_iter().map(Box::new);
        Some([args.next()?, args.next()?])
    };
    match (function, args.len()) {
        ("_&&_", _) => return Ok(Plan::And(args)),
        ("_||_", _) => return Ok(Plan::Or(args)),
        ("_?_:_", 3) => {
            let falsy = args.pop().map(|plan| Box::new(plan.into_attr()));
            let truthy = args.pop().map(|plan| Box::new(plan.into_attr()));
            let condition = args.pop().map(Box::new);
            if let (Some(condition), Some(truthy), Some(falsy)) = (condition, truthy, falsy) {
                return Ok(Plan::Attr(Attr::Conditional { condition, truthy, falsy }));
            }
        }
        ("_==_", 2) => {
            if let Some([a, b]) = two(args) {
                return Ok(Plan::Equal(a, b));
            }
        }
        ("_!=_", 2) => {
            if let Some([a, b]) = two(args) {
                return Ok(Plan::NotEqual(a, b));
            }
        }
        ("_[_]" | "_?._" | "_[?_]", 2) => {
            if let Some([operand, index]) = two(args) {
                let mut attr = operand.into_attr();
                let key = match *index {
                    Plan::Const(value) => QualifierKey::Const(value),
                    other => QualifierKey::Dynamic(other.into_attr()),
                };
                attr.qualify(&Arc::new(Qualifier { key, optional: function != "_[_]", test: false }));
                return Ok(Plan::Attr(attr));
            }
        }
        ("or", 2) if matches!(overload, "" | "optional_or_optional") => {
            if let Some([a, b]) = two(args) {
                return Ok(Plan::OptionalOr(a, b));
            }
        }
        ("orValue", 2) if matches!(overload, "" | "optional_orValue_value") => {
            if let Some([a, b]) = two(args) {
                return Ok(Plan::OptionalOrValue(a, b));
            }
        }
        _ => return optimized(function, overload, args),
    }
    Err(Fault::no_such_overload())
}

/// Membership in constants, conversions of constants, constant patterns.
fn optimized(function: &str, overload: &'static str, mut args: Vec<Plan>) -> Result<Plan, Fault> {
    if overload == "in_list"
        && let [_, Plan::Const(Value::List(items))] = &args[..]
    {
        if items.is_empty() {
            return Ok(Plan::Const(Value::Bool(false)));
        }
        let simple = |value: &Value| {
            matches!(
                value,
                Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Double(_) | Value::String(_)
            )
        };
        if items.iter().all(simple) {
            let set = items.as_ref().clone();
            args.truncate(1);
            if let Some(arg) = args.pop() {
                return Ok(Plan::Member(Box::new(arg), set));
            }
        }
    }
    let converts = matches!(
        function,
        "bool" | "bytes" | "double" | "duration" | "dyn" | "int" | "string" | "timestamp" | "type" | "uint"
    );
    if let ([Plan::Const(value)], true) = (&args[..], converts) {
        return functions::call(function, std::slice::from_ref(value)).map(Plan::Const);
    }
    let mut pattern = None;
    if let ("matches" | "find" | "findAll", Some(Plan::Const(Value::String(text)))) = (function, args.get(1))
    {
        pattern = Some(functions::regex::compile(text).map_err(Fault::new)?);
    }
    Ok(Plan::Call { function: function.to_owned(), overload, args, pattern })
}
