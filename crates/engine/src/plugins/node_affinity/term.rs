//! A term of a node selector with its labels looked up: tests on columns, not on nodes.

use berth_model::selector::{NodeSelectorTerm, Operator, Requirement, parse_go_int};

use crate::cluster::{Cluster, Nodes, UniformColumns};
use crate::ids::symbols::Symbols;
use crate::ids::{NodeRow, Sym};
use crate::pod_class::matcher::{Check, LabelTest, NodeTerm};

/// The values of one label over all nodes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column(Option<u32>);

impl Column {
    pub(super) fn of(key: Sym, cluster: &Cluster) -> Self {
        Self(cluster.nodes().column(key))
    }

    pub(super) fn value(self, row: NodeRow, nodes: &Nodes) -> Option<Sym> {
        nodes.domains_at(self.0?).values()[row.index()]
    }

    /// Whether uniform nodes have the same value.
    pub(super) fn is_uniform(self, columns: &UniformColumns) -> bool {
        self.0.is_none_or(|column| columns.contains(column))
    }

    /// Whether the column is known: it stays the label's, while a label that no node had may come.
    pub(super) fn is_known(self) -> bool {
        self.0.is_some()
    }
}

/// A conjunction of tests on a node. One without tests matches nothing.
#[derive(Debug)]
pub(super) struct Term {
    labels: Vec<(Column, Check)>,
    names: Vec<NameTest>,
    /// Every value that the term lists is known.
    knows_values: bool,
}

/// What the node's name must be. A name that no node has is no row.
#[derive(Debug)]
enum NameTest {
    Is(Option<NodeRow>),
    IsNot(Option<NodeRow>),
    /// The API server takes no other operator on fields than In and NotIn, with one value; upstream lets terms with
    /// others match nothing.
    Malformed,
}

impl Term {
    /// A compiled term.
    pub(super) fn of(term: &NodeTerm, cluster: &Cluster) -> Self {
        let label = |test: &LabelTest| (Column::of(test.key, cluster), test.check.clone());
        Self {
            labels: term.labels.iter().map(label).collect(),
            names: term.names.iter().map(|r| NameTest::of(r, cluster)).collect(),
            knows_values: true,
        }
    }

    /// Whether uniform nodes match alike.
    pub(super) fn is_uniform(&self, columns: &UniformColumns) -> bool {
        self.names.is_empty() && self.labels.iter().all(|(column, _)| column.is_uniform(columns))
    }

    /// Whether nodes may come and change without making the term mean something else.
    pub(super) fn is_settled(&self) -> bool {
        self.knows_values && self.names.is_empty() && self.labels.iter().all(|(column, _)| column.is_known())
    }

    /// A term of a profile: its strings may be unknown to the cluster, and then no node has them.
    pub(super) fn interpret(term: &NodeSelectorTerm, cluster: &Cluster) -> Self {
        let symbols = cluster.symbols();
        let label = |requirement: &Requirement| {
            let column = symbols.find(&requirement.key).map_or(Column(None), |key| Column::of(key, cluster));
            (column, check(requirement, symbols))
        };
        Self {
            labels: term.expressions.iter().map(label).collect(),
            names: term.fields.iter().map(|r| NameTest::of(r, cluster)).collect(),
            knows_values: term.expressions.iter().flat_map(|r| &r.values).all(|v| symbols.find(v).is_some()),
        }
    }

    /// Whether the node in the row passes every test, and there is one.
    pub(super) fn matches(&self, row: NodeRow, cluster: &Cluster) -> bool {
        let (nodes, symbols) = (cluster.nodes(), cluster.symbols());
        (!self.labels.is_empty() || !self.names.is_empty())
            && self.labels.iter().all(|(column, check)| check.passes(column.value(row, nodes), symbols))
            && self.names.iter().all(|test| test.passes(row))
    }
}

fn check(requirement: &Requirement, symbols: &Symbols) -> Check {
    let limit = || requirement.values.first().and_then(|v| parse_go_int(v));
    let values = || requirement.values.iter().filter_map(|v| symbols.find(v)).collect();
    match requirement.operator {
        Operator::In => Check::In(values()),
        Operator::NotIn => Check::NotIn(values()),
        Operator::Exists => Check::Exists,
        Operator::DoesNotExist => Check::DoesNotExist,
        Operator::Gt => limit().map_or(Check::Never, Check::Above),
        Operator::Lt => limit().map_or(Check::Never, Check::Below),
    }
}

impl NameTest {
    fn of(requirement: &Requirement, cluster: &Cluster) -> Self {
        match (requirement.operator, &*requirement.values) {
            (Operator::In, [name]) => Self::Is(cluster.nodes().find(name)),
            (Operator::NotIn, [name]) => Self::IsNot(cluster.nodes().find(name)),
            _ => Self::Malformed,
        }
    }

    fn passes(&self, row: NodeRow) -> bool {
        match self {
            Self::Is(named) => *named == Some(row),
            Self::IsNot(named) => *named != Some(row),
            Self::Malformed => false,
        }
    }
}
