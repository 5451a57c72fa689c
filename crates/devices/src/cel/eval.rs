//! Evaluation of a plan, with the costs that upstream charges for it.
//!
//! Upstream: cel-go `interpreter/{interpretable,attributes,runtimecost}.go`. Errors are values that `&&`, `||` and
//! comprehensions can absorb; only reaching the cost limit ends the evaluation at once.

use std::sync::Arc;

use super::cost::call_cost;
use super::functions;
use super::plan::{Attr, FoldPlan, Plan, Qualifier, QualifierKey};
use super::value::{Fault, Map, Outcome, Value};

/// The evaluation has reached its cost limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LimitReached;

/// One evaluation.
pub(super) struct Evaluation<'a> {
    device: &'a Value,
    limit: u64,
    /// What has been charged.
    pub(super) cost: u64,
    scopes: Vec<Scope<'a>>,
}

/// The variables of a comprehension.
struct Scope<'a> {
    plan: &'a FoldPlan,
    /// `None` until it is first read.
    accumulator: Option<Outcome>,
    /// Absent while the result is computed.
    items: Option<(Value, Option<Value>)>,
}

type Step<T> = Result<T, LimitReached>;

impl<'a> Evaluation<'a> {
    pub(super) fn new(device: &'a Value, limit: u64) -> Self {
        Self { device, limit, cost: 0, scopes: Vec::new() }
    }

    fn charge(&mut self, cost: u64) -> Step<()> {
        self.cost = self.cost.saturating_add(cost);
        if self.cost > self.limit { Err(LimitReached) } else { Ok(()) }
    }

    pub(super) fn run(&mut self, plan: &'a Plan) -> Step<Outcome> {
        match plan {
            Plan::Const(value) => Ok(Ok(value.clone())),
            Plan::Attr(attr) => {
                let found = self.resolve(attr)?;
                if !matches!(attr, Attr::Conditional { .. }) {
                    self.charge(1)?;
                }
                Ok(found)
            }
            Plan::Test(attr) => Ok(self.resolve(attr)?.map(|value| match value {
                Value::Optional(inner) => Value::Bool(inner.is_some()),
                other => other,
            })),
            Plan::And(terms) => self.logical(terms, false),
            Plan::Or(terms) => self.logical(terms, true),
            Plan::Equal(a, b) => self.equality(a, b, "_==_"),
            Plan::NotEqual(a, b) => self.equality(a, b, "_!=_"),
            Plan::OptionalOr(a, b) => match self.run(a)? {
                Ok(Value::Optional(None)) => self.run(b),
                Ok(Value::Optional(found)) => Ok(Ok(Value::Optional(found))),
                Ok(_) => Ok(Err(Fault::no_such_overload())),
                Err(fault) => Ok(Err(fault)),
            },
            Plan::OptionalOrValue(a, b) => match self.run(a)? {
                Ok(Value::Optional(None)) => self.run(b),
                Ok(Value::Optional(Some(found))) => Ok(Ok(found.as_ref().clone())),
                Ok(_) => Ok(Err(Fault::no_such_overload())),
                Err(fault) => Ok(Err(fault)),
            },
            Plan::Call { .. } => self.call(plan),
            Plan::Member(arg, set) => Ok(self
                .run(arg)?
                .map(|value| Value::Bool(set.iter().any(|one| value.equal(one) == Ok(true))))),
            Plan::List { elements, optional } => self.list(elements, optional),
            Plan::Map { entries } => self.map(entries),
            Plan::Fold(fold) => self.fold(fold),
        }
    }

    /// `&&` (`stops_at` is false) and `||` (true): the first term with that value decides, errors wait for it.
    fn logical(&mut self, terms: &'a [Plan], stops_at: bool) -> Step<Outcome> {
        let mut fault = None;
        for term in terms {
            match self.run(term)? {
                Ok(Value::Bool(value)) if value == stops_at => return Ok(Ok(Value::Bool(stops_at))),
                Ok(Value::Bool(_)) => {}
                Ok(_) => fault = fault.or_else(|| Some(Fault::no_such_overload())),
                Err(found) => fault = fault.or(Some(found)),
            }
        }
        Ok(fault.map_or(Ok(Value::Bool(!stops_at)), Err))
    }

    fn equality(&mut self, a: &'a Plan, b: &'a Plan, function: &str) -> Step<Outcome> {
        let args = [self.run(a)?, self.run(b)?];
        let overload = if function == "_==_" { "equals" } else { "not_equals" };
        let result = match &args {
            [Ok(a), Ok(b)] => match (a.equal(b), function) {
                (Ok(same), "_==_") => Ok(Value::Bool(same)),
                (Err(fault), "_==_") => Err(fault),
                (same, _) => Ok(Value::Bool(same != Ok(true))),
            },
            [Err(fault), _] | [_, Err(fault)] => Err(fault.clone()),
        };
        self.charge(call_cost(function, overload, &args, &result))?;
        Ok(result)
    }

    fn call(&mut self, plan: &'a Plan) -> Step<Outcome> {
        let Plan::Call { function, overload, args, pattern } = plan else { return Ok(Ok(Value::Null)) };
        let lenient = function == "@not_strictly_false";
        let mut values = Vec::with_capacity(args.len());
        for arg in args {
            let value = self.run(arg)?;
            // Of three or more arguments, those behind an error are not looked at, and the call costs nothing.
            if value.is_err() && args.len() > 2 {
                return Ok(value);
            }
            values.push(value);
        }
        let result = if lenient {
            Ok(Value::Bool(!matches!(values[..], [Ok(Value::Bool(false))])))
        } else {
            match values.iter().cloned().collect::<Result<Vec<Value>, Fault>>() {
                Ok(args) => match pattern {
                    Some(pattern) => functions::regex::call(function, pattern, &args),
                    None => functions::call(function, &args),
                },
                Err(fault) => Err(fault),
            }
        };
        self.charge(call_cost(function, overload, &values, &result))?;
        Ok(result)
    }

    fn list(&mut self, elements: &'a [Plan], optional: &[bool]) -> Step<Outcome> {
        let mut items = Vec::with_capacity(elements.len());
        let mut fault = None;
        for (element, optional) in elements.iter().zip(optional) {
            match (self.run(element)?, optional) {
                (Ok(value), false) => items.push(value),
                (Ok(Value::Optional(inner)), true) => items.extend(inner.map(|inner| inner.as_ref().clone())),
                (Ok(other), true) => {
                    let text =
                        format!("cannot initialize optional list element from non-optional value {other}");
                    fault = Some(Fault::new(text));
                }
                (Err(found), _) => fault = Some(found),
            }
            if fault.is_some() {
                break;
            }
        }
        self.charge(10)?;
        Ok(fault.map_or(Ok(Value::list(items)), Err))
    }

    fn map(&mut self, entries: &'a [(Plan, Plan, bool)]) -> Step<Outcome> {
        let mut made = Map::default();
        let mut fault = None;
        for (key, value, optional) in entries {
            let key = match self.run(key)? {
                Ok(key) => key,
                Err(found) => {
                    fault = Some(found);
                    break;
                }
            };
            let value = match (self.run(value)?, optional) {
                (Ok(value), false) => Some(value),
                (Ok(Value::Optional(inner)), true) => inner.map(|inner| inner.as_ref().clone()),
                (Ok(other), true) => {
                    let text =
                        format!("cannot initialize optional entry '{key}' from non-optional value {other}");
                    fault = Some(Fault::new(text));
                    break;
                }
                (Err(found), _) => {
                    fault = Some(found);
                    break;
                }
            };
            made.entries.retain(|(known, _)| known.equal(&key) != Ok(true));
            made.entries.extend(value.map(|value| (key, value)));
        }
        self.charge(30)?;
        Ok(fault.map_or(Ok(Value::Map(Arc::new(made))), Err))
    }

    fn fold(&mut self, plan: &'a FoldPlan) -> Step<Outcome> {
        let range = match self.run(&plan.range)? {
            Ok(range) => range,
            Err(fault) => return Ok(Err(fault)),
        };
        let two = plan.second_var.is_some();
        let items: Vec<(Value, Option<Value>)> = match &range {
            Value::List(items) => (0..)
                .zip(items.iter())
                .map(
                    |(at, item)| {
                        if two { (Value::Int(at), Some(item.clone())) } else { (item.clone(), None) }
                    },
                )
                .collect(),
            Value::Map(map) => {
                map.entries.iter().map(|(key, value)| (key.clone(), two.then(|| value.clone()))).collect()
            }
            other => {
                let text = match two {
                    true => format!("unsupported comprehension range type: {}", other.go_type()),
                    false => format!("got '{}', expected iterable type", other.go_type()),
                };
                return Ok(Err(Fault::new(text)));
            }
        };
        self.scopes.push(Scope { plan, accumulator: None, items: None });
        let at = self.scopes.len() - 1;
        for item in items {
            self.scopes[at].items = Some(item);
            if let Ok(Value::Bool(false)) = self.run(&plan.condition)? {
                break;
            }
            let next = self.run(&plan.step)?;
            self.scopes[at].accumulator = Some(next);
        }
        self.scopes[at].items = None;
        let result = self.run(&plan.result)?;
        self.scopes.truncate(at);
        Ok(result)
    }

    fn variable(&mut self, name: &str) -> Step<Outcome> {
        for at in (0..self.scopes.len()).rev() {
            let Scope { plan, accumulator, items } = &self.scopes[at];
            if name == plan.accumulator {
                if let Some(value) = accumulator {
                    return Ok(value.clone());
                }
                // The initial value is computed where the comprehension stands, without its variables.
                let init = &plan.init;
                let inner = self.scopes.split_off(at);
                let value = self.run(init)?;
                self.scopes.extend(inner);
                self.scopes[at].accumulator = Some(value.clone());
                return Ok(value);
            }
            if let Some((first, second)) = items {
                if name == plan.var {
                    return Ok(Ok(first.clone()));
                }
                if plan.second_var.as_deref() == Some(name) {
                    return Ok(second.clone().ok_or_else(Fault::no_such_overload));
                }
            }
        }
        Ok(match name {
            "device" => Ok(self.device.clone()),
            _ => Err(Fault::new(format!("no such attribute(s): {name}"))),
        })
    }

    /// The value of an attribute. Its qualifiers are charged here, the attribute itself is where it is read.
    fn resolve(&mut self, attr: &'a Attr) -> Step<Outcome> {
        let (found, qualifiers) = match attr {
            Attr::Conditional { condition, truthy, falsy } => {
                return match self.run(condition)? {
                    Ok(Value::Bool(true)) => self.resolve(truthy),
                    Ok(Value::Bool(false)) => self.resolve(falsy),
                    Ok(_) => Ok(Err(Fault::no_such_overload())),
                    Err(fault) => Ok(Err(fault)),
                };
            }
            Attr::Variable { name, qualifiers } => (self.variable(name)?, qualifiers),
            Attr::Relative { operand, qualifiers } => (self.run(operand)?, qualifiers),
        };
        match found {
            Ok(value) => self.qualify_all(value, qualifiers),
            fault => Ok(fault),
        }
    }

    fn qualify_all(&mut self, mut value: Value, qualifiers: &'a [Arc<Qualifier>]) -> Step<Outcome> {
        if qualifiers.is_empty() {
            return Ok(Ok(value));
        }
        let mut optional = false;
        if let Value::Optional(inner) = &value {
            let Some(inner) = inner else { return Ok(Ok(value)) };
            value = inner.as_ref().clone();
            optional = true;
        }
        for qualifier in qualifiers {
            optional |= qualifier.optional;
            match self.qualify(&value, qualifier, optional)? {
                Ok(Some(selected)) => value = selected,
                Ok(None) => return Ok(Ok(Value::Optional(None))),
                Err(fault) => return Ok(Err(fault)),
            }
        }
        Ok(Ok(if optional { Value::some(value) } else { value }))
    }

    /// One selection; `None` where it is optional and there is nothing.
    fn qualify(
        &mut self,
        value: &Value,
        qualifier: &'a Qualifier,
        optional: bool,
    ) -> Step<Result<Option<Value>, Fault>> {
        let key = match &qualifier.key {
            QualifierKey::Const(key) => key.clone(),
            QualifierKey::Dynamic(attr) => match self.resolve(attr)? {
                Ok(key) => key,
                Err(fault) => {
                    self.charge(u64::from(!optional))?;
                    return Ok(Err(fault));
                }
            },
        };
        let selected = select(value, &key, optional || qualifier.test);
        if qualifier.test {
            self.charge(1)?;
            return Ok(selected.map(|found| match found {
                None if optional => None,
                found => Some(Value::Bool(found.is_some())),
            }));
        }
        // An optional selection of nothing costs nothing.
        if !(optional && matches!(selected, Ok(None) | Err(_))) {
            self.charge(1)?;
        }
        Ok(selected)
    }
}

/// The entry or element of this key. `None` if it is missing and `lenient`.
fn select(value: &Value, key: &Value, lenient: bool) -> Result<Option<Value>, Fault> {
    match value {
        Value::Map(map) => match map.get(key) {
            Some(found) => Ok(Some(found.clone())),
            None if map.defaults_to_empty => Ok(Some(Value::Map(Arc::default()))),
            None if lenient => Ok(None),
            None => Err(Fault::no_such_key(key)),
        },
        Value::List(items) => {
            let index = functions::lists::index(key)?;
            match usize::try_from(index).ok().and_then(|at| items.get(at)) {
                Some(found) => Ok(Some(found.clone())),
                None if lenient => Ok(None),
                None => Err(Fault::new(format!("index out of bounds: {key}"))),
            }
        }
        _ if lenient => Ok(None),
        _ => Err(Fault::no_such_key(key)),
    }
}
