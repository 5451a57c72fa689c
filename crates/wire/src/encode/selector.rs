//! Selectors over labels and nodes.

use berth_model::selector::{LabelSelector, NodeSelector, NodeSelectorTerm, Operator, Requirement};

use super::writer::Fields;

/// A label selector; none where it is absent, which is not the same as an empty one.
pub(super) fn label_selector(fields: &mut Fields<'_>, key: &str, selector: Option<&LabelSelector>) {
    let Some(LabelSelector { requirements }) = selector else { return };
    // `matchLabels` come first and in the order of their keys; what continues that order may be one.
    let is_label = |at: usize| {
        let requirement = &requirements[at];
        is_plain(requirement) && (at == 0 || requirements[at - 1].key < requirement.key)
    };
    let labels = (0..requirements.len()).take_while(|at| is_label(*at)).count();
    let (labels, expressions) = requirements.split_at(labels);
    fields.object(key, |selector| {
        plain_selector(selector, "matchLabels", labels);
        write_requirements(selector, "matchExpressions", expressions);
    });
}

/// The requirements that one label has one value, as a map of labels; others have no form there.
pub(super) fn plain_selector(fields: &mut Fields<'_>, key: &str, requirements: &[Requirement]) {
    fields.part(key, |labels| {
        for requirement in requirements {
            if let (true, [value]) = (is_plain(requirement), &requirement.values[..]) {
                labels.text(&requirement.key, value);
            }
        }
    });
}

fn is_plain(requirement: &Requirement) -> bool {
    requirement.operator == Operator::In && requirement.values.len() == 1
}

/// A node selector.
pub(super) fn node_selector(fields: &mut Fields<'_>, key: &str, selector: Option<&NodeSelector>) {
    if let Some(selector) = selector {
        fields.object(key, |fields| fields.objects("nodeSelectorTerms", &selector.terms, node_term));
    }
}

/// The inside of a node selector's term.
pub(super) fn node_term(fields: &mut Fields<'_>, term: &NodeSelectorTerm) {
    write_requirements(fields, "matchExpressions", &term.expressions);
    write_requirements(fields, "matchFields", &term.fields);
}

fn write_requirements(fields: &mut Fields<'_>, key: &str, requirements: &[Requirement]) {
    fields.objects(key, requirements, |fields, requirement| {
        fields.text("key", &requirement.key);
        fields.text("operator", operator(requirement.operator));
        fields.texts("values", &requirement.values);
    });
}

fn operator(operator: Operator) -> &'static str {
    match operator {
        Operator::In => "In",
        Operator::NotIn => "NotIn",
        Operator::Exists => "Exists",
        Operator::DoesNotExist => "DoesNotExist",
        Operator::Gt => "Gt",
        Operator::Lt => "Lt",
    }
}
