//! What the ops of a program make, object by object.

use std::collections::VecDeque;

use super::{Step, turn};
use crate::expression::{Expression, Variables};
use crate::template::{Filling, Template};

/// Objects that simply appear.
#[derive(Debug)]
pub(super) struct CreateSteps {
    pub(super) count: i64,
    pub(super) prefix: String,
    /// Namespaces are numbered without zeros in front, so that pods can name them.
    pub(super) short: bool,
    pub(super) namespace: Template,
    pub(super) template: Template,
    pub(super) companions: Vec<Template>,
}

impl CreateSteps {
    /// Adds object number `i` and its companions; `true` with the last.
    pub(super) fn step(&self, i: i64, out: &mut VecDeque<Step>) -> bool {
        if i >= self.count {
            return true;
        }
        let mut filling = Filling { variables: Variables { i, round: 0 }, ..Filling::default() };
        filling.namespace = self.namespace.render(&filling);
        filling.name = if self.short { format!("{}-{i}", self.prefix) } else { name(&self.prefix, i) };
        out.push_back(Step::Add(self.template.render(&filling)));
        out.extend(self.companions.iter().map(|companion| Step::Add(companion.render(&filling))));
        i + 1 >= self.count
    }
}

/// Pods.
#[derive(Debug)]
pub(super) struct PodSteps {
    pub(super) count: i64,
    pub(super) prefix: String,
    pub(super) namespace: Template,
    pub(super) on_node: Option<Expression>,
    /// They are not asked about: they run already, or a gate holds them.
    pub(super) exists: bool,
    pub(super) at_once: bool,
    pub(super) measured: bool,
    /// Each with the priority of its pods.
    pub(super) templates: Vec<(Template, Expression)>,
    pub(super) companions: Vec<Template>,
}

impl PodSteps {
    /// Pod number `i`.
    pub(super) fn render(&self, i: i64, nodes: &NodeNames) -> String {
        self.templates[turn(i, self.templates.len())].0.render(&self.filling(i, nodes))
    }

    /// Its priority.
    pub(super) fn priority(&self, i: i64) -> i64 {
        self.templates[turn(i, self.templates.len())].1.value(Variables { i, round: 0 })
    }

    pub(super) fn filling(&self, i: i64, nodes: &NodeNames) -> Filling {
        let mut filling = Filling { variables: Variables { i, round: 0 }, ..Filling::default() };
        filling.name = name(&self.prefix, i);
        filling.namespace = self.namespace.render(&filling);
        if let Some(node) = &self.on_node {
            filling.node =
                nodes.name(node.value(filling.variables)).map(|(name, _)| name).unwrap_or_default();
        }
        filling
    }
}

/// The name of object number `i`: of the same length for all, so that the order of names is the order of numbers.
pub(super) fn name(prefix: &str, i: i64) -> String {
    format!("{prefix}-{i:07}")
}

/// The names of all nodes, by number.
#[derive(Clone, Debug, Default)]
pub(super) struct NodeNames {
    groups: Vec<(String, i64)>,
}

impl NodeNames {
    /// Notes the nodes of one more op.
    pub(super) fn add(&mut self, prefix: &str, count: i64) {
        self.groups.push((prefix.to_string(), count));
    }

    pub(super) fn count(&self) -> i64 {
        self.groups.iter().map(|(_, count)| count).sum()
    }

    /// The name of a node, and its number among those of its op.
    pub(super) fn name(&self, number: i64) -> Option<(String, i64)> {
        let mut i = number;
        for (prefix, count) in &self.groups {
            if i < *count {
                return (i >= 0).then(|| (name(prefix, i), i));
            }
            i -= count;
        }
        None
    }
}
