//! Selectors compiled to symbols.

use berth_model::selector::{LabelSelector, NodeSelectorTerm, Operator, Requirement, parse_go_int};
use smallvec::SmallVec;

use crate::ids::Sym;
use crate::ids::symbols::{LabelSet, Symbols, label};

/// One requirement on one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelTest {
    /// The label.
    pub key: Sym,
    /// What its value must be.
    pub check: Check,
}

/// What a label's value must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// One of these.
    In(SmallVec<[Sym; 2]>),
    /// Absent or none of these.
    NotIn(SmallVec<[Sym; 2]>),
    /// Anything.
    Exists,
    /// Absent.
    DoesNotExist,
    /// An integer above this.
    Above(i64),
    /// An integer below this.
    Below(i64),
    /// Nothing satisfies it: the limit is not an integer.
    Never,
}

impl LabelTest {
    /// Compiles a requirement.
    pub fn compile(requirement: &Requirement, symbols: &mut Symbols) -> Self {
        let limit = || requirement.values.first().and_then(|v| parse_go_int(v));
        let mut values = || requirement.values.iter().map(|v| symbols.intern(v)).collect();
        let check = match requirement.operator {
            Operator::In => Check::In(values()),
            Operator::NotIn => Check::NotIn(values()),
            Operator::Exists => Check::Exists,
            Operator::DoesNotExist => Check::DoesNotExist,
            Operator::Gt => limit().map_or(Check::Never, Check::Above),
            Operator::Lt => limit().map_or(Check::Never, Check::Below),
        };
        Self { key: symbols.intern(&requirement.key), check }
    }

    /// Whether a label with this value, or no label, passes.
    pub fn matches(&self, value: Option<Sym>, symbols: &Symbols) -> bool {
        self.check.passes(value, symbols)
    }
}

impl Check {
    /// Whether a label with this value, or no label, passes.
    pub fn passes(&self, value: Option<Sym>, symbols: &Symbols) -> bool {
        match (self, value) {
            (Self::In(values), Some(v)) => values.contains(&v),
            (Self::NotIn(values), Some(v)) => !values.contains(&v),
            (Self::NotIn(_), None) => true,
            (Self::Exists, v) => v.is_some(),
            (Self::DoesNotExist, v) => v.is_none(),
            (Self::Above(limit), Some(v)) => symbols.number(v).is_some_and(|n| n > *limit),
            (Self::Below(limit), Some(v)) => symbols.number(v).is_some_and(|n| n < *limit),
            (Self::Never | Self::In(_) | Self::Above(_) | Self::Below(_), _) => false,
        }
    }
}

/// A label selector: all tests must pass; with none, everything matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matcher {
    /// The tests.
    pub tests: Vec<LabelTest>,
}

impl Matcher {
    /// Compiles a label selector.
    pub fn compile(selector: &LabelSelector, symbols: &mut Symbols) -> Self {
        Self { tests: selector.requirements.iter().map(|r| LabelTest::compile(r, symbols)).collect() }
    }

    /// Whether labels pass every test.
    pub fn matches(&self, labels: &LabelSet, symbols: &Symbols) -> bool {
        self.tests.iter().all(|t| t.matches(label(labels, t.key), symbols))
    }
}

/// A term of a node selector. An empty term matches nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeTerm {
    /// Tests on labels.
    pub labels: Vec<LabelTest>,
    /// Tests on `metadata.name`, on the requirement itself: there is one name a node.
    pub names: Vec<Requirement>,
}

impl NodeTerm {
    /// Compiles a term.
    pub fn compile(term: &NodeSelectorTerm, symbols: &mut Symbols) -> Self {
        Self {
            labels: term.expressions.iter().map(|r| LabelTest::compile(r, symbols)).collect(),
            names: term.fields.clone(),
        }
    }

    /// Whether a node passes every test, given a way to look its labels up.
    pub fn matches(&self, name: &str, value: impl Fn(Sym) -> Option<Sym>, symbols: &Symbols) -> bool {
        if self.labels.is_empty() && self.names.is_empty() {
            return false;
        }
        self.labels.iter().all(|t| t.matches(value(t.key), symbols))
            && self.names.iter().all(|r| r.matches(Some(name)))
    }
}

/// The labels that a selector looks at.
pub(crate) fn keys(selector: Option<&Matcher>) -> impl Iterator<Item = Sym> {
    selector.into_iter().flat_map(|selector| &selector.tests).map(|test| test.key)
}
