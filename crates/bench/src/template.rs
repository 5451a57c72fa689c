//! Templates: Kubernetes manifests with holes, compiled once and filled in for each object.
//!
//! In any text or key of a manifest `${…}` is a hole: `${name}`, `${namespace}`, `${node}` or an [`Expression`]. A text
//! that begins with `=` is an expression whose value is a number, as in `priority: =i % 3`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::expression::{Expression, Variables};

/// What the holes of an object are filled with.
#[derive(Clone, Debug, Default)]
pub struct Filling {
    /// The object's name.
    pub name: String,
    /// Its namespace; empty where its kind has none.
    pub namespace: String,
    /// The node it is bound to; empty for none.
    pub node: String,
    /// The variables of expressions.
    pub variables: Variables,
}

/// A compiled template: literal JSON text and holes, in turns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Name,
    Namespace,
    Node,
    Value(Expression),
}

impl Template {
    /// Compiles a manifest.
    ///
    /// # Errors
    /// The path of the field within the manifest, and what is wrong with its text.
    pub fn compile(
        manifest: &Value,
        parameters: &BTreeMap<String, i64>,
    ) -> Result<Template, (String, String)> {
        let mut compiler = Compiler { pieces: Vec::new(), literal: String::new(), parameters };
        compiler.value(manifest, &mut String::new())?;
        compiler.flush();
        Ok(Template { pieces: compiler.pieces })
    }

    /// Compiles a text alone, such as a namespace; the result is rendered without quotes.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn compile_text(text: &str, parameters: &BTreeMap<String, i64>) -> Result<Template, String> {
        let mut compiler = Compiler { pieces: Vec::new(), literal: String::new(), parameters };
        compiler.text(text, |literal, part| literal.push_str(part))?;
        compiler.flush();
        Ok(Template { pieces: compiler.pieces })
    }

    /// The text with its holes filled in.
    pub fn render(&self, filling: &Filling) -> String {
        let mut out = String::with_capacity(self.pieces.len() * 32);
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => out.push_str(text),
                Piece::Name => out.push_str(&filling.name),
                Piece::Namespace => out.push_str(&filling.namespace),
                Piece::Node => out.push_str(&filling.node),
                Piece::Value(expression) => {
                    let _ = write!(out, "{}", expression.value(filling.variables)); // a string takes all
                }
            }
        }
        out
    }
}

struct Compiler<'a> {
    pieces: Vec<Piece>,
    literal: String,
    parameters: &'a BTreeMap<String, i64>,
}

impl Compiler<'_> {
    fn flush(&mut self) {
        if !self.literal.is_empty() {
            self.pieces.push(Piece::Literal(std::mem::take(&mut self.literal)));
        }
    }

    fn hole(&mut self, piece: Piece) {
        self.flush();
        self.pieces.push(piece);
    }

    fn value(&mut self, value: &Value, path: &mut String) -> Result<(), (String, String)> {
        match value {
            Value::Object(fields) => {
                self.literal.push('{');
                for (at, (key, inner)) in fields.iter().enumerate() {
                    if at > 0 {
                        self.literal.push(',');
                    }
                    let length = path.len();
                    let _ = write!(path, "{}{key}", if path.is_empty() { "" } else { "." });
                    self.quoted(key).map_err(|message| (path.clone(), message))?;
                    self.literal.push(':');
                    self.value(inner, path)?;
                    path.truncate(length);
                }
                self.literal.push('}');
            }
            Value::Array(items) => {
                self.literal.push('[');
                for (at, inner) in items.iter().enumerate() {
                    if at > 0 {
                        self.literal.push(',');
                    }
                    let length = path.len();
                    let _ = write!(path, "[{at}]");
                    self.value(inner, path)?;
                    path.truncate(length);
                }
                self.literal.push(']');
            }
            Value::String(text) => self.scalar(text).map_err(|message| (path.clone(), message))?,
            plain => self.literal.push_str(&plain.to_string()),
        }
        Ok(())
    }

    fn scalar(&mut self, text: &str) -> Result<(), String> {
        if let Some(expression) = text.strip_prefix('=') {
            let expression = Expression::parse(expression, self.parameters)?;
            self.hole(Piece::Value(expression));
            return Ok(());
        }
        self.quoted(text)
    }

    fn quoted(&mut self, text: &str) -> Result<(), String> {
        self.literal.push('"');
        self.text(text, |literal, part| {
            let quoted = Value::String(part.to_string()).to_string();
            literal.push_str(&quoted[1..quoted.len() - 1]);
        })?;
        self.literal.push('"');
        Ok(())
    }

    fn text(&mut self, text: &str, push: impl Fn(&mut String, &str)) -> Result<(), String> {
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            push(&mut self.literal, &rest[..at]);
            let hole = &rest[at + 2..];
            let end = hole.find('}').ok_or_else(|| format!("\"{text}\": a '}}' is missing"))?;
            let piece = match hole[..end].trim() {
                "name" => Piece::Name,
                "namespace" => Piece::Namespace,
                "node" => Piece::Node,
                expression => Piece::Value(Expression::parse(expression, self.parameters)?),
            };
            self.hole(piece);
            rest = &hole[end + 1..];
        }
        push(&mut self.literal, rest);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn filling() -> Filling {
        Filling {
            name: "p-7".into(),
            namespace: "ns".into(),
            node: "n-1".into(),
            variables: Variables { i: 7, round: 0 },
        }
    }

    #[test]
    fn holes_are_filled_and_all_else_stays_json() {
        let manifest = json!({
            "metadata": {"name": "${name}", "labels": {"a\"b": "x-${i % 2}-${zones}", "q-${i}": "\"\\"}},
            "spec": {"priority": "=i * 2", "on": "${node}", "list": [1, true, null, "${namespace}"]},
        });
        let parameters = BTreeMap::from([("zones".to_string(), 3)]);
        let template = Template::compile(&manifest, &parameters).unwrap();
        let value: Value = serde_json::from_str(&template.render(&filling())).unwrap();
        let expected = json!({
            "metadata": {"name": "p-7", "labels": {"a\"b": "x-1-3", "q-7": "\"\\"}},
            "spec": {"priority": 14, "on": "n-1", "list": [1, true, null, "ns"]},
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn an_error_names_the_field() {
        let none = BTreeMap::new();
        let cases = [
            (json!({"spec": {"x": [0, "${pods}"]}}), "spec.x[1]", "\"pods\" is no parameter"),
            (json!({"spec": "${i"}), "spec", "a '}' is missing"),
            (json!({"a": "=1 +"}), "a", "is missing at the end"),
        ];
        for (manifest, path, message) in cases {
            let (at, why) = Template::compile(&manifest, &none).unwrap_err();
            assert_eq!(at, path);
            assert!(why.contains(message), "{why}");
        }
    }

    #[test]
    fn a_text_alone_has_no_quotes() {
        let template = Template::compile_text("ns-${i % 4}", &BTreeMap::new()).unwrap();
        assert_eq!(template.render(&filling()), "ns-3");
    }
}
