//! Selectors over labels and nodes.
//!
//! Upstream: apimachinery `meta/v1/validation`, core `validation.go` (`ValidateNodeSelectorRequirement`).

use berth_model::Str;
use berth_model::selector::{
    LabelSelector, NodeSelector, NodeSelectorTerm, Operator, Requirement, parse_go_int,
};

use crate::context::{Context, Step, quoted};
use crate::decode::{IntoModel, List, StringMap, wire_object};
use crate::syntax::{check_label_key, check_label_values, check_labels};

const LABEL_OPERATORS: &[(&str, Operator)] = &[
    ("In", Operator::In),
    ("NotIn", Operator::NotIn),
    ("Exists", Operator::Exists),
    ("DoesNotExist", Operator::DoesNotExist),
];
const NODE_OPERATORS: &[(&str, Operator)] = &[
    ("In", Operator::In),
    ("NotIn", Operator::NotIn),
    ("Exists", Operator::Exists),
    ("DoesNotExist", Operator::DoesNotExist),
    ("Gt", Operator::Gt),
    ("Lt", Operator::Lt),
];
const FIELD_OPERATORS: &[(&str, Operator)] = &[("In", Operator::In), ("NotIn", Operator::NotIn)];

macro_rules! requirement {
    ($name:ident) => {
        wire_object! {
            pub(crate) struct $name {
                key: Str = "key",
                operator: Str = "operator",
                values: Vec<Str> = "values",
            }
            skipped {}
        }
    };
}
requirement!(LabelRequirementWire);
requirement!(NodeRequirementWire);
requirement!(FieldRequirementWire);

/// Finds what a name stands for; complains and takes the first where it stands for nothing.
pub(crate) fn one_of<T: Copy>(cx: &mut Context, field: &'static str, found: &str, all: &[(&str, T)]) -> T {
    if let Some((_, value)) = all.iter().find(|(name, _)| *name == found) {
        return *value;
    }
    let names: Vec<_> = all.iter().map(|(name, _)| *name).collect();
    cx.not_one_of(field, found, &names);
    all[0].1
}

fn check_count(cx: &mut Context, operator: Operator, count: usize) {
    match operator {
        Operator::In | Operator::NotIn if count == 0 => {
            cx.problem_at("values", "missing; the operators In and NotIn need at least one value");
        }
        Operator::Exists | Operator::DoesNotExist if count > 0 => {
            cx.problem_at("values", format!("found {count} values, but Exists and DoesNotExist take none"));
        }
        Operator::Gt | Operator::Lt if count != 1 => {
            cx.problem_at("values", format!("found {count} values, but Gt and Lt take exactly one"));
        }
        _ => {}
    }
}

impl IntoModel for LabelRequirementWire {
    type Out = Requirement;

    fn into_model(self, cx: &mut Context) -> Requirement {
        let operator = one_of(cx, "operator", &self.operator, LABEL_OPERATORS);
        check_label_key(cx, "key", &self.key);
        check_label_values(cx, "values", self.values.iter().map(|v| &**v));
        check_count(cx, operator, self.values.len());
        Requirement { key: self.key, operator, values: self.values }
    }
}

impl IntoModel for NodeRequirementWire {
    type Out = Requirement;

    fn into_model(self, cx: &mut Context) -> Requirement {
        let operator = one_of(cx, "operator", &self.operator, NODE_OPERATORS);
        check_label_key(cx, "key", &self.key);
        check_count(cx, operator, self.values.len());
        if let (Operator::Gt | Operator::Lt, [value]) = (operator, &self.values[..])
            && parse_go_int(value).is_none()
        {
            cx.within(Step::Field("values"), |cx| {
                cx.within(Step::Index(0), |cx| {
                    cx.problem(format!("found {}, but Gt and Lt compare with an integer", quoted(value)));
                });
            });
        }
        Requirement { key: self.key, operator, values: self.values }
    }
}

impl IntoModel for FieldRequirementWire {
    type Out = Requirement;

    fn into_model(self, cx: &mut Context) -> Requirement {
        let operator = one_of(cx, "operator", &self.operator, FIELD_OPERATORS);
        if &*self.key != "metadata.name" {
            cx.not_one_of("key", &self.key, &["metadata.name"]);
        }
        if self.values.len() != 1 {
            cx.problem_at(
                "values",
                format!("found {} values, but a node field is compared with exactly one", self.values.len()),
            );
        }
        Requirement { key: self.key, operator, values: self.values }
    }
}

wire_object! {
    /// `metav1.LabelSelector`.
    pub(crate) struct LabelSelectorWire {
        labels: StringMap = "matchLabels",
        expressions: List<LabelRequirementWire> = "matchExpressions",
    }
    skipped {}
}

impl IntoModel for LabelSelectorWire {
    type Out = LabelSelector;

    fn into_model(self, cx: &mut Context) -> LabelSelector {
        check_labels(cx, "matchLabels", &self.labels.0);
        let mut selector = LabelSelector::from_labels(&self.labels.0);
        selector.requirements.extend(self.expressions.0);
        selector
    }
}

wire_object! {
    /// `v1.NodeSelectorTerm`.
    pub(crate) struct NodeTermWire {
        expressions: List<NodeRequirementWire> = "matchExpressions",
        fields: List<FieldRequirementWire> = "matchFields",
    }
    skipped {}
}

impl IntoModel for NodeTermWire {
    type Out = NodeSelectorTerm;

    fn into_model(self, _: &mut Context) -> NodeSelectorTerm {
        NodeSelectorTerm { expressions: self.expressions.0, fields: self.fields.0 }
    }
}

wire_object! {
    /// `v1.NodeSelector`.
    pub(crate) struct NodeSelectorWire {
        terms: List<NodeTermWire> = "nodeSelectorTerms",
    }
    skipped {}
}

impl IntoModel for NodeSelectorWire {
    type Out = NodeSelector;

    fn into_model(self, cx: &mut Context) -> NodeSelector {
        if self.terms.0.is_empty() {
            cx.problem_at("nodeSelectorTerms", "missing; expected at least one term");
        }
        NodeSelector { terms: self.terms.0 }
    }
}
