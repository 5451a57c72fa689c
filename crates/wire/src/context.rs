//! What decoding carries along: the path of the field it is at, what it found wrong, and the strings it shares.

use std::fmt::Write as _;
use std::sync::Arc;

use berth_model::Str;
use berth_model::pod::PodSpec;

use rustc_hash::FxHashMap;

use crate::pool::Pool;

/// How many complaints one object may raise.
const KEPT: usize = 200;

/// One step of a field's path.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Field(&'static str),
    Key(Str),
    Index(usize),
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldError {
    pub(crate) field: String,
    pub(crate) message: String,
}

/// The state of decoding.
#[derive(Default)]
pub(crate) struct Context {
    path: Vec<Step>,
    strings: Pool<str>,
    specs: Pool<PodSpec>,
    /// Whether the annotations of the object at hand matter.
    pub(crate) keep_annotations: bool,
    /// Whether an API server has stored the object at hand.
    pub(crate) stored: bool,
    /// The namespace of objects that name none; `None` means `default`.
    pub(crate) namespace: Option<Str>,
    /// How many names were generated, by namespace and prefix.
    generated: FxHashMap<(Str, Str), usize>,
    /// What is wrong with the object at hand.
    pub(crate) problems: Vec<FieldError>,
    /// Why the API server would refuse the object at hand, though what it means is clear.
    pub(crate) refusals: Vec<FieldError>,
    /// Fields of the object at hand that Kubernetes does not know.
    pub(crate) unknown: Vec<String>,
}

impl Context {
    /// The shared copy of a string that is likely to occur again.
    pub(crate) fn intern(&mut self, text: &str) -> Str {
        match self.strings.get(text) {
            Some(known) => known,
            None => self.strings.add(Str::from(text)),
        }
    }

    /// The shared copy of a pod spec: pods of one workload have equal ones.
    pub(crate) fn share(&mut self, spec: PodSpec) -> Arc<PodSpec> {
        match self.specs.get(&spec) {
            Some(known) => known,
            None => self.specs.add(Arc::new(spec)),
        }
    }

    /// Runs `inner` one step deeper in the path.
    pub(crate) fn within<T>(&mut self, step: Step, inner: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step);
        let result = inner(self);
        self.path.pop();
        result
    }

    /// The namespace of objects that name none.
    pub(crate) fn default_namespace(&mut self) -> Str {
        match &self.namespace {
            Some(namespace) => namespace.clone(),
            None => self.intern("default"),
        }
    }

    /// A name for an object that has only a prefix: the prefix and a number.
    pub(crate) fn generate_name(&mut self, namespace: &Str, prefix: &Str) -> Str {
        let number = self.generated.entry((namespace.clone(), prefix.clone())).or_default();
        *number += 1;
        format!("{prefix}{}", *number - 1).into()
    }

    /// Forgets the object at hand, whatever state it was left in.
    pub(crate) fn clear(&mut self) {
        self.stored = false;
        self.path.clear();
        self.problems.clear();
        self.unknown.clear();
        self.refusals.clear();
    }

    /// Complains about the field at hand, once.
    pub(crate) fn problem(&mut self, message: impl Into<String>) {
        if self.problems.len() >= KEPT {
            return;
        }
        let field = render(&self.path, true);
        // What was taken in place of a wrong value is often wrong too; the first complaint says it all.
        if self.problems.iter().all(|earlier| earlier.field != field) {
            self.problems.push(FieldError { field, message: message.into() });
        }
    }

    /// Notes that the API server would refuse a field of the object at hand, which says nothing about scheduling.
    pub(crate) fn refusal_at(&mut self, field: &'static str, message: impl Into<String>) {
        if self.refusals.len() < KEPT {
            let field = self.within(Step::Field(field), |cx| render(&cx.path, false));
            self.refusals.push(FieldError { field, message: message.into() });
        }
    }

    /// Complains about a field of the object at hand.
    pub(crate) fn problem_at(&mut self, field: &'static str, message: impl Into<String>) {
        self.within(Step::Field(field), |cx| cx.problem(message));
    }

    /// Complains that a value is none of the allowed ones.
    pub(crate) fn not_one_of(&mut self, field: &'static str, found: &str, allowed: &[&str]) {
        let allowed = allowed.join(", ");
        let message = match found {
            "" => format!("missing; expected one of {allowed}"),
            _ => format!("found {}, expected one of {allowed}", quoted(found)),
        };
        self.problem_at(field, message);
    }

    /// Notes a field that Kubernetes does not know. List positions are left out, so that equal cases are counted.
    pub(crate) fn unknown_field(&mut self, key: &str) {
        if self.unknown.len() < KEPT {
            let mut path = render(&self.path, false);
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&shortened(key));
            self.unknown.push(path);
        }
    }
}

fn render(path: &[Step], positions: bool) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Field(name) if text.is_empty() => text.push_str(name),
            Step::Field(name) => {
                text.push('.');
                text.push_str(name);
            }
            Step::Key(key) if key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') => {
                text.push('.');
                text.push_str(key);
            }
            Step::Key(key) => {
                let _ = write!(text, "[{}]", shortened(key)); // writing to a String cannot fail
            }
            Step::Index(at) if positions => {
                let _ = write!(text, "[{at}]");
            }
            Step::Index(_) => text.push_str("[]"),
        }
    }
    text
}

/// A value for a message: quoted, on one line, of bounded length.
pub(crate) fn quoted(text: &str) -> String {
    format!("{:?}", shortened(text))
}

fn shortened(text: &str) -> String {
    const SHOWN: usize = 80;
    match text.char_indices().nth(SHOWN) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_like_kubernetes_prints_it() {
        let mut cx = Context::default();
        cx.within(Step::Field("spec"), |cx| {
            cx.within(Step::Field("containers"), |cx| {
                cx.within(Step::Index(1), |cx| {
                    cx.problem_at("name", "is empty");
                    cx.unknown_field("nme");
                    cx.within(Step::Key("nvidia.com/gpu".into()), |cx| cx.problem("is odd"));
                    cx.within(Step::Key("cpu".into()), |cx| cx.problem("is odd"));
                });
            });
        });
        let fields: Vec<_> = cx.problems.iter().map(|p| p.field.as_str()).collect();
        assert_eq!(
            fields,
            ["spec.containers[1].name", "spec.containers[1][nvidia.com/gpu]", "spec.containers[1].cpu"]
        );
        assert_eq!(cx.unknown, ["spec.containers[].nme"]);
    }
}
