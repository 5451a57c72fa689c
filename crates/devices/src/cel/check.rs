//! The type checker: which types and overloads an expression has, or what is wrong with it.
//!
//! Upstream: cel-go `checker/checker.go`, `cel/validator.go`.

use super::functions;
use super::signatures::{self, Overload};
use super::source::Issue;
use super::tree::{Fold, Kind, Node};
use super::types::{Bindings, DEVICE, Type, most_general};
use super::value::Value;

/// What the checker found out about a tree.
pub(super) struct Checked {
    /// The type of each node, by its number.
    pub(super) types: Vec<Type>,
    /// The overloads that each call may turn out to be, by number of the node.
    pub(super) overloads: Vec<Vec<&'static str>>,
    /// The type that an identifier or selection names.
    pub(super) type_names: Vec<Option<Type>>,
    /// Calls whose receiver is a part of the function's name, as in `optional.of(x)`.
    pub(super) qualified: Vec<Option<String>>,
    pub(super) issues: Vec<Issue>,
}

struct Checker {
    checked: Checked,
    bindings: Bindings,
    scopes: Vec<(String, Type)>,
    fresh: usize,
}

/// Checks a tree of `count` nodes.
pub(super) fn check(root: &Node, count: usize) -> Checked {
    let mut checker = Checker {
        checked: Checked {
            types: vec![Type::Dyn; count],
            overloads: vec![Vec::new(); count],
            type_names: vec![None; count],
            qualified: vec![None; count],
            issues: Vec::new(),
        },
        bindings: Bindings::default(),
        scopes: Vec::new(),
        fresh: 0,
    };
    checker.check(root);
    let Checker { mut checked, bindings, .. } = checker;
    for of in &mut checked.types {
        *of = bindings.substitute(of, true);
    }
    if checked.issues.is_empty() {
        validate(root, false, &mut checked);
    }
    checked
}

impl Checker {
    fn issue(&mut self, node: &Node, message: String) {
        self.checked.issues.push(Issue::new(node.at, message));
    }

    fn type_of(&self, node: &Node) -> Type {
        self.checked.types[node.id].clone()
    }

    fn set(&mut self, node: &Node, of: Type) {
        self.checked.types[node.id] = of;
    }

    fn fresh_variable(&mut self) -> Type {
        self.fresh += 1;
        Type::Param(format!("_var{}", self.fresh - 1))
    }

    fn mismatch(&mut self, node: &Node, expected: &Type, found: &Type) {
        self.issue(node, format!("expected type '{expected}' but found '{found}'"));
    }

    fn undeclared(&mut self, node: &Node, name: &str) {
        self.issue(node, format!("undeclared reference to '{name}' (in container '')"));
        self.set(node, Type::Error);
    }

    fn check(&mut self, node: &Node) {
        match &node.kind {
            Kind::Literal(value) => self.set(node, value.type_of()),
            Kind::Ident(name) => self.ident(node, name),
            Kind::Select { operand, field, test } => self.select(node, operand, field, *test),
            Kind::Call { function, target, args } => self.call(node, function, target.as_deref(), args),
            Kind::List { elements, optional } => self.list(node, elements, optional),
            Kind::Map { .. } => self.map(node),
            Kind::Struct(name) => self.undeclared(node, name),
            Kind::Fold(fold) => self.fold(node, fold),
        }
    }

    fn ident(&mut self, node: &Node, name: &str) {
        if let Some((_, of)) = self.scopes.iter().rev().find(|(known, _)| known == name) {
            let of = of.clone();
            return self.set(node, of);
        }
        if name == "device" {
            return self.set(node, DEVICE);
        }
        match named_type(name) {
            Some(named) => {
                self.checked.type_names[node.id] = Some(named.clone());
                self.set(node, Type::Kind(Box::new(named)));
            }
            None => self.undeclared(node, name),
        }
    }

    fn select(&mut self, node: &Node, operand: &Node, field: &str, test: bool) {
        if !test
            && let Some(name) = qualified_name(node)
            && let Some(named) = named_type(&name)
        {
            self.checked.type_names[node.id] = Some(named.clone());
            return self.set(node, Type::Kind(Box::new(named)));
        }
        let mut result = self.field(node, operand, field, false);
        if test {
            result = Type::Bool;
        }
        let result = self.bindings.substitute(&result, false);
        self.set(node, result);
    }

    fn field(&mut self, node: &Node, operand: &Node, field: &str, optional: bool) -> Type {
        self.check(operand);
        let operand_type = self.bindings.substitute(&self.type_of(operand), false);
        let (target, was_optional) = operand_type.unwrap_optional();
        let result = match target {
            Type::Map(_, value) => (**value).clone(),
            Type::Object(name) => match device_field(name, field) {
                Some(of) => of,
                None => {
                    self.issue(node, format!("undefined field '{field}'"));
                    Type::Error
                }
            },
            Type::Param(_) => {
                let target = target.clone();
                self.bindings.assignable(&Type::Dyn, &target);
                Type::Dyn
            }
            Type::Dyn | Type::Error => Type::Dyn,
            other => {
                let message = format!("type '{other}' does not support field selection");
                self.issue(node, message);
                Type::Dyn
            }
        };
        if was_optional || optional { Type::optional(result) } else { result }
    }

    fn call(&mut self, node: &Node, function: &str, target: Option<&Node>, args: &[Node]) {
        if function == "_?._" {
            return self.optional_select(node, args);
        }
        for arg in args {
            self.check(arg);
        }
        let Some(target) = target else {
            return match signatures::function(function) {
                Some(overloads) => self.resolve(node, function, overloads, None, args),
                None => self.undeclared(node, function),
            };
        };
        if let Some(prefix) = qualified_name(target) {
            let qualified = format!("{prefix}.{function}");
            if let Some(overloads) = signatures::function(&qualified) {
                self.resolve(node, &qualified, overloads, None, args);
                self.checked.qualified[node.id] = Some(qualified);
                return;
            }
        }
        self.check(target);
        match signatures::function(function) {
            Some(overloads) => self.resolve(node, function, overloads, Some(target), args),
            None => self.undeclared(node, function),
        }
    }

    fn optional_select(&mut self, node: &Node, args: &[Node]) {
        let [operand, field] = args else { return };
        let Kind::Literal(Value::String(name)) = &field.kind else { return };
        let result = self.field(node, operand, name, true);
        let result = self.bindings.substitute(&result, false);
        self.set(node, result);
        self.checked.overloads[node.id] = vec!["select_optional_field"];
    }

    fn resolve(
        &mut self,
        node: &Node,
        function: &str,
        overloads: &'static [Overload],
        target: Option<&Node>,
        args: &[Node],
    ) {
        if matches!(function, "_&&_" | "_||_") {
            return self.logical(node, overloads[0].id, args);
        }
        let found: Vec<Type> = target.into_iter().chain(args).map(|arg| self.type_of(arg)).collect();
        let mut result: Option<Type> = None;
        let mut ids = Vec::new();
        for overload in overloads.iter().filter(|overload| overload.member == target.is_some()) {
            let (arguments, overload_result) = self.instantiate(overload);
            if !self.bindings.all_assignable(&found, &arguments) {
                continue;
            }
            ids.push(overload.id);
            let this = self.bindings.substitute(&overload_result, false);
            result = Some(match result {
                None => this,
                Some(earlier) if earlier != Type::Dyn && earlier != this => Type::Dyn,
                Some(earlier) => earlier,
            });
        }
        match result {
            Some(result) => {
                self.set(node, result);
                self.checked.overloads[node.id] = ids;
            }
            None => {
                let shown: Vec<String> =
                    found.iter().map(|of| self.bindings.substitute(of, true).to_string()).collect();
                let signature = match (target, &shown[..]) {
                    (Some(_), [receiver, rest @ ..]) => format!("{receiver}.({})", rest.join(", ")),
                    _ => format!("({})", shown.join(", ")),
                };
                let message = format!("found no matching overload for '{function}' applied to '{signature}'");
                self.issue(node, message);
                self.set(node, Type::Error);
            }
        }
    }

    fn logical(&mut self, node: &Node, id: &'static str, args: &[Node]) {
        let mut sound = true;
        for arg in args {
            let found = self.type_of(arg);
            if !self.bindings.assignable(&found, &Type::Bool) {
                self.mismatch(arg, &Type::Bool, &found);
                sound = false;
            }
        }
        self.set(node, if sound { Type::Bool } else { Type::Error });
        self.checked.overloads[node.id] = vec![id];
    }

    /// The overload's types with fresh variables for its parameters.
    fn instantiate(&mut self, overload: &Overload) -> (Vec<Type>, Type) {
        let mut fresh = Bindings::default();
        for parameter in &overload.parameters {
            let variable = self.fresh_variable();
            fresh.bind(parameter, variable);
        }
        let arguments = overload.arguments.iter().map(|of| fresh.substitute(of, false)).collect();
        (arguments, fresh.substitute(&overload.result, false))
    }

    fn join(&mut self, node: &Node, previous: Option<Type>, current: Type) -> Type {
        let Some(previous) = previous else { return current };
        if self.bindings.assignable(&previous, &current) {
            return most_general(&previous, &current);
        }
        self.mismatch(node, &previous, &current);
        Type::Error
    }

    fn unwrapped(&mut self, node: &Node) -> Type {
        let of = self.type_of(node);
        let (inner, was_optional) = of.unwrap_optional();
        if !was_optional && *inner != Type::Dyn {
            self.mismatch(node, &Type::optional(inner.clone()), inner);
        }
        inner.clone()
    }

    fn list(&mut self, node: &Node, elements: &[Node], optional: &[bool]) {
        let mut joined = None;
        for (element, optional) in elements.iter().zip(optional) {
            self.check(element);
            let of = if *optional { self.unwrapped(element) } else { self.type_of(element) };
            joined = Some(self.join(element, joined, of));
        }
        let element = joined.unwrap_or_else(|| self.fresh_variable());
        self.set(node, Type::list(element));
    }

    fn map(&mut self, node: &Node) {
        let Kind::Map { entries } = &node.kind else { return };
        let (mut keys, mut values) = (None, None);
        for entry in entries {
            self.check(&entry.key);
            let key = self.type_of(&entry.key);
            keys = Some(self.join(&entry.key, keys, key));
            self.check(&entry.value);
            let value =
                if entry.optional { self.unwrapped(&entry.value) } else { self.type_of(&entry.value) };
            values = Some(self.join(&entry.value, values, value));
        }
        let key = keys.unwrap_or_else(|| self.fresh_variable());
        let value = values.unwrap_or_else(|| self.fresh_variable());
        self.set(node, Type::map(key, value));
    }

    fn fold(&mut self, node: &Node, fold: &Fold) {
        self.check(&fold.range);
        self.check(&fold.init);
        let range = self.bindings.substitute(&self.type_of(&fold.range), false);
        let accumulator = self.type_of(&fold.init);
        self.scopes.push((fold.accumulator.clone(), accumulator.clone()));
        let two = fold.second_var.is_some();
        let (var, second) = match &range {
            Type::List(element) if two => (Type::Int, (**element).clone()),
            Type::List(element) => ((**element).clone(), Type::Dyn),
            Type::Map(key, value) => ((**key).clone(), (**value).clone()),
            Type::Dyn | Type::Error | Type::Param(_) => {
                self.bindings.assignable(&Type::Dyn, &range);
                (Type::Dyn, Type::Dyn)
            }
            other => {
                let message = format!(
                    "expression of type '{other}' cannot be range of a comprehension (must be list, map, or dynamic)"
                );
                self.issue(&fold.range, message);
                (Type::Error, Type::Error)
            }
        };
        self.scopes.push((fold.var.clone(), var));
        if let Some(name) = &fold.second_var {
            self.scopes.push((name.clone(), second));
        }
        self.check(&fold.condition);
        self.assert_type(&fold.condition, &Type::Bool);
        self.check(&fold.step);
        self.assert_type(&fold.step, &accumulator);
        self.scopes.truncate(self.scopes.len() - 1 - usize::from(two));
        self.check(&fold.result);
        self.scopes.pop();
        let result = self.bindings.substitute(&self.type_of(&fold.result), false);
        self.set(node, result);
    }

    fn assert_type(&mut self, node: &Node, expected: &Type) {
        let found = self.type_of(node);
        if !self.bindings.assignable(expected, &found) {
            self.mismatch(node, expected, &found);
        }
    }
}

/// `a.b.c` as it is spelled, if the node is nothing but names.
fn qualified_name(node: &Node) -> Option<String> {
    match &node.kind {
        Kind::Ident(name) => Some(name.clone()),
        Kind::Select { operand, field, test: false } => Some(format!("{}.{field}", qualified_name(operand)?)),
        _ => None,
    }
}

fn named_type(name: &str) -> Option<Type> {
    Some(match name {
        "bool" | "int" | "uint" | "double" | "string" | "bytes" => signatures::simple(name)?,
        "list" => Type::list(Type::Dyn),
        "map" => Type::map(Type::Dyn, Type::Dyn),
        "type" => Type::Kind(Box::new(Type::Dyn)),
        "null_type" => Type::Null,
        "optional_type" => Type::optional(Type::Dyn),
        "google.protobuf.Duration" => Type::Duration,
        "google.protobuf.Timestamp" => Type::Timestamp,
        "net.IP" => Type::Object("net.IP"),
        "net.CIDR" => Type::Object("net.CIDR"),
        _ => return None,
    })
}

fn device_field(object: &'static str, field: &str) -> Option<Type> {
    if DEVICE != Type::Object(object) {
        return None;
    }
    let by_domain = |value: Type| Type::map(Type::String, Type::map(Type::String, value));
    Some(match field {
        "driver" => Type::String,
        "allowMultipleAllocations" => Type::Bool,
        "attributes" => by_domain(Type::Dyn),
        "capacity" => by_domain(Type::Object("kubernetes.Quantity")),
        _ => return None,
    })
}

/// What upstream's validators find in an expression whose types are right.
fn validate(node: &Node, exempt: bool, checked: &mut Checked) {
    match &node.kind {
        Kind::Call { function, target, args } => {
            let bad = match (&**function, args.first().map(|arg| (&arg.kind, arg.at))) {
                ("duration" | "timestamp", Some((Kind::Literal(value), at))) => {
                    functions::call(function, std::slice::from_ref(value)).is_err().then_some(at)
                }
                ("matches", Some((Kind::Literal(Value::String(pattern)), at))) => {
                    functions::regex::compile(pattern).is_err().then_some(at)
                }
                _ => None,
            };
            if let Some(at) = bad {
                checked.issues.push(Issue::new(at, format!("invalid {function} argument")));
            }
            for child in target.iter().map(|target| &**target).chain(args) {
                validate(child, function == "format", checked);
            }
        }
        Kind::List { elements, .. } => {
            let elements: Vec<&Node> = elements.iter().collect();
            homogeneous(&elements, exempt, checked);
        }
        Kind::Map { entries } => {
            let keys: Vec<&Node> = entries.iter().map(|entry| &entry.key).collect();
            let values: Vec<&Node> = entries.iter().map(|entry| &entry.value).collect();
            homogeneous(&keys, exempt, checked);
            homogeneous(&values, exempt, checked);
        }
        Kind::Select { operand, .. } => validate(operand, false, checked),
        Kind::Fold(fold) => {
            for part in [&fold.range, &fold.init, &fold.condition, &fold.step, &fold.result] {
                validate(part, false, checked);
            }
        }
        Kind::Literal(_) | Kind::Ident(_) | Kind::Struct(_) => {}
    }
}

/// Elements of a literal must be of one kind, unless they are the arguments of `format`.
fn homogeneous(elements: &[&Node], exempt: bool, checked: &mut Checked) {
    for element in elements {
        validate(element, false, checked);
    }
    let Some((first, rest)) = elements.split_first().filter(|_| !exempt) else { return };
    let kind = |node: &Node| checked.types[node.id].unwrap_optional().0.clone();
    let expected = kind(first);
    let name = super::value::kind_name(&expected);
    let odd = rest.iter().find(|node| super::value::kind_name(&kind(node)) != name);
    if let Some(odd) = odd {
        let message = format!("expected type '{expected}' but found '{}'", kind(odd));
        checked.issues.push(Issue::new(odd.at, message));
    }
}
