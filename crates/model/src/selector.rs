//! Selectors over labels: label selectors of pods and namespaces, node selectors of nodes.
//!
//! Upstream: apimachinery `pkg/labels/selector.go`, component-helpers `scheduling/corev1/nodeaffinity`.

use crate::Str;
use crate::labels::Labels;

/// What a requirement demands of the value of one label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operator {
    /// The label is there and its value is one of the listed.
    In,
    /// The label is absent or its value is none of the listed.
    NotIn,
    /// The label is there.
    Exists,
    /// The label is absent.
    DoesNotExist,
    /// The value is an integer above the listed one.
    Gt,
    /// The value is an integer below the listed one.
    Lt,
}

/// One demand on one label.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Requirement {
    /// The label's key.
    pub key: Str,
    /// How `values` are read.
    pub operator: Operator,
    /// The listed values; empty for `Exists` and `DoesNotExist`.
    pub values: Vec<Str>,
}

impl Requirement {
    /// Whether a label with this value (or no label: `None`) satisfies the requirement.
    pub fn matches(&self, value: Option<&str>) -> bool {
        let listed = |v: &str| self.values.iter().any(|l| &**l == v);
        match (self.operator, value) {
            (Operator::In, Some(v)) => listed(v),
            (Operator::NotIn, Some(v)) => !listed(v),
            (Operator::Exists, v) => v.is_some(),
            (Operator::DoesNotExist, v) => v.is_none(),
            (Operator::Gt, Some(v)) => self.compare(v).is_some_and(|(have, limit)| have > limit),
            (Operator::Lt, Some(v)) => self.compare(v).is_some_and(|(have, limit)| have < limit),
            (Operator::NotIn, None) => true,
            (Operator::In | Operator::Gt | Operator::Lt, None) => false,
        }
    }

    fn compare(&self, value: &str) -> Option<(i64, i64)> {
        let limit = self.values.first()?;
        Some((parse_go_int(value)?, parse_go_int(limit)?))
    }
}

/// An integer as Go's `strconv.ParseInt(s, 10, 64)` reads it: decimal digits with an optional sign.
pub fn parse_go_int(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// A conjunction of requirements on labels (`metav1.LabelSelector`, or a plain map of labels).
///
/// An empty selector matches everything. Where Kubernetes distinguishes a missing selector (matches nothing),
/// the field is an `Option`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LabelSelector {
    /// All of these must hold. `matchLabels` are `In` requirements with one value.
    pub requirements: Vec<Requirement>,
}

impl LabelSelector {
    /// Selects objects that have all of these labels.
    pub fn from_labels(labels: &Labels) -> Self {
        let requirements = labels
            .iter()
            .map(|(k, v)| Requirement { key: k.clone(), operator: Operator::In, values: vec![v.clone()] })
            .collect();
        Self { requirements }
    }

    /// Whether every requirement holds.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.requirements.iter().all(|r| r.matches(labels.get(&r.key).map(|v| &**v)))
    }
}

/// A disjunction of terms over a node's labels and fields (`v1.NodeSelector`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeSelector {
    /// One of these must hold. With no term nothing matches.
    pub terms: Vec<NodeSelectorTerm>,
}

/// A conjunction of requirements on a node (`v1.NodeSelectorTerm`). An empty term matches nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeSelectorTerm {
    /// Requirements on labels.
    pub expressions: Vec<Requirement>,
    /// Requirements on fields; the only field of nodes is `metadata.name`.
    pub fields: Vec<Requirement>,
}

impl NodeSelectorTerm {
    /// Whether the node satisfies every requirement of the term, and there is at least one.
    pub fn matches(&self, name: &str, labels: &Labels) -> bool {
        if self.expressions.is_empty() && self.fields.is_empty() {
            return false;
        }
        self.expressions.iter().all(|r| r.matches(labels.get(&r.key).map(|v| &**v)))
            && self.fields.iter().all(|r| r.matches(Some(name)))
    }
}

impl NodeSelector {
    /// Whether one of the terms matches.
    pub fn matches(&self, name: &str, labels: &Labels) -> bool {
        self.terms.iter().any(|t| t.matches(name, labels))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requirement(operator: Operator, values: &[&str]) -> Requirement {
        Requirement { key: "k".into(), operator, values: values.iter().map(|v| (*v).into()).collect() }
    }

    #[test]
    fn a_requirement_looks_at_one_label() {
        use Operator::*;
        let cases = [
            (requirement(In, &["a", "b"]), Some("a"), true),
            (requirement(In, &["a"]), None, false),
            (requirement(NotIn, &["a"]), Some("a"), false),
            (requirement(NotIn, &["a"]), None, true),
            (requirement(Exists, &[]), Some(""), true),
            (requirement(DoesNotExist, &[]), Some(""), false),
            (requirement(DoesNotExist, &[]), None, true),
            (requirement(Gt, &["5"]), Some("6"), true),
            (requirement(Gt, &["5"]), Some("5"), false),
            (requirement(Lt, &["5"]), Some("4"), true),
            (requirement(Lt, &["5"]), Some("many"), false),
            (requirement(Gt, &["5"]), None, false),
        ];
        for (requirement, value, expected) in cases {
            assert_eq!(requirement.matches(value), expected, "{requirement:?} on {value:?}");
        }
    }

    #[test]
    fn an_empty_label_selector_matches_all_and_an_empty_node_term_matches_nothing() {
        assert!(LabelSelector::default().matches(&Labels::default()));
        assert!(!NodeSelectorTerm::default().matches("n", &Labels::default()));
        assert!(!NodeSelector::default().matches("n", &Labels::default()));
    }
}
