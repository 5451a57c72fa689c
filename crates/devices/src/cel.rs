//! Device selectors: expressions in CEL over one device.
//!
//! Upstream: `k8s.io/dynamic-resource-allocation/cel`, on cel-go. The parser is the crate `cel`'s; the checker, the
//! evaluator and the libraries are here, because results, messages and costs have to be upstream's
//! (docs/decisions/0013-why-selectors-have-their-own-evaluator.md).

mod check;
mod cost;
mod eval;
mod functions;
mod plan;
mod reads;
mod signatures;
mod source;
mod tree;
mod types;
mod value;

use std::sync::Arc;

use berth_model::Str;
use berth_model::device::{Attribute, Device};

use eval::{Evaluation, LimitReached};
use functions::semver::Semver;
use plan::Plan;
use source::Issue;
use types::Type;
use value::{Fault, Map, Value};

/// What one evaluation may cost.
const COST_LIMIT: u64 = 1_000_000;

/// A compiled selector.
#[derive(Debug)]
pub struct Selector {
    plan: Plan,
    reads: Vec<reads::Read>,
}

/// What a selector says of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether it matches, or why that cannot be said, in upstream's words.
    pub result: Result<bool, String>,
    /// What the evaluation cost, in units of cel-go; `None` if it could not begin.
    pub cost: Option<u64>,
}

impl Selector {
    /// Compiles an expression.
    ///
    /// # Errors
    /// Upstream's text for what is wrong with it.
    pub fn compile(expression: &str) -> Result<Self, String> {
        let failed = |issues: &[Issue]| format!("compilation failed: {}", source::render(expression, issues));
        let parser = cel::parser::Parser::new().enable_optional_syntax(true);
        let (parsed, info) = parser.parse_with_source_info(expression).map_err(|errors| {
            let placed =
                errors.errors.iter().map(|error| Issue::placed(error.pos.0, error.pos.1, &*error.msg));
            failed(&placed.collect::<Vec<_>>())
        })?;
        let mut builder = tree::Builder::new(&info);
        let root = builder.build(&parsed);
        if !builder.issues.is_empty() {
            return Err(failed(&builder.issues));
        }
        let checked = check::check(&root, builder.count());
        if !checked.issues.is_empty() {
            return Err(failed(&checked.issues));
        }
        match &checked.types[root.id] {
            Type::Bool | Type::Dyn => {}
            other => return Err(format!("must evaluate to bool or the unknown type, not {other}")),
        }
        let plan = plan::plan(&root, &checked)
            .map_err(|Fault(text)| format!("program instantiation failed: {text}"))?;
        Ok(Self { plan, reads: reads::reads(&root) })
    }

    /// What the expression reads of a device, by name, and what the device has of it, in words.
    pub fn values_read(&self, driver: &str, device: &Device) -> Vec<(String, String)> {
        self.reads.iter().map(|read| read.of(driver, device)).collect()
    }

    /// Evaluates the selector for a device of this driver.
    pub fn matches(&self, driver: &str, device: &Device) -> Answer {
        let value = match device_value(driver, device) {
            Ok(value) => value,
            Err(text) => return Answer { result: Err(text), cost: None },
        };
        let mut evaluation = Evaluation::new(&value, COST_LIMIT);
        let result = match evaluation.run(&self.plan) {
            Ok(Ok(Value::Bool(matches))) => Ok(matches),
            Ok(Ok(other)) => Err(functions::convert::not_bool(&other)),
            Ok(Err(Fault(text))) => Err(text.to_string()),
            Err(LimitReached) => Err("operation cancelled: actual cost limit exceeded".to_owned()),
        };
        Answer { result, cost: Some(evaluation.cost) }
    }
}

/// A runtime error with the hint that upstream adds for users.
pub fn enhanced(error: &str) -> String {
    if error.contains("no such key:") {
        format!(
            "{error}. consider using CEL optional chaining (.? followed by orValue()) or guarding the check with has() for \
             optional fields"
        )
    } else {
        error.to_owned()
    }
}

/// `device` for an expression.
fn device_value(driver: &str, device: &Device) -> Result<Value, String> {
    let mut attributes = Vec::new();
    for (name, attribute) in &device.attributes {
        let value = attribute_value(attribute)
            .map_err(|error| format!("attribute {name}: parse semantic version: {error}"))?;
        attributes.push((name, value));
    }
    let capacity: Vec<(&Str, Value)> = device
        .capacity
        .iter()
        .map(|(name, capacity)| (name, Value::quantity(capacity.value.clone())))
        .collect();
    let fields = [
        ("driver", Value::text(driver)),
        ("allowMultipleAllocations", Value::Bool(device.allow_multiple_allocations.unwrap_or_default())),
        ("attributes", by_domain(driver, attributes)),
        ("capacity", by_domain(driver, capacity)),
    ];
    let entries = fields.into_iter().map(|(name, value)| (Value::text(name), value)).collect();
    Ok(Value::Map(Arc::new(Map { entries, defaults_to_empty: false })))
}

/// Values by qualified name as a map of maps. A name without a domain is in the driver's.
fn by_domain(driver: &str, values: Vec<(&Str, Value)>) -> Value {
    let mut domains: Vec<(Str, Map)> = Vec::new();
    for (name, value) in values {
        let (domain, id) = name.split_once('/').unwrap_or((driver, name));
        let at = domains.iter().position(|(known, _)| **known == *domain).unwrap_or_else(|| {
            domains.push((domain.into(), Map::default()));
            domains.len() - 1
        });
        let map = &mut domains[at].1;
        let key = Value::text(id);
        map.entries.retain(|(known, _)| known.equal(&key) != Ok(true));
        map.entries.push((key, value));
    }
    let entries =
        domains.into_iter().map(|(domain, map)| (Value::String(domain), Value::Map(Arc::new(map)))).collect();
    Value::Map(Arc::new(Map { entries, defaults_to_empty: true }))
}

fn attribute_value(attribute: &Attribute) -> Result<Value, String> {
    let version = |text: &Str| Semver::parse(text).map(|version| Value::Semver(Arc::new(version)));
    Ok(match attribute {
        Attribute::Int(value) => Value::Int(*value),
        Attribute::Bool(value) => Value::Bool(*value),
        Attribute::String(text) => Value::String(text.clone()),
        Attribute::Version(text) => version(text)?,
        Attribute::Ints(values) => Value::list(values.iter().map(|value| Value::Int(*value)).collect()),
        Attribute::Bools(values) => Value::list(values.iter().map(|value| Value::Bool(*value)).collect()),
        Attribute::Strings(values) => {
            Value::list(values.iter().map(|value| Value::String(value.clone())).collect())
        }
        Attribute::Versions(values) => Value::list(values.iter().map(version).collect::<Result<_, _>>()?),
    })
}
