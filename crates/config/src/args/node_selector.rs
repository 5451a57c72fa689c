//! Terms that select nodes by their labels and by their name.
//!
//! Upstream: `component-helpers/scheduling/corev1/nodeaffinity` and `apimachinery/pkg/labels/selector.go`.

use crate::fields::Fields;
use crate::label;
use crate::sink::Sink;

/// All requirements of a term must hold; a term without any selects no node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeSelectorTerm {
    /// On labels.
    pub match_expressions: Vec<LabelRequirement>,
    /// On fields of the node, of which `metadata.name` is the only one that has a value.
    pub match_fields: Vec<FieldRequirement>,
}

/// A requirement on one label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelRequirement {
    /// The key of the label.
    pub key: String,
    /// What must hold.
    pub operator: Operator,
    /// One or more for `In` and `NotIn`, one number for `Gt` and `Lt`, none otherwise.
    pub values: Vec<String>,
}

/// What must hold of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "upstream's names, described in its documentation")]
pub enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
    Gt,
    Lt,
}

/// A requirement on one field of the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldRequirement {
    /// As in `metadata.name`.
    pub key: String,
    /// Whether the value must be equal (`In`) or not (`NotIn`).
    pub equal: bool,
    /// The one value.
    pub value: String,
}

const REQUIREMENT: &[&str] = &["key", "operator", "values"];
const OPERATORS: [(&str, Operator); 6] = [
    ("In", Operator::In),
    ("NotIn", Operator::NotIn),
    ("Exists", Operator::Exists),
    ("DoesNotExist", Operator::DoesNotExist),
    ("Gt", Operator::Gt),
    ("Lt", Operator::Lt),
];

impl NodeSelectorTerm {
    pub(crate) const FIELDS: &[&str] = &["matchExpressions", "matchFields"];

    /// Reads a term. Requirements that are malformed become problems and are left out.
    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let expressions = fields.objects("matchExpressions", REQUIREMENT, |r| read_label(&r));
        let on_fields = fields.objects("matchFields", REQUIREMENT, |r| read_field(&r));
        Self {
            match_expressions: expressions.into_iter().flatten().collect(),
            match_fields: on_fields.into_iter().flatten().collect(),
        }
    }
}

fn read_label(fields: &Fields<'_>) -> Option<LabelRequirement> {
    let sink = fields.sink();
    let key = fields.text("key").unwrap_or_default();
    let name = fields.text("operator").unwrap_or_default();
    let values = fields.texts("values");
    let Some((_, operator)) = OPERATORS.into_iter().find(|(n, _)| *n == name) else {
        sink.unsupported(&fields.at("operator"), &name, &OPERATORS.map(|(n, _)| n));
        return None;
    };
    let problems = label::key_problems(&key);
    if !problems.is_empty() {
        sink.invalid_text(&fields.at("key"), &key, &problems.join("; "));
    }
    validate_values(operator, &values, fields, sink);
    for (i, value) in values.iter().enumerate() {
        let problems = label::value_problems(value);
        if !problems.is_empty() {
            let path = fields.at("values").index(i).key(&key);
            sink.invalid_text(&path, value, &problems.join("; "));
        }
    }
    Some(LabelRequirement { key, operator, values })
}

fn validate_values(operator: Operator, values: &[String], fields: &Fields<'_>, sink: &Sink) {
    let path = fields.at("values");
    match operator {
        Operator::In | Operator::NotIn if values.is_empty() => {
            sink.invalid(&path, list(values), "for 'in', 'notin' operators, values set can't be empty");
        }
        Operator::Exists | Operator::DoesNotExist if !values.is_empty() => {
            sink.invalid(&path, list(values), "values set must be empty for exists and does not exist");
        }
        Operator::Gt | Operator::Lt => {
            if values.len() != 1 {
                let words = "for 'Gt', 'Lt' operators, exactly one value is required";
                sink.invalid(&path, list(values), words);
            }
            for (i, value) in values.iter().enumerate().filter(|(_, v)| v.parse::<i64>().is_err()) {
                let words = "for 'Gt', 'Lt' operators, the value must be an integer";
                sink.invalid_text(&path.index(i), value, words);
            }
        }
        _ => {}
    }
}

fn read_field(fields: &Fields<'_>) -> Option<FieldRequirement> {
    let key = fields.text("key").unwrap_or_default();
    let operator = fields.text("operator").unwrap_or_default();
    let mut values = fields.texts("values");
    let supported = ["In", "NotIn"];
    if !supported.contains(&operator.as_str()) {
        fields.sink().unsupported(&fields.at("operator"), &operator, &supported);
        return None;
    }
    if values.len() != 1 {
        fields.sink().invalid(&fields.at("values"), list(&values), "must have one element");
    }
    Some(FieldRequirement { key, equal: operator == "In", value: values.pop()? })
}

/// A list as JSON; an empty one is Go's nil.
fn list(values: &[String]) -> serde_json::Value {
    if values.is_empty() { serde_json::Value::Null } else { values.into() }
}
