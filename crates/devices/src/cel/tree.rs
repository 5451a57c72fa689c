//! The tree of an expression: what the parser makes of it, with all macros expanded.
//!
//! The parser (the crate `cel`, the same grammar as cel-go's) expands the standard macros. Those of the environment of
//! Kubernetes are expanded here: cel-go `ext/{bindings,comprehensions,lists}.go`, `cel/library.go` (`optMap`).

use cel::common::ast::{EntryExpr, Expr, IdedExpr, ListExpr, LiteralValue, MapExpr, SourceInfo};

use super::source::Issue;
use super::value::Value;

/// The name of the accumulator of macros.
pub(super) const ACCUMULATOR: &str = "@result";

/// A node of the tree.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Its number; every node of the tree has its own.
    pub(crate) id: usize,
    /// Where it is in the text, in bytes.
    pub(crate) at: usize,
    pub(crate) kind: Kind,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Literal(Value),
    Ident(String),
    Select {
        operand: Box<Node>,
        field: String,
        test: bool,
    },
    Call {
        function: String,
        target: Option<Box<Node>>,
        args: Vec<Node>,
    },
    List {
        elements: Vec<Node>,
        optional: Vec<bool>,
    },
    Map {
        entries: Vec<Entry>,
    },
    /// A message; no type of the environment can be made so.
    Struct(String),
    Fold(Box<Fold>),
}

/// An entry of a map literal.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: Node,
    pub(crate) value: Node,
    pub(crate) optional: bool,
}

/// A comprehension.
#[derive(Clone, Debug)]
pub(crate) struct Fold {
    pub(crate) range: Node,
    pub(crate) var: String,
    pub(crate) second_var: Option<String>,
    pub(crate) accumulator: String,
    pub(crate) init: Node,
    pub(crate) condition: Node,
    pub(crate) step: Node,
    pub(crate) result: Node,
}

/// Converts what was parsed.
pub(super) struct Builder<'a> {
    info: &'a SourceInfo,
    next: usize,
    pub(super) issues: Vec<Issue>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(info: &'a SourceInfo) -> Self {
        Self { info, next: 0, issues: Vec::new() }
    }

    /// How many nodes there are.
    pub(super) fn count(&self) -> usize {
        self.next
    }

    fn node(&mut self, at: usize, kind: Kind) -> Node {
        self.next += 1;
        Node { id: self.next - 1, at, kind }
    }

    fn place(&self, of: &IdedExpr) -> usize {
        self.info.offset_for(of.id).map_or(0, |(start, _)| start as usize)
    }

    pub(super) fn build(&mut self, of: &IdedExpr) -> Node {
        let at = self.place(of);
        let kind = match &of.expr {
            Expr::Unspecified => Kind::Literal(Value::Null),
            Expr::Literal(value) => Kind::Literal(literal(value)),
            Expr::Ident(name) => Kind::Ident(name.clone()),
            Expr::Select(select) => Kind::Select {
                operand: Box::new(self.build(&select.operand)),
                field: select.field.clone(),
                test: select.test,
            },
            Expr::Call(call) => {
                if let Some(target) = &call.target
                    && let Some(expanded) = self.expand(at, &call.func_name, target, &call.args)
                {
                    return expanded;
                }
                Kind::Call {
                    function: call.func_name.clone(),
                    target: call.target.as_ref().map(|target| Box::new(self.build(target))),
                    args: call.args.iter().map(|arg| self.build(arg)).collect(),
                }
            }
            Expr::List(list) => self.list(list),
            Expr::Map(map) => self.map(map),
            Expr::Struct(message) => Kind::Struct(message.type_name.clone()),
            Expr::Comprehension(fold) => Kind::Fold(Box::new(Fold {
                range: self.build(&fold.iter_range),
                var: fold.iter_var.clone(),
                second_var: fold.iter_var2.clone(),
                accumulator: fold.accu_var.clone(),
                init: self.build(&fold.accu_init),
                condition: self.build(&fold.loop_cond),
                step: self.build(&fold.loop_step),
                result: self.build(&fold.result),
            })),
        };
        self.node(at, kind)
    }

    fn list(&mut self, list: &ListExpr) -> Kind {
        let elements: Vec<Node> = list.elements.iter().map(|element| self.build(element)).collect();
        let optional = (0..elements.len()).map(|at| list.optional_indices.contains(&at)).collect();
        Kind::List { elements, optional }
    }

    fn map(&mut self, map: &MapExpr) -> Kind {
        let mut entries = Vec::new();
        for entry in &map.entries {
            if let EntryExpr::MapEntry(entry) = &entry.expr {
                entries.push(Entry {
                    key: self.build(&entry.key),
                    value: self.build(&entry.value),
                    optional: entry.optional,
                });
            }
        }
        Kind::Map { entries }
    }

    /// What a macro stands for; `None` if it is none.
    fn expand(&mut self, at: usize, name: &str, target: &IdedExpr, args: &[IdedExpr]) -> Option<Node> {
        match (name, args) {
            ("bind", [name, value, body]) if matches!(&target.expr, Expr::Ident(cel) if cel == "cel") => {
                let message = "cel.bind() variable names must be simple identifiers";
                let name = self.simple_name(name, message)?;
                let (value, body) = (self.build(value), self.build(body));
                Some(self.bind(at, name, value, body))
            }
            ("optMap" | "optFlatMap", [variable, body]) => {
                self.optional_map(at, name, target, variable, body)
            }
            ("sortBy", [variable, key]) => self.sort_by(at, target, variable, key),
            ("all" | "exists" | "existsOne" | "exists_one", [first, second, predicate]) => {
                let vars = self.two_names(first, second)?;
                let predicate = self.build(predicate);
                let target = self.build(target);
                Some(self.quantifier(at, name, target, vars, predicate))
            }
            ("transformList" | "transformMap" | "transformMapEntry", [first, second, rest @ ..])
                if matches!(rest.len(), 1 | 2) =>
            {
                let vars = self.two_names(first, second)?;
                let target = self.build(target);
                Some(self.transform(at, name, target, vars, rest))
            }
            _ => None,
        }
    }

    fn simple_name(&mut self, of: &IdedExpr, message: &str) -> Option<String> {
        if let Expr::Ident(name) = &of.expr {
            return Some(name.clone());
        }
        self.issues.push(Issue::new(self.place(of), message));
        None
    }

    fn two_names(&mut self, first: &IdedExpr, second: &IdedExpr) -> Option<(String, String)> {
        let message = "argument must be a simple name";
        let a = self.simple_name(first, message)?;
        let b = self.simple_name(second, message)?;
        if a == b {
            self.issues.push(Issue::new(self.place(second), format!("duplicate variable name: {a}")));
            return None;
        }
        for (name, place) in [(&a, first), (&b, second)] {
            if name == ACCUMULATOR || name == "__result__" {
                let message = "iteration variable overwrites accumulator variable";
                self.issues.push(Issue::new(self.place(place), message));
                return None;
            }
        }
        Some((a, b))
    }

    fn call(&mut self, at: usize, function: &str, args: Vec<Node>) -> Node {
        self.node(at, Kind::Call { function: function.to_owned(), target: None, args })
    }

    fn member(&mut self, at: usize, function: &str, target: Node, args: Vec<Node>) -> Node {
        self.node(at, Kind::Call { function: function.to_owned(), target: Some(Box::new(target)), args })
    }

    fn literal(&mut self, at: usize, value: Value) -> Node {
        self.node(at, Kind::Literal(value))
    }

    fn ident(&mut self, at: usize, name: &str) -> Node {
        self.node(at, Kind::Ident(name.to_owned()))
    }

    /// `name` stands for `value` in `body`, and is computed at most once.
    fn bind(&mut self, at: usize, name: String, value: Node, body: Node) -> Node {
        let range = self.node(at, Kind::List { elements: Vec::new(), optional: Vec::new() });
        let condition = self.literal(at, Value::Bool(false));
        let step = self.ident(at, &name);
        let fold = Fold {
            range,
            var: "#unused".to_owned(),
            second_var: None,
            accumulator: name,
            init: value,
            condition,
            step,
            result: body,
        };
        self.node(at, Kind::Fold(Box::new(fold)))
    }

    fn optional_map(
        &mut self,
        at: usize,
        macro_name: &str,
        target: &IdedExpr,
        variable: &IdedExpr,
        body: &IdedExpr,
    ) -> Option<Node> {
        let message = format!("{macro_name}() variable name must be a simple identifier");
        let name = self.simple_name(variable, &message)?;
        let (asked, taken) = (self.build(target), self.build(target));
        let has_value = self.member(at, "hasValue", asked, Vec::new());
        let value = self.member(at, "value", taken, Vec::new());
        let body = self.build(body);
        let mut mapped = self.bind(at, name, value, body);
        if macro_name == "optMap" {
            mapped = self.call(at, "optional.of", vec![mapped]);
        }
        let none = self.call(at, "optional.none", Vec::new());
        Some(self.call(at, "_?_:_", vec![has_value, mapped, none]))
    }

    fn sort_by(&mut self, at: usize, target: &IdedExpr, variable: &IdedExpr, key: &IdedExpr) -> Option<Node> {
        const INPUT: &str = "@__sortBy_input__";
        let var = self.simple_name(variable, "argument is not an identifier")?;
        let key = self.build(key);
        let target = self.build(target);
        let range = self.ident(at, INPUT);
        let init = self.node(at, Kind::List { elements: Vec::new(), optional: Vec::new() });
        let condition = self.literal(at, Value::Bool(true));
        let element = self.node(at, Kind::List { elements: vec![key], optional: vec![false] });
        let so_far = self.ident(at, ACCUMULATOR);
        let step = self.call(at, "_+_", vec![so_far, element]);
        let result = self.ident(at, ACCUMULATOR);
        let accumulator = ACCUMULATOR.to_owned();
        let fold = Fold { range, var, second_var: None, accumulator, init, condition, step, result };
        let keys = self.node(at, Kind::Fold(Box::new(fold)));
        let input = self.ident(at, INPUT);
        let sorted = self.member(at, "@sortByAssociatedKeys", input, vec![keys]);
        Some(self.bind(at, INPUT.to_owned(), target, sorted))
    }

    fn quantifier(
        &mut self,
        at: usize,
        name: &str,
        range: Node,
        (var, second): (String, String),
        predicate: Node,
    ) -> Node {
        let so_far = |builder: &mut Self| builder.ident(at, ACCUMULATOR);
        let (init, condition, step, result) = match name {
            "all" => {
                let init = self.literal(at, Value::Bool(true));
                let current = so_far(self);
                let condition = self.call(at, "@not_strictly_false", vec![current]);
                let current = so_far(self);
                (init, condition, self.call(at, "_&&_", vec![current, predicate]), so_far(self))
            }
            "exists" => {
                let init = self.literal(at, Value::Bool(false));
                let current = so_far(self);
                let none_yet = self.call(at, "!_", vec![current]);
                let condition = self.call(at, "@not_strictly_false", vec![none_yet]);
                let current = so_far(self);
                (init, condition, self.call(at, "_||_", vec![current, predicate]), so_far(self))
            }
            _ => {
                let init = self.literal(at, Value::Int(0));
                let condition = self.literal(at, Value::Bool(true));
                let (current, one) = (so_far(self), self.literal(at, Value::Int(1)));
                let more = self.call(at, "_+_", vec![current, one]);
                let current = so_far(self);
                let step = self.call(at, "_?_:_", vec![predicate, more, current]);
                let (current, one) = (so_far(self), self.literal(at, Value::Int(1)));
                (init, condition, step, self.call(at, "_==_", vec![current, one]))
            }
        };
        let accumulator = ACCUMULATOR.to_owned();
        let fold = Fold { range, var, second_var: Some(second), accumulator, init, condition, step, result };
        self.node(at, Kind::Fold(Box::new(fold)))
    }

    fn transform(
        &mut self,
        at: usize,
        name: &str,
        range: Node,
        (var, second): (String, String),
        rest: &[IdedExpr],
    ) -> Node {
        let (filter, transform) = match rest {
            [filter, transform] => (Some(self.build(filter)), self.build(transform)),
            _ => (None, self.build(&rest[0])),
        };
        let current = self.ident(at, ACCUMULATOR);
        let empty_list = Kind::List { elements: Vec::new(), optional: Vec::new() };
        let empty_map = Kind::Map { entries: Vec::new() };
        let (mut step, init) = match name {
            "transformList" => {
                let element = Kind::List { elements: vec![transform], optional: vec![false] };
                let element = self.node(at, element);
                (self.call(at, "_+_", vec![current, element]), self.node(at, empty_list))
            }
            "transformMap" => {
                let key = self.ident(at, &var);
                (self.call(at, "cel.@mapInsert", vec![current, key, transform]), self.node(at, empty_map))
            }
            _ => (self.call(at, "cel.@mapInsert", vec![current, transform]), self.node(at, empty_map)),
        };
        if let Some(filter) = filter {
            let unchanged = self.ident(at, ACCUMULATOR);
            step = self.call(at, "_?_:_", vec![filter, step, unchanged]);
        }
        let condition = self.literal(at, Value::Bool(true));
        let result = self.ident(at, ACCUMULATOR);
        let accumulator = ACCUMULATOR.to_owned();
        let fold = Fold { range, var, second_var: Some(second), accumulator, init, condition, step, result };
        self.node(at, Kind::Fold(Box::new(fold)))
    }
}

fn literal(value: &LiteralValue) -> Value {
    match value {
        LiteralValue::Boolean(value) => Value::Bool(*value.inner()),
        LiteralValue::Bytes(value) => Value::Bytes(value.inner().into()),
        LiteralValue::Double(value) => Value::Double(*value.inner()),
        LiteralValue::Int(value) => Value::Int(*value.inner()),
        LiteralValue::Null => Value::Null,
        LiteralValue::String(value) => Value::text(value.inner()),
        LiteralValue::UInt(value) => Value::Uint(*value.inner()),
    }
}
