//! Selectors and terms as Kubernetes writes them on one line.

use berth_engine::matcher::{Check, LabelTest, Matcher};
use berth_engine::symbols::Symbols;
use berth_model::node::{Taint, TaintEffect};
use berth_model::selector::{Operator, Requirement};

/// `app=web,tier in (a, b)`; all of it for a selector without requirements.
pub(super) fn selector(matcher: &Matcher, symbols: &Symbols) -> String {
    if matcher.tests.is_empty() {
        return "any pod".into();
    }
    let tests: Vec<String> = matcher.tests.iter().map(|t| test(t, symbols)).collect();
    tests.join(",")
}

fn test(test: &LabelTest, symbols: &Symbols) -> String {
    let key = symbols.text(test.key);
    let list = |values: &[berth_engine::ids::Sym]| {
        let texts: Vec<&str> = values.iter().map(|&v| &**symbols.text(v)).collect();
        texts.join(", ")
    };
    match &test.check {
        Check::In(values) if values.len() == 1 => format!("{key}={}", list(values)),
        Check::In(values) => format!("{key} in ({})", list(values)),
        Check::NotIn(values) => format!("{key} notin ({})", list(values)),
        Check::Exists => key.to_string(),
        Check::DoesNotExist => format!("!{key}"),
        Check::Above(limit) => format!("{key}>{limit}"),
        Check::Below(limit) => format!("{key}<{limit}"),
        Check::Never => format!("{key}: nothing"),
    }
}

/// A requirement on a node: `zone in (a, b)`.
pub(crate) fn requirement(requirement: &Requirement) -> String {
    let key = &requirement.key;
    let texts: Vec<&str> = requirement.values.iter().map(|v| &**v).collect();
    let list = texts.join(", ");
    match requirement.operator {
        Operator::In if texts.len() == 1 => format!("{key}={list}"),
        Operator::In => format!("{key} in ({list})"),
        Operator::NotIn => format!("{key} notin ({list})"),
        Operator::Exists => key.to_string(),
        Operator::DoesNotExist => format!("!{key}"),
        Operator::Gt => format!("{key}>{list}"),
        Operator::Lt => format!("{key}<{list}"),
    }
}

/// `dedicated=ml:NoSchedule`.
pub(crate) fn taint(taint: &Taint) -> String {
    let effect = match taint.effect {
        TaintEffect::NoSchedule => "NoSchedule",
        TaintEffect::PreferNoSchedule => "PreferNoSchedule",
        TaintEffect::NoExecute => "NoExecute",
    };
    let value = if taint.value.is_empty() { String::new() } else { format!("={}", taint.value) };
    format!("{}{value}:{effect}", taint.key)
}

/// `1 pod`, `2 pods`.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use berth_model::selector::LabelSelector;

    #[test]
    fn selectors_are_written_as_on_the_command_line_of_kubectl() {
        let make = |operator, values: &[&str]| Requirement {
            key: "k".into(),
            operator,
            values: values.iter().map(|v| (*v).into()).collect(),
        };
        let cases = [
            (make(Operator::In, &["a"]), "k=a"),
            (make(Operator::In, &["a", "b"]), "k in (a, b)"),
            (make(Operator::NotIn, &["a"]), "k notin (a)"),
            (make(Operator::Exists, &[]), "k"),
            (make(Operator::DoesNotExist, &[]), "!k"),
            (make(Operator::Gt, &["3"]), "k>3"),
            (make(Operator::Lt, &["3"]), "k<3"),
        ];
        for (from, expected) in cases {
            assert_eq!(requirement(&from), expected);
            let mut symbols = Symbols::default();
            let matcher = Matcher::compile(&LabelSelector { requirements: vec![from] }, &mut symbols);
            assert_eq!(selector(&matcher, &symbols), expected);
        }
    }
}
